"""Versions that are taken out of use, and brought back; and the files that long archived ones lose."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.artifacts.tables import BlobHold
from modelops_platform.core import clock
from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.core.portions import brief
from modelops_platform.registry import service
from modelops_platform.registry.service import retention
from modelops_platform.registry.tables import Version
from tests.factories import count_events

ClientAs = Callable[..., TestClient]
VERSIONS = "/api/v1/models/churn/versions"
PAGES = "/models/churn/versions"


def register(client: TestClient, versions: int = 3) -> None:
    assert client.post("/api/v1/models", json={"name": "churn"}).status_code == 201
    for number in range(1, versions + 1):
        sha256 = client.put("/api/v1/files", content=b"churn" * number).json()["sha256"]
        made = client.post(VERSIONS, json={"files": [{"path": "m.bin", "sha256": sha256}]})
        assert made.status_code == 201, made.text


def numbers(client: TestClient, **wanted: bool) -> list[int]:
    return [one["number"] for one in client.get(VERSIONS, params=wanted).json()["items"]]


def test_an_archived_version_leaves_the_lists_stays_reachable_and_comes_back(client_as: ClientAs, db: Session) -> None:
    maker, reader = client_as("contributor"), client_as("viewer")
    register(maker)
    assert maker.put("/api/v1/models/churn/aliases/blue", json={"version": 2}).status_code == 200
    assert reader.post(f"{VERSIONS}/2/archive").status_code == 403
    archived = maker.post(f"{VERSIONS}/2/archive")
    assert (archived.status_code, archived.json()["number"]) == (200, 2), archived.text
    assert archived.json()["archived_at"]
    assert maker.post(f"{VERSIONS}/2/archive").status_code == 404  # it is out of use: there is nothing to archive
    assert (numbers(reader), numbers(reader, archived=True)) == ([3, 1], [2])
    assert maker.get("/api/v1/models/churn").json()["aliases"] == {}
    assert maker.put("/api/v1/models/churn/aliases/blue", json={"version": 2}).status_code == 404
    seen = reader.get(f"{VERSIONS}/2").json()
    assert seen["files"]
    assert reader.get(f"/api/v1/files/{seen['files'][0]['sha256']}").content == b"churnchurn"
    assert maker.post(VERSIONS, json={}).json()["number"] == 4  # its number is not used again
    for _once_more in range(2):
        restored = maker.post(f"{VERSIONS}/2/restore")
        assert (restored.status_code, restored.json()["archived_at"]) == (200, None)
    assert (numbers(reader), numbers(reader, archived=True)) == ([4, 3, 2, 1], [])
    assert maker.get("/api/v1/models/churn").json()["aliases"] == {}  # what moves an alias goes through the gate
    assert (count_events(db, "version.archived"), count_events(db, "version.restored")) == (1, 1)


def test_only_a_hold_on_the_version_or_the_model_keeps_it(client_as: ClientAs) -> None:
    maker, risk = client_as("contributor"), client_as("risk")
    register(maker)
    hold = {"model": "churn", "version": 1, "reason": "Lawsuit 7"}
    assert risk.post("/api/v1/holds", json=hold).status_code == 201
    refused = maker.post(f"{VERSIONS}/1/archive")
    assert (refused.status_code, "Lawsuit 7" in refused.json()["detail"]) == (409, True)
    assert maker.post(f"{VERSIONS}/2/archive").status_code == 200
    assert risk.post("/api/v1/holds", json={"model": "churn", "reason": "Lawsuit 8"}).status_code == 201
    assert maker.post(f"{VERSIONS}/3/archive").status_code == 409


def test_the_page_archives_with_a_way_back(client_as: ClientAs) -> None:
    maker = client_as("contributor")
    register(maker)
    assert maker.put("/api/v1/models/churn/aliases/blue", json={"version": 2}).status_code == 200
    assert f"{PAGES}/2/archive" in maker.get(f"{PAGES}/2").text
    asked = maker.get(f"{PAGES}/2/archive").text
    assert "blue" in asked
    assert f'action="{PAGES}/2/archive"' in asked
    maker.follow_redirects = True
    shown = maker.post(f"{PAGES}/2/archive", headers={"origin": "http://testserver"})
    assert (shown.status_code, shown.url.path) == (200, PAGES)
    assert 'data-toast="undo"' in shown.text
    assert f'action="{PAGES}/2/restore"' in shown.text  # the way back
    assert "1 archived version" in shown.text
    assert f'href="{PAGES}/2"' in maker.get(PAGES, params={"archived": "true"}).text
    reached = maker.get(f"{PAGES}/2").text
    assert "was taken out of use" in reached
    assert "m.bin" in reached
    compared = maker.get("/compare", params={"before": "churn/2", "after": "churn/3"})
    assert compared.status_code == 200
    back = maker.post(f"{PAGES}/2/restore", headers={"origin": "http://testserver"})
    assert (back.url.path, "Restored v2." in back.text) == (f"{PAGES}/2", True)
    refused = client_as("viewer").get(f"{PAGES}/2/archive")
    assert refused.status_code == 403


def test_both_doors_know_one_rule(client_as: ClientAs, client: TestClient) -> None:
    """What was ever deployed stays, whoever asks and by whatever protocol."""
    maker = client_as("contributor")
    register(maker)
    made = client.post("/api/v1/environments", json={"name": "lab", "is_protected": False})
    assert made.status_code in (201, 409), made.text
    place = {"name": "churn-lab", "model": "churn", "environment": "lab", "served": "elsewhere"}
    assert client.post("/api/v1/deployments", json=place).status_code == 201
    live = client.post("/api/v1/deployments/churn-lab/revisions", json={"version": 1, "reason": "To try it."})
    assert live.status_code == 201, live.text
    by_api = maker.post(f"{VERSIONS}/1/archive")
    by_client = maker.request("DELETE", "/api/2.0/mlflow/model-versions/delete", json={"name": "churn", "version": "1"})
    assert (by_api.status_code, by_client.status_code) == (409, 409)
    for refused in (by_api.json()["detail"], by_client.json()["message"]):
        assert "v1 was deployed in churn-lab" in refused
    gone = maker.request("DELETE", "/api/2.0/mlflow/model-versions/delete", json={"name": "churn", "version": "2"})
    assert gone.status_code == 200
    assert numbers(maker, archived=True) == [2]
    assert maker.post(f"{VERSIONS}/2/restore").status_code == 200


def test_long_archived_versions_lose_their_files_in_portions_and_do_not_come_back(
    client: TestClient, client_as: ClientAs, database: Database, db: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MOST_AT_ONCE", 3)
    maker = client_as("contributor")
    register(maker, 5)
    for number in range(1, 5):
        assert maker.post(f"{VERSIONS}/{number}/archive").status_code == 200
    rule = {"what": "archived_version", "days": 365}
    assert client.post("/api/v1/retention-rules", json=rule).status_code == 201
    with database.write() as session:
        session.execute(
            update(Version).where(Version.number < 4).values(archived_at=clock.now() - timedelta(days=400)),
            execution_options={"synchronize_session": False},
        )
    purged: list[int] = []
    while True:
        with database.read() as session:
            found = service.find_purgeable(session, DEFAULT_WORKSPACE, 3)
        with database.write() as session, brief(0) as turn:
            purged.append(service.purge_versions(session, DEFAULT_WORKSPACE, found))
        if not turn.is_cut:
            break
    assert purged == [1, 1, 1]  # each in a transaction of its own, none twice
    kept = db.scalars(select(BlobHold.holder_id).where(BlobHold.holder_kind == "version")).all()
    assert len(kept) == 2
    assert count_events(db, "version.purged") == 3
    refused = maker.post(f"{VERSIONS}/1/restore")
    assert (refused.status_code, "retention" in refused.json()["detail"]) == (409, True)
    assert maker.post(f"{VERSIONS}/4/restore").status_code == 200
