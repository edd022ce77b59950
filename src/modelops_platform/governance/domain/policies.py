"""Policies: versioned data that say what a version must show before something may be done with it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from .conditions import Condition, FactIn, leaves, read_condition
from .documents import Fields, as_integer, invalid, unique
from .facts import ACTIVATE, MODEL_KINDS, Action, EnvironmentClass, Kind
from .questionnaire import Tier, judged_tier


class CheckName(StrEnum):
    """The checks that a policy may ask for."""

    TIER_ASSESSED = "tier_assessed"
    ARTIFACT_SCANNED = "artifact_scanned"
    DIGEST_VERIFIED = "digest_verified"
    APPROVALS = "approvals"


class SeatRole(StrEnum):
    """In which capacity somebody approves."""

    OWNER = "owner"
    VALIDATOR = "validator"
    RISK = "risk"
    COMPLIANCE = "compliance"
    EXECUTIVE = "executive"
    PEER = "peer"


class Barred(StrEnum):
    """Who may never approve."""

    AUTHOR = "author"
    COMMITTERS = "committers"


class Weight(StrEnum):
    """Whether a requirement that is not met refuses, or is only shown."""

    REQUIRED = "required"
    ADVISORY = "advisory"


class Unknown(StrEnum):
    """What it means when nobody knows whether a requirement is met."""

    DENY = "deny"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class TierAssessed:
    """The risk questionnaire was answered, not longer ago than this."""

    name: ClassVar[CheckName] = CheckName.TIER_ASSESSED
    max_age_days: int | None


@dataclass(frozen=True, slots=True)
class ArtifactScanned:
    """Every file was scanned and found clean; the kinds named may have no file at all."""

    name: ClassVar[CheckName] = CheckName.ARTIFACT_SCANNED
    without_file: frozenset[Kind]


@dataclass(frozen=True, slots=True)
class DigestVerified:
    """The stored bytes are those the digest names; the kinds named may have no file at all."""

    name: ClassVar[CheckName] = CheckName.DIGEST_VERIFIED
    without_file: frozenset[Kind]


@dataclass(frozen=True, slots=True)
class ConditionalSeat:
    """A role whose approval is wanted when a condition over the facts holds, or cannot be ruled out."""

    role: SeatRole
    when: Condition


@dataclass(frozen=True, slots=True)
class Approvals:
    """Different people approve, one for each of these roles."""

    name: ClassVar[CheckName] = CheckName.APPROVALS
    roles: tuple[SeatRole, ...]
    also: tuple[ConditionalSeat, ...]
    never: frozenset[Barred]


Check = TierAssessed | ArtifactScanned | DigestVerified | Approvals


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that a policy wants to see, and what to do when it is missing."""

    id: str
    title: str
    check: Check
    weight: Weight
    unknown: Unknown
    remedy: str


@dataclass(frozen=True, slots=True)
class Question:
    """What a policy is chosen by."""

    tier: Tier | None
    kind: Kind
    environment: EnvironmentClass | None
    action: Action


@dataclass(frozen=True, slots=True)
class Scope:
    """Which questions a policy answers. None reads as "any": any kind of model, though never a prompt.

    An action without an environment (an alias, a stage) is in scope whatever environments are named.
    """

    actions: frozenset[Action]
    tiers: frozenset[Tier] | None
    kinds: frozenset[Kind] | None
    environments: frozenset[EnvironmentClass] | None

    def names(self, question: Question) -> bool:
        """Tell whether the action is named for such a thing in such a place, whatever its tier."""
        return (
            question.action in self.actions
            and question.kind in (MODEL_KINDS if self.kinds is None else self.kinds)
            and (self.environments is None or question.environment is None or question.environment in self.environments)
        )

    def covers(self, question: Question) -> bool:
        """Tell whether the policy answers this question."""
        return self.names(question) and (self.tiers is None or judged_tier(question.tier) in self.tiers)

    @property
    def narrowness(self) -> tuple[int, ...]:
        """Order scopes: kind weighs more than environment, that more than tiers, that more than actions."""
        return (
            -len(self.kinds or Kind),
            -len(self.environments or EnvironmentClass),
            -len(self.tiers or Tier),
            -len(self.actions),
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """One published version of a policy. Who published it, and when, comes from the record, not the document."""

    id: str
    version: int
    title: str
    scope: Scope
    requirements: tuple[Requirement, ...]
    published_by: str | None = None
    published_at: datetime | None = None

    def published(self, by: str | None, at: datetime) -> "Policy":
        """Return the policy with its publication."""
        return replace(self, published_by=by, published_at=at)


ALWAYS_GUARDED = frozenset({Action.alias("champion"), Action.alias("production"), Action.stage("production"), ACTIVATE})
"""Guarded for models even when no policy names them, so that removing a policy never opens a door."""

POLICY_FACTS = {"eu_class", "people_affected"}


def is_guarded(policies: Iterable[Policy], question: Question) -> bool:
    """Tell whether this may only be done with a policy's consent."""
    if any(policy.scope.names(question) for policy in current(policies)):
        return True
    if question.action == ACTIVATE and question.environment != EnvironmentClass.PROTECTED:
        return False
    return question.kind in MODEL_KINDS and question.action in ALWAYS_GUARDED


def select_policy(policies: Iterable[Policy], question: Question) -> Policy | None:
    """Choose the policy that answers: the narrowest in scope, by its id where two are equally narrow."""
    covering = [policy for policy in current(policies) if policy.scope.covers(question)]
    return max(covering, key=lambda policy: (policy.scope.narrowness, policy.id), default=None)


def current(policies: Iterable[Policy]) -> list[Policy]:
    """Keep the latest version of each policy, in the order of their ids."""
    latest: dict[str, Policy] = {}
    for policy in policies:
        if policy.id not in latest or policy.version > latest[policy.id].version:
            latest[policy.id] = policy
    return [latest[id] for id in sorted(latest)]


def read_policy(data: object) -> Policy:
    """Read a policy from a document. Raises InvalidInput."""
    fields = Fields(data, "")
    scope = Fields(fields.value("applies_to"), "applies_to")
    policy = Policy(
        id=fields.id(),
        version=fields.integer("version", 1, 1_000_000),
        title=fields.text("title"),
        scope=_read_scope(scope),
        requirements=fields.mappings("requirements", _read_requirement),
    )
    scope.done()
    fields.done()
    unique((requirement.id for requirement in policy.requirements), "requirements")
    _must_ask_others(policy)
    return policy


def _must_ask_others(policy: Policy) -> None:
    """Refuse a policy that would open what is always guarded to somebody alone; who publishes it could be that one."""
    scope = policy.scope
    opened = scope.actions & ALWAYS_GUARDED if scope.kinds is None or scope.kinds & MODEL_KINDS else frozenset()
    if scope.environments == frozenset({EnvironmentClass.OPEN}):
        opened -= {ACTIVATE}
    asked = any(
        isinstance(requirement.check, Approvals) and requirement.weight is Weight.REQUIRED
        for requirement in policy.requirements
    )
    if opened and not asked:
        named = ", ".join(sorted(map(str, opened)))
        raise invalid("requirements", named, "ask nobody else's approval for", "Add a required check `approvals`.")


def _read_scope(fields: Fields) -> Scope:
    tiers = fields.list("tiers", _read_tier) if fields.has("tiers") else None
    return Scope(
        actions=frozenset(fields.list("actions", Action.read)),
        tiers=None if tiers is None else frozenset(tiers),
        kinds=fields.choices("kinds", Kind),
        environments=fields.choices("environments", EnvironmentClass),
    )


def _read_tier(value: object, place: str) -> Tier:
    return Tier(as_integer(value, place, 1, 4))


def _read_requirement(fields: Fields) -> Requirement:
    return Requirement(
        id=fields.id(),
        title=fields.text("title"),
        check=_read_check(fields),
        weight=fields.choice("weight", Weight, Weight.REQUIRED),
        unknown=fields.choice("unknown", Unknown, Unknown.DENY),
        remedy=fields.text("remedy"),
    )


def _read_check(fields: Fields) -> Check:
    match fields.choice("check", CheckName):
        case CheckName.TIER_ASSESSED:
            days = fields.integer("max_age_days", 1, 3660) if fields.has("max_age_days") else None
            return TierAssessed(days)
        case CheckName.ARTIFACT_SCANNED:
            return ArtifactScanned(fields.choices("without_file", Kind) or frozenset())
        case CheckName.DIGEST_VERIFIED:
            return DigestVerified(fields.choices("without_file", Kind) or frozenset())
        case CheckName.APPROVALS:
            return _read_approvals(fields)


def _read_approvals(fields: Fields) -> Approvals:
    roles = fields.list("roles", _read_seat_role)
    also = fields.mappings("also", _read_conditional_seat, empty=True)
    unique([*roles, *(seat.role for seat in also)], fields.place("roles"))
    never = fields.choices("never", Barred)
    if never is not None and Barred.AUTHOR not in never:
        raise invalid(fields.place("never"), sorted(never), "lets authors approve their own work", "Add `author`.")
    return Approvals(roles, also, frozenset(Barred) if never is None else never)


def _read_seat_role(value: object, place: str) -> SeatRole:
    if not isinstance(value, str) or value not in {str(role) for role in SeatRole}:
        raise invalid(place, value, "is not a role that approves", f"Use one of: {', '.join(SeatRole)}.")
    return SeatRole(value)


def _read_conditional_seat(fields: Fields) -> ConditionalSeat:
    place = fields.place("when")
    seat = ConditionalSeat(fields.choice("role", SeatRole), read_condition(fields.value("when"), place))
    for leaf in leaves(seat.when):
        if not isinstance(leaf, FactIn) or leaf.fact not in POLICY_FACTS:
            raise invalid(
                place, leaf, "asks what a policy cannot know", f"Use the facts {', '.join(sorted(POLICY_FACTS))}."
            )
    return seat
