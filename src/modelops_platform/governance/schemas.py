"""Shapes of governance's outside: what may come in, and what goes out."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AliasPath, Field, StrictBool, StrictInt, model_validator

from modelops_platform.web.forms import EmptyIsNone, In, Out, PageIn

from .domain.facts import VoteAnswer
from .domain.states import RequestState

Name = Annotated[Annotated[str, Field(max_length=250)] | None, EmptyIsNone]
Sentence = Annotated[str, Field(min_length=1, max_length=2000)]


class Mode(StrEnum):
    """Whether the gate of a workspace refuses, or only says what it would refuse."""

    ENFORCE = "enforce"
    OBSERVE = "observe"


class AssessmentIn(In):
    """Answers to the risk questionnaire; what is left out counts as the worst answer."""

    answers: dict[str, StrictInt | None] = Field(
        default_factory=dict, max_length=200, description="Score 0 to 4 by question.", examples=[{"I1": 2, "I2": 0}]
    )
    facts: dict[str, StrictBool | str | None] = Field(
        default_factory=dict,
        max_length=50,
        description="Facts asked beside, such as eu_class.",
        examples=[{"gdpr22": False}],
    )
    reason: str = Field(default="", max_length=2000, description="Why it is assessed now.")


class AssessmentOut(Out):
    """One assessment: answers, scores, floors, tier, and from when to when it was in force."""

    id: str
    model_id: str
    questionnaire_id: str
    questionnaire_version: int
    answers: dict[str, int]
    facts: dict[str, Any]
    result: dict[str, Any]
    tier: int
    total: str
    reason: str
    assessed_by: str
    reviewed_by: str | None = Field(
        description="Who independent has made or confirmed it; while nobody has, a tier below 1 is a proposal only."
    )
    reviewed_at: datetime | None
    from_at: datetime
    to_at: datetime | None


class ToIn(In):
    """Where a version shall go: an environment, an alias or a stage."""

    to: Name = Field(
        default=None, description="An environment's name, `alias:NAME` or `stage:NAME`.", examples=["production"]
    )
    environment: Name = Field(default=None, description="The same as `to` with the name of an environment.")
    alias: Name = Field(default=None, description="The same as `to` with `alias:`.")
    stage: Name = Field(default=None, description="The same as `to` with `stage:`.")

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        given = [self.to, self.environment, self.alias and f"alias:{self.alias}", self.stage and f"stage:{self.stage}"]
        named = [one for one in given if one]
        if len(named) != 1:
            raise ValueError("name exactly one of to, environment, alias, stage")
        self.to = named[0]
        return self

    @property
    def target(self) -> str:
        """The one target named."""
        assert self.to is not None, "checked above"
        return self.to


class GateIn(ToIn):
    """The question of the gate, whether this version may go there."""

    model: str = Field(min_length=1, max_length=250)
    version: int = Field(ge=1, le=2**31 - 1)


class GateFormat(StrEnum):
    """How the answer is printed."""

    JSON = "json"
    TEXT = "text"
    JUNIT = "junit"


class GateQuery(GateIn):
    """The same question as parameters, and how to print the answer."""

    format: GateFormat = GateFormat.JSON


class FormatIn(In):
    """How the answer is printed."""

    format: GateFormat = GateFormat.JSON


class GateOut(Out):
    """A decision: the answer, and every requirement with its status, evidence and remedy."""

    outcome: Literal["allow", "deny"]
    sentence: str
    unmet: list[str] = Field(description="Ids of the requirements that stand in the way.")
    action: str
    environment: str | None
    model_id: str
    version_id: str
    digest: str | None
    tier: int
    tier_is_assumed: bool
    proposed_tier: int | None = Field(default=None, description="A tier that nobody independent has confirmed yet.")
    policy_id: str | None
    policy_version: int | None
    policy_title: str | None
    asked_at: datetime
    judgements: list[dict[str, Any]]


class DecisionOut(Out):
    """A stored decision."""

    id: str
    model_id: str
    version_id: str
    action: str
    environment: str
    outcome: str
    is_enforced: bool
    policy_id: str | None
    policy_version: int | None
    asked_via: str
    asked_by: str
    asked_at: datetime
    decision: dict[str, Any]


class DecisionPage(PageIn):
    """Which stored decisions to list."""

    model: Name = Field(default=None, description="Only of this model.")
    outcome: Annotated[Literal["allow", "deny"] | None, EmptyIsNone] = None


class ApprovalIn(GateIn):
    """Ask others to approve a version for a target."""

    message: Sentence = Field(description="What they should know, in a sentence.")


class VoteIn(In):
    """One person's word on a request."""

    answer: VoteAnswer
    sentence: Sentence = Field(description="Why, in a sentence.")


class VoteOut(Out):
    """A vote as it was given: in which roles, about which bytes and words, under which policy."""

    id: str
    voter_id: str
    roles: list[str]
    answer: str
    sentence: str
    digest: str | None
    covers: str
    policy_id: str
    policy_version: int
    at: datetime


class ApprovalOut(Out):
    """A request for approval."""

    id: str
    model_id: str
    model: str = Field(validation_alias=AliasPath("model", "name"))
    version_id: str
    version: int = Field(validation_alias=AliasPath("version", "number"))
    action: str
    environment: str
    digest: str | None
    covers: str
    message: str
    asked_by: str
    asked_at: datetime
    state: RequestState
    closed_at: datetime | None
    votes: list[VoteOut]


class ApprovalPage(PageIn):
    """Which requests to list."""

    state: Annotated[RequestState | None, EmptyIsNone] = Field(default=None, description="As it was last written.")
    model: Name = Field(default=None, description="Only of this model.")


class PolicyIn(In):
    """A policy version to publish."""

    document: Annotated[str, Field(max_length=200_000)] | dict[str, Any] = Field(
        description="The policy as YAML text or as JSON; its `version` is the next number."
    )
    reason: Sentence = Field(description="Why it changes.")


class PolicyOut(Out):
    """A published version of a policy."""

    policy_id: str
    number: int
    title: str
    document: str
    sha256: str
    reason: str
    published_by: str | None = Field(description="None: shipped with the platform.")
    published_at: datetime | None


class PoliciesOut(Out):
    """The latest version of every policy, and whether the gate enforces them."""

    items: list[PolicyOut]
    next: None = None


class EnforcementIn(In):
    """How the gate shall work from now on, and why."""

    mode: Mode
    reason: Sentence


class EnforcementOut(Out):
    """How the gate works."""

    mode: Mode
