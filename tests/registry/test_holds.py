"""Legal holds, and what is purged without one."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.artifacts.tables import BlobHold
from modelops_platform.core import clock
from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.registry import service
from modelops_platform.registry.tables import Model
from tests.factories import count_events

HOLDS = "/api/v1/holds"
ClientAs = Callable[..., TestClient]


def register(client: TestClient, name: str) -> str:
    """Make a model with one version of one file, and return its id."""
    model = client.post("/api/v1/models", json={"name": name})
    assert model.status_code == 201, model.text
    sha256 = client.put("/api/v1/files", content=name.encode()).json()["sha256"]
    version = client.post(f"/api/v1/models/{name}/versions", json={"files": [{"path": "m.bin", "sha256": sha256}]})
    assert version.status_code == 201, version.text
    return str(model.json()["id"])


def purge(db: Session) -> int:
    return service.purge_versions(db, DEFAULT_WORKSPACE, service.find_purgeable(db, DEFAULT_WORKSPACE))


def test_a_hold_keeps_a_model_and_names_itself_until_it_is_lifted(client_as: ClientAs, db: Session) -> None:
    maker, risk = client_as("contributor"), client_as("risk", name="Rita Risk")
    register(maker, "churn")
    for wanted in (
        {"model": "churn", "reason": ""},
        {"model": "churn"},
        {"model": "churn", "version": 0, "reason": "Lawsuit"},
        {"model": "churn", "version": "1", "reason": "Lawsuit"},
    ):
        assert risk.post(HOLDS, json=wanted).status_code == 422, wanted
    assert risk.post(HOLDS, json={"model": "other", "reason": "Lawsuit"}).status_code == 404
    assert risk.post(HOLDS, json={"model": "churn", "version": 9, "reason": "Lawsuit"}).status_code == 404
    assert maker.post(HOLDS, json={"model": "churn", "reason": "Lawsuit"}).status_code == 403
    hold = risk.post(HOLDS, json={"model": "churn", "version": 1, "reason": "Lawsuit 7 of 2026"})
    assert (hold.status_code, hold.json()["name"]) == (201, "churn v1")
    refused = maker.post("/api/v1/models/churn/archive")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    for word in ("Rita Risk", "Lawsuit 7 of 2026", "churn v1"):
        assert word in refused.json()["detail"]
    page = maker.get("/models/churn/versions/1/files").text
    assert "Lawsuit 7 of 2026" in page
    path = f"{HOLDS}/{hold.json()['id']}/lift"
    assert maker.post(path, json={"reason": "Over"}).status_code == 403
    assert risk.post(path, json={"reason": "Over"}).status_code == 200
    assert risk.post(path, json={"reason": "Over"}).status_code == 409
    assert maker.post("/api/v1/models/churn/archive").status_code == 200
    assert [len(maker.get(HOLDS, params={"lifted": lifted}).json()["items"]) for lifted in (False, True)] == [0, 1]
    assert (count_events(db, "legal_hold.placed"), count_events(db, "legal_hold.lifted")) == (1, 1)


def test_versions_of_long_archived_models_lose_their_files_unless_held(
    client: TestClient, client_as: ClientAs, database: Database, db: Session
) -> None:
    maker, risk = client_as("contributor"), client_as("compliance")
    models = {name: register(maker, name) for name in ("free", "held", "young", "living")}
    for name in ("free", "held", "young"):
        assert maker.post(f"/api/v1/models/{name}/archive").status_code == 200
    archived = risk.post(HOLDS, json={"model": models["held"], "reason": "An investigation"})
    assert archived.status_code == 201, archived.text
    old = Model.id.in_([models["free"], models["held"]])
    with database.write() as session:
        session.execute(update(Model).where(old).values(archived_at=clock.now() - timedelta(days=400)))
        assert purge(session) == 0  # without a rule they stay for good
    rule = {"what": "archived_version", "days": 365}
    assert client.post("/api/v1/retention-rules", json=rule).status_code == 201
    for count in (1, 0):
        with database.write() as session:
            assert purge(session) == count
    kept = set(db.scalars(select(BlobHold.model_id).where(BlobHold.holder_kind == "version")))
    assert kept == {models["held"], models["young"], models["living"]}
    assert count_events(db, "version.purged") == 1
