"""Shapes of the log's API."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field

from modelops_platform.web.forms import EmptyIsNone, OptionalText, Out, PageIn

OptionalDate = Annotated[date | None, EmptyIsNone]


class EventFilter(PageIn):
    """What the log is narrowed by."""

    kind: OptionalText = Field(
        default=None, max_length=60, description="A kind such as `model.registered`, or its beginning: `model`."
    )
    actor: OptionalText = Field(default=None, max_length=254, description="Who did it: id, or part of name or address.")
    object_kind: OptionalText = Field(default=None, max_length=40, description="What it is about: `model`, `user` ...")
    object_id: OptionalText = Field(default=None, max_length=36)
    since: OptionalDate = Field(default=None, description="First day, UTC.")
    until: OptionalDate = Field(default=None, description="Last day, UTC.")
    q: OptionalText = Field(default=None, max_length=200, description="Text that the event holds.")


class ActedOut(Out):
    """Somebody or something that an event names."""

    kind: str
    id: str
    name: str | None = None


class EventOut(Out):
    """One event; `content` is the very text whose SHA-256 is `sha256`."""

    id: str
    place: int | None = Field(description="Its place in the log; none for a moment after it happened.")
    at: datetime
    kind: str
    actor: ActedOut
    object: ActedOut
    unit_id: str | None
    model_id: str | None
    words: str = Field(description="What was done, to be read after the name of who did it.")
    data: dict[str, Any]
    personal: dict[str, Any] = Field(description="Personal data, kept outside the hash so that it can be erased.")
    content: str
    sha256: str
    hmac: str
