"""What nothing uses goes, by rules, dry or for good; what an upload takes up again at that moment stays."""

import hashlib
import os
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.artifacts import queries, service
from modelops_platform.artifacts.domain import Kept
from modelops_platform.artifacts.store import LocalStore, Store
from modelops_platform.artifacts.tables import Blob, BlobHold
from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.identity import queries as identity_queries
from modelops_platform.identity import service as identity
from modelops_platform.jobs.tables import Job
from tests.artifacts.conftest import Vault
from tests.factories import SYSTEM, Cast, count_events

FILES = "/api/v1/files"
ClientAs = Callable[..., TestClient]


def upload(client: TestClient, content: bytes, name: str = "a.bin") -> str:
    answer = client.put(FILES, params={"name": name}, content=content)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["sha256"])


def make_older(database: Database, days: float) -> None:
    """Have everything been uploaded so long ago."""
    with database.write() as db:
        before = clock.now() - timedelta(days=days)
        db.execute(update(Blob).values(created_at=before))
        db.execute(update(BlobHold).values(created_at=before))


def leave_unnamed(store: Store, content: bytes, *, age_days: float) -> str:
    """Leave bytes without a row, as a process leaves them that is killed between the two."""
    sha256 = hashlib.sha256(content).hexdigest()
    with store.begin() as incoming:
        incoming.write(content)
        store.keep(incoming)
    if isinstance(store, LocalStore):
        then = clock.now().timestamp() - age_days * 86_400
        os.utime(store.path(sha256), (then, then))
    return sha256


def test_files_go_by_the_rule_of_their_unit(
    client: TestClient, client_as: ClientAs, cast: Cast, database: Database
) -> None:
    cards, loans = client_as("contributor", unit="Cards"), client_as("contributor", unit="Loans")
    one, other = upload(cards, b"cards"), upload(loans, b"loans")

    def due() -> set[str]:
        return {row["sha256"] for row in client.get("/api/v1/storage").json()["due"]}

    make_older(database, 3)
    assert due() == {one, other}
    general = {"what": "unused_upload", "days": 7}
    rule = client.post("/api/v1/retention-rules", json=general)
    assert rule.status_code == 201, rule.text
    assert due() == set()
    assert client.post("/api/v1/retention-rules", json=general).status_code == 409
    assert client.post("/api/v1/retention-rules", json=general | {"days": 2, "unit": "Cards"}).status_code == 201
    assert due() == {one}
    with database.write() as db:
        loans_unit = identity_queries.find_unit_by_name(db, SYSTEM.workspace_id, "Loans")
        assert loans_unit is not None
        identity.create_unit(db, SYSTEM, "Small loans", loans_unit.id)
    below = upload(client_as("contributor", unit="Small loans"), b"small loans")
    make_older(database, 8)
    assert due() == {one, other, below}
    assert client.post("/api/v1/retention-rules", json=general | {"days": 9, "unit": "Loans"}).status_code == 201
    assert due() == {one}, "a rule reaches the units below"
    assert client.post("/api/v1/retention-rules", json=general | {"days": 2, "unit": "Small loans"}).status_code == 201
    assert due() == {one, below}, "and the nearest one counts"
    assert client.delete(f"/api/v1/retention-rules/{rule.json()['id']}").status_code == 204
    for bad in ({"days": 0}, {"days": 10**9}, {"what": "everything"}, {"unit": "nowhere"}):
        assert client.post("/api/v1/retention-rules", json=general | bad).status_code == 422, bad
    short = {"what": "archived_version", "days": 29}
    assert client.post("/api/v1/retention-rules", json=short).json()["field"] == "days"


def test_a_collection_says_what_would_go_then_removes_it(
    client: TestClient,
    client_as: ClientAs,
    vault: Vault,
    database: Database,
    db: Session,
    work_off: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = upload(client_as("contributor"), b"an old upload")
    make_older(database, 2)
    new = upload(client_as("contributor"), b"a new upload")
    lost = leave_unnamed(vault.store, b"bytes without a row", age_days=2)
    if not isinstance(vault.store, LocalStore):
        monkeypatch.setattr(service, "KEPT_UNUSED_FOR", timedelta(seconds=-5))
    with database.write() as session:  # its scan is not what this is about
        session.execute(update(Job).values(state="succeeded"))
    dry = client.post("/api/v1/storage/collect", json={"dry": True})
    assert dry.status_code == 202
    work_off()
    [result] = [job for job in results(db) if job["is_over"]]
    assert (result["count"], result["size"], result["is_dry"]) == (1, len(b"bytes without a row"), True)
    assert set(vault.digests()) == {old, new, lost}
    page = client.get("/storage")
    assert page.status_code == 200
    assert "Nothing has been collected yet" not in page.text
    assert client.post("/storage/collect", data={"dry": "false"}).status_code == 303
    work_off()
    assert set(vault.digests()) == {new}
    db.rollback()
    assert db.scalars(select(Blob.sha256)).all() == [new]
    assert (count_events(db, "storage.collected"), count_events(db, "artifact.removed")) == (1, 1)


def results(db: Session) -> list[dict[str, object]]:
    db.rollback()
    found = db.scalars(select(Job.result).where(Job.kind == service.COLLECT).order_by(Job.id))
    return [result for result in found if result]


def test_bytes_that_an_upload_names_at_that_moment_are_not_claimed(
    client_as: ClientAs, vault: Vault, database: Database
) -> None:
    maker, content = client_as("contributor"), b"the same bytes"
    lost = leave_unnamed(vault.store, content, age_days=2)
    with database.read() as db:
        unnamed = queries.without_row(db, {lost: len(content)})
    assert unnamed == [(lost, len(content))]
    assert upload(maker, content) == lost  # between the look and the claim
    with database.write() as db:
        assert service.claim_unnamed(db, unnamed) == 0
    other = leave_unnamed(vault.store, b"others", age_days=2)
    with database.write() as db:
        assert service.claim_unnamed(db, [(other, 6)]) == 1
    refused = maker.put(FILES, content=b"others")  # after the claim, until the bytes are gone
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    vault.store.delete(other)
    with database.write() as db:
        assert service.forget_removed(db, [other]) == 1
    assert upload(maker, b"others") == other
    assert vault.digests() == sorted([lost, other])


def test_uploads_and_collections_at_the_same_time_lose_nothing(
    client_as: ClientAs, vault: Vault, database: Database
) -> None:
    """Whatever an upload was told to be stored is stored afterwards, row and bytes."""
    maker, told = client_as("contributor"), set[str]()
    contents = [f"content {n % 4}".encode() for n in range(40)]
    for content in contents[:4]:
        leave_unnamed(vault.store, content, age_days=2)
    stop = threading.Event()

    def collect() -> None:
        while not stop.is_set():
            found = dict.fromkeys(vault.digests(), 1)
            with database.write() as db:
                service.claim_unnamed(db, queries.without_row(db, found))
            with database.read() as db:
                digests = [blob.sha256 for blob in queries.list_removing(db, 100)]
            for sha256 in digests:
                vault.store.delete(sha256)
            with database.write() as db:
                service.forget_removed(db, digests)

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        for content in contents:
            answer = maker.put(FILES, content=content)
            assert answer.status_code in (201, 503), answer.text
            if answer.status_code == 201:
                told.add(answer.json()["sha256"])
    finally:
        stop.set()
        thread.join()
    assert told
    for sha256 in told:
        assert maker.get(f"{FILES}/{sha256}").status_code == 200


def test_what_is_held_is_not_deleted_and_says_by_what(client_as: ClientAs, db: Session) -> None:
    maker = client_as("contributor", unit="Cards")
    free, held = upload(maker, b"free"), upload(maker, b"held")
    maker.post("/api/v1/models", json={"name": "churn"})
    version = {"files": [{"path": "model.bin", "sha256": held}]}
    made = maker.post("/api/v1/models/churn/versions", json=version).json()
    refused = maker.delete(f"{FILES}/{held}")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert [holder["id"] for holder in refused.json()["holders"]] == [made["id"]]
    assert "model.bin" in refused.json()["detail"]
    assert maker.delete(f"{FILES}/{free}").status_code == 204
    assert maker.get(f"{FILES}/{free}").status_code == 404
    assert count_events(db, "artifact.forgotten") == 1
    assert client_as("contributor", unit="Loans").delete(f"{FILES}/{held}").status_code == 404


def test_nothing_is_due_while_it_is_young(database: Database, client_as: ClientAs) -> None:
    upload(client_as("contributor"), b"young")
    with database.write() as db:
        service.set_rule(db, SYSTEM, what=Kept.UNUSED_UPLOAD, days=1, unit_id=None)
        assert service.mark_orphans(db) == []
        assert db.scalar(select(func.count()).select_from(Blob)) == 1
