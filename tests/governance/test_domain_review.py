"""A low tier counts when somebody independent says so; until then the model is judged as tier 1."""

from dataclasses import replace

import pytest

from modelops_platform.governance.domain.decisions import Decision, LinkKind, Status
from modelops_platform.governance.domain.questionnaire import Tier
from modelops_platform.governance.domain.review import counts, why_not_review

from .factories import decide_default, good_facts, tier_fact

INVOLVED = frozenset({"anna", "olga"})


@pytest.mark.parametrize(
    ("tier", "reviewed_by", "is_in_force"),
    [(1, None, True), (1, "anna", True), (2, None, False), (4, "anna", False), (4, "rita", True)],
)
def test_tier_one_counts_at_once_and_lower_ones_by_an_independent_word(
    tier: int, reviewed_by: str | None, is_in_force: bool
) -> None:
    assert counts(Tier(tier), reviewed_by, INVOLVED) is is_in_force


@pytest.mark.parametrize(
    ("person", "roles", "is_person", "why"),
    [
        ("rita", {"risk"}, True, None),
        ("vera", {"validator", "viewer"}, True, None),
        ("anna", {"risk"}, True, "You own this model"),
        ("paul", {"contributor", "executive"}, True, "none of the roles"),
        ("robot", {"risk"}, False, "Only people"),
    ],
)
def test_who_may_confirm(person: str, roles: set[str], is_person: bool, why: str | None) -> None:
    said = why_not_review(person, roles, INVOLVED, is_person=is_person)
    assert said is None if why is None else why in str(said)


@pytest.mark.parametrize("reviewed_by", [None, "olga", "anna", "carl"])
def test_a_proposal_is_judged_as_tier_one_and_says_who_can_help(reviewed_by: str | None) -> None:
    """Nobody, the owner, the author and a committer have the same word: none."""
    proposed = replace(tier_fact(4), reviewed_by=reviewed_by)
    decision = decide_default(replace(good_facts(), tier=proposed))
    assert (decision.tier, decision.tier_is_assumed, decision.proposed_tier) == (Tier.CRITICAL, True, Tier(4))
    assert decision.policy_id == "tier-1"
    assert "Tier 4 is proposed and not confirmed, so it is judged as tier 1." in decision.sentence
    [judged] = [judgement for judgement in decision.judgements if judgement.check == "tier_assessed"]
    assert judged.status is Status.NOT_MET
    assert judged.remedy is not None
    assert judged.remedy.link is LinkKind.CONFIRM_TIER
    assert "admin, compliance, risk, validator" in judged.remedy.text
    assert Decision.from_dict(decision.to_dict()) == decision


def test_a_confirmed_tier_chooses_its_own_policy() -> None:
    decision = decide_default(replace(good_facts(), tier=tier_fact(4)))
    assert (decision.tier, decision.tier_is_assumed, decision.proposed_tier) == (Tier(4), False, None)
    assert decision.policy_id != "tier-1"
