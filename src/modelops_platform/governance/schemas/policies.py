"""Shapes of policies, and of how the gate works."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from modelops_platform.web.forms import In, Out

from .shared import Sentence


class Mode(StrEnum):
    """Whether the gate of a workspace refuses, or only says what it would refuse."""

    ENFORCE = "enforce"
    OBSERVE = "observe"


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
