"""Shapes of asking for approvals and giving them."""

from datetime import datetime
from typing import Annotated

from pydantic import AliasPath, Field

from modelops_platform.web.forms import EmptyIsNone, In, Out, PageIn

from ..domain.facts import VoteAnswer
from ..domain.states import RequestState
from .findings import Day
from .gate import GateIn
from .shared import Name, Sentence


class ApprovalIn(GateIn):
    """Ask others to approve a version for a target."""

    message: Sentence = Field(description="What they should know, in a sentence.")
    due: Day = Field(default=None, description="By when; not later than the policy gives, if it gives any time.")
    apply: bool = Field(default=False, description="Once it is granted, do it in my name, with my rights of then.")
    deployment: Name = Field(default=None, description="With `apply`, which one, where there are several.")


class VoteIn(In):
    """One person's word on a request."""

    answer: VoteAnswer
    sentence: Sentence = Field(description="Why, in a sentence.")
    in_place_of: Name = Field(default=None, description="Id of who has delegated their votes to me.")


class CommentIn(In):
    """Something to say about a request."""

    text: Sentence


class CommentOut(Out):
    """Something that somebody said about a request."""

    said_by: str
    text: str
    at: datetime


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
    holder_id: str | None = Field(description="In whose place it was given; the roles are that person's.")


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
    due_at: datetime | None
    on_timeout: str = Field(description="What happens then: deny, escalate, or nothing.")
    is_auto: bool = Field(description="Done in the asker's name once it is granted.")
    applied_at: datetime | None
    applied: str
    votes: list[VoteOut]
    comments: list[CommentOut]


class ApprovalPage(PageIn):
    """Which requests to list."""

    state: Annotated[RequestState | None, EmptyIsNone] = Field(default=None, description="As it was last written.")
    model: Name = Field(default=None, description="Only of this model.")
