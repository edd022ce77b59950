"""Files that are sent in parts: any process goes on, nothing that was acknowledged is sent twice."""

import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.artifacts import transfer
from modelops_platform.artifacts.store import open_store
from modelops_platform.artifacts.tables import PartialUpload, UploadPart
from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.core.errors import Unavailable
from modelops_platform.core.settings import Settings
from modelops_platform.jobs import service as jobs
from tests.artifacts.conftest import Vault
from tests.factories import SYSTEM, count_events

UPLOADS, FILES = "/api/v1/uploads", "/api/v1/files"
CONTENT = bytes(range(256)) * 20_000  # a whole block of 4 MiB and a part
SHA256, SIZE = hashlib.sha256(CONTENT).hexdigest(), len(CONTENT)
ClientAs = Callable[..., TestClient]


@pytest.fixture
def maker(client_as: ClientAs) -> TestClient:
    return client_as("contributor", unit="Cards")


def begin(client: TestClient, size: int = SIZE, name: str = "dir/model.bin", **more: object) -> str:
    answer = client.post(UPLOADS, json={"name": name, "size": size, **more})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{UPLOADS}/{answer.json()['id']}"
    return str(answer.headers["location"])


def send(client: TestClient, path: str, start: int, data: bytes) -> tuple[int, int]:
    """Send a part; the status, and where the upload stands afterwards."""
    status = client.patch(path, content=data, headers={"upload-offset": str(start)}).status_code
    return status, int(client.head(path).headers["upload-offset"])


def parts_left(settings: Settings) -> list[str]:
    return open_store(settings).list_uploads()


def test_a_file_in_parts_becomes_the_same_file_as_in_one(
    maker: TestClient, settings: Settings, vault: Vault, db: Session
) -> None:
    path = begin(maker, sha256=SHA256)
    assert send(maker, path, 0, CONTENT[:1_000]) == (200, 1_000)
    # Another process goes on: nothing of an upload stands in the memory of the one that began it.
    assert send(maker, path, 1_000, CONTENT[1_000:4_500_000]) == (200, 4_500_000)
    assert [item["offset"] for item in maker.get(UPLOADS).json()["items"]] == [4_500_000]
    span = {"content-range": f"bytes 4500000-{SIZE - 1}/{SIZE}"}
    last = maker.put(path, content=CONTENT[4_500_000:], headers=span)
    assert (last.status_code, last.json()["sha256"], last.headers["upload-offset"]) == (200, SHA256, str(SIZE))
    assert maker.get(f"{FILES}/{SHA256}").content == CONTENT
    assert maker.get(f"{FILES}/{SHA256}/report").json()["name"] == "dir/model.bin"
    assert parts_left(settings) == []
    assert not vault.leftovers()
    assert maker.get(UPLOADS).json()["items"] == []
    assert maker.get(path).json()["sha256"] == SHA256  # who missed the last answer asks
    assert (count_events(db, "upload.begun"), count_events(db, "artifact.uploaded")) == (1, 1)


def test_a_part_at_another_place_hears_the_right_one(maker: TestClient, settings: Settings) -> None:
    path = begin(maker)
    assert send(maker, path, 0, CONTENT[:10])[0] == 200
    for start in (0, 5, 11, SIZE):
        answer = maker.patch(path, content=CONTENT[:10], headers={"upload-offset": str(start)})
        told = answer.json()
        assert (answer.status_code, told["code"], told["offset"]) == (409, "conflict", 10)
    bad = [
        {},
        {"upload-offset": "-1"},
        {"upload-offset": "9" * 30},
        {"upload-offset": "1e3"},
        {"content-range": "bytes 10-9/20"},
        {"content-range": "bytes 10-15/20"},
        {"content-range": f"bytes 10-12/{SIZE + 1}"},
    ]
    for headers in bad:
        answer = maker.patch(path, content=b"x" * 3, headers=headers)
        assert answer.status_code == 422, (headers, answer.text)
        assert answer.json()["field"] in ("Upload-Offset", "Content-Range", "upload-offset")
        assert answer.json()["remedy"]
    beyond = maker.patch(path, content=CONTENT, headers={"upload-offset": "10"})
    assert (beyond.status_code, beyond.json()["field"]) == (422, "body")
    assert maker.get(path).json()["offset"] == 10
    store = open_store(settings)
    assert [len(b"".join(store.read_part(key, 10))) for key in part_keys(maker, path)] == [10]


def part_keys(client: TestClient, path: str) -> Iterator[str]:
    database: Database = client.app.state.database  # type: ignore[attr-defined]
    with database.read() as db:
        yield from db.scalars(select(UploadPart.key).where(UploadPart.upload_id == path.rpartition("/")[2]))


def test_two_who_send_the_same_part_do_not_mix_their_bytes(client_as: ClientAs, maker: TestClient) -> None:
    path = begin(maker)
    found: list[int] = []

    def race(fill: bytes) -> None:
        found.append(maker.patch(path, content=fill * 3_000_000, headers={"upload-offset": "0"}).status_code)

    threads = [threading.Thread(target=race, args=(fill,)) for fill in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200, 409]
    rest = SIZE - 3_000_000
    sha256 = maker.patch(path, content=b"c" * rest, headers={"upload-offset": "3000000"}).json()["sha256"]
    assert sha256 in {hashlib.sha256(f * 3_000_000 + b"c" * rest).hexdigest() for f in (b"a", b"b")}


def test_what_arrived_before_the_connection_broke_is_kept(live: int, maker: TestClient) -> None:
    path = begin(maker)
    token = maker.headers["authorization"]
    with socket.create_connection(("127.0.0.1", live)) as connection:
        head = f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\nUpload-Offset: 0\r\n"
        connection.sendall(f"{head}Content-Length: {SIZE}\r\n\r\n".encode() + CONTENT[:2_000_000])
    offset = 0
    for _ in range(500):
        offset = maker.get(path).json()["offset"]
        if offset:
            break
        threading.Event().wait(0.01)
    assert 0 < offset <= 2_000_000
    assert (
        maker.patch(path, content=CONTENT[offset:], headers={"upload-offset": str(offset)}).json()["sha256"] == SHA256
    )


def test_a_failure_at_the_very_end_is_made_good_by_an_empty_part(
    maker: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = begin(maker)

    def away(*_: object) -> object:
        raise Unavailable("The file store does not answer.", remedy="Try again in a few seconds.")

    with monkeypatch.context() as patched:
        patched.setattr(transfer, "_keep", away)  # as when the process is killed between the last part and the file
        assert send(maker, path, 0, CONTENT) == (503, SIZE)
    assert maker.get(path).json()["sha256"] is None
    again = maker.patch(path, content=b"", headers={"upload-offset": str(SIZE)})
    assert (again.status_code, again.json()["sha256"]) == (200, SHA256)
    assert parts_left(settings) == []
    empty = begin(maker, size=0)
    assert maker.patch(empty, headers={"upload-offset": "0"}).json()["sha256"] == hashlib.sha256(b"").hexdigest()


def test_another_file_than_was_announced_is_refused(maker: TestClient, vault: Vault) -> None:
    path = begin(maker, sha256="0" * 64)
    answer = maker.patch(path, content=CONTENT, headers={"upload-offset": "0"})
    assert (answer.status_code, answer.json()["field"]) == (422, "sha256")
    assert vault.store.exists(SHA256) is False
    assert maker.delete(path).status_code == 204


def test_an_upload_of_wrong_bytes_goes_on_from_its_beginning(maker: TestClient, settings: Settings) -> None:
    path = begin(maker, sha256=SHA256)
    assert send(maker, path, 0, CONTENT[:100]) == (200, 100)
    assert send(maker, path, 100, bytes(SIZE - 100)) == (422, 0)
    assert list(part_keys(maker, path)) == []
    assert send(maker, path, 0, CONTENT) == (200, SIZE)
    assert maker.get(path).json()["sha256"] == SHA256
    assert parts_left(settings) == []


def test_only_who_began_it_or_an_administrator_goes_on(client_as: ClientAs, maker: TestClient, db: Session) -> None:
    path = begin(maker)
    for stranger in (client_as("contributor", unit="Cards"), client_as("contributor")):
        assert stranger.get(path).status_code == 404
        assert stranger.patch(path, content=b"x", headers={"upload-offset": "0"}).status_code == 404
        assert stranger.delete(path).status_code == 404
        assert stranger.get(UPLOADS).json()["items"] == []
    admin = client_as("admin")
    assert send(admin, path, 0, CONTENT) == (200, SIZE)
    assert maker.get(f"{FILES}/{SHA256}").content == CONTENT  # it is still the file of whoever began it


def test_bad_announcements_are_refused(maker: TestClient, settings: Settings, database: Database) -> None:
    database._info["settings"] = settings.model_copy(update={"max_upload_bytes": 1_000_000})
    for wanted, status in (
        ({"name": "a"}, 422),
        ({"name": "a", "size": -1}, 422),
        ({"name": "a", "size": 2**53}, 422),
        ({"name": "a", "size": 10**40}, 422),
        ({"name": "a", "size": "5"}, 422),
        ({"name": "a", "size": 1.5}, 422),
        ({"name": "a", "size": 1_000_001}, 413),
        ({"name": "../a", "size": 1}, 422),
        ({"name": "a\0b", "size": 1}, 422),
        ({"name": "/".join("d" * 1_000), "size": 1}, 422),
        ({"name": "a", "size": 1, "sha256": "x"}, 422),
        ({"name": "a", "size": 1, "more": 1}, 422),
    ):
        answer = maker.post(UPLOADS, json=wanted)
        assert answer.status_code == status, (wanted, answer.text)
    key = {"idempotency-key": "one"}
    twice = [maker.post(UPLOADS, json={"name": "a", "size": 1}, headers=key).json()["id"] for _ in range(2)]
    assert twice[0] == twice[1]


def test_one_person_has_only_so_much_under_way(maker: TestClient, settings: Settings, database: Database) -> None:
    database._info["settings"] = settings.model_copy(
        update={"max_unfinished_uploads": 2, "max_unfinished_bytes": 2_000}
    )
    begin(maker, size=1_500)
    assert maker.post(UPLOADS, json={"name": "a", "size": 600}).status_code == 429
    begin(maker, size=500)
    refused = maker.post(UPLOADS, json={"name": "a", "size": 0})
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many")


def test_uploads_that_nobody_continues_are_swept_with_their_parts(
    maker: TestClient, settings: Settings, database: Database, db: Session, work_off: Callable[[], None]
) -> None:
    old, young = begin(maker), begin(maker)
    for path in (old, young):
        assert send(maker, path, 0, CONTENT[:100]) == (200, 100)
    with database.write() as session:
        expired = PartialUpload.id == old.rpartition("/")[2]
        session.execute(update(PartialUpload).where(expired).values(expires_at=clock.now() - timedelta(seconds=1)))
    sweep(database, work_off)
    assert parts_left(settings) == [young.rpartition("/")[2]]
    assert count_events(db, "upload.expired") == 1
    assert db.scalar(select(func.count()).select_from(UploadPart)) == 1
    assert maker.get(old).status_code == 404
    assert send(maker, young, 100, CONTENT[100:]) == (200, SIZE)
    assert maker.delete(young).status_code == 204  # forgets how it came, not the file
    assert maker.get(f"{FILES}/{SHA256}").status_code == 200


def sweep(database: Database, work_off: Callable[[], None]) -> None:

    with database.write() as session:
        jobs.enqueue(session, SYSTEM, "artifacts.expire", {})
    work_off()
