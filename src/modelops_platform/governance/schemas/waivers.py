"""Shapes of waivers."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AliasPath, Field, model_validator

from modelops_platform.web.forms import EmptyIsNone, In, Out, PageIn

from ..domain.exceptions import WaiverState
from .findings import Day, Number
from .shared import Name, Sentence

RequirementId = Annotated[Annotated[str, Field(max_length=100)] | None, EmptyIsNone]


class WaiverIn(In):
    """Leave that is asked for: to go on without a requirement or with a finding, in a scope, until a day."""

    model: str = Field(min_length=1, max_length=250)
    version: Number = Field(default=None, description="Of this version alone; by default of every version.")
    environment: Name = Field(default=None, description="In this environment alone; by default everywhere.")
    requirement: RequirementId = Field(default=None, description="Id of the requirement that is set aside.")
    finding: Name = Field(default=None, description="Id of the finding whose risk is accepted.")
    reason: Sentence = Field(description="Why it cannot be met now.")
    control: Sentence = Field(description="What is done instead, to keep the risk small.")
    until: Day = Field(default=None, description="The last day; by default the latest that the model's tier allows.")

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if (self.requirement is None) == (self.finding is None):
            raise ValueError("name either a requirement or a finding")
        if self.finding is not None and self.environment is not None:
            raise ValueError("the risk of a finding is accepted everywhere or nowhere; leave the environment out")
        return self


class RenewalIn(In):
    """A waiver that is asked for once more, until a later day."""

    reason: Sentence
    control: Sentence
    until: Day = None


class WaiverAnswerIn(In):
    """One person's word on a waiver."""

    agree: bool
    sentence: Sentence


class RevocationIn(In):
    """Why something ends before its time."""

    reason: Sentence


class WaiverAnswerOut(Out):
    """A word on a waiver, as it was given."""

    person_id: str
    roles: list[str]
    is_agreed: bool
    sentence: str
    at: datetime


class WaiverOut(Out):
    """A waiver as it stands now."""

    id: str
    model_id: str
    model: str = Field(validation_alias=AliasPath("model", "name"))
    version_id: str | None = Field(description="None: every version.")
    environment: str = Field(description="Empty: everywhere.")
    requirement_id: str | None
    finding_id: str | None
    reason: str
    control: str
    seats: list[str] = Field(description="In which capacities it is decided, one person each.")
    tier: int
    wanted_until: datetime
    asked_by: str
    asked_at: datetime
    renews_id: str | None
    renewals: int
    state: WaiverState = Field(validation_alias="state_now")
    from_at: datetime | None
    to_at: datetime | None
    ended_by: str | None
    end_reason: str
    answers: list[WaiverAnswerOut]


class WaiverPage(PageIn):
    """Which waivers to list; by default those that are asked for or in force, the first to end on top."""

    all: bool = Field(default=False, description="Also those that have ended.")
    model: Name = None
