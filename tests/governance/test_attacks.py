"""Ways round the gate that somebody tried: each is closed, or refused with a reason."""

from typing import Any

import pytest

from modelops_platform.governance.defaults import card_form, default_policies
from modelops_platform.governance.domain.checks.reviewing import FindingsClear
from modelops_platform.governance.domain.checks.risk import ReviewCurrent
from modelops_platform.governance.domain.known import EvidenceKind, FindingFact, Severity

from .factories import NOW, good_facts, policy_document
from .setting import RESEARCH, RETAIL_CREDIT, Setting
from .test_domain_checks import evidence
from .test_exceptions import agree, ask_emergency
from .test_findings import raise_finding

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # rules, no matter of SQL


def ask_waiver(bank: Setting, requirement: str) -> dict[str, Any]:
    body = {"model": bank.model, "requirement": requirement, "reason": "Not yet.", "control": "We look each week."}
    made = bank["author"].post("/api/v1/waivers", json=body)
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


def decide_waiver(bank: Setting, id: str, by: str) -> Any:
    return bank[by].post(f"/api/v1/waivers/{id}/answers", json={"agree": True, "sentence": "For a while."})


@ON_SQLITE
def test_what_was_waived_for_a_lax_tier_is_not_waived_in_a_strict_one(bank: Setting) -> None:
    bank.add_version(b"unseen", verdict=None)
    bank.assess(RESEARCH)
    granted, waiting = ask_waiver(bank, "artifact-scanned"), ask_waiver(bank, "tier-assessed")
    assert granted["seats"] == ["owner"]
    assert decide_waiver(bank, granted["id"], "owner").json()["state"] == "active"
    scanned = {one["requirement_id"]: one["status"] for one in bank.gate(2).json()["judgements"]}
    assert scanned["artifact-scanned"] == "waived"
    assert bank.assess(RETAIL_CREDIT).json()["tier"] == 1
    scanned = {one["requirement_id"]: one["status"] for one in bank.gate(2).json()["judgements"]}
    assert scanned["artifact-scanned"] == "unknown"
    refused = decide_waiver(bank, waiting["id"], "owner")  # asked for when the owner could decide alone
    assert (refused.status_code, "risk, executive" in refused.json()["detail"]) == (403, True)
    assert decide_waiver(bank, waiting["id"], "risk").json()["seats"] == ["risk", "executive"]


@ON_SQLITE
def test_an_emergency_asked_for_in_a_lax_tier_takes_those_of_the_strict_one(bank: Setting) -> None:
    bank.assess(RESEARCH)
    asked = ask_emergency(bank).json()
    assert asked["approvers"] == 1
    bank.assess(RETAIL_CREDIT)
    first = agree(bank, asked["id"], "owner").json()
    assert (first["state"], first["approvers"], first["tier"]) == ("requested", 2, 1)
    assert agree(bank, asked["id"], "executive").json()["state"] == "active"


@ON_SQLITE
def test_an_edit_of_the_card_voids_what_was_approved_by_it(bank: Setting) -> None:
    bank.assess(RESEARCH)
    id = bank.ask()
    assert bank.vote(id, "owner").json()["state"] == "granted"
    assert bank.gate().json()["outcome"] == "allow"
    assert "limits" in {field.id for field in card_form().fields}
    wider = {"fields": {"limits": "None. It may be used for everything."}}
    assert bank["author"].patch(f"/api/v1/models/{bank.model}/card", json=wider).status_code == 200
    assert bank.gate().json()["outcome"] == "deny"
    assert bank.promote().status_code == 409
    assert bank.vote(id, "owner").status_code == 412
    assert bank.vote(bank.ask(), "owner").json()["state"] == "granted"  # by what the card says now
    assert bank.gate().json()["outcome"] == "allow"


@ON_SQLITE
@pytest.mark.parametrize(
    "change",
    [{"waivable": True}, {"unknown": "allow"}, {"weight": "advisory"}, {"when": {"fact": "tier", "at_most": 1}}],
    ids=lambda change: next(iter(change)),
)
def test_no_policy_lets_the_approvals_of_what_is_always_guarded_be_set_aside(
    bank: Setting, change: dict[str, Any]
) -> None:
    document = policy_document(version=2)
    for requirement in document["requirements"]:
        if requirement["check"] == "approvals":
            requirement.update(change)
    sent = bank["admin"].post("/api/v1/policies", json={"document": document, "reason": "Faster."})
    assert (sent.status_code, "ask nobody else's approval" in sent.json()["detail"]) == (422, True), sent.text


@ON_SQLITE
def test_findings_come_in_pages_by_their_day(bank: Setting) -> None:
    made = {raise_finding(bank, title=f"Weakness {number}")["id"] for number in range(3)}
    seen, path = [], "/api/v1/findings?limit=1"
    cursor = ""
    while cursor is not None:
        page = bank["viewer"].get(path + (f"&cursor={cursor}" if cursor else "")).json()
        seen += [finding["id"] for finding in page["items"]]
        cursor = page["next"]
    assert (len(seen), set(seen)) == (3, made)


@ON_SQLITE
def test_who_made_a_version_decides_no_waiver_for_every_version(bank: Setting) -> None:
    """Neither as the owner, nor after another was named as developer."""
    bank.assess(RESEARCH)
    changed = {"owner": bank.person("author").id, "developer": bank.person("owner").id}
    assert bank["author"].patch(f"/api/v1/models/{bank.model}", json=changed).status_code == 200
    bank.assess(RESEARCH)
    body = {"model": bank.model, "requirement": "artifact-scanned", "reason": "Later.", "control": "We look."}
    asked = bank["risk"].post("/api/v1/waivers", json=body)
    assert asked.json()["seats"] == ["owner"], asked.text
    refused = decide_waiver(bank, asked.json()["id"], "author")
    assert (refused.status_code, "You made" in refused.json()["detail"]) == (403, True), refused.text


@pytest.mark.parametrize(("by", "status"), [("anna", "not_met"), ("carl", "not_met"), ("rita", "met")])
def test_who_made_a_version_does_not_review_it_alone(by: str, status: str) -> None:
    facts = good_facts(tier=None, evidence=(evidence(EvidenceKind.REVIEW, by=by),))
    assert ReviewCurrent(max_age_months=12, grace_days=0).find(facts, default_policies()[0]).status == status


@pytest.mark.parametrize(("accepted", "status"), [(4, "not_met"), (2, "not_met"), (1, "met")])
def test_a_risk_that_was_accepted_in_a_lax_tier_is_not_accepted_in_a_strict_one(accepted: int, status: str) -> None:
    finding = FindingFact("f1", "Unstable", Severity.CRITICAL, "risk_accepted", False, NOW.date(), None, accepted)
    check = FindingsClear(none_open=Severity.CRITICAL, none_overdue=None, at_most=())
    assert check.find(good_facts(tier=1, findings=(finding,)), default_policies()[0]).status == status
