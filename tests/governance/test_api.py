"""The gate over HTTP: what is refused, what it leaves behind, and what makes it pass."""

from typing import Any, cast
from xml.etree import ElementTree

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from modelops_platform.governance.tables import DecisionRecord, VoteRecord
from tests.factories import count_events, last_event

from .setting import RESEARCH, RETAIL_CREDIT, Setting

EVERYBODY = ("owner", "validator", "risk", "executive", "compliance")


def told(db: Session, kind: str) -> dict[str, Any]:
    """What the newest event of a kind says."""
    return cast(dict[str, Any], last_event(db, kind)["data"])


def count_decisions(db: Session, **wanted: object) -> int:
    db.rollback()
    return db.scalar(select(func.count()).select_from(DecisionRecord).filter_by(**wanted)) or 0


def test_no_role_passes_an_enforcing_gate_and_the_refusal_stays(bank: Setting, db: Session) -> None:
    refused = bank.promote(by="admin")
    assert refused.status_code == 409
    problem = refused.json()
    assert problem["code"] == "transition_refused"
    assert problem["decision"]["unmet"] == ["tier-assessed", "approvals"]
    assert problem["decision"]["tier_is_assumed"] is True
    assert "judged as tier 1" in problem["detail"]
    assert bank["admin"].get(f"/api/v1/models/{bank.model}").json()["aliases"] == {}
    assert count_decisions(db, outcome="deny", is_enforced=True) == 1
    assert told(db, "gate.refused")["unmet"] == ["tier-assessed", "approvals"]
    assert count_events(db, "alias.set") == 0


def test_the_right_people_make_it_pass_and_nobody_else_counts(bank: Setting, db: Session) -> None:
    assert bank.assess().json()["tier"] == 1
    request = bank.ask()
    for nobody, said in (("author", "You made this version"), ("admin", "may not vote"), ("robot", "may not vote")):
        refused = bank.vote(request, nobody)
        assert refused.status_code == 403
        assert said in refused.json()["detail"]
    for name in EVERYBODY[:-1]:
        answer = bank.vote(request, name)
        assert answer.status_code == 201, answer.text
        assert answer.json()["state"] == "open"
    assert bank.promote().status_code == 409
    assert bank.vote(request, "compliance").json()["state"] == "granted"

    promoted = bank.promote()
    assert promoted.status_code == 200, promoted.text
    assert count_decisions(db, outcome="allow", action="alias:champion") == 1
    assert count_events(db, "gate.passed") == 1
    vote = db.scalars(select(VoteRecord).where(VoteRecord.voter_id == bank.person("owner").id)).one()
    assert (vote.roles, vote.policy_id, vote.policy_version) == (["contributor", "owner"], "tier-1", 1)
    assert vote.digest == bank["admin"].get(f"/api/v1/models/{bank.model}/versions/1").json()["manifest_digest"]
    assert count_events(db, "approval.voted") == 5
    assert count_events(db, "approval.granted") == 1
    # what was approved for one target says nothing about another
    assert bank.promote(alias="production").status_code == 409


def test_case_is_no_way_around_and_other_aliases_are_free(bank: Setting) -> None:
    assert bank.promote(alias="Champion").status_code == 409
    assert bank.promote(alias="challenger").status_code == 200


def test_observing_lets_pass_stores_and_is_chosen_by_an_admin_only(bank: Setting, db: Session) -> None:
    path, change = "/api/v1/workspace/enforcement", {"mode": "observe", "reason": "We move in slowly."}
    for name in ("risk", "owner", "viewer", "robot"):
        assert bank[name].put(path, json=change).status_code == 403
    assert bank["admin"].put(path, json=change).json() == {"mode": "observe"}
    assert told(db, "enforcement.changed")["mode"] == {"from": "enforce", "to": "observe"}
    assert bank.promote().status_code == 200
    assert count_decisions(db, outcome="deny", is_enforced=False) == 1
    assert count_events(db, "gate.observed") == 1
    assert bank["admin"].put(path, json={"mode": "enforce", "reason": "We are ready."}).status_code == 200
    bank.add_version(b"other")
    assert bank.promote(2).status_code == 409


@pytest.mark.parametrize(("verdict", "status"), [("dangerous", "not_met"), ("unknown", "unknown"), (None, "unknown")])
def test_files_that_are_not_found_clean_do_not_pass(bank: Setting, verdict: str | None, status: str) -> None:
    bank.add_version(b"second", verdict=verdict)
    answer = bank.gate(2).json()
    assert "artifact-scanned" in answer["unmet"]
    scanned = next(one for one in answer["judgements"] if one["requirement_id"] == "artifact-scanned")
    assert scanned["status"] == status


def test_an_edit_of_what_was_approved_voids_it(bank: Setting) -> None:
    bank.assess(RESEARCH)
    request = bank.ask()
    assert bank.vote(request, "owner").json()["state"] == "granted"
    assert bank.gate().json()["outcome"] == "allow"
    changed = bank["owner"].patch(f"/api/v1/models/{bank.model}", json={"purpose": "Decides about everything."})
    assert changed.status_code == 200
    assert bank.gate().json()["unmet"] == ["approvals"]
    assert bank.promote().status_code == 409
    again = bank.ask()
    assert bank.vote(again, "owner").json()["state"] == "granted"
    states = [one["state"] for one in bank["viewer"].get("/api/v1/approvals").json()["items"]]
    assert states == ["granted", "void"]


def test_a_rejection_closes_the_request_and_only_its_author_lifts_it(bank: Setting, db: Session) -> None:
    bank.assess(RESEARCH)
    request = bank.ask()
    assert bank.vote(request, "owner", "reject").json()["state"] == "rejected"
    assert bank.vote(request, "owner").status_code == 412
    assert count_events(db, "approval.denied") == 1
    second = bank.ask()
    assert bank.gate().json()["outcome"] == "deny"
    assert bank.vote(second, "owner").json()["state"] == "granted"
    assert bank.gate().json()["outcome"] == "allow"


def test_asking_twice_is_a_conflict_and_a_withdrawn_request_takes_its_votes_along(bank: Setting) -> None:
    bank.assess()
    request = bank.ask()
    body = {"model": bank.model, "version": 1, "alias": "champion", "message": "Again."}
    assert bank["author"].post("/api/v1/approvals", json=body).status_code == 409
    bank.vote(request, "risk")
    assert bank["risk"].post(f"/api/v1/approvals/{request}/withdraw").status_code == 403
    assert bank["author"].post(f"/api/v1/approvals/{request}/withdraw").json()["state"] == "withdrawn"
    approvals = next(one for one in bank.gate().json()["judgements"] if one["requirement_id"] == "approvals")
    assert approvals["detail"].startswith("0 of 5")


def test_who_changes_a_policy_does_not_approve_under_it(bank: Setting, db: Session) -> None:
    bank.assess()
    current = bank["risk"].get("/api/v1/policies/tier-1").json()
    document = current["document"].replace("version: 1", "version: 2", 1)
    publish = {"document": document, "reason": "Yearly review."}
    assert bank["viewer"].post("/api/v1/policies", json=publish).status_code == 403
    stale = bank["risk"].post("/api/v1/policies", json={**publish, "document": current["document"]})
    assert (stale.status_code, stale.json()["field"]) == (422, "version")
    assert bank["risk"].post("/api/v1/policies", json=publish).status_code == 201
    assert told(db, "policy.published")["version"] == 2
    refused = bank.vote(bank.ask(), "risk")
    assert refused.status_code == 403
    assert "24 hours" in refused.json()["detail"]
    assert bank.gate().json()["policy_version"] == 2


def test_bad_policies_name_the_place(bank: Setting) -> None:
    for document, field in (
        ("id: tier-1\nversion: 2\nfoo: bar", "applies_to"),
        ({"id": "x", "version": 1}, "applies_to"),
        ("a: &a [*a]", "document"),
    ):
        refused = bank["risk"].post("/api/v1/policies", json={"document": document, "reason": "Try."})
        assert refused.status_code == 422
        assert refused.json()["field"].startswith(field), refused.text


def test_the_gate_answers_programs_and_stores_what_ci_asked(bank: Setting, db: Session) -> None:
    question = {"model": bank.model, "version": 1, "environment": "production"}
    answer = bank["robot"].post("/api/v1/gate", json=question)
    assert answer.status_code == 200, answer.text
    assert answer.json()["outcome"] == "deny"
    assert answer.headers["x-decision"] == "deny"
    assert count_decisions(db, asked_via="gate") == 1
    assert count_events(db, "gate.asked") == 1
    assert bank["viewer"].post("/api/v1/gate", json=question).status_code == 403
    text = bank.gate(by="viewer", format="text")
    assert text.headers["content-type"].startswith("text/plain")
    assert text.text.startswith("No: 2 of 4 requirements are not met.")
    report = ElementTree.fromstring(bank["robot"].post("/api/v1/gate?format=junit", json=question).text)
    assert (report.get("tests"), report.get("failures")) == ("4", "2")
    assert count_decisions(db) == 2  # looking left nothing behind


def test_what_no_policy_guards_is_allowed_and_says_so(bank: Setting) -> None:
    question = {"model": bank.model, "version": 1, "alias": "challenger"}
    answer = bank["robot"].post("/api/v1/gate", json=question)
    assert (answer.json()["outcome"], answer.json()["policy_id"]) == ("allow", None)
    assert "no policy guards this" in answer.json()["sentence"]


@pytest.mark.parametrize(
    ("target", "status", "field"),
    [
        ({"environment": "nowhere"}, 404, "environment"),
        ({"environment": "production", "alias": "champion"}, 422, "body"),
        ({}, 422, "body"),
    ],
)
def test_questions_that_make_no_sense(bank: Setting, target: dict[str, str], status: int, field: str) -> None:
    answer = bank["author"].post("/api/v1/gate", json={"model": bank.model, "version": 1, **target})
    assert answer.status_code == status, answer.text
    assert answer.json()["field"] == field


def test_assessments_are_intervals_with_answers_and_reasons(bank: Setting, db: Session) -> None:
    first = bank.assess({"I1": 2}).json()
    assert first["tier"] == 1
    assert "I2" in first["result"]["unanswered"]
    second = bank.assess(RETAIL_CREDIT, by="validator", gdpr22=False).json()
    assert second["total"] == "62.2"
    history = bank["viewer"].get(f"/api/v1/models/{bank.model}/assessments").json()["items"]
    assert [one["id"] for one in history] == [second["id"], first["id"]]
    assert history[1]["to_at"] == history[0]["from_at"]
    assert history[0]["to_at"] is None
    assert told(db, "risk.assessed")["tier"] == {"from": 1, "to": 1}
    summary = bank["viewer"].get(f"/api/v1/models/{bank.model}").json()["summary"]
    assert (summary["tier"], summary["state"]) == (1, "in_development")
    assert summary["next_review"] is not None
    assert bank.assess({"I1": 5}).json()["field"] == "answers.I1"
    assert bank.assess({}, eu_class="high_annex_iii").json()["field"] == "facts.eu_class"
    assert bank.assess(by="viewer").status_code == 403


def test_activation_in_a_protected_environment_goes_through_the_same_gate(bank: Setting, db: Session) -> None:
    bank.assess(RESEARCH)
    made = bank["author"].post(
        "/api/v1/deployments", json={"name": "loans", "environment": "production", "model": bank.model}
    )
    assert made.status_code == 201, made.text
    activate = {"version": 1, "reason": "Release."}
    refused = bank["author"].post("/api/v1/deployments/loans/revisions", json=activate)
    assert refused.status_code == 409
    assert refused.json()["decision"]["unmet"] == ["approvals"]
    assert bank.vote(bank.ask(to="production"), "owner").json()["state"] == "granted"
    done = bank["author"].post("/api/v1/deployments/loans/revisions", json=activate)
    assert done.status_code == 201, done.text
    kept = db.scalars(select(DecisionRecord).where(DecisionRecord.outcome == "allow")).one()
    assert done.json()["decision_id"] == kept.id
    assert kept.environment == "production"
    summary = bank["viewer"].get(f"/api/v1/models/{bank.model}").json()["summary"]
    assert (summary["state"], summary["approvals_waiting"]) == ("in_production", 0)
