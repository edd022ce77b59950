"""Setting a rule aside: waivers, which end by themselves, and changes in an emergency, which are made good later.

Who decides, and for how long, is data by tier. Whoever asks never decides, and nobody decides twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from .approvals import match
from .documents import Fields, as_choice, as_integer, unique
from .questionnaire import Tier


class Approver(StrEnum):
    """In which capacity somebody decides about a waiver."""

    OWNER = "owner"
    RISK = "risk"
    COMPLIANCE = "compliance"
    EXECUTIVE = "executive"


EMERGENCY_ROLES = frozenset({"owner", "validator", "risk", "compliance", "executive"})
UNIT_HEAD = "unit_head"


class WaiverState(StrEnum):
    """How a waiver stands. What is stored ends at `approved`, `denied`, `revoked`, `renewed`; the rest is time."""

    REQUESTED = "requested"
    APPROVED = "approved"
    DENIED = "denied"
    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"
    RENEWED = "renewed"


def waiver_state(stored: WaiverState, from_at: datetime | None, to_at: datetime | None, now: datetime) -> WaiverState:
    """Return how a waiver stands at a moment: what was approved is active from its begin until its end."""
    if stored is not WaiverState.APPROVED or from_at is None or to_at is None:
        return stored
    if now < from_at:
        return WaiverState.APPROVED
    return WaiverState.ACTIVE if now < to_at else WaiverState.EXPIRED


@dataclass(frozen=True, slots=True)
class TierRule:
    """What may be set aside for models of one tier, by whom, and for how long."""

    tier: Tier
    approvers: tuple[Approver, ...]
    longest_days: int
    renewals: int
    emergency_approvers: int
    emergency_days: int


@dataclass(frozen=True, slots=True)
class ExceptionRules:
    """Everything the data file says."""

    tiers: Mapping[Tier, TierRule]
    notice_days: tuple[int, ...]

    def of(self, tier: Tier | None) -> TierRule:
        """Return the rules of a tier; a model that nobody assessed is judged as tier 1."""
        return self.tiers[tier or Tier.CRITICAL]

    def period(self, tier: Tier | None) -> timedelta:
        """Return how long a waiver lasts at most; what is asked for within as long of an end renews what ended."""
        return timedelta(days=self.of(tier).longest_days)

    def latest_end(self, tier: Tier | None, begin: datetime) -> datetime:
        """Return the latest moment at which a waiver may end that begins then."""
        return begin + self.period(tier)

    def emergency_end(self, days: int, begin: datetime) -> datetime:
        """Return the moment by which an emergency change is to be made good, and up to which the gate lets it pass."""
        return begin + timedelta(days=days)

    def notices_due(self, to_at: datetime, now: datetime) -> Iterable[int]:
        """Return the notices (days before the end) that are due; what has ended needs none."""
        if now >= to_at:
            return []
        return [days for days in self.notice_days if now >= to_at - timedelta(days=days)]


@dataclass(frozen=True, slots=True)
class Decider:
    """Somebody who decides, with the roles held on the model then: granted ones, owner, unit head."""

    id: str
    roles: AbstractSet[str]
    is_person: bool = True


@dataclass(frozen=True, slots=True)
class WaiverCase:
    """What the rules need to know about a waiver that is asked for."""

    asked_by: str
    makers: AbstractSet[str]  # who made or changed what it is about
    owner: str | None


def may_take(seat: Approver, decider: Decider, case: WaiverCase) -> bool:
    """Tell whether somebody may decide in this capacity; where the owner asks, the head of the unit does."""
    if not decider.is_person or decider.id == case.asked_by or decider.id in case.makers:
        return False
    if seat is Approver.OWNER:
        owner_is_barred = case.owner is None or case.owner == case.asked_by or case.owner in case.makers
        return "owner" in decider.roles or (owner_is_barred and UNIT_HEAD in decider.roles)
    return seat in decider.roles


def why_not_decide(seats: Sequence[Approver], decider: Decider, case: WaiverCase) -> str | None:
    """Say in words why somebody's word on a waiver would not count; None when it would."""
    if not decider.is_person:
        return "Only people decide about a waiver; a service account never does."
    if decider.id == case.asked_by:
        return "You asked for this waiver, so others decide about it."
    if decider.id in case.makers:
        return "You made what this waiver is about, so others decide about it."
    if any(may_take(seat, decider, case) for seat in seats):
        return None
    return f"You hold none of the roles that decide here: {', '.join(seats)}."


def fill_seats(seats: Sequence[Approver], agreed: Sequence[Decider], case: WaiverCase) -> dict[int, str]:
    """Assign those who agreed to seats, each to one; return seat -> person."""
    options = {
        decider.id: [position for position, seat in enumerate(seats) if may_take(seat, decider, case)]
        for decider in agreed
    }
    return match(options)


def why_not_support(decider: Decider, case: WaiverCase) -> str | None:
    """Say in words why somebody may not agree to a change in an emergency; None when they may."""
    if not decider.is_person:
        return "Only people agree to an emergency change; a service account never does."
    if decider.id == case.asked_by:
        return "You asked for this change, so others agree to it; nobody opens an emergency alone."
    if decider.id in case.makers:
        return "You made this version, so others agree to its emergency change."
    if not decider.roles & EMERGENCY_ROLES:
        return f"You hold none of the roles that agree here: {', '.join(sorted(EMERGENCY_ROLES))}."
    return None


class EmergencyState(StrEnum):
    """How an emergency change stands."""

    REQUESTED = "requested"
    ACTIVE = "active"
    DENIED = "denied"
    SETTLED = "settled"  # the full gate was passed in time
    MISSED = "missed"  # it was not: a finding is open


# ---- the data ------------------------------------------------------------------------------------------------------


def read_exception_rules(data: object) -> ExceptionRules:
    """Read the data file. Raises InvalidInput."""
    fields = Fields(data, "")
    fields.id()
    fields.integer("version", 1, 1_000_000)
    fields.text("source")
    fields.value("checked")
    days = fields.list("notice_days", lambda item, place: as_integer(item, place, 1, 365))
    tiers = fields.mappings("tiers", _read_tier)
    fields.done()
    unique((str(int(rule.tier)) for rule in tiers), "tiers")
    return ExceptionRules({rule.tier: rule for rule in tiers}, tuple(sorted(days, reverse=True)))


def _read_tier(fields: Fields) -> TierRule:
    tier = Tier(fields.integer("tier", 1, 4))
    waiver = Fields(fields.value("waiver"), fields.place("waiver"))
    emergency = Fields(fields.value("emergency"), fields.place("emergency"))
    rule = TierRule(
        tier=tier,
        approvers=waiver.list("approvers", lambda item, place: as_choice(item, place, Approver)),
        longest_days=waiver.integer("longest_days", 1, 3660),
        renewals=waiver.integer("renewals", 0, 100),
        emergency_approvers=emergency.integer("approvers", 1, 10),
        emergency_days=emergency.integer("days", 1, 365),
    )
    waiver.done()
    emergency.done()
    return rule
