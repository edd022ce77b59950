"""Files over HTTP: up, down, and everything that may go wrong on the way."""

import base64
import hashlib
import http.client
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.artifacts import service
from modelops_platform.artifacts.tables import Blob, BlobHold
from modelops_platform.core.actor import Actor
from modelops_platform.core.db import Database
from modelops_platform.core.ids import new_id
from modelops_platform.core.settings import Settings
from modelops_platform.identity import queries as identity_queries
from modelops_platform.identity import service as identity
from modelops_platform.jobs.tables import Job
from tests.artifacts.conftest import Vault, spoiled
from tests.artifacts.test_service import Thing
from tests.factories import Cast, count_events

FILES = "/api/v1/files"
CONTENT = bytes(range(256)) * 20_000  # a whole block of 4 MiB and a part
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ClientAs = Callable[..., TestClient]


@pytest.fixture
def maker(client_as: ClientAs) -> TestClient:
    return client_as("contributor", unit="Cards")


def upload(client: TestClient, content: bytes = CONTENT, name: str = "model.bin") -> str:
    answer = client.put(FILES, params={"name": name}, content=content)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["sha256"])


def test_a_file_goes_up_and_comes_down_unchanged_and_is_never_shown(maker: TestClient, db: Session) -> None:
    answer = maker.put(FILES, params={"name": "dir/Modell für.onnx"}, content=CONTENT)
    assert answer.status_code == 201
    told = answer.json()
    assert (told["sha256"], told["size"], told["name"]) == (SHA256, len(CONTENT), "dir/Modell für.onnx")
    assert (told["verdict"], told["reasons"], told["format"]) == ("unknown", ["It has not been scanned yet."], None)
    assert count_events(db, "artifact.uploaded") == 1
    assert db.scalars(select(Job.key)).all() == [f"artifacts.scan.{SHA256}"]

    down = maker.get(f"{FILES}/{SHA256}")
    assert down.content == CONTENT
    assert down.headers["content-type"] == "application/octet-stream"
    assert down.headers["x-content-type-options"] == "nosniff"
    assert down.headers["content-disposition"].startswith('attachment; filename="Modell f_r.onnx"; filename*=UTF-8')
    assert down.headers["etag"] == f'"{SHA256}"'
    assert (
        maker.get(f"/files/{SHA256}?name=other.bin")
        .headers["content-disposition"]
        .startswith('attachment; filename="other.bin"')
    )
    report = maker.get(f"{FILES}/{SHA256}/report").json()
    assert (report["name"], report["holders"]) == ("dir/Modell für.onnx", [])


def test_parts_are_sent_as_asked(maker: TestClient) -> None:
    path = f"{FILES}/{upload(maker)}"
    size, across = len(CONTENT), 4 * 1024**2
    for asked, start, end in (
        ("bytes=0-0", 0, 1),
        ("bytes=-3", size - 3, size),
        (f"bytes={across - 2}-{across + 1}", across - 2, across + 2),
        (f"bytes={across}-", across, size),
    ):
        part = maker.get(path, headers={"range": asked})
        assert (part.status_code, part.content) == (206, CONTENT[start:end])
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
    beyond = maker.get(path, headers={"range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    changed = maker.get(path, headers={"range": "bytes=0-0", "if-range": '"another"'})
    assert (changed.status_code, len(changed.content)) == (200, size)
    head = maker.head(path, headers={"range": "bytes=0-0"})
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")


def test_an_empty_file_is_a_file(maker: TestClient) -> None:
    sha256 = upload(maker, b"")
    assert sha256 == hashlib.sha256(b"").hexdigest()
    assert maker.get(f"{FILES}/{sha256}").content == b""
    assert maker.get(f"{FILES}/{sha256}", headers={"range": "bytes=0-"}).status_code == 416


def test_what_is_not_the_file_that_was_meant_is_refused_and_leaves_nothing(
    maker: TestClient, vault: Vault, db: Session
) -> None:
    right, wrong = base64.b64encode(bytes.fromhex(SHA256)).decode(), "0" * 64
    for headers in ({"x-content-sha256": wrong}, {"content-digest": "sha-256=:broken:"}, {"content-encoding": "gzip"}):
        answer = maker.put(FILES, content=CONTENT, headers=headers)
        assert answer.status_code == 422, answer.text
    assert vault.digests() == []
    assert not vault.leftovers()
    assert db.scalar(select(func.count()).select_from(Blob)) == 0
    assert maker.put(FILES, content=CONTENT, headers={"content-digest": f"sha-256=:{right}:"}).status_code == 201


BAD_PATHS = [
    "../x",
    "/etc/passwd",
    "a/../../x",
    "a\\b",
    "C:/x",
    "a\0b",
    "%2e%2e/x",
    "..%2fx",
    "a//b",
    "x\u202egnp",
    ".",
    "x ",
]


def test_a_path_that_climbs_or_hides_is_refused(maker: TestClient, vault: Vault) -> None:
    for name in BAD_PATHS:
        answer = maker.put(FILES, params={"name": name}, content=CONTENT[:10])
        assert answer.status_code in (400, 422), (name, answer.text)
    assert vault.digests() == []


def test_only_those_who_may_can_upload(
    nobody: TestClient, client_as: ClientAs, vault: Vault, db: Session, narrow: FastAPI
) -> None:
    for client, status in ((nobody, 401), (client_as("viewer"), 403), (client_as("auditor"), 403)):
        # Larger than what is taken: whoever may not ask is not told so.
        assert client.put(FILES, content=CONTENT).status_code == status
        assert client.post("/files", files={"file": ("a.bin", b"x")}).status_code == (303 if status == 401 else 403)
    assert vault.digests() == []
    assert count_events(db, "access.denied") == 2


def test_what_one_may_not_see_is_not_there(
    maker: TestClient, client_as: ClientAs, database: Database, cast: Cast
) -> None:
    sha256, cards = upload(maker), cast.unit("Cards")
    stranger, colleague = client_as("contributor", unit="Loans"), client_as("viewer", unit="Cards")
    for client in (stranger, colleague, client_as("admin")):
        for method, path in (("GET", ""), ("HEAD", ""), ("GET", "/report"), ("POST", "/scan"), ("POST", "/open")):
            answer = client.request(method, f"{FILES}/{sha256}{path}")
            may_ask = client is not colleague or method != "POST"
            may_open = path != "/open" or client not in (stranger, colleague)
            assert answer.status_code == (404 if may_ask and may_open else 403), (method, path)
    owner = uploader_of(database, sha256)
    with database.write() as db:
        service.use_blob(db, owner, sha256, Thing(cards, new_id()), name="model.bin")
    assert colleague.get(f"{FILES}/{sha256}").content == CONTENT
    assert stranger.get(f"{FILES}/{sha256}").status_code == 404
    assert maker.get(FILES, params={"unused": True}).json()["items"] == []
    assert [item["is_used"] for item in maker.get(FILES).json()["items"]] == [True]


def uploader_of(database: Database, sha256: str) -> Actor:
    with database.read() as db:
        uploader = db.scalars(select(BlobHold.holder_id).where(BlobHold.sha256 == sha256)).one()
        return identity.to_actor(identity_queries.list_grants(db, uploader))


def test_a_file_beyond_the_limit_is_refused_told_or_not(maker: TestClient, narrow: FastAPI, vault: Vault) -> None:
    assert maker.put(FILES, content=b"x" * 1_000_001).status_code == 413
    pieces = (b"x" * 100_000 for _ in range(11))
    assert maker.put(FILES, content=pieces).status_code == 413  # in chunks, whose sum nobody has announced
    assert maker.post("/files", files={"file": ("a.bin", b"x" * 1_000_001)}).status_code == 413
    assert maker.put(FILES, content=b"x" * 1_000_000).status_code == 201
    assert not vault.leftovers()


def test_equal_files_at_the_same_moment_are_one_blob(
    app: FastAPI, client_as: ClientAs, vault: Vault, db: Session
) -> None:
    clients = [client_as("contributor") for _ in range(4)]
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda c=client: answers.append(c.put(FILES, content=CONTENT).status_code))
        for client in clients
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [201] * 4
    assert vault.digests() == [SHA256]
    assert not vault.leftovers()
    assert db.scalar(select(func.count()).select_from(Blob)) == 1
    assert db.scalar(select(func.count()).select_from(BlobHold)) == 4
    assert db.scalar(select(func.count()).select_from(Job)) == 1


def test_damaged_bytes_are_never_sent_and_sending_the_file_again_repairs_it(
    maker: TestClient, vault: Vault, db: Session
) -> None:
    path = f"{FILES}/{upload(maker)}"
    vault.change(SHA256, spoiled(3))
    for _ in range(2):
        answer = maker.get(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    later = maker.get(path, headers={"range": f"bytes={4 * 1024**2}-"})
    assert (later.status_code, later.content) == (206, CONTENT[4 * 1024**2 :])  # what is whole is still sent
    assert count_events(db, "artifact.corrupt") == 1
    upload(maker)
    assert count_events(db, "artifact.repaired") == 1
    assert maker.get(path).content == CONTENT


def test_a_missing_blob_is_never_served(maker: TestClient, vault: Vault, db: Session) -> None:
    path = f"{FILES}/{upload(maker)}"
    vault.change(SHA256, None)
    assert maker.get(path).status_code == 503
    assert count_events(db, "artifact.missing") == 1
    assert maker.get(f"{path}/report").json()["damaged_at"] is not None


def test_the_connection_breaks_where_the_damage_is(live: int, client_as: ClientAs, vault: Vault, db: Session) -> None:
    maker = client_as("contributor")
    path = f"{FILES}/{upload(maker)}"
    vault.change(SHA256, spoiled(4 * 1024**2 + 5))
    request = urllib.request.Request(f"http://127.0.0.1:{live}{path}", headers=dict(maker.headers))
    request.remove_header("Host")
    with urllib.request.urlopen(request) as answer, pytest.raises(http.client.IncompleteRead) as told:
        answer.read()
    assert told.value.partial == CONTENT[: 4 * 1024**2]
    assert count_events(db, "artifact.corrupt") == 1


def test_an_upload_that_breaks_off_leaves_nothing(live: int, client_as: ClientAs, vault: Vault, db: Session) -> None:
    token = client_as("contributor").headers["authorization"]
    with socket.create_connection(("127.0.0.1", live)) as connection:
        head = f"PUT {FILES} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\nContent-Length: 9000000\r\n\r\n"
        connection.sendall(head.encode() + CONTENT)
        wait_for(lambda: bool(vault.leftovers()))
    wait_for(lambda: not vault.leftovers())
    assert vault.digests() == []
    assert db.scalar(select(func.count()).select_from(Blob)) == 0


def wait_for(happened: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if happened():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def test_a_stranger_is_refused_before_the_body_is_sent(live: int, vault: Vault) -> None:
    with socket.create_connection(("127.0.0.1", live)) as connection:
        head = f"PUT {FILES} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(20).startswith(b"HTTP/1.1 401")


def test_a_form_works_without_javascript_and_goes_on_only_inside(maker: TestClient, vault: Vault) -> None:
    files = [("file", ("a.csv", b"a\n1\n")), ("file", ("b.csv", b"b\n2\n"))]
    sent = maker.post("/files", files=files, data={"next": "/models/churn/versions?add=1"})
    assert (sent.status_code, sent.headers["location"]) == (303, "/models/churn/versions?add=1")
    assert len(vault.digests()) == 2
    for outside in ("//evil.example", "https://evil.example", "/\\evil.example"):
        sent = maker.post("/files", files=files[:1], data={"next": outside})
        assert (sent.status_code, sent.headers["location"]) == (303, "/files")
    assert maker.post("/files", data={"next": "/"}).status_code == 422
    assert maker.post("/files", files={"file": ("../a.csv", b"")}).status_code == 422
    page = maker.get("/files")
    assert page.status_code == 200
    assert "a.csv" in page.text
    assert "not scanned yet" in page.text


_SERVER = """
import sys, uvicorn
from pathlib import Path
from modelops_platform.core.settings import load_settings
from modelops_platform.main import create_app
home = Path(sys.argv[1])
settings = load_settings(home=home, database_url=sys.argv[2], keys=Path(sys.argv[3]))
config = uvicorn.Config(create_app(settings), host="127.0.0.1", port=int(sys.argv[4]), log_level="error")
uvicorn.Server(config).run()
"""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_server_takes_and_gives_many_megabytes_in_little_memory(
    cast: Cast, settings: Settings, tmp_path: Path
) -> None:
    token = cast.token(cast.person("contributor"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", _SERVER, str(tmp_path), settings.database_address, str(settings.keys), str(port)]
    server = subprocess.Popen(command)
    speak = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        wait_for(lambda: answers(port))
        headers = {"authorization": f"Bearer {token}"}
        piece, megabytes = bytes(range(256)) * 4096, 128
        speak.request("PUT", f"{FILES}?name=small", body=piece, headers=headers)
        assert speak.getresponse().read()
        before = peak_megabytes(server.pid)
        speak.request(
            "PUT", f"{FILES}?name=large", body=(piece for _ in range(megabytes)), headers=headers, encode_chunked=True
        )
        answer = speak.getresponse()
        assert answer.status == 201
        told = answer.read().decode()
        digest = hashlib.sha256()
        for _ in range(megabytes):
            digest.update(piece)
        assert digest.hexdigest() in told
        speak.request("GET", f"{FILES}/{digest.hexdigest()}", headers=headers)
        answer, size = speak.getresponse(), 0
        while chunk := answer.read(1024**2):
            size += len(chunk)
        assert size == megabytes * len(piece)
        assert peak_megabytes(server.pid) - before < 64
    finally:
        speak.close()
        server.terminate()
        server.wait(10)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    except OSError:
        return False


def peak_megabytes(pid: int) -> int:
    """The most memory that a process has had so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) // 1024
