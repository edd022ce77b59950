"""Shapes of the leader's view."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from modelops_platform.web.forms import AsOf, EmptyIsNone, Out, PageIn


class PortfolioFilter(PageIn):
    """What the portfolio is narrowed by; all of it stands in the address of the page."""

    at: AsOf = Field(default=None, description="As of this moment, a bare date is its last one; now if left out.")
    unit: Annotated[str | None, EmptyIsNone] = Field(default=None, max_length=36, description="Id of a unit.")
    tier: Annotated[str | None, EmptyIsNone] = Field(
        default=None, pattern="^([1-4]|none)$", description="1 to 4, or `none`."
    )
    light: Annotated[str | None, EmptyIsNone] = Field(default=None, max_length=20, description="A light's state.")
    state: Annotated[str | None, EmptyIsNone] = Field(default=None, max_length=30, description="A model's state.")
    attention: Annotated[Literal["failing", "blind", "unassessed", "any"] | None, EmptyIsNone] = Field(
        default=None, description="A reason why somebody is needed, or `any`."
    )
    impact: Annotated[int | None, EmptyIsNone] = Field(default=None, ge=1, le=5, description="Column of the heat map.")
    likelihood: Annotated[int | None, EmptyIsNone] = Field(default=None, ge=1, le=5, description="Row of the heat map.")
    live: Annotated[bool | None, EmptyIsNone] = Field(default=None, description="Only models in use, or only others.")


class CellOut(Out):
    """One cell of the heat map."""

    impact: int
    likelihood: int
    count: int


class TrendOut(Out):
    """The inventory on one day."""

    day: str
    total: int
    needing_attention: int


class PortfolioOut(Out):
    """The inventory in numbers; each can be opened with the filter of the same name."""

    at: datetime
    sentence: str
    total: int
    live: int
    needing_attention: int
    by_tier: dict[str, int]
    by_light: dict[str, int]
    by_state: dict[str, int]
    by_attention: dict[str, int]
    by_unit: dict[str, int]
    heat_map: list[CellOut]
    trend: list[TrendOut]
