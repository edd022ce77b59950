"""Findings and waivers over HTTP: who may do what, what time does, and what is known of the past."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from modelops_platform.core import clock
from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.governance import queries, service
from modelops_platform.governance.tables import Finding
from modelops_platform.registry.tables import ModelSummary, Version
from tests.factories import count_events

from .setting import RESEARCH, Setting
from .test_service import counted

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # rules, no matter of SQL
WHY = {"sentence": "Because we looked at it."}


def raise_finding(bank: Setting, *, by: str = "validator", **changes: Any) -> dict[str, Any]:
    body = {
        "model": bank.model,
        "title": "Unstable at the edge",
        "description": "Scores jump for incomes near zero.",
        "category": "performance",
        "severity": "high",
        **changes,
    }
    made = bank[by].post("/api/v1/findings", json=body)
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


def step(bank: Setting, id: str, verb: str, by: str, **more: Any) -> int:
    answer = bank[by].post(f"/api/v1/findings/{id}/steps/{verb}", json={**WHY, **more})
    return answer.status_code


def open_findings(database: Database) -> int:
    with database.read() as db:
        return db.scalars(select(ModelSummary.open_findings)).one()


@ON_SQLITE
def test_a_finding_goes_its_way_and_everybody_keeps_to_their_part(bank: Setting, database: Database) -> None:
    made = raise_finding(bank)
    id = made["id"]
    assert made["owner_id"] == bank.person("owner").id
    assert made["function"] == "validator"
    assert date.fromisoformat(made["due"]) == clock.now().date() + timedelta(days=90)
    assert open_findings(database) == 1
    assert step(bank, id, "accept", "validator") == 403  # who raised it does not work on it
    assert step(bank, id, "start", "owner") == 412  # not yet accepted
    assert step(bank, id, "accept", "owner") == 200
    assert step(bank, id, "start", "owner") == 200
    assert step(bank, id, "submit", "owner") == 200
    assert step(bank, id, "close", "owner") == 403  # the owner never closes
    assert step(bank, id, "close", "risk") == 403  # another function
    assert step(bank, id, "send_back", "validator") == 200
    assert step(bank, id, "submit", "owner") == 200
    assert step(bank, id, "close", "admin") == 403
    assert step(bank, id, "close", "validator") == 200
    found = bank["viewer"].get(f"/api/v1/findings/{id}").json()
    assert (found["state"], found["closed_by"]) == ("closed", bank.person("validator").id)
    states = [interval["state"] for interval in found["intervals"]]
    assert states == [
        "open",
        "accepted",
        "in_remediation",
        "ready_for_review",
        "in_remediation",
        "ready_for_review",
        "closed",
    ]
    assert all(a["to_at"] == b["from_at"] for a, b in zip(found["intervals"], found["intervals"][1:], strict=False))
    assert open_findings(database) == 0
    assert step(bank, id, "close", "validator") == 412


@ON_SQLITE
def test_severity_and_due_date_are_not_the_owners_to_change(bank: Setting) -> None:
    id = raise_finding(bank)["id"]
    rating = {"severity": "low", **WHY}
    assert bank["owner"].post(f"/api/v1/findings/{id}/rate", json=rating).status_code == 403
    rated = bank["validator"].post(f"/api/v1/findings/{id}/rate", json=rating).json()
    assert (rated["severity"], rated["due"]) == ("low", (clock.now().date() + timedelta(days=90)).isoformat())
    later = {"due": (clock.now().date() + timedelta(days=120)).isoformat(), **WHY}
    asked = bank["owner"].post(f"/api/v1/findings/{id}/due-date", json=later)
    assert asked.status_code == 200, asked.text
    assert bank["owner"].post(f"/api/v1/findings/{id}/due-date", json=later).status_code == 409
    agree = {"agree": True, **WHY}
    assert bank["owner"].post(f"/api/v1/findings/{id}/due-date/answer", json=agree).status_code == 403
    moved = bank["validator"].post(f"/api/v1/findings/{id}/due-date/answer", json=agree).json()
    assert (moved["due"], moved["due_moves"]) == (later["due"], 1)
    assert bank["validator"].post(f"/api/v1/findings/{id}/due-date/answer", json=agree).status_code == 412


@ON_SQLITE
def test_who_raises_a_finding_does_not_reject_it(bank: Setting) -> None:
    id = raise_finding(bank)["id"]
    assert step(bank, id, "reject", "validator") == 403
    peer = bank.cast.person("validator")
    bank.people["peer"] = peer
    assert step(bank, id, "reject", "peer") == 200


def waive(bank: Setting, *, by: str = "author", **changes: Any) -> Any:
    body = {"model": bank.model, "reason": "The data is late.", "control": "A person reads every case.", **changes}
    return bank[by].post("/api/v1/waivers", json=body)


def answer(bank: Setting, id: str, by: str, agree: bool = True) -> Any:
    return bank[by].post(f"/api/v1/waivers/{id}/answers", json={"agree": agree, **WHY})


def test_a_waiver_takes_those_of_its_tier_and_ends_by_itself(bank: Setting, database: Database) -> None:
    id = raise_finding(bank)["id"]
    made = waive(bank, finding=id)
    assert made.status_code == 201, made.text
    waiver = made.json()["id"]
    assert made.json()["seats"] == ["risk", "executive"]  # nobody assessed it: tier 1
    assert waive(bank, finding=id).status_code == 409
    assert answer(bank, waiver, "author").status_code == 403  # who asks
    assert answer(bank, waiver, "admin").status_code == 403
    assert answer(bank, waiver, "risk").json()["state"] == "requested"
    assert answer(bank, waiver, "risk").status_code == 409
    granted = answer(bank, waiver, "executive").json()
    assert granted["state"] == "active"
    assert bank["viewer"].get(f"/api/v1/findings/{id}").json()["state"] == "risk_accepted"
    assert open_findings(database) == 0
    with database.read() as db:
        version = db.scalars(select(Version)).one()
        of = {version.id: version}
        then = clock.now()
        assert [fact.is_open for fact in queries.load_findings(db, of, then)[version.id]] == [False]
    later = then + timedelta(days=91)
    with clock.frozen(later):
        with database.read() as db:  # by time alone, before any job ran
            assert [fact.is_open for fact in queries.load_findings(db, of, later)[version.id]] == [True]
            assert [fact.is_open for fact in queries.load_findings(db, of, then)[version.id]] == [False]
        assert bank["viewer"].get(f"/api/v1/waivers/{waiver}").json()["state"] == "expired"
        with database.write() as db:
            assert service.keep_time(db, DEFAULT_WORKSPACE)["waivers"] == 1
            assert service.keep_time(db, DEFAULT_WORKSPACE)["waivers"] == 0
        assert bank["viewer"].get(f"/api/v1/findings/{id}").json()["state"] == "open"
    assert open_findings(database) == 1


@ON_SQLITE
def test_notices_come_once_each(bank: Setting, database: Database) -> None:
    bank.assess(RESEARCH)
    waiver = waive(bank, requirement="tier-assessed").json()
    assert waiver["seats"] == ["owner"]
    assert answer(bank, waiver["id"], "risk").status_code == 403
    assert answer(bank, waiver["id"], "owner").json()["state"] == "active"
    for days, told in ((300, 0), (336, 1), (340, 1), (352, 2), (363, 3), (364, 3)):
        with clock.frozen(clock.now() + timedelta(days=days)), database.write() as db:
            service.keep_days(db, DEFAULT_WORKSPACE)
        with database.read() as db:
            assert count_events(db, "waiver.ending") == told, days


@ON_SQLITE
def test_a_waiver_is_renewed_only_so_often(bank: Setting) -> None:
    again = {"reason": "Still late.", "control": "A person reads every case."}
    first = waive(bank, requirement="tier-assessed").json()["id"]
    assert bank["author"].post(f"/api/v1/waivers/{first}/renew", json=again).status_code == 412
    answer(bank, first, "risk")
    answer(bank, first, "executive")
    renewed = bank["author"].post(f"/api/v1/waivers/{first}/renew", json=again)
    assert renewed.status_code == 201, renewed.text
    second = renewed.json()["id"]
    answer(bank, second, "risk")
    assert answer(bank, second, "executive").json()["renewals"] == 1
    old = bank["viewer"].get(f"/api/v1/waivers/{first}").json()
    new = bank["viewer"].get(f"/api/v1/waivers/{second}").json()
    assert (old["state"], old["to_at"]) == ("renewed", new["from_at"])
    refused = bank["author"].post(f"/api/v1/waivers/{second}/renew", json=again)
    assert (refused.status_code, "tier 1 allows 1" in refused.json()["detail"]) == (422, True)
    revoked = bank["risk"].post(f"/api/v1/waivers/{second}/revoke", json={"reason": "It was met."}).json()
    assert revoked["state"] == "revoked"


@ON_SQLITE
def test_asking_anew_for_the_same_counts_as_renewing_it(bank: Setting) -> None:
    first = waive(bank, requirement="tier-assessed", version=1).json()["id"]
    answer(bank, first, "risk")
    answer(bank, first, "executive")
    anew = waive(bank, requirement="tier-assessed")
    assert (anew.status_code, anew.json()["renewals"]) == (201, 1)
    assert waive(bank, requirement="digest-verified").status_code == 201, "another requirement is another matter"
    answer(bank, anew.json()["id"], "risk")
    answer(bank, anew.json()["id"], "executive")
    refused = waive(bank, requirement="tier-assessed", version=1)
    assert (refused.status_code, refused.json()["field"]) == (422, "requirement")
    for days, status in ((100, 422), (181, 201)):  # it lasts 90 days, and is renewed for as long after that
        with clock.frozen(clock.now() + timedelta(days=days)):
            assert waive(bank, requirement="tier-assessed").status_code == status


@pytest.mark.parametrize(
    "body", [{"requirement": "approvals"}, {"requirement": "nothing-of-the-kind"}, {"until": "2020-01-01"}, {}]
)
@ON_SQLITE
def test_what_cannot_be_waived_is_refused(bank: Setting, body: dict[str, Any]) -> None:
    wanted = {"requirement": "tier-assessed", **body} if "until" in body else body
    assert waive(bank, **wanted).status_code == 422


def test_facts_of_many_versions_cost_one_statement_each(bank: Setting, database: Database) -> None:
    raise_finding(bank)
    waive(bank, requirement="tier-assessed")
    for number in range(4):
        bank.add_version(f"more {number}".encode())
    loaders = (queries.load_findings, queries.load_evidence)
    with database.read() as db:
        versions = {version.id: version for version in db.scalars(select(Version))}
        assert len(versions) == 5
        with counted(db) as sent:
            found = [load(db, versions, clock.now()) for load in loaders]
    assert len(sent) == len(loaders)
    assert all(set(one) == set(versions) for one in found)


@ON_SQLITE
def test_late_findings_are_told_to_others_once(bank: Setting, database: Database) -> None:
    raise_finding(bank)
    for days, told in ((89, 0), (90, 1), (100, 1), (121, 2)):
        with clock.frozen(clock.now() + timedelta(days=days)), database.write() as db:
            service.keep_days(db, DEFAULT_WORKSPACE)
        with database.read() as db:
            assert count_events(db, "finding.escalated") == told, days
            assert db.scalars(select(Finding)).one().state == "open"
