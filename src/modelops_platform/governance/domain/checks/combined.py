"""Checks made of checks: any of them, all of them, or a fact that does not hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..facts import Facts
from ..judging import Found, LinkKind, Status, worst
from ..policies import Check, Policy


@dataclass(frozen=True, slots=True)
class OfParts:
    """Looks at what its parts find."""

    parts: tuple[Check, ...]

    @property
    def cites(self) -> frozenset[str]:
        """The facts that its parts look at."""
        return frozenset().union(*(part.cites for part in self.parts))


@dataclass(frozen=True, slots=True)
class AnyOfChecks(OfParts):
    """At least one part is met."""

    name: ClassVar[str] = "any_of"

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        return f"Any of: {_list(self.parts)}"

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Find the best part; what nobody knows is better than what is known not to be met."""
        found = [part.find(facts, policy) for part in self.parts]
        for status in (Status.MET, Status.UNKNOWN, Status.NOT_MET):
            chosen = [one for one in found if one.status is status]
            if chosen:
                return _joined(chosen[:1] if status is Status.MET else found, status)
        return _joined(found, Status.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class AllOfChecks(OfParts):
    """Every part is met."""

    name: ClassVar[str] = "all_of"

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        return f"All of: {_list(self.parts)}"

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Find the worst part."""
        found = [part.find(facts, policy) for part in self.parts]
        status = worst([one.status for one in found])
        open_ones = [one for one in found if one.status is status]
        return _joined(open_ones if status is not Status.MET else found, status)


@dataclass(frozen=True, slots=True)
class NotFact:
    """A fact does not hold. Only plain facts can be turned round: more evidence must never be held against anybody."""

    name: ClassVar[str] = "not"
    part: Check

    @property
    def cites(self) -> frozenset[str]:
        """The facts that its part looks at."""
        return self.part.cites

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        return f"Not: {self.part.demand}"

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Turn round what the part finds."""
        found = self.part.find(facts, policy)
        turned = {Status.MET: Status.NOT_MET, Status.NOT_MET: Status.MET}
        return Found(turned.get(found.status, found.status), found.detail, found.link, found.evidence, found.at)


def _list(parts: Sequence[Check]) -> str:
    return "; ".join(part.demand.rstrip(".") for part in parts) + "."


def _joined(found: Sequence[Found], status: Status) -> Found:
    """Join what parts found into one."""
    first = next((one for one in found if one.status is status), None)
    return Found(
        status,
        " ".join(dict.fromkeys(one.detail for one in found)) or "No part applies.",
        first.link if first else LinkKind.SHOW_POLICIES,
        tuple(dict.fromkeys(piece for one in found for piece in one.evidence)),
        min((one.at for one in found if one.at is not None), default=None),
        tuple(seat for one in found for seat in one.seats),
        first.remedy if first else None,
    )
