"""Monitors: what they measure, their limits, and what a figure means under them."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol

from modelops_platform.core.errors import InvalidInput

from .lights import Light

LONGEST_HOURS = 10 * 366 * 24
SPARKLINE_VALUES = 20
MOST_MONITORS = 500


class Measure(StrEnum):
    """What sort of thing a series tells about a model."""

    QUALITY = "quality"
    BIAS = "bias"
    DRIFT = "drift"
    DATA_QUALITY = "data_quality"
    OPERATIONS = "operations"
    VALUE = "value"
    OTHER = "other"


MEASURE_WORDS = {
    Measure.QUALITY: "Quality",
    Measure.BIAS: "Bias",
    Measure.DRIFT: "Drift",
    Measure.DATA_QUALITY: "Data quality",
    Measure.OPERATIONS: "Operations",
    Measure.VALUE: "Value",
    Measure.OTHER: "Other",
}


class Bad(StrEnum):
    """On which side of a limit a figure is bad."""

    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Limits:
    """When a figure warns or fails, how many rows it must stand on, and for how long it holds.

    A value on the limit itself is still good: "fail below 0.80" takes 0.80. With neither `warn` nor `fail` nothing
    is judged. Raises InvalidInput when the values contradict each other.
    """

    bad: Bad | None = None
    warn: float | None = None
    fail: float | None = None
    fewest_rows: int | None = None
    stale_after_hours: int | None = None

    def __post_init__(self) -> None:
        for name in ("warn", "fail"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise _wrong(name, value, f"The limit {value} is not a finite number.", "Give a number.")
        if self.is_judging and self.bad is None:
            words = "The limits do not say on which side a value is bad."
            raise _wrong("bad", None, words, "Give `above` or `below`.")
        if self.warn is not None and self.fail is not None and not self._beyond(self.fail, self.warn):
            raise _wrong(
                "warn",
                self.warn,
                f"With values bad {self.bad}, warning at {self.warn:g} and failing at {self.fail:g} is no order.",
                f"Let the warning come first: `warn` {'below' if self.bad is Bad.ABOVE else 'above'} `fail`.",
            )

    @property
    def is_judging(self) -> bool:
        """Whether there is anything to judge by."""
        return self.warn is not None or self.fail is not None

    @property
    def stale_after(self) -> timedelta | None:
        """For how long a figure holds."""
        return None if self.stale_after_hours is None else timedelta(hours=self.stale_after_hours)

    def _beyond(self, value: float, limit: float) -> bool:
        return value > limit if self.bad is Bad.ABOVE else value < limit

    def judge(self, value: float | None, rows: int | None, *, error: str | None = None) -> Light:
        """Return what a figure means under these limits; time is left out, see `lights.at_moment`."""
        if not self.is_judging:
            return Light.NOT_MONITORED
        if error:
            return Light.ERROR
        if value is None:
            return Light.NO_DATA
        if self.fewest_rows and (rows is None or rows < self.fewest_rows):
            return Light.TOO_FEW_ROWS
        for limit, light in ((self.fail, Light.FAIL), (self.warn, Light.WARN)):
            if limit is not None and self._beyond(value, limit):
                return light
        return Light.PASS

    def why(self, value: float | None, rows: int | None, *, error: str | None = None) -> str:
        """Say in a sentence why a figure is judged as it is."""
        light = self.judge(value, rows, error=error)
        if light is Light.NOT_MONITORED:
            return "No limit is set, so nothing is judged."
        if light is Light.ERROR:
            return f"The figure could not be computed: {error}"
        if light is Light.NO_DATA:
            return "There was nothing to compute the figure from."
        if light is Light.TOO_FEW_ROWS:
            told = "It is not told how many rows it stands on" if rows is None else f"It stands on {rows:,} rows"
            return f"{told}; at least {self.fewest_rows:,} are asked for."
        assert value is not None
        if light is Light.PASS:
            return f"{value:.4g} is within its limits: {self.words}."
        limit = self.fail if light is Light.FAIL else self.warn
        return f"{value:.4g} is {self.bad} the limit {limit:g}."

    @property
    def words(self) -> str:
        """The limits in words: "warn above 0.1, fail above 0.25"."""
        parts = [
            f"{name} {self.bad} {value:g}"
            for name, value in (("warn", self.warn), ("fail", self.fail))
            if value is not None
        ]
        return ", ".join(parts) or "none"

    def to_dict(self) -> dict[str, Any]:
        """Return the limits as events and answers carry them."""
        return {
            "bad": self.bad.value if self.bad else None,
            "warn": self.warn,
            "fail": self.fail,
            "fewest_rows": self.fewest_rows,
            "stale_after": None if self.stale_after_hours is None else span_words(self.stale_after_hours),
        }


_SPAN = re.compile(r"([0-9]{1,6})\s*(h|hours?|d|days?)")


def read_span(text: str, field: str = "stale_after") -> int:
    """Return the hours of "36 hours", "36h", "14 days" or "14d". Raises InvalidInput."""
    found = _SPAN.fullmatch(text.strip().lower())
    hours = 0 if found is None else int(found[1]) * (24 if found[2].startswith("d") else 1)
    if not 1 <= hours <= LONGEST_HOURS:
        words = f"{text[:40]!r} is not a time span between an hour and ten years."
        raise _wrong(field, text[:40], words, "Write it as `36 hours` or `14 days`.")
    return hours


def span_words(hours: int) -> str:
    """Return a span as people read it, and as `read_span` takes it."""
    count, unit = (hours // 24, "day") if hours % 24 == 0 else (hours, "hour")
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _wrong(field: str, value: object, message: str, remedy: str) -> InvalidInput:
    return InvalidInput(message, remedy=remedy, field=field, value=value)


class Series(Protocol):
    """What the choice of a model's primary series looks at."""

    @property
    def is_judged(self) -> bool: ...
    @property
    def measures(self) -> str: ...
    @property
    def id(self) -> str: ...


def primary_of(series: Iterable[Series]) -> Series | None:
    """Return the series that stands for the model in lists: the oldest judged one, of quality if there is one."""
    return min(series, key=lambda one: (not one.is_judged, one.measures != Measure.QUALITY, one.id), default=None)
