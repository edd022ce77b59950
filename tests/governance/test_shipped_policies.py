"""What is shipped demands what the reference says, can be met, and misses nothing that is taken away."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from importlib import resources
from typing import Any

import pytest

from modelops_platform.governance.domain.decisions import decide
from modelops_platform.governance.domain.facts import Facts
from modelops_platform.governance.domain.known import CardFact, EvidenceKind, LineageFact, Opinion, ValidationFact
from modelops_platform.governance.domain.policies import Policy, Weight
from modelops_platform.governance.domain.reading import read_policy_text
from modelops_platform.monitoring.domain.lights import Light
from tests.governance.factories import COMPLIANCE, DIGEST, NOW, PEER, good_facts, vote
from tests.governance.test_domain_checks import auc, evidence, monitor, result

FOLDER = resources.files("modelops_platform.governance") / "data" / "policies"
SHIPPED = {tier: read_policy_text((FOLDER / f"tier-{tier}.yaml").read_text("utf-8")) for tier in (1, 2, 3, 4)}
ATTESTED = ("explainability review", "security review", "rollback drill")


def complete(tier: int, **changes: Any) -> Facts:
    """Facts of a version that has everything that its tier asks for."""
    roles = frozenset({"risk", "owner"})
    facts = good_facts(
        tier,
        people_affected=True,
        metrics=(auc(0.84),),
        card=CardFact(Fraction(96, 100), (), "d"),
        lineage=LineageFact("run-1", None, None, None, has_parameters=True, has_environment=True),
        tests=(result(suite=f"tier-{tier}"),),
        validation=ValidationFact("v1", "vera", Opinion.FIT, DIGEST, "", NOW - timedelta(days=30)),
        findings=(),
        evidence=(
            *(evidence(EvidenceKind.ATTESTATION, name=name, by="rita", roles=roles) for name in ATTESTED),
            evidence(EvidenceKind.SIGNATURE, name="Release"),
        ),
        monitors=tuple(monitor(Light.NO_DATA, measures) for measures in ("data_quality", "drift", "quality", "bias")),
    )
    return replace(facts, votes=(*facts.votes, vote(COMPLIANCE), vote(PEER)), **changes)


@pytest.mark.parametrize("tier", SHIPPED)
def test_whoever_has_everything_may_go(tier: int) -> None:
    decision = decide(SHIPPED[tier], complete(tier))
    assert decision.is_allowed, decision.as_text()


@pytest.mark.parametrize("tier", SHIPPED)
def test_a_version_about_which_nothing_is_known_misses_everything_required(tier: int) -> None:
    policy: Policy = SHIPPED[tier]
    empty = Facts("model-1", "version-1", good_facts().kind, good_facts().action, None, NOW)
    unmet = {judgement.requirement_id for judgement in decide(policy, empty).unmet}
    sometimes = {"review-generative"}  # not of this kind
    assert unmet == {one.id for one in policy.requirements if one.weight is Weight.REQUIRED} - sometimes


LACKING: list[tuple[str, dict[str, Any], set[int]]] = [
    ("artifact-signed", {"evidence": ()}, {1, 2}),
    ("lineage", {"lineage": LineageFact(None, None, None, None, has_parameters=True, has_environment=True)}, {1, 2, 3}),
    ("card-complete", {"card": CardFact(Fraction(49, 100), (), "d")}, {1, 2, 3, 4}),
    ("tests", {"tests": ()}, {1, 2, 3}),
    ("performance", {"metrics": ()}, {4}),
    ("validated", {"validation": None}, {1, 2, 3}),
    ("monitored", {"monitors": ()}, {1, 2, 3}),
    ("bias-watched", {"monitors": ()}, {1, 2}),
    ("security-review", {"evidence": ()}, {1, 2}),
    ("rollback-drill", {"evidence": ()}, {1}),
    ("approvals", {"votes": ()}, {1, 2, 3, 4}),
    ("tier-assessed", {"tier": None}, {1, 2, 3, 4}),
    ("test-report", {"file_count": 0}, {1, 2, 3}),
]


@pytest.mark.parametrize(("requirement", "lacking", "tiers"), LACKING)
def test_what_is_taken_away_is_missed_in_the_tiers_that_ask_for_it(
    requirement: str, lacking: dict[str, Any], tiers: set[int]
) -> None:
    def misses(tier: int) -> bool:
        facts = replace(complete(tier), **lacking)
        return requirement in {judgement.requirement_id for judgement in decide(SHIPPED[tier], facts).unmet}

    assert {tier for tier in SHIPPED if misses(tier)} == tiers


def test_approvals_and_ages_are_those_of_the_reference() -> None:
    asked = {tier: {one.id: one.check for one in policy.requirements} for tier, policy in SHIPPED.items()}
    percents = [getattr(asked[tier]["card-complete"], "at_least_percent", None) for tier in SHIPPED]
    ages = [getattr(asked[tier].get("tests"), "max_age_days", None) for tier in SHIPPED]
    months = [getattr(asked[tier].get("validated"), "max_age_months", None) for tier in SHIPPED]
    reviews = [getattr(asked[tier]["review-current"], "max_age_months", None) for tier in SHIPPED]
    assert (percents, ages, months, reviews) == (
        [95, 90, 75, 50],
        [90, 90, 180, None],
        [12, 18, 24, None],
        [12, 18, 24, 36],
    )
    assert all(policy.source and policy.checked for policy in SHIPPED.values())
