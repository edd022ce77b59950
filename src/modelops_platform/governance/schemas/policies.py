"""Shapes of policies, and of how the gate works."""

from enum import StrEnum

from modelops_platform.web.forms import In, Out

from .documents import DocumentIn, PublishedOut
from .shared import Sentence


class Mode(StrEnum):
    """Whether the gate of a workspace refuses, or only says what it would refuse."""

    ENFORCE = "enforce"
    OBSERVE = "observe"


class PolicyIn(DocumentIn):
    """A policy version to publish."""


class PolicyOut(PublishedOut):
    """A published version of a policy."""

    policy_id: str


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
