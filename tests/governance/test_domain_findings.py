"""Rules of findings and exceptions: who may, what follows, and how long; without a database."""

from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelops_platform.governance.defaults import default_policies, evidence_rules, exception_rules, finding_rules
from modelops_platform.governance.domain.approvals import count_votes
from modelops_platform.governance.domain.evidence import EvidenceRules
from modelops_platform.governance.domain.exceptions import (
    Approver,
    Decider,
    WaiverCase,
    WaiverState,
    fill_seats,
    waiver_state,
    why_not_decide,
    why_not_support,
)
from modelops_platform.governance.domain.findings import (
    ENDED,
    STEPS,
    Case,
    FindingState,
    Function,
    Person,
    Verb,
    next_state,
    why_not,
)
from modelops_platform.governance.domain.known import FindingFact, Severity
from modelops_platform.governance.domain.questionnaire import Tier
from modelops_platform.governance.service.deadlines import due_steps

from .factories import EVERYBODY, NOW, approvals_of, good_facts, vote, voter

CASE = Case(
    FindingState.READY_FOR_REVIEW, Function.RISK, "rita", "olga", frozenset({"olga", "dora"}), remedied_by="dora"
)
PEOPLE = {
    "raiser": Person("rita", {"risk"}),
    "peer": Person("rob", {"risk"}),
    "owner": Person("olga", {"contributor", "risk"}),
    "developer": Person("dora", {"contributor", "risk"}),
    "validator": Person("vera", {"validator"}),
    "admin": Person("adam", {"admin"}),
    "program": Person("ci", {"risk"}, is_person=False),
}
ALLOWED = {  # verb -> state in which it is asked, and who may
    Verb.OPEN: (FindingState.DRAFT, {"raiser", "peer"}),
    Verb.ACCEPT: (FindingState.OPEN, {"owner", "developer"}),
    Verb.START: (FindingState.ACCEPTED, {"owner", "developer"}),
    Verb.SUBMIT: (FindingState.IN_REMEDIATION, {"owner", "developer"}),
    Verb.CLOSE: (FindingState.READY_FOR_REVIEW, {"raiser", "peer"}),
    Verb.SEND_BACK: (FindingState.READY_FOR_REVIEW, {"raiser", "peer"}),
    Verb.REJECT: (FindingState.OPEN, {"peer"}),
    Verb.SUPERSEDE: (FindingState.OPEN, {"raiser", "peer"}),
    Verb.RATE: (FindingState.OPEN, {"raiser", "peer"}),
    Verb.MOVE_DUE: (FindingState.OPEN, {"raiser", "peer", "owner", "developer"}),
    Verb.ANSWER_MOVE: (FindingState.OPEN, {"raiser", "peer"}),
}


@pytest.mark.parametrize(("verb", "who"), list(product(Verb, PEOPLE)))
def test_who_may_do_what_with_a_finding(verb: Verb, who: str) -> None:
    state, allowed = ALLOWED[verb]
    case = Case(state, CASE.function, CASE.raised_by, CASE.owner, CASE.answerable, CASE.remedied_by)
    assert (why_not(verb, case, PEOPLE[who]) is None) is (who in allowed)


def test_who_asked_for_a_date_does_not_agree_to_it() -> None:
    case = Case(FindingState.OPEN, Function.RISK, "rita", "olga", move_asked_by="rob")
    assert why_not(Verb.ANSWER_MOVE, case, PEOPLE["peer"])
    assert why_not(Verb.ANSWER_MOVE, case, PEOPLE["raiser"]) is None


@given(
    st.sampled_from(FindingState),
    st.sampled_from(Function),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["a", "b", "c"]),
    st.frozensets(st.sampled_from(["a", "b", "c"])),
    st.none() | st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["a", "b", "c"]),
    st.frozensets(st.sampled_from(["risk", "validator", "compliance", "admin", "contributor", "executive"])),
)
def test_nobody_closes_what_they_own_or_remedied(
    state: FindingState,
    function: Function,
    raised_by: str,
    owner: str,
    answerable: frozenset[str],
    remedied_by: str | None,
    who: str,
    roles: frozenset[str],
) -> None:
    case = Case(state, function, raised_by, owner, answerable, remedied_by)
    if why_not(Verb.CLOSE, case, Person(who, roles)) is None:
        assert who not in {owner, remedied_by, *answerable}
        assert function in roles
        assert state is FindingState.READY_FOR_REVIEW


def test_what_has_ended_goes_nowhere_and_every_state_is_reached() -> None:
    assert all(next_state(verb, state) is None for verb in Verb for state in ENDED)
    reached = {target for _sources, target in STEPS.values() if target}
    assert reached == set(FindingState) - {FindingState.DRAFT, FindingState.RISK_ACCEPTED}


@given(st.lists(st.tuples(st.sampled_from(Severity), st.booleans()), max_size=8))
def test_many_of_a_severity_count_as_worse_and_never_as_better(found: list[tuple[Severity, bool]]) -> None:
    facts = [
        FindingFact(str(n), "x", severity, "open" if is_open else "closed", is_open, None)
        for n, (severity, is_open) in enumerate(found)
    ]
    weighed = finding_rules().weigh(facts)
    worst_first = list(Severity)
    mediums = sum(fact.is_open and fact.severity is Severity.MEDIUM for fact in facts)
    for before, after in zip(facts, weighed, strict=True):
        assert worst_first.index(after.severity) <= worst_first.index(before.severity)
        assert (after.severity is not before.severity) is (
            mediums >= 3 and before.severity is Severity.MEDIUM and before.is_open
        )


def test_a_finding_is_due_when_its_severity_says_so() -> None:
    raised = date(2026, 1, 1)
    due = {severity: (finding_rules().due(severity, raised) - raised).days for severity in Severity}
    assert due == {"critical": 30, "high": 90, "medium": 180, "low": 365}
    late = finding_rules().late_steps
    assert [list(late(Severity.HIGH, raised, raised + timedelta(days=days))) for days in (-1, 0, 29, 30)] == [
        [],
        [0],
        [0],
        [0, 30],
    ]
    critical_due = raised + timedelta(days=30)
    assert list(late(Severity.CRITICAL, critical_due, raised + timedelta(days=1))) == [-29]  # told on the first day


MOMENTS = st.integers(0, 500 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@given(st.sampled_from(WaiverState), st.none() | MOMENTS, st.none() | MOMENTS, MOMENTS)
def test_a_waiver_is_active_only_within_its_time(
    stored: WaiverState, from_at: datetime | None, to_at: datetime | None, now: datetime
) -> None:
    state = waiver_state(stored, from_at, to_at, now)
    if stored is WaiverState.APPROVED and state is WaiverState.ACTIVE:
        assert from_at is not None
        assert to_at is not None
        assert from_at <= now < to_at
    if stored is WaiverState.APPROVED and to_at is not None and from_at is not None and now >= max(from_at, to_at):
        assert state is WaiverState.EXPIRED


@given(st.sampled_from(Tier), MOMENTS)
def test_no_waiver_is_longer_than_its_tier_allows(tier: Tier, begin: datetime) -> None:
    end = exception_rules().latest_end(tier, begin)
    assert end - begin == timedelta(days={1: 90, 2: 180, 3: 365, 4: 365}[tier])
    assert exception_rules().latest_end(None, begin) - begin == timedelta(days=90)
    assert list(exception_rules().notices_due(end, end)) == []
    assert list(exception_rules().notices_due(end, end - timedelta(days=2))) == [30, 14, 3]


WAIVER = WaiverCase("anna", frozenset({"dora"}), "olga")


@pytest.mark.parametrize(
    ("who", "roles", "seats", "may"),
    [
        ("rita", {"risk"}, (Approver.RISK,), True),
        ("anna", {"risk"}, (Approver.RISK,), False),  # who asks
        ("dora", {"risk"}, (Approver.RISK,), False),  # who made it
        ("adam", {"admin"}, (Approver.RISK, Approver.EXECUTIVE), False),
        ("olga", {"owner"}, (Approver.OWNER,), True),
        ("hugo", {"unit_head"}, (Approver.OWNER,), False),  # the owner can
    ],
)
def test_who_decides_about_a_waiver(who: str, roles: set[str], seats: tuple[Approver, ...], may: bool) -> None:
    assert (why_not_decide(seats, Decider(who, roles), WAIVER) is None) is may
    assert why_not_decide(seats, Decider(who, roles, is_person=False), WAIVER)


def test_where_the_owner_asks_the_head_of_the_unit_decides() -> None:
    case = WaiverCase("olga", frozenset(), "olga")
    assert why_not_decide((Approver.OWNER,), Decider("olga", {"owner"}), case)
    assert why_not_decide((Approver.OWNER,), Decider("hugo", {"unit_head"}), case) is None


def test_nobody_fills_two_seats_of_a_waiver() -> None:
    seats = (Approver.OWNER, Approver.RISK)
    both = Decider("olga", {"owner", "risk"})
    assert len(fill_seats(seats, [both], WAIVER)) == 1
    assert len(fill_seats(seats, [both, Decider("rita", {"risk"})], WAIVER)) == 2


def test_nobody_opens_an_emergency_alone() -> None:
    assert why_not_support(Decider("anna", {"risk", "executive", "admin", "owner"}), WAIVER)
    assert why_not_support(Decider("adam", {"admin"}), WAIVER)
    assert why_not_support(Decider("rita", {"risk"}), WAIVER) is None


def test_the_password_is_asked_for_again_after_five_minutes_of_the_strict_tiers() -> None:
    rules: EvidenceRules = evidence_rules()
    fresh, old = NOW - timedelta(minutes=4), NOW - timedelta(minutes=6)
    table = [(tier, rules.needs_password(tier, at, NOW)) for tier in (None, *Tier) for at in (fresh, old)]
    assert [needed for _tier, needed in table] == [False, True, False, True, False, True, False, False, False, False]
    assert not rules.needs_password(Tier.CRITICAL, None, NOW)  # no password to ask for


def test_the_steps_of_a_request_come_in_order_also_when_it_is_short() -> None:
    hour = timedelta(hours=1)
    assert due_steps(NOW, NOW + 10 * hour, NOW + 4 * hour) == []
    assert due_steps(NOW, NOW + 10 * hour, NOW + 5 * hour) == ["half", "day"]
    assert due_steps(NOW, NOW + 10 * hour, NOW + 10 * hour) == ["half", "day", "due"]


# ---- delegates -----------------------------------------------------------------------------------------------------

PAIRS = st.lists(
    st.tuples(
        st.sampled_from(EVERYBODY),
        st.none() | st.sampled_from(EVERYBODY),
        st.sampled_from(["approve", "reject"]),
        st.integers(1, 500),
    ),
    max_size=9,
)


@given(PAIRS)
def test_no_person_counts_twice_by_their_own_right_or_by_a_delegated_one(drawn: list[tuple[object, ...]]) -> None:
    policy = default_policies()[0]
    votes = []
    for number, (by, holder, answer, minutes) in enumerate(drawn):
        right = holder or by
        acting = voter(by.id, *right.roles, unit=right.unit_id)  # type: ignore[attr-defined]
        votes.append(
            vote(
                acting,
                str(answer),
                id=f"v{number}",
                at=NOW - timedelta(minutes=int(str(minutes))),
                holder=holder.id if holder and holder is not by else None,  # type: ignore[attr-defined]
            )
        )
    count = count_votes(approvals_of(policy), policy, good_facts(votes=tuple(votes)))
    used = [id for seat in count.seats for id in (seat.voter_id, seat.holder_id) if id]
    assert len(used) == len(set(used))
    rejecting = {rejection.voter.id for rejection in count.rejections}
    assert not rejecting & {seat.voter_id for seat in count.seats}


def test_neither_the_author_nor_a_delegate_of_the_author_fills_a_seat() -> None:
    policy = default_policies()[0]
    by_author = vote(voter("anna", "risk"), holder="rita")
    for_author = vote(voter("emil", "risk"), holder="anna")
    for one in (by_author, for_author):
        count = count_votes(approvals_of(policy), policy, good_facts(votes=(one,)))
        assert not any(seat.is_filled for seat in count.seats)


def test_a_validator_in_the_place_of_another_is_not_the_owner() -> None:
    policy = default_policies()[0]
    owner_for_validator = vote(voter("olga", "validator"), holder="vera")
    count = count_votes(approvals_of(policy), policy, good_facts(votes=(owner_for_validator,)))
    assert not any(seat.is_filled for seat in count.seats)
