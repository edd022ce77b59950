"""Bases of the shapes that come in and go out; how one is read or printed is worked out when it is first used."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from modelops_platform.core.cursors import LARGEST_PAGE
from modelops_platform.core.errors import InvalidInput

T = TypeVar("T")
Shape = TypeVar("Shape", bound=BaseModel)


class In(BaseModel):
    """A body from outside: unknown fields are refused, text is stripped, numbers are finite."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, allow_inf_nan=False, defer_build=True)


def filled(shape: type[Shape], /, **values: Any) -> Shape:
    """Return a shape of the API made of what a form says. Raises InvalidInput for what the form let pass."""
    try:
        return shape(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field, value = ".".join(str(part) for part in first["loc"]), first["input"]
        raise InvalidInput(
            f"{field}: {first['msg'].removeprefix('Value error, ')}.",
            remedy="Correct the named field and send it again.",
            field=field,
            value=value[:200] if isinstance(value, str) else None,
        ) from None


class Out(BaseModel):
    """An answer, read from the attributes of a row."""

    model_config = ConfigDict(from_attributes=True, defer_build=True)


def _empty_is_none(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


EmptyIsNone = BeforeValidator(_empty_is_none)
OptionalText = Annotated[str | None, EmptyIsNone]

_DATE = re.compile(r"\s*\d{4}-\d\d-\d\d", re.ASCII)


def _written_out(kind: Any, like: str) -> BeforeValidator:
    """Return what reads a time from text alone: a bare number may be seconds or milliseconds.

    It reads it itself, since a strict reader takes what a validator hands on for Python's, where text is no time.
    """
    plain: TypeAdapter[Any] = TypeAdapter(kind)

    def read(value: Any) -> Any:
        if not isinstance(value, date) and not (isinstance(value, str) and _DATE.match(value)):
            raise ValueError(f"a time is text such as {like}")
        try:
            return plain.validate_python(value)
        except ValidationError as error:
            raise ValueError(error.errors()[0]["msg"]) from None

    return BeforeValidator(read)


def _within_reach(value: datetime) -> datetime:
    """Return the time in UTC; at the ends of the calendar that, and any reckoning with days, would fail."""
    if not 1900 <= value.year <= 9998:
        raise ValueError("a time lies in the years 1900 to 9998")
    return value.astimezone(UTC)


def end_of_day(value: Any) -> Any:
    """Read a bare date as its last moment in UTC; what else is given is returned as it is."""
    return f"{value}T23:59:59.999999Z" if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value) else value


Moment = Annotated[AwareDatetime, _written_out(AwareDatetime, "2026-05-03T14:00:00Z"), AfterValidator(_within_reach)]
AsOf = Annotated[Moment | None, EmptyIsNone, BeforeValidator(end_of_day)]
"""A moment of the past, of which a bare date is the last one; nothing is now."""
Date = Annotated[date, Field(ge=date(1900, 1, 1), le=date(9998, 12, 31)), _written_out(date, "2026-05-03")]


class PageOut(BaseModel, Generic[T]):
    """One page of a list; pass `next` on as `cursor` to go on."""

    model_config = ConfigDict(from_attributes=True, defer_build=True)
    items: list[T]
    next: str | None = None


class PageIn(BaseModel):
    """Which page; lists with filters extend it. Unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, defer_build=True)
    cursor: str | None = Field(default=None, max_length=4000, description="`next` of the page before.")
    limit: int = Field(default=50, ge=1, le=LARGEST_PAGE, description="Rows wanted.")
