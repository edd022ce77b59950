"""Shapes of findings."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AliasPath, Field

from modelops_platform.web.forms import Date, EmptyIsNone, In, Out, PageIn

from ..domain.findings import Category, FindingSource, FindingState, Likelihood, Verb
from ..domain.known import Severity
from .shared import Name, Sentence

Title = Annotated[str, Field(min_length=1, max_length=250)]
Text = Annotated[str, Field(min_length=1, max_length=10_000)]
Number = Annotated[Annotated[int, Field(ge=1, le=2**31 - 1)] | None, EmptyIsNone]
Day = Annotated[Date | None, EmptyIsNone]


class Step(StrEnum):
    """What moves a finding on with nothing but a sentence."""

    OPEN = Verb.OPEN.value
    ACCEPT = Verb.ACCEPT.value
    START = Verb.START.value
    SUBMIT = Verb.SUBMIT.value
    CLOSE = Verb.CLOSE.value
    SEND_BACK = Verb.SEND_BACK.value
    REJECT = Verb.REJECT.value
    SUPERSEDE = Verb.SUPERSEDE.value


class FindingIn(In):
    """A finding to raise."""

    model: str = Field(min_length=1, max_length=250)
    version: Number = Field(default=None, description="Of this version alone; by default of the model.")
    title: Title
    description: Text = Field(description="What was found, and why it matters.")
    recommendation: Annotated[str, Field(max_length=10_000)] = ""
    source: FindingSource = FindingSource.AUDIT
    category: Category
    severity: Severity
    likelihood: Likelihood = Likelihood.MEDIUM
    owner: Name = Field(default=None, description="Id of who works on it; by default the owner of the model.")
    due: Day = Field(default=None, description="Earlier than the severity asks for; by default the day that it does.")
    is_draft: bool = Field(default=False, description="Not told to its owner yet, and holds up nothing.")


class StepIn(In):
    """A step of a finding, with its reason."""

    sentence: Sentence = Field(description="Why; of `submit` what was done, of `close` what proves it.")
    by: Name = Field(default=None, description="Of `supersede`: the id of the finding that takes its place.")


class RatingIn(In):
    """How bad a finding is, seen again."""

    severity: Severity
    sentence: Sentence


class DueMoveIn(In):
    """Another due date that is asked for."""

    due: Date
    sentence: Sentence


class DueAnswerIn(In):
    """Whether another due date is agreed to."""

    agree: bool
    sentence: Sentence


class IntervalOut(Out):
    """How a finding stood from one moment to another."""

    state: FindingState
    severity: Severity
    due: date
    waiver_id: str | None
    reason: str
    set_by: str
    from_at: datetime
    to_at: datetime | None


class DueMoveOut(Out):
    """A due date that was asked for."""

    id: str
    before: date
    wanted: date
    reason: str
    asked_by: str
    asked_at: datetime
    is_agreed: bool | None
    decided_by: str | None
    decided_at: datetime | None
    answer: str


class FindingOut(Out):
    """A finding as it stands."""

    id: str
    model_id: str
    model: str = Field(validation_alias=AliasPath("model", "name"))
    version_id: str | None
    validation_id: str | None
    emergency_id: str | None
    title: str
    description: str
    recommendation: str
    source: str
    category: str
    severity: Severity
    likelihood: str
    function: str = Field(description="In whose name it was raised; this function alone closes it.")
    owner_id: str
    raised_by: str
    raised_at: datetime
    state: FindingState
    due: date
    due_moves: int = Field(description="How often its due date was moved.")
    remedied_by: str | None
    remedy: str
    closed_by: str | None
    closed_at: datetime | None
    closing_evidence: str


class FindingWithHistoryOut(FindingOut):
    """A finding with how it stood before, and the due dates that were asked for."""

    intervals: list[IntervalOut]
    moves: list[DueMoveOut]


class FindingPage(PageIn):
    """Which findings to list; by default those that are under way."""

    state: Annotated[FindingState | None, EmptyIsNone] = None
    all: bool = Field(default=False, description="Also those that have ended.")
    severity: Annotated[Severity | None, EmptyIsNone] = None
    overdue: bool = False
    mine: bool = Field(default=False, description="Those that I work on.")
    model: Name = None
