"""What holds for any facts at all."""

import json
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelops_platform.artifacts.domain import Verdict
from modelops_platform.governance.defaults import default_policies
from modelops_platform.governance.domain.decisions import Decision, Status, decide
from modelops_platform.governance.domain.facts import (
    ACTIVATE,
    Action,
    DigestState,
    EnvironmentClass,
    Facts,
    Kind,
    Scan,
    TierFact,
    Verb,
    Vote,
    VoteAnswer,
    Voter,
)
from modelops_platform.governance.domain.policies import Policy
from modelops_platform.governance.domain.questionnaire import Tier
from tests.governance.factories import CHAMPION, DIGEST, NOW, judgement_of

people = st.sampled_from(["anna", "carl", "olga", "vera", "rita", "emil", "hugo", "bot"])
roles = st.frozensets(
    st.sampled_from(["owner", "unit_head", "validator", "risk", "compliance", "executive", "contributor", "admin"])
)
units = st.none() | st.sampled_from(["credit", "markets"])
voters = st.builds(Voter, people, roles, units, st.booleans())
times = st.datetimes(
    datetime(2026, 6, 28),  # noqa: DTZ001 - the strategy adds the zone
    datetime(2026, 7, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
digests = st.none() | st.sampled_from([DIGEST, "0" * 64, ""])
covers = st.sampled_from(["", "before", "after"])
votes = st.builds(Vote, st.uuids().map(str), voters, times, digests, st.sampled_from(VoteAnswer), covers)
ever = st.datetimes(timezones=st.just(UTC))
tiers = st.builds(TierFact, st.sampled_from(Tier), st.text(max_size=5), ever, st.text(max_size=5), st.text(max_size=5))
scans = st.builds(Scan, st.text(max_size=5), st.sampled_from(Verdict), st.text(max_size=5), ever, st.none() | st.text())
any_facts = st.builds(
    Facts,
    model_id=st.text(max_size=5),
    version_id=st.text(max_size=5),
    kind=st.sampled_from(Kind),
    action=st.sampled_from([CHAMPION, ACTIVATE, Action.stage("Production"), Action(Verb.ALIAS, "x")]),
    environment=st.none() | st.sampled_from(EnvironmentClass),
    now=st.just(NOW) | ever,
    digest=digests,
    digest_state=st.none() | st.sampled_from(DigestState),
    digest_checked_at=st.none() | ever,
    file_count=st.none() | st.integers(-2, 4),
    scans=st.lists(scans, max_size=3).map(tuple),
    tier=st.none() | tiers,
    eu_class=st.none() | st.text(max_size=5) | st.just("high_annex_iii"),
    people_affected=st.none() | st.booleans(),
    author=st.none() | people,
    author_unit=units,
    committers=st.frozensets(people, max_size=3),
    owner=st.none() | people,
    validator=st.none() | people,
    unit_head=st.none() | people,
    votes=st.lists(votes, max_size=6).map(tuple),
    people=st.lists(voters, max_size=4).map(tuple),
    covers=covers,
)
policies = st.sampled_from(default_policies()) | st.builds(
    lambda policy, by, at: policy.published(by, at), st.sampled_from(default_policies()), people, ever
)
many = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@many
@given(st.none() | policies, any_facts)
def test_decide_is_total_and_its_answer_follows_from_its_judgements(policy: Policy | None, facts: Facts) -> None:
    decision = decide(policy, facts)
    assert decision.is_allowed is (policy is not None and not decision.unmet)
    assert Decision.from_dict(json.loads(json.dumps(decision.to_dict()))) == decision
    assert decision.sentence.startswith("Yes" if decision.is_allowed else "No")
    assert decision.as_text()
    if policy is not None:
        assert [item.requirement_id for item in decision.judgements] == [item.id for item in policy.requirements]
    for item in decision.judgements:
        assert item.detail
        assert (item.remedy is not None) is (item.status in {Status.NOT_MET, Status.UNKNOWN})


@many
@given(policies, any_facts, votes, st.integers(0, 6))
def test_one_more_approval_never_turns_met_into_unmet(policy: Policy, facts: Facts, extra: Vote, place: int) -> None:
    approval = replace(extra, answer=VoteAnswer.APPROVE)
    before = decide(policy, facts)
    more = replace(facts, votes=(*facts.votes[:place], approval, *facts.votes[place:]))
    after = decide(policy, more)
    if before.is_allowed:
        assert after.is_allowed
    for earlier, later in zip(before.judgements, after.judgements, strict=True):
        assert sum(seat.is_filled for seat in earlier.seats) <= sum(seat.is_filled for seat in later.seats)


@many
@given(policies, any_facts)
def test_filled_seats_hold_different_people_who_are_neither_author_nor_machines(policy: Policy, facts: Facts) -> None:
    seats = judgement_of(decide(policy, facts), "approvals").seats
    seated = [seat.voter_id for seat in seats if seat.is_filled]
    assert len(set(seated)) == len(seated)
    assert facts.author not in seated or facts.author is None
    ids = {seat.vote_id for seat in seats if seat.is_filled}
    given_votes = [each for each in facts.votes if each.id in ids]
    assert all(each.voter.is_person and each.digest == facts.digest for each in given_votes)
