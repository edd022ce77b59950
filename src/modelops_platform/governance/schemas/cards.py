"""Shapes of model cards."""

from typing import Annotated

from pydantic import Field

from modelops_platform.web.forms import In, Out


class CardIn(In):
    """What to write into a card."""

    fields: dict[Annotated[str, Field(max_length=100)], Annotated[str, Field(max_length=5000)]] = Field(
        max_length=200, description="Text by field; an empty one takes it out.", examples=[{"limits": "Not for firms."}]
    )


class CardPage(In):
    """Which card."""

    version: int | None = Field(default=None, ge=1, le=2**31 - 1, description="Of which version; by default the last.")


class CardFieldOut(Out):
    """A field of a card: what it says, and what is wrong with it."""

    id: str
    title: str
    group: str
    is_wanted: bool = Field(description="Whether the tier wants it.")
    is_filled: bool = Field(description="Whether it is filled and valid.")
    is_written: bool = Field(description="Whether somebody wrote it; otherwise the platform found it.")
    says: str
    problem: str | None


class CardOut(Out):
    """The card of a version, and how complete it is for its tier."""

    version: int
    percent: int
    digest: str
    missing: list[str]
    fields: list[CardFieldOut]
