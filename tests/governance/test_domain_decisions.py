"""What a decision says about each requirement."""

import json
from dataclasses import replace

import pytest

from modelops_platform.artifacts.domain import Verdict
from modelops_platform.governance.defaults import default_policies
from modelops_platform.governance.domain.decisions import Decision, Status, decide
from modelops_platform.governance.domain.facts import DigestState, Kind, Scan
from modelops_platform.governance.domain.questionnaire import Tier
from modelops_platform.governance.domain.reading import read_policy
from tests.governance.factories import (
    EVERYBODY,
    NOW,
    OWNER,
    RISK,
    decide_default,
    good_facts,
    judgement_of,
    policy_document,
    tier_fact,
    vote,
)


def test_everything_in_order_is_allowed() -> None:
    decision = decide_default(good_facts())
    assert decision.is_allowed
    assert decision.sentence == "Yes: 4 of 4 requirements are met."
    assert (decision.policy_id, decision.policy_version, decision.unmet) == ("tier-1", 1, ())
    assert judgement_of(decision, "digest-verified").detail == "The stored files match sha256 3f9a0000…00c1."
    assert all(item.remedy is None for item in decision.judgements)


def test_an_unassessed_model_is_judged_as_tier_one_and_says_so() -> None:
    decision = decide_default(good_facts(tier=None))
    assert (decision.tier, decision.tier_is_assumed, decision.policy_id) == (Tier.CRITICAL, True, "tier-1")
    assert decision.sentence == (
        "No: 1 of 4 requirements is not met. Nobody has assessed this model, so it is judged as tier 1."
    )
    assert judgement_of(decision, "tier-assessed").status is Status.NOT_MET


def test_an_assessment_older_than_a_year_no_longer_counts() -> None:
    aged = replace(good_facts(), tier=tier_fact(1, days_ago=400))
    found = judgement_of(decide_default(aged), "tier-assessed")
    assert found.status is Status.NOT_MET
    assert "400 days old, at most 366 count" in found.detail


@pytest.mark.parametrize(("verdict", "status"), [("clean", "met"), ("unknown", "unknown"), ("dangerous", "not_met")])
def test_only_a_clean_verdict_is_met(verdict: str, status: str) -> None:
    scan = Scan("model.pkl", Verdict(verdict), "os.system", NOW)
    decision = decide_default(good_facts(scans=(scan,)))
    found = judgement_of(decision, "artifact-scanned")
    assert found.status == status
    assert decision.is_allowed is (verdict == "clean")
    if verdict == "dangerous":
        assert found.detail == "Dangerous: model.pkl (os.system)."


def test_a_file_not_scanned_yet_is_unknown_even_when_another_was_scanned_twice() -> None:
    scan = Scan("model.onnx", Verdict.CLEAN, "ONNX", NOW)
    found = judgement_of(decide_default(good_facts(file_count=2, scans=(scan, scan))), "artifact-scanned")
    assert (found.status, found.detail) == (Status.UNKNOWN, "Only 1 of 2 files scanned so far.")


@pytest.mark.parametrize(
    ("state", "status"), [("verified", "met"), ("unverified", "not_met"), ("mismatch", "not_met"), (None, "unknown")]
)
def test_only_a_verified_digest_is_met(state: str | None, status: str) -> None:
    facts = good_facts(digest_state=DigestState(state) if state else None)
    decision = decide_default(facts)
    assert judgement_of(decision, "digest-verified").status == status
    assert decision.is_allowed is (status == "met")


@pytest.mark.parametrize("kind", list(Kind))
def test_without_a_file_only_the_kinds_that_the_policy_names_pass(kind: Kind) -> None:
    policy = default_policies()[0]
    decision = decide(policy, good_facts(kind=kind, file_count=0, scans=()))
    excused = kind in {Kind.VENDOR, Kind.LLM}
    expected = Status.NOT_APPLICABLE if excused else Status.NOT_MET
    assert {judgement_of(decision, id).status for id in ("artifact-scanned", "digest-verified")} == {expected}
    assert decision.is_allowed is excused


def test_unknown_passes_only_where_the_policy_says_so() -> None:
    document = policy_document()
    document["requirements"][1]["unknown"] = "allow"
    facts = good_facts(scans=())
    assert not decide(default_policies()[0], facts).is_allowed
    decision = decide(read_policy(document), facts)
    assert decision.is_allowed
    assert decision.sentence == "Yes: 3 of 4 requirements are met, and no other refuses."


def test_an_advisory_requirement_is_shown_and_does_not_refuse() -> None:
    document = policy_document()
    document["requirements"][2]["weight"] = "advisory"
    decision = decide(read_policy(document), good_facts(digest_state=DigestState.MISMATCH))
    assert decision.is_allowed
    assert judgement_of(decision, "digest-verified").status is Status.NOT_MET


def test_a_refusal_says_what_is_missing_who_could_help_and_where() -> None:
    decision = decide_default(good_facts(votes=(vote(OWNER),)))
    found = judgement_of(decision, "approvals")
    assert found.detail == "1 of 4 approvals given (owner). Still wanted: validator, risk, executive."
    assert [(str(seat.role), seat.voter_id, seat.candidates) for seat in found.seats] == [
        ("owner", "olga", ()),
        ("validator", None, ("vera",)),
        ("risk", None, ("rita",)),
        ("executive", None, ("emil",)),
    ]
    assert found.remedy is not None
    assert (found.remedy.link, found.remedy.ids["version_id"]) == ("ask_approval", "version-1")


def test_a_decision_survives_json() -> None:
    for facts in (good_facts(), good_facts(votes=(), scans=()), good_facts(tier=None, kind=Kind.LLM, file_count=0)):
        decision = decide_default(facts)
        assert Decision.from_dict(json.loads(json.dumps(decision.to_dict()))) == decision
    refused = decide(None, good_facts())
    assert Decision.from_dict(refused.to_dict()) == refused


def test_a_decision_names_no_person_in_its_words() -> None:
    decision = decide_default(good_facts(votes=(vote(OWNER), vote(RISK, "reject"))))
    words = " ".join([decision.sentence, *(item.detail for item in decision.judgements)])
    assert not any(person.id in words for person in EVERYBODY)


def test_a_decision_reads_well_in_a_terminal() -> None:
    text = decide_default(good_facts(votes=())).as_text().splitlines()
    assert text[0] == "No: 1 of 4 requirements is not met.  (policy tier-1 v1, asked 2026-06-30 12:00 UTC)"
    assert text[1].startswith("[not met] Approved by the owner")
    assert text[2].strip().startswith("-> Ask the people")
