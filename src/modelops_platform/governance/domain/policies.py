"""Policies: versioned data that say what a version must show before something may be done with it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Protocol

from .conditions import Condition
from .documents import current
from .facts import ACTIVATE, MODEL_KINDS, Action, EnvironmentClass, Facts, Kind
from .questionnaire import Tier, judged_tier

if TYPE_CHECKING:
    from .judging import Found


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


class Check(Protocol):
    """One way to look at what is known about a version; the package `checks` holds them all.

    A check is monotone: more evidence of the good sort never turns what it finds met into anything else.
    """

    @property
    def name(self) -> str:
        """The word by which policies ask for it."""

    @property
    def cites(self) -> frozenset[str]:
        """The facts that it looks at; `citable.FACTS` says how each is kept."""

    @property
    def demand(self) -> str:
        """Say in words when it is met."""

    def find(self, facts: Facts, policy: "Policy") -> "Found":
        """Look at the facts. Never raises."""


@dataclass(frozen=True, slots=True)
class ConditionalSeat:
    """A role whose approval is wanted when a condition over the facts holds, or cannot be ruled out."""

    role: SeatRole
    when: Condition


@dataclass(frozen=True, slots=True)
class Approvals:
    """The rule of an approval: different people approve, one for each of these roles, or a quorum of them."""

    name: ClassVar[str] = "approvals"
    roles: tuple[SeatRole, ...]
    also: tuple[ConditionalSeat, ...]
    never: frozenset[Barred]
    quorum: int | None = None


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that a policy wants to see, and what to do when it is missing.

    Where `when` is known to be false the requirement does not apply; what nobody knows applies.
    """

    id: str
    title: str
    check: Check
    weight: Weight
    unknown: Unknown
    remedy: str
    when: Condition | None = None
    is_waivable: bool = True


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
    note: str | None = None
    source: str | None = None
    checked: str | None = None
    published_by: str | None = None
    published_at: datetime | None = None

    def published(self, by: str | None, at: datetime) -> "Policy":
        """Return the policy with its publication."""
        return replace(self, published_by=by, published_at=at)


ALWAYS_GUARDED = frozenset({Action.alias("champion"), Action.alias("production"), Action.stage("production"), ACTIVATE})
"""Guarded for models even when no policy names them, so that removing a policy never opens a door."""


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
