"""Approvals: enough of the right people said yes to these very files and words."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from ..approvals import Count, count_votes, owner_is_barred, why_wanted
from ..citable import check_cited
from ..conditions import leaves, read_condition
from ..documents import Fields, invalid, unique
from ..facts import Facts
from ..judging import Evidence, Found, LinkKind, Status, day, join
from ..policies import Approvals, Barred, ConditionalSeat, Policy, SeatRole
from ..words import describe_condition

_NEVER = {Barred.AUTHOR: "who made the version", Barred.COMMITTERS: "who changed it or its training code"}


class Timeout(StrEnum):
    """What happens when the approvals are not given in time."""

    NOTHING = "nothing"
    DENY = "deny"
    ESCALATE = "escalate"


_TIMEOUT_WORDS = {
    Timeout.NOTHING: "who asked is told",
    Timeout.DENY: "it is denied",
    Timeout.ESCALATE: "the head of the unit and its executives are told",
}


@dataclass(frozen=True, slots=True)
class ApprovalsGiven(Approvals):
    """The approvals that the rule asks for were given, and nobody's rejection stands.

    How long they are waited for, and what happens then, is the request's matter: no decision hangs on it.
    """

    due_days: int | None = None
    on_timeout: Timeout = Timeout.NOTHING

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        roles = fields.list("roles", _read_seat_role)
        also = fields.mappings("also", _read_conditional_seat, empty=True)
        unique([*roles, *(seat.role for seat in also)], fields.place("roles"))
        never = fields.choices("never", Barred)
        if never is not None and Barred.AUTHOR not in never:
            raise invalid(fields.place("never"), sorted(never), "lets authors approve their own work", "Add `author`.")
        quorum = fields.integer_or_none("quorum", 1, len(roles) + len(also))
        due_days = fields.integer_or_none("due_days", 1, 366)
        on_timeout = fields.choice("on_timeout", Timeout, Timeout.NOTHING)
        if due_days is None and on_timeout is not Timeout.NOTHING:
            raise invalid(fields.place("on_timeout"), on_timeout, "never comes", "Add `due_days`.")
        return cls(roles, also, frozenset(Barred) if never is None else never, quorum, due_days, on_timeout)

    @property
    def cites(self) -> frozenset[str]:
        """The facts that it looks at."""
        asked = {str(getattr(leaf, "fact", "")) for seat in self.also for leaf in leaves(seat.when)}
        return frozenset({"votes", "people", "digest"}) | asked

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        roles = join([str(role) for role in self.roles])
        if self.quorum is None:
            parts = [f"One person each as {roles}; nobody counts twice."]
        else:
            parts = [f"At least {self.quorum} different people, each as one of {roles}."]
        parts += [
            f"Also {seat.role}, when {describe_condition(seat.when)}, or when nobody knows." for seat in self.also
        ]
        if self.never:
            parts.append(f"Never {join([_NEVER[barred] for barred in sorted(self.never)], 'or')}.")
        if self.due_days is not None:
            parts.append(f"Within {self.due_days} days; then {_TIMEOUT_WORDS[self.on_timeout]}.")
        return " ".join(parts)

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Count the votes."""
        count = count_votes(self, policy, facts)
        status = Status.MET if self._is_met(count) else Status.NOT_MET
        detail = self._tell(count, facts)
        if facts.author is None and status is Status.MET:
            status = Status.UNKNOWN
            detail = f"{detail} Nobody is recorded as author, so others cannot be told from them."
        votes = [seat.vote_id for seat in count.seats if seat.vote_id is not None]
        evidence = tuple(Evidence("vote", id) for id in [*votes, *(vote.id for vote in count.rejections)])
        at = max((seat.voted_at for seat in count.seats if seat.voted_at is not None), default=None)
        return Found(status, detail, LinkKind.ASK_APPROVAL, evidence, at, count.seats)

    def _is_met(self, count: Count) -> bool:
        wanted = len(count.seats) if self.quorum is None else self.quorum
        return not count.rejections and sum(seat.is_filled for seat in count.seats) >= wanted

    def _tell(self, count: Count, facts: Facts) -> str:
        given = [seat.role for seat in count.seats if seat.is_filled]
        wanted = [seat.role for seat in count.seats if not seat.is_filled]
        nobody = [seat.role for seat in count.seats if not seat.is_filled and not seat.candidates]
        needed = len(count.seats) if self.quorum is None else self.quorum
        parts = [f"{len(given)} of {needed} approvals given" + (f" ({', '.join(given)})." if given else ".")]
        if wanted and len(given) < needed:
            parts.append(f"Still wanted: {', '.join(wanted)}.")
            if nobody:
                parts.append(f"Nobody can give this now: {', '.join(nobody)}.")
        if SeatRole.VALIDATOR in nobody and facts.validator is not None:
            parts.append("Whoever is named as validator approves as one only with the role validator there.")
        parts.extend(f"Rejected {day(vote.at)} as {', '.join(sorted(vote.voter.roles))}." for vote in count.rejections)
        if count.void:
            verb = "vote does" if count.void == 1 else "votes do"
            parts.append(
                f"{count.void} {verb} not count: for other files, before an edit, or too soon after a change of policy."
            )
        if SeatRole.OWNER in wanted and owner_is_barred(self, facts):
            parts.append("The owner made or changed this version, so the head of the unit approves in their place.")
        roles = {seat.role for seat in count.seats}
        parts.extend(
            f"{seat.role.capitalize()} is asked because {why_wanted(seat, facts)}."
            for seat in self.also
            if seat.role in roles
        )
        return " ".join(parts)


def _read_seat_role(value: object, place: str) -> SeatRole:
    if not isinstance(value, str) or value not in {str(role) for role in SeatRole}:
        raise invalid(place, value, "is not a role that approves", f"Use one of: {', '.join(SeatRole)}.")
    return SeatRole(value)


def _read_conditional_seat(fields: Fields) -> ConditionalSeat:
    place = fields.place("when")
    seat = ConditionalSeat(fields.choice("role", SeatRole), read_condition(fields.value("when"), place))
    check_cited(seat.when, place)
    return seat
