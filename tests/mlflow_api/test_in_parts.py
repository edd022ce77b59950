"""Files whose parts a client puts into the bucket itself: they count when they have been read and checked."""

import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.artifacts import service as artifacts
from modelops_platform.artifacts.store import open_store
from modelops_platform.artifacts.tables import Blob, DirectUpload
from modelops_platform.core.db import Database
from modelops_platform.core.settings import Settings
from tests.mlflow_api.test_endpoints import Wire
from tests.s3 import KEYS, fresh_bucket, s3_server

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the bucket knows no database

PROXY = "/api/2.0/mlflow-artifacts"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def settings(settings: Settings, endpoint: str) -> Settings:
    keys = {name: SecretStr(key) for name, key in KEYS.items()}
    address = {"artifact_url": f"s3://{fresh_bucket(endpoint)}/some/prefix", "s3_endpoint": endpoint}
    return settings.model_copy(update=address | keys)


@pytest.fixture
def wire(client_as: Callable[..., TestClient]) -> Wire:
    return Wire(client_as("contributor", unit="Cards"))


@pytest.fixture
def folder(wire: Wire) -> str:
    experiment = wire.post("experiments/create", name="parts")["experiment_id"]
    return f"{experiment}/{wire.run(experiment)}/artifacts/big"


def ask(wire: Wire, what: str, folder: str, **body: object) -> tuple[int, dict[str, Any]]:
    answer = wire.client.post(f"{PROXY}/mpu/{what}/{folder}", json={"path": "/home/me/model.bin", **body})
    return answer.status_code, answer.json()


def send(url: str, content: bytes) -> str:
    plain = {"content-type": "application/octet-stream"}
    with urllib.request.urlopen(urllib.request.Request(url, content, plain, method="PUT")) as answer:
        return str(answer.headers["ETag"])


def begin(wire: Wire, folder: str, parts: list[bytes]) -> tuple[str, list[dict[str, object]]]:
    status, made = ask(wire, "create", folder, num_parts=len(parts))
    assert status == 200, made
    told = []
    for credential, content in zip(made["credentials"], parts, strict=True):
        told.append({"part_number": credential["part_number"], "etag": send(credential["url"], content)})
    return str(made["upload_id"]), told


def test_parts_become_a_checked_file(wire: Wire, folder: str, db: Session, settings: Settings) -> None:
    assert wire.client.get("/api/3.0/mlflow/server-info").json()["multipart_uploads_enabled"] is True
    parts = [bytes([number]) * 700_000 for number in range(3)]
    upload_id, told = begin(wire, folder, parts)
    assert wire.client.get(f"{PROXY}/artifacts/{folder}/model.bin").status_code == 404
    assert ask(wire, "complete", folder, upload_id=upload_id, parts=told) == (200, {})
    assert wire.client.get(f"{PROXY}/artifacts/{folder}/model.bin").content == b"".join(parts)
    db.rollback()
    blob = db.scalars(select(Blob)).one()  # stored and waiting for its scan, like any other
    assert (blob.size, blob.verdict) == (2_100_000, "unknown")
    assert db.scalar(select(func.count()).select_from(DirectUpload)) == 0
    assert open_store(settings).list_uploads() == []
    assert ask(wire, "complete", folder, upload_id=upload_id, parts=told)[0] == 404


def test_what_does_not_fit_is_refused_and_nothing_is_named(wire: Wire, folder: str) -> None:
    status, made = ask(wire, "create", folder, num_parts=2)
    assert status == 200
    first, second = made["credentials"]
    told = [{"part_number": 1, "etag": send(first["url"], b"one")}]
    upload_id = made["upload_id"]
    for parts in (told, []):
        assert ask(wire, "complete", folder, upload_id=upload_id, parts=parts)[0] == 400  # the second is missing
    told.append({"part_number": 2, "etag": send(second["url"], b"two")})
    send(second["url"], b"TWO")
    status, refused = ask(wire, "complete", folder, upload_id=upload_id, parts=told)
    assert (status, refused["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert ask(wire, "abort", folder, upload_id=upload_id)[0] == 200
    assert ask(wire, "abort", folder, upload_id=upload_id)[0] == 404
    assert wire.client.get(f"{PROXY}/artifacts/{folder}/model.bin").status_code == 404
    for count in (0, 10_001, -1):
        assert ask(wire, "create", folder, num_parts=count)[0] == 400
    assert ask(wire, "create", "999/x/artifacts", num_parts=1)[0] == 404
    assert ask(wire, "create", f"{folder}/%2e%2e", num_parts=1)[0] in (400, 404)


def test_only_its_maker_completes_it_and_an_old_one_ends(
    wire: Wire, folder: str, client_as: Callable[..., TestClient], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id, told = begin(wire, folder, [b"x"])
    colleague = Wire(client_as("contributor", unit="Cards"))
    assert ask(colleague, "complete", folder, upload_id=upload_id, parts=told)[0] == 404
    stranger = Wire(client_as("contributor", unit="Loans"))
    assert ask(stranger, "complete", folder, upload_id=upload_id, parts=told)[0] == 404
    assert ask(wire, "complete", f"{folder}/else", upload_id=upload_id, parts=told)[0] == 404
    with database.write() as db:
        artifacts.expire_direct(db)
        db.scalars(select(DirectUpload)).one().expires_at = db.scalars(select(DirectUpload.created_at)).one()
        db.flush()
        artifacts.expire_direct(db)
    assert ask(wire, "complete", folder, upload_id=upload_id, parts=told)[0] == 404
