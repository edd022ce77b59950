"""Shapes of changes in an emergency, and of delegations."""

from datetime import datetime
from typing import Annotated

from pydantic import AliasPath, Field

from modelops_platform.web.forms import In, Moment, Out, PageIn

from ..domain.exceptions import EmergencyState
from .gate import GateIn
from .shared import Name, Sentence


class EmergencyIn(GateIn):
    """A change that cannot wait for the full gate."""

    reason: Sentence = Field(description="What happens if it waits.")
    deployment: Name = Field(default=None, description="Which one, where the model has several in the environment.")


class EmergencyAnswerIn(In):
    """One person's word on an emergency change."""

    agree: bool
    sentence: Sentence


class EmergencyAnswerOut(Out):
    """A word on an emergency change, as it was given."""

    person_id: str
    roles: list[str]
    is_agreed: bool
    sentence: str
    at: datetime


class EmergencyOut(Out):
    """An emergency change as it stands."""

    id: str
    model_id: str
    model: str = Field(validation_alias=AliasPath("model", "name"))
    version_id: str
    version: int = Field(validation_alias=AliasPath("version", "number"))
    action: str
    environment: str
    deployment: str | None
    digest: str | None
    reason: str
    tier: int
    approvers: int = Field(description="How many people must agree; who asks is none of them.")
    days: int
    asked_by: str
    asked_at: datetime
    state: EmergencyState
    from_at: datetime | None
    to_at: datetime | None = Field(
        description="The gate lets it pass until then, and the full gate is to be met by then."
    )
    settled_at: datetime | None
    applied_at: datetime | None
    applied: str
    answers: list[EmergencyAnswerOut]


class EmergencyPage(PageIn):
    """Which emergency changes to list, the newest first."""

    model: Name = None


class DelegationIn(In):
    """Let somebody else vote in one's place for a while."""

    delegate: Annotated[str, Field(min_length=1, max_length=250, description="Id of the person.")]
    from_at: Moment
    to_at: Moment
    reason: Sentence


class DelegationOut(Out):
    """A delegation."""

    id: str
    holder_id: str
    delegate_id: str
    reason: str
    from_at: datetime
    to_at: datetime
    made_at: datetime
    ended_by: str | None
