"""Which policy answers which question, and what is guarded."""

from typing import Any

import pytest

from modelops_platform.core.errors import InvalidInput
from modelops_platform.governance.defaults import default_policies
from modelops_platform.governance.domain.approvals import PEER_ROLES
from modelops_platform.governance.domain.decisions import Outcome, decide_under
from modelops_platform.governance.domain.facts import ACTIVATE, MODEL_KINDS, Action, DigestState, EnvironmentClass, Kind
from modelops_platform.governance.domain.policies import Question, SeatRole, is_guarded, select_policy
from modelops_platform.governance.domain.questionnaire import Tier
from modelops_platform.governance.domain.reading import read_policy
from modelops_platform.identity.domain import Role
from modelops_platform.registry.domain import kinds as registry
from tests.governance.factories import CHAMPION, approvals_of, good_facts, policy_document


def question(**changes: Any) -> Question:
    base: dict[str, Any] = {"tier": Tier.LOW, "kind": Kind.ML, "environment": None, "action": CHAMPION}
    return Question(**(base | changes))


def test_the_shipped_policies_ask_what_the_reference_says() -> None:
    rules = {policy.id: approvals_of(policy) for policy in default_policies()}
    assert {id: [str(role) for role in rule.roles] for id, rule in rules.items()} == {
        "tier-1": ["owner", "validator", "risk", "executive"],
        "tier-2": ["owner", "validator", "risk"],
        "tier-3": ["owner", "peer"],
        "tier-4": ["owner"],
    }
    assert {id: sorted(rule.never) for id, rule in rules.items()} == {
        "tier-1": ["author", "committers"],
        "tier-2": ["author", "committers"],
        "tier-3": ["author"],
        "tier-4": ["author"],
    }


def test_an_unknown_key_in_a_policy_is_refused_with_its_place() -> None:
    document = policy_document()
    document["requirements"][0]["max_age"] = 3
    with pytest.raises(InvalidInput, match=r"requirements\[0\]\.max_age is not a known key: 3"):
        read_policy(document)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"version": True}, "version"),
        ({"version": 0}, "version"),
        ({"id": "tier 1"}, "id"),
        ({"requirements": []}, "requirements"),
        ({"applies_to": {"actions": ["alias"]}}, "applies_to.actions[0]"),
        ({"applies_to": {"actions": ["alias:champion"], "kinds": ["magic"]}}, "applies_to.kinds[0]"),
        ({"applies_to": {"actions": ["alias:champion"], "tiers": [5]}}, "applies_to.tiers[0]"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_policy_with_a_wrong_value_is_refused(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_policy(policy_document(**changes))
    assert caught.value.details["field"] == field


def test_no_policy_lets_authors_approve_their_own_work() -> None:
    document = policy_document()
    document["requirements"][3]["never"] = ["committers"]
    with pytest.raises(InvalidInput, match="approve their own work"):
        read_policy(document)


@pytest.mark.parametrize(("tier", "id"), [(1, "tier-1"), (2, "tier-2"), (3, "tier-3"), (4, "tier-4"), (None, "tier-1")])
def test_the_tier_chooses_the_policy_and_none_counts_as_one(tier: int | None, id: str) -> None:
    chosen = select_policy(default_policies(), question(tier=tier and Tier(tier)))
    assert chosen is not None
    assert chosen.id == id


@pytest.mark.parametrize(
    ("changes", "guarded"),
    [
        ({}, True),
        ({"action": Action.alias("Champion")}, True),
        ({"action": Action.alias("production")}, True),
        ({"action": Action.stage("Production")}, True),
        ({"action": Action.stage("Staging")}, False),
        ({"action": Action.alias("challenger")}, False),
        ({"action": ACTIVATE, "environment": EnvironmentClass.PROTECTED}, True),
        ({"action": ACTIVATE, "environment": EnvironmentClass.OPEN}, False),
        ({"kind": Kind.PROMPT}, False),
    ],
)
def test_what_is_guarded_by_default(changes: dict[str, Any], guarded: bool) -> None:
    assert is_guarded(default_policies(), question(**changes)) is guarded
    assert is_guarded((), question(**changes)) is guarded


def test_a_prompt_is_guarded_only_where_a_policy_names_prompts() -> None:
    scope = {"actions": ["alias:champion"], "kinds": ["prompt"]}
    prompts = read_policy(policy_document(id="prompts", applies_to=scope))
    assert is_guarded([prompts], question(kind=Kind.PROMPT))
    assert select_policy([*default_policies(), prompts], question(kind=Kind.PROMPT)) == prompts


def test_the_narrowest_policy_answers_whatever_the_order() -> None:
    scope = {"actions": ["alias:champion"], "kinds": ["llm"]}
    narrow = read_policy(policy_document(id="llm-only", applies_to=scope))
    policies = [*default_policies(), narrow]
    for order in (policies, policies[::-1]):
        assert select_policy(order, question(kind=Kind.LLM)) == narrow
        chosen = select_policy(order, question(kind=Kind.ML))
        assert chosen is not None
        assert chosen.id == "tier-4"


def test_a_newer_version_takes_the_place_of_the_older() -> None:
    newer = read_policy(policy_document(version=2))
    assert select_policy([newer, *default_policies()], question(tier=Tier.CRITICAL)) == newer


def test_a_guarded_action_without_a_policy_is_refused() -> None:
    decision = decide_under([], good_facts())
    assert decision is not None
    assert decision.outcome is Outcome.DENY
    assert decision.sentence == "No: no policy covers alias:champion for tier 1."


def test_what_is_not_guarded_gets_no_decision() -> None:
    assert decide_under(default_policies(), good_facts(action=Action.alias("candidate"))) is None


def test_the_vocabularies_are_those_of_the_rooms_below() -> None:
    assert {str(kind) for kind in MODEL_KINDS} == {str(kind) for kind in registry.ModelKind} - {"prompt"}
    recorded = {str(state) for state in registry.DigestState} - {"damaged"}  # facts look at the files themselves
    assert recorded <= {str(state) for state in DigestState}
    assert {str(role) for role in SeatRole} - {"owner", "peer"} <= {str(role) for role in Role}
    assert {str(role) for role in Role} >= PEER_ROLES


@pytest.mark.parametrize("weight", ["advisory", None])
def test_no_policy_opens_what_is_guarded_to_somebody_alone(weight: str | None) -> None:
    document = policy_document()
    if weight is None:
        del document["requirements"][3]
    else:
        document["requirements"][3]["weight"] = weight
    with pytest.raises(InvalidInput, match="nobody else's approval") as caught:
        read_policy(document)
    assert caught.value.details["field"] == "requirements"
    document["applies_to"] = {"actions": ["alias:shadow"]}
    read_policy(document)
    document["applies_to"] = {"actions": ["deployment:activate"], "environments": ["open"]}
    read_policy(document)
