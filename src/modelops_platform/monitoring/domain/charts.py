"""What a chart of a series shows, as data: one line a version, gaps where nothing was told, limits and deployments."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

from .limits import Limits


class Plotted(Protocol):
    """A point as a chart needs it."""

    @property
    def at(self) -> datetime: ...
    @property
    def value(self) -> float | None: ...
    @property
    def version_number(self) -> int | None: ...


class Mark(Protocol):
    """Something that happened at a moment, drawn on the time axis."""

    @property
    def at(self) -> datetime: ...
    @property
    def label(self) -> str: ...


def chart_of(
    name: str, unit: str, points: Sequence[Plotted], limits: Limits, *, marks: Iterable[Mark] = ()
) -> dict[str, Any]:
    """Return the data block of a series' chart.

    Args:
        points: In order of time; several may share a time when they are about different versions.
        marks: Those outside the points' stretch of time are left out.
    """
    times = sorted({point.at for point in points})
    versions = sorted({point.version_number for point in points}, key=lambda number: number or 0)
    place = {at: index for index, at in enumerate(times)}
    lines: dict[int | None, list[float | None]] = {number: [None] * len(times) for number in versions}
    for point in points:
        lines[point.version_number][place[point.at]] = point.value
    alone = len(versions) == 1
    series = [
        {"name": name if alone or number is None else f"v{number}", "values": values}
        for number, values in lines.items()
    ]
    return {
        "kind": "line",
        "unit": unit or None,
        "x": [at.isoformat(timespec="minutes") for at in times],
        "x_label": "Time",
        "time": True,
        "series": series,
        "limits": limit_lines(limits),
        "marks": [
            {"x": mark.at.isoformat(timespec="minutes"), "label": mark.label, "kind": "deployment"}
            for mark in marks
            if times and times[0] <= mark.at <= times[-1]
        ],
    }


def limit_lines(limits: Limits) -> list[dict[str, Any]]:
    """Return the limits as the lines that a chart draws."""
    values = (("warn", limits.warn), ("fail", limits.fail))
    return [
        {"value": value, "label": f"{tone} {limits.bad}", "tone": tone} for tone, value in values if value is not None
    ]
