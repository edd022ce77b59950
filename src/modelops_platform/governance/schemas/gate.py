"""Shapes of asking the gate, and of its answer."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from modelops_platform.web.forms import EmptyIsNone, In, Out, PageIn

from .shared import Name


class ToIn(In):
    """Where a version shall go: an environment, an alias or a stage."""

    to: Name = Field(
        default=None, description="An environment's name, `alias:NAME` or `stage:NAME`.", examples=["production"]
    )
    environment: Name = Field(default=None, description="The same as `to` with the name of an environment.")
    alias: Name = Field(default=None, description="The same as `to` with `alias:`.")
    stage: Name = Field(default=None, description="The same as `to` with `stage:`.")

    @property
    def _named(self) -> list[str]:
        given = [self.to, self.environment, self.alias and f"alias:{self.alias}", self.stage and f"stage:{self.stage}"]
        return [one for one in given if one]

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if len(self._named) != 1:
            raise ValueError("name exactly one of to, environment, alias, stage")
        return self

    @property
    def target(self) -> str:
        """The one target named."""
        return self._named[0]


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
