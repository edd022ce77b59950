"""Whose votes count, and for which seat."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelops_platform.governance.defaults import default_policies
from modelops_platform.governance.domain.approvals import count_votes, match, voting_roles, wanted_roles, why_not_vote
from modelops_platform.governance.domain.decisions import Status, decide
from modelops_platform.governance.domain.facts import Voter, digest_of_covered
from modelops_platform.governance.domain.policies import SeatRole
from tests.governance.factories import (
    COMPLIANCE,
    EVERYBODY,
    EXECUTIVE,
    NOW,
    OWNER,
    PEER,
    RISK,
    VALIDATOR,
    approvals_of,
    approvals_status,
    decide_default,
    good_facts,
    judgement_of,
    vote,
    voter,
)


@pytest.mark.parametrize(
    ("tier", "voters"),
    [(1, (OWNER, VALIDATOR, RISK, EXECUTIVE)), (2, (OWNER, VALIDATOR, RISK)), (3, (OWNER, PEER)), (4, (OWNER,))],
)
def test_each_tier_wants_its_people_and_all_of_them(tier: int, voters: tuple[Voter, ...]) -> None:
    votes = tuple(vote(by) for by in voters)
    assert approvals_status(good_facts(tier, votes=votes)) is Status.MET
    for missing in votes:
        assert approvals_status(good_facts(tier, votes=tuple(v for v in votes if v != missing))) is Status.NOT_MET


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, False),
        ({"people_affected": True}, True),
        ({"eu_class": "high_annex_iii"}, True),
        ({"people_affected": None}, True),
        ({"eu_class": None}, True),
    ],
)
def test_compliance_is_asked_when_people_are_affected_or_nobody_can_rule_it_out(
    changes: dict[str, Any], wanted: bool
) -> None:
    facts = good_facts(**changes)
    assert (SeatRole.COMPLIANCE in wanted_roles(approvals_of(default_policies()[0]), facts)) is wanted
    found = judgement_of(decide_default(facts), "approvals")
    assert found.status is (Status.NOT_MET if wanted else Status.MET)
    assert ("Compliance is asked because" in found.detail) is wanted
    assert approvals_status(replace(facts, votes=(*facts.votes, vote(COMPLIANCE)))) is Status.MET


def test_the_author_never_approves_and_the_unit_head_stands_in_for_an_authoring_owner() -> None:
    facts = good_facts(4, author="olga", votes=(vote(OWNER),))
    assert approvals_status(facts) is Status.NOT_MET
    head = voter("hugo", "unit_head")
    assert approvals_status(replace(facts, votes=(vote(OWNER), vote(head)))) is Status.MET
    assert approvals_status(good_facts(4, votes=(vote(head),))) is Status.NOT_MET


@pytest.mark.parametrize(("tier", "status"), [(1, "not_met"), (2, "not_met"), (3, "met"), (4, "met")])
def test_who_changed_the_version_does_not_approve_in_the_upper_tiers(tier: int, status: str) -> None:
    votes = tuple(vote(by) for by in EVERYBODY)
    facts = good_facts(tier, committers=frozenset({"olga"}), votes=votes)
    assert approvals_status(facts) == status


def test_the_validator_cannot_be_the_owner() -> None:
    both = voter("olga", "owner", "validator")
    head = voter("hugo", "unit_head")
    facts = good_facts(2, validator="olga", votes=(vote(both), vote(head), vote(RISK)))
    assert approvals_status(facts) is Status.NOT_MET


def test_nobody_counts_twice_in_two_roles() -> None:
    both = voter("rita", "risk", "executive")
    facts = good_facts(votes=(vote(OWNER), vote(VALIDATOR), vote(both)))
    found = judgement_of(decide_default(facts), "approvals")
    assert (found.status, sum(seat.is_filled for seat in found.seats)) == (Status.NOT_MET, 3)


def test_people_with_two_roles_are_seated_so_that_all_fit() -> None:
    """A greedy count gives the seat of risk to the first and leaves the second without one."""
    flexible = voter("a", "risk", "executive")
    facts = good_facts(votes=(vote(OWNER), vote(VALIDATOR), vote(flexible), vote(voter("b", "risk"))))
    assert approvals_status(facts) is Status.MET


def test_services_and_admins_fill_no_seat() -> None:
    machine = voter("bot", "owner", "validator", "risk", "executive", is_person=False)
    admin = voter("root", "admin")
    rule = approvals_of(default_policies()[0])
    for by in (machine, admin):
        count = count_votes(rule, default_policies()[0], good_facts(votes=(vote(by),)))
        assert not any(seat.is_filled for seat in count.seats)
    assert (
        approvals_status(good_facts(3, votes=(vote(OWNER), vote(voter("root", "admin", unit="it"))))) is Status.NOT_MET
    )


def test_a_peer_is_from_another_unit_than_the_author() -> None:
    colleague = voter("kim", "contributor", unit="credit")
    assert approvals_status(good_facts(3, votes=(vote(OWNER), vote(colleague)))) is Status.NOT_MET
    assert approvals_status(good_facts(3, author_unit=None, votes=(vote(OWNER), vote(PEER)))) is Status.NOT_MET
    reader = voter("lea", "viewer", unit="markets")
    assert approvals_status(good_facts(3, votes=(vote(OWNER), vote(reader)))) is Status.NOT_MET


COVERS = digest_of_covered({"purpose": "new", "kind": "ml"})


def test_the_digest_of_what_is_covered_follows_the_content_not_its_order() -> None:
    assert digest_of_covered({"kind": "ml", "purpose": "new"}) == COVERS
    assert digest_of_covered({"kind": "ml", "purpose": "newer"}) != COVERS
    assert approvals_status(good_facts(4, covers=COVERS, votes=(vote(OWNER, covers=COVERS),))) is Status.MET


@pytest.mark.parametrize(
    "changes",
    [{"digest": "0" * 64}, {"covers": digest_of_covered({"purpose": "old"})}, {"at": NOW + timedelta(seconds=1)}],
)
def test_a_vote_for_other_bytes_before_an_edit_or_from_the_future_is_void(changes: dict[str, Any]) -> None:
    facts = good_facts(4, covers=COVERS, votes=(vote(OWNER, **({"covers": COVERS} | changes)),))
    found = judgement_of(decide_default(facts), "approvals")
    assert found.status is Status.NOT_MET
    assert "1 vote does not count" in found.detail


def test_a_role_lost_later_does_not_undo_a_vote_and_a_role_won_later_does_not_improve_one() -> None:
    past_owner = vote(OWNER)
    facts = good_facts(4, owner="otto", votes=(past_owner,), people=())
    assert approvals_status(facts) is Status.MET
    early = vote(voter("otto", "contributor"))
    assert approvals_status(replace(facts, votes=(early,))) is Status.NOT_MET
    assert "owner" not in voting_roles("olga", frozenset({"contributor", "owner"}), facts)


def test_a_rejection_stands_until_the_same_person_approves() -> None:
    rejection = vote(RISK, "reject", at=NOW - timedelta(minutes=30))
    facts = good_facts()
    rejected = replace(facts, votes=(*facts.votes, rejection))
    assert approvals_status(rejected) is Status.NOT_MET
    assert "Rejected 30 June 2026 as risk." in judgement_of(decide_default(rejected), "approvals").detail
    again = vote(RISK, at=NOW - timedelta(minutes=10), id="vote-again")
    assert approvals_status(replace(rejected, votes=(*rejected.votes, again))) is Status.MET


def test_a_rejection_by_somebody_who_has_no_say_changes_nothing() -> None:
    for by in (voter("anna", "risk"), voter("lea", "viewer"), voter("bot", "risk", is_person=False)):
        facts = good_facts()
        assert approvals_status(replace(facts, votes=(*facts.votes, vote(by, "reject")))) is Status.MET


def test_without_a_recorded_author_nobody_can_tell_that_others_approved() -> None:
    assert approvals_status(good_facts(author=None)) is Status.UNKNOWN


def test_who_changed_the_policy_waits_a_day_before_approving_under_it() -> None:
    facts = good_facts(4, votes=(vote(OWNER),))
    policy = default_policies()[3]
    fresh = policy.published("olga", NOW - timedelta(hours=5))
    old = policy.published("olga", NOW - timedelta(hours=26))
    other = policy.published("mara", NOW)
    assert [decide(each, facts).is_allowed for each in (policy, fresh, old, other)] == [True, False, True, True]
    assert "24 hours" in str(why_not_vote(fresh, facts, OWNER))


def test_a_named_validator_is_the_only_one() -> None:
    facts = good_facts()
    assert "validator" not in voting_roles("max", frozenset({"validator"}), facts)
    assert "validator" in voting_roles("vera", frozenset({"validator"}), facts)
    assert "validator" not in voting_roles("vera", frozenset({"contributor"}), facts)  # who edits the record names her
    assert "validator" in voting_roles("max", frozenset({"validator"}), replace(facts, validator=None))
    assert voting_roles("hugo", frozenset({"contributor"}), facts) == {"contributor", "unit_head"}


@pytest.mark.parametrize(
    ("by", "reason"),
    [
        (RISK, None),
        (voter("anna", "risk"), "You made this version"),
        (voter("carl", "risk"), "You changed this version"),
        (voter("bot", "risk", is_person=False), "Only people approve"),
        (voter("root", "admin"), "none of the roles"),
    ],
)
def test_a_refused_vote_says_why(by: Voter, reason: str | None) -> None:
    found = why_not_vote(default_policies()[0], good_facts(), by)
    assert found is None if reason is None else reason in str(found)


@settings(deadline=None)
@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.lists(st.integers(0, 4), unique=True), max_size=6))
def test_matching_is_one_to_one_and_as_large_as_possible(options: dict[str, list[int]]) -> None:
    taken = match(options)
    assert len(set(taken.values())) == len(taken)
    assert all(seat in options[person] for seat, person in taken.items())
    assert len(taken) == largest(list(options.values()))


def largest(options: list[list[int]]) -> int:
    """The size of the largest matching, by trying everything."""

    def best(position: int, used: frozenset[int]) -> int:
        if position == len(options):
            return 0
        free = [1 + best(position + 1, used | {seat}) for seat in options[position] if seat not in used]
        return max([best(position + 1, used), *free])

    return best(0, frozenset())
