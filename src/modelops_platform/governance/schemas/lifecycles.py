"""Shapes of life cycles: a move, and where something stands."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from modelops_platform.web.forms import EmptyIsNone, In, Out

State = Annotated[str, Field(min_length=1, max_length=100)]


class MoveIn(In):
    """Where something shall go in its life cycle."""

    to: State = Field(description="The state to move to.", examples=["suspended"])
    state: Annotated[State | None, EmptyIsNone] = Field(
        default=None, description="The state that you saw it in; where it moved on meanwhile, you are told."
    )
    reason: str = Field(default="", max_length=2000, description="Why; most moves want it.")


class StayOut(Out):
    """A state from one moment to another."""

    state: str
    title: str
    transition: str | None
    reason: str
    entered_by: str
    decision_id: str | None
    from_at: datetime
    to_at: datetime | None


class WayOut(Out):
    """A move that people can make from here, and why the one who asks cannot make it now."""

    id: str
    title: str
    to: str
    who: str
    wants_reason: bool
    refusal: str | None


class StandingOut(Out):
    """Where a model or a version stands: under which life cycle, how it got there, and what is possible."""

    about: str
    subject_id: str
    state: str
    title: str
    is_barred: bool
    since: datetime
    life_cycle: str
    life_cycle_version: int
    newer_version: int | None = Field(description="A newer version that it does not follow.")
    ways: list[WayOut]
    stays: list[StayOut]
