"""Seals, proofs and verification as people and programs meet them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.core.settings import Settings
from modelops_platform.events.proof.exports import verify_export
from modelops_platform.events.proof.report import Outcome
from modelops_platform.events.proof.seals import read_pem
from modelops_platform.events.service import seal_events
from modelops_platform.jobs.runner import Worker
from modelops_platform.operations.verification import one_at_a_time
from modelops_platform.worker import make_worker
from tests.factories import Cast, count_events


@pytest.fixture
def event(client: TestClient, cast: Cast, database: Database) -> str:
    """The id of a sealed event."""
    assert client.post("/api/v1/models", json={"name": "churn", "unit": cast.unit("Cards")}).status_code == 201
    with database.write() as db:
        seal_events(db)
    return client.get("/api/v1/events", params={"kind": "model.registered"}).json()["items"][0]["id"]


def test_an_event_is_proved_by_the_public_key_alone(client: TestClient, event: str) -> None:
    proof = client.get(f"/api/v1/events/{event}/proof")
    assert proof.status_code == 200, proof.text
    pem = client.get("/api/v1/audit/keys.pem").text
    keys = read_pem(pem)
    checked = verify_export([proof.content], keys=keys, secret=None, now=clock.now())
    assert (checked.outcome, checked.sealed) == (Outcome.WHOLE, 1)
    for old, new in (("churn", "fraud"), ('"place":', '"place":1'), ('"signature":"', '"signature":"00')):
        forged = proof.text.replace(old, new, 1).encode()
        assert verify_export([forged], keys=keys, secret=None, now=clock.now()).outcome is Outcome.BROKEN, new
    named = client.get("/api/v1/audit/keys").json()["items"]
    assert [key["pem"] for key in named] == [pem]
    assert named[0]["id"] == named[0]["fingerprint"][:16]


def test_an_event_without_a_seal_has_no_proof_yet(client: TestClient, event: str) -> None:
    waiting = client.get("/api/v1/events").json()["items"]
    client.post("/api/v1/units", json={"name": "Loans"})
    newest = client.get("/api/v1/events", params={"kind": "unit.created"}).json()["items"][0]
    assert newest["id"] not in {one["id"] for one in waiting}
    answer = client.get(f"/api/v1/events/{newest['id']}/proof")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "within seconds" in client.get(f"/audit/{newest['id']}").text
    assert client.get("/api/v1/events/nothing/proof").status_code == 404


def test_a_damaged_log_gives_no_proof(client: TestClient, event: str, database: Database) -> None:
    with database.write() as db:
        db.execute(text("UPDATE events SET content = replace(content, 'churn', 'fraud') WHERE id = :id"), {"id": event})
    assert client.get(f"/api/v1/events/{event}/proof").status_code == 409
    assert "no seal covers it as it stands" in client.get(f"/audit/{event}").text


def test_a_part_of_the_log_is_exported_with_proofs(client: TestClient, event: str) -> None:
    client.post("/api/v1/units", json={"name": "Loans"})
    lines = client.get("/api/v1/events.jsonl", params={"proofs": "true"}).content.splitlines(keepends=True)
    keys = read_pem(client.get("/api/v1/audit/keys.pem").text)
    report = verify_export(lines, keys=keys, secret=None, now=clock.now())
    assert report.outcome is Outcome.UNCHECKED  # the newest has no proof yet
    assert report.sealed == len(lines) - 1 > 5
    sealed = [line for line in lines if b'"proof"' in line]
    assert verify_export(sealed, keys=keys, secret=None, now=clock.now()).outcome is Outcome.WHOLE


def test_verify_answers_as_the_command_does(client: TestClient, event: str, database: Database) -> None:
    report = client.post("/api/v1/audit/verify")
    assert report.status_code == 200, report.text
    assert report.json()["outcome"] == "whole"
    assert report.json()["seals"] == 1
    with database.write() as db:
        db.execute(text("UPDATE events SET kind = 'model.archived' WHERE id = :id"), {"id": event})
    broken = client.post("/api/v1/audit/verify").json()
    assert (broken["outcome"], broken["found"]) == ("broken", 1)
    assert broken["findings"][0]["event"] == event
    assert "kind" in broken["findings"][0]["words"]


def test_one_request_verifies_at_a_time_and_others_are_told_when_to_come_back(client: TestClient, event: str) -> None:
    with one_at_a_time():
        refused = client.post("/api/v1/audit/verify")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many")
    assert refused.headers["retry-after"] == "10"
    assert client.post("/api/v1/audit/verify").status_code == 200
    assert '<a href="/audit" aria-current="page"' in client.get("/log").text  # the side bar says where one is


def test_the_whole_log_is_for_those_who_audit_all_of_it(client_as: Callable[..., TestClient], event: str) -> None:
    auditor, of_unit, viewer = client_as("auditor"), client_as("auditor", unit="Cards"), client_as("viewer")
    assert auditor.post("/api/v1/audit/verify").status_code == 200
    assert auditor.get("/api/v1/audit/export").status_code == 200
    assert of_unit.get(f"/api/v1/events/{event}/proof").status_code == 200
    assert client_as("auditor", unit="Loans").get(f"/api/v1/events/{event}/proof").status_code == 404
    for client in (of_unit, viewer):
        assert client.post("/api/v1/audit/verify").status_code == 403
        assert client.get("/api/v1/audit/export").status_code == 403
        assert client.post("/log/verify").status_code == 403
    assert "Only who audits the whole workspace" in of_unit.get("/log").text
    assert viewer.get("/api/v1/audit/keys.pem").status_code == 200


def test_an_export_is_checked_without_the_database(client: TestClient, event: str) -> None:
    client.post("/api/v1/units", json={"name": "Loans"})
    lines = client.get("/api/v1/audit/export").content.splitlines(keepends=True)
    keys = read_pem(client.get("/api/v1/audit/keys.pem").text)

    def check(changed: list[bytes]) -> set[str]:
        report = verify_export(changed, keys=keys, secret=None, now=clock.now())
        assert report.outcome is (Outcome.BROKEN if report.findings else Outcome.WHOLE)
        return {finding.what for finding in report.findings}

    whole = verify_export(lines, keys=keys, secret=None, now=clock.now())
    assert (whole.outcome, whole.findings, whole.tail.events) == (Outcome.WHOLE, [], 1)
    assert any("not in this export" in note for note in whole.notes)
    assert check([line.replace(b"churn", b"fraud") for line in lines]) >= {"event.edited", "seal.root"}
    assert "event.removed" in check([*lines[:3], *lines[4:]])
    assert "event.order" in check([*lines[:4], *lines[3:]])
    assert "event.order" in check([*lines[:2], lines[3], lines[2], *lines[4:]])
    assert "export.cut_off" in check(lines[:-1])
    assert "export.counts" in check([*lines[:-2], lines[-1]])
    assert "export.unreadable" in check([*lines[:2], b"{\n", *lines[3:]])
    assert "seal.signature" in check([line.replace(b'"signature":"', b'"signature":"0') for line in lines])
    personal = client.get("/api/v1/audit/export", params={"personal": "true"}).content.splitlines(keepends=True)
    assert check(personal) == set()
    assert "event.personal" in check([line.replace(b'@example.org"', b'@example.com"') for line in personal])
    other = read_pem(Path(__file__).with_name("other_key.pem").read_text())
    assert verify_export(lines, keys=other, secret=None, now=clock.now()).findings[0].what == "seal.key"
    assert verify_export(lines, keys=[], secret=None, now=clock.now()).status == 2
    assert verify_export([b"hello\n"], keys=keys, secret=None, now=clock.now()).status == 2
    assert verify_export([], keys=keys, secret=None, now=clock.now()).status == 2


def verified(client: TestClient, worker: Worker) -> str:
    """Let the job run, and return the page."""
    worker.turn()
    while worker._held():
        worker._wake.wait(0.05)
    return client.get("/log").text


def test_the_page_shows_the_state_and_verifies_by_a_job(
    client: TestClient, event: str, database: Database, settings: Settings
) -> None:
    page = client.get("/log").text
    assert "Last seal" in page
    assert "Not verified yet" in page
    assert client.post("/log/verify").status_code == 303
    assert client.post("/log/verify").status_code == 303  # the same job
    assert "It is being verified" in client.get("/log").text
    worker = make_worker(settings, database)
    assert "The log is whole" in verified(client, worker)
    with database.read() as db:
        assert count_events(db, "log.verified") == 1
    with database.write() as db:
        db.execute(text("UPDATE events SET kind = 'model.archived' WHERE id = :id"), {"id": event})
    client.post("/log/verify")
    shown = verified(client, worker)
    assert "The log is broken: 1 thing is not as it was written" in shown
    assert "kind beside the text say something else" in shown
    with database.write() as db:
        db.execute(text("UPDATE events SET kind = 'model.registered' WHERE id = :id"), {"id": event})
    proof = client.get(f"/audit/{event}").text
    assert "&#34;signature&#34;" in proof or "signature" in proof
    state = client.get("/api/v1/audit").json()
    assert json.loads(state["seal"]["text"])["key"] == state["key"]["id"]
