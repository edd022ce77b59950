"""Who may approve, whose votes stand, and which seats they fill.

An approval wants one person for each of several *seats*. Somebody with two roles can take either seat and never
both, so people are assigned to seats by a maximum matching. Votes carry the roles of the moment they were given:
losing a role later does not undo them, and no later role improves them. Whoever votes in somebody's place speaks with
that person's roles, and both count once.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from .citable import Known
from .conditions import FactIn, FactValue, FactWithin, holds, leaves
from .facts import Facts, Vote, VoteAnswer, Voter
from .policies import Approvals, Barred, ConditionalSeat, Policy, SeatRole

UNIT_HEAD = "unit_head"
PEER_ROLES = frozenset({"contributor", "validator", "risk", "compliance", "executive"})
PAUSE_AFTER_POLICY_CHANGE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Seat:
    """One approval that is wanted: filled by a vote, or open to candidates."""

    role: SeatRole
    voter_id: str | None
    vote_id: str | None
    voted_at: datetime | None
    candidates: tuple[str, ...]
    holder_id: str | None = None  # in whose place

    @property
    def is_filled(self) -> bool:
        """Tell whether somebody has approved in this role."""
        return self.voter_id is not None


@dataclass(frozen=True, slots=True)
class Count:
    """How the votes stand."""

    seats: tuple[Seat, ...]
    rejections: tuple[Vote, ...]
    void: int

    @property
    def is_met(self) -> bool:
        """Tell whether every seat is filled and nobody's rejection stands."""
        return not self.rejections and all(seat.is_filled for seat in self.seats)


def voting_roles(person_id: str, granted: AbstractSet[str], facts: Facts) -> frozenset[str]:
    """Name the roles in which a person votes now: those granted, and owner, validator, unit head of this model.

    Whoever edits the record names its validator, so being named is not enough: the role must have been granted, too.
    Where a validator is named, the role granted to others fills no seat.
    """
    roles = set(granted) - {SeatRole.OWNER.value, SeatRole.VALIDATOR.value, UNIT_HEAD}
    if person_id == facts.owner:
        roles.add(SeatRole.OWNER.value)
    if person_id == facts.unit_head:
        roles.add(UNIT_HEAD)
    named = facts.validator
    if SeatRole.VALIDATOR.value in granted and named in (None, person_id):
        roles.add(SeatRole.VALIDATOR.value)
    return frozenset(roles)


def why_not_vote(policy: Policy, facts: Facts, voter: Voter, *, holder: str | None = None) -> str | None:
    """Say in words why somebody's vote would not count now, by their own right or the holder's; None when it would."""
    rules = [requirement.check for requirement in policy.requirements if isinstance(requirement.check, Approvals)]
    if not rules:
        return f"The policy {policy.title} asks for no approvals."
    reasons = [_why_no_seat(rule, policy, facts, voter, holder) for rule in rules]
    return None if None in reasons else reasons[0]


def count_votes(rule: Approvals, policy: Policy, facts: Facts) -> Count:
    """Count the votes under a rule: fill seats, find standing rejections, and who could take what is open."""
    roles = wanted_roles(rule, facts)
    valid = [vote for vote in facts.votes if _is_valid(vote, policy, facts)]
    approvals: dict[str, list[Vote]] = {}
    rejections: list[Vote] = []
    for person, votes in _by_person(valid).items():
        standing, rejected = _standing(votes)
        rejected = [vote for vote in rejected if any(_fits(role, vote, rule, facts) for role in roles)]
        if rejected:
            rejections.extend(rejected)
        elif standing:
            approvals[person] = [vote for vote in standing if _may_count(vote, rule, facts)]
    options = {
        person: {
            position: min(fitting, key=lambda vote: (vote.at, vote.id))
            for position, role in enumerate(roles)
            if (fitting := [vote for vote in votes if _fills(role, vote, rule, facts)])
        }
        for person, votes in approvals.items()
    }
    taken = match({person: list(seats) for person, seats in options.items()})
    spoken = {id for seat, person in taken.items() for id in (person, options[person][seat].holder) if id}
    seats = tuple(
        _filled(role, options[taken[position]][position])
        if position in taken
        else _open(role, rule, policy, facts, without=spoken)
        for position, role in enumerate(roles)
    )
    void = sum(vote.voter.is_person for vote in facts.votes) - len(valid)
    return Count(seats, tuple(rejections), void)


def wanted_roles(rule: Approvals, facts: Facts) -> tuple[SeatRole, ...]:
    """List the roles whose approval is wanted; a condition that nobody can rule out counts as true."""
    known = _known(facts)
    return (*rule.roles, *(seat.role for seat in rule.also if holds(seat.when, {}, known) is not False))


def why_wanted(seat: ConditionalSeat, facts: Facts) -> str:
    """Say in words why a role that is not always wanted is wanted here."""
    known = _known(facts)
    reasons = []
    for leaf in leaves(seat.when):
        if isinstance(leaf, FactIn | FactWithin) and holds(leaf, {}, known) is not False:
            value = known[leaf.fact]
            name = leaf.fact.replace("_", " ")
            reasons.append(f"nobody recorded {name}" if value is None else f"{name} is {_word(value)}")
    return " and ".join(dict.fromkeys(reasons))


def owner_is_barred(rule: Approvals, facts: Facts) -> bool:
    """Tell whether the owner made or changed the version, so that the head of the unit approves in their place."""
    return facts.owner is not None and _barred(facts.owner, rule, facts)


def match(options: Mapping[str, list[int]]) -> dict[int, str]:
    """Assign people to as many seats as possible, each to one (Kuhn's augmenting paths); return seat -> person."""
    taken: dict[int, str] = {}

    def place(person: str, tried: set[int]) -> bool:
        for seat in options[person]:
            if seat in tried:
                continue
            tried.add(seat)
            if seat not in taken or place(taken[seat], tried):
                taken[seat] = person
                return True
        return False

    for person in options:
        place(person, set())
    return taken


def _known(facts: Facts) -> Known:
    """Name what the conditions of a policy may ask."""
    return Known(facts)


def _word(value: FactValue) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _is_valid(vote: Vote, policy: Policy, facts: Facts) -> bool:
    """Tell whether a vote is by a person, about these very files and words, and already given."""
    return (
        vote.voter.is_person
        and vote.digest == facts.digest
        and vote.at <= facts.now
        and vote.covers == facts.covers
        and not _paused((vote.voter.id, vote.holder), vote.at, policy)
    )


def _by_person(votes: Sequence[Vote]) -> Mapping[str, list[Vote]]:
    """Return each person's votes, so that nobody counts twice, neither by their own right nor by a delegated one.

    A right is used once: its holder's own word stands above that of a delegate, and the last delegate's above the
    others'. Whose right somebody else uses speaks by no delegated right either.
    """
    last_user: dict[str, Vote] = {}
    for vote in votes:
        if vote.holder is not None and _is_later(vote, last_user.get(vote.holder)):
            last_user[vote.holder] = vote
    own = {vote.voter.id for vote in votes if vote.holder is None}
    used = {holder: vote.voter.id for holder, vote in last_user.items() if holder not in own}
    found: dict[str, list[Vote]] = {}
    for vote in sorted(votes, key=lambda vote: vote.voter.id):
        user = vote.voter.id
        if vote.holder is None or (used.get(vote.holder) == user and user not in used):
            found.setdefault(user, []).append(vote)
    return found


def _standing(votes: Sequence[Vote]) -> tuple[list[Vote], list[Vote]]:
    """Return a person's approvals that stand, and rejections that they took back in no later vote by the same right."""
    approvals: list[Vote] = []
    rejections: list[Vote] = []
    for holder in {vote.holder: None for vote in votes}:
        mine = [vote for vote in votes if vote.holder == holder]
        rejection = _last(vote for vote in mine if vote.answer is VoteAnswer.REJECT)
        later = [vote for vote in mine if _approves_after(vote, rejection)]
        approvals += later
        if rejection is not None and not later:
            rejections.append(rejection)
    return approvals, rejections


def _is_later(vote: Vote, than: Vote | None) -> bool:
    return than is None or (vote.at, vote.id) > (than.at, than.id)


def _fits(role: SeatRole, vote: Vote, rule: Approvals, facts: Facts) -> bool:
    """Tell whether a vote counts, and fills this seat."""
    return _may_count(vote, rule, facts) and _fills(role, vote, rule, facts)


def _may_count(vote: Vote, rule: Approvals, facts: Facts) -> bool:
    """Tell whether a vote counts in any seat; in somebody's place, neither that person nor the voter may be barred."""
    return _may_approve(vote.voter, rule, facts) and not (vote.holder and _barred(vote.holder, rule, facts))


def _fills(role: SeatRole, vote: Vote, rule: Approvals, facts: Facts) -> bool:
    """Tell whether a vote that counts fills this seat; nobody is a peer or, for an owner, a validator by proxy."""
    if vote.holder is not None:
        is_owners = role is SeatRole.VALIDATOR and vote.holder == facts.owner
        if role is SeatRole.PEER or is_owners:
            return False
    return _has_role(role, vote.voter, rule, facts)


def _paused(person_ids: Iterable[str | None], at: datetime, policy: Policy) -> bool:
    """Tell whether one of them changed this very policy so lately that they may not approve under it."""
    if policy.published_at is None or policy.published_by is None or policy.published_by not in person_ids:
        return False
    return at - policy.published_at < PAUSE_AFTER_POLICY_CHANGE


def _last(votes: Iterable[Vote]) -> Vote | None:
    return max(votes, key=lambda vote: (vote.at, vote.id), default=None)


def _approves_after(vote: Vote, rejection: Vote | None) -> bool:
    return vote.answer is VoteAnswer.APPROVE and (rejection is None or vote.at > rejection.at)


def _barred(person_id: str, rule: Approvals, facts: Facts) -> bool:
    return (Barred.AUTHOR in rule.never and person_id == facts.author) or (
        Barred.COMMITTERS in rule.never and person_id in facts.committers
    )


def _may_approve(voter: Voter, rule: Approvals, facts: Facts) -> bool:
    """Tell whether somebody may approve at all, after what they did to the version."""
    return voter.is_person and not _barred(voter.id, rule, facts)


def _has_role(role: SeatRole, voter: Voter, rule: Approvals, facts: Facts) -> bool:
    """Tell whether somebody may take a seat by the roles they hold."""
    match role:
        case SeatRole.OWNER:
            return SeatRole.OWNER in voter.roles or (owner_is_barred(rule, facts) and UNIT_HEAD in voter.roles)
        case SeatRole.VALIDATOR:
            is_owner = voter.id == facts.owner or SeatRole.OWNER in voter.roles
            return SeatRole.VALIDATOR in voter.roles and not is_owner
        case SeatRole.PEER:
            units_known = voter.unit_id is not None and facts.author_unit is not None
            return units_known and voter.unit_id != facts.author_unit and bool(voter.roles & PEER_ROLES)
        case SeatRole.RISK | SeatRole.COMPLIANCE | SeatRole.EXECUTIVE:
            return role in voter.roles


def _filled(role: SeatRole, vote: Vote) -> Seat:
    return Seat(role, vote.voter.id, vote.id, vote.at, (), vote.holder)


def _open(role: SeatRole, rule: Approvals, policy: Policy, facts: Facts, *, without: AbstractSet[str]) -> Seat:
    candidates = sorted(
        {
            person.id
            for person in facts.people
            if person.id not in without
            and _may_approve(person, rule, facts)
            and _has_role(role, person, rule, facts)
            and not _paused((person.id,), facts.now, policy)
        }
    )
    return Seat(role, None, None, None, tuple(candidates))


def _why_no_seat(rule: Approvals, policy: Policy, facts: Facts, voter: Voter, holder: str | None = None) -> str | None:
    if not voter.is_person:
        return "Only people approve; a service account never does."
    if Barred.AUTHOR in rule.never and voter.id == facts.author:
        return "You made this version, so others decide about it."
    if _barred(voter.id, rule, facts):
        return "You changed this version or its training code, so others decide about it."
    if _paused((voter.id, holder), facts.now, policy):
        return "You changed this policy less than 24 hours ago; until then others approve under it."
    roles = wanted_roles(rule, facts)
    vote = Vote("", voter, facts.now, facts.digest, VoteAnswer.APPROVE, facts.covers, holder)
    if any(_fits(role, vote, rule, facts) for role in roles):
        return None
    if holder is not None:
        return f"In that place nobody approves here: {', '.join(roles)} are asked for."
    return f"You hold none of the roles that approve here: {', '.join(roles)}."
