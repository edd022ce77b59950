"""Shapes of asking for a role, and of answering."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from modelops_platform.identity.domain import Role
from modelops_platform.web.forms import EmptyIsNone, In, Out, PageIn


class AskIn(In):
    """What the form begins with: what somebody could not reach, and what they could not do."""

    about: str = Field(default="", max_length=2000)
    permission: str = Field(default="", max_length=60)


class AccessFilter(PageIn):
    """Which requests."""

    state: Literal["open", "answered"] = "open"


class GrantAccessIn(In):
    """The role to give, and where: on a model by name, on a unit, else on the whole workspace."""

    role: Role
    unit_id: Annotated[Annotated[str, Field(max_length=36)] | None, EmptyIsNone] = None
    model: Annotated[Annotated[str, Field(max_length=250)] | None, EmptyIsNone] = None


class DeclineIn(In):
    """Why not."""

    reason: str = Field(min_length=1, max_length=2000)


class AccessRequestOut(Out):
    """Somebody asks for a role."""

    id: str
    user_id: str
    about: str
    role: Role | None
    reason: str
    asked_at: datetime
    state: str
    decided_at: datetime | None
    decided_by: str | None
    answer: str
