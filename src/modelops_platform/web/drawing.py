"""Small drawings that pages make by the dozen, worked out here because loops in a template are slow."""

import functools
from collections.abc import Sequence
from typing import NamedTuple


class Line(NamedTuple):
    """A line as SVG takes it, and where it ends."""

    path: str
    x: float
    y: float


@functools.cache
def _across(count: int) -> list[float]:
    """Return where so many points stand from left to right."""
    return [round(2 + position * 92 / (count - 1), 1) for position in range(count)]


def line(points: Sequence[float | None]) -> Line | None:
    """Return the points as a line in a box of 96 by 24, with gaps where they are none; none below two numbers."""
    known = [point for point in points if point is not None]
    if len(known) < 2:
        return None
    low, high = min(known), max(known)
    height = 18 / ((high - low) or 1)
    path, is_down, x, y = [], False, 0.0, 12.0
    for across, point in zip(_across(len(points)), points, strict=True):
        if point is None:
            is_down = False
            continue
        x = across
        y = 12.0 if high == low else round(21 - (point - low) * height, 1)
        path.append(f"{'L' if is_down else 'M'}{x} {y}")
        is_down = True
    return Line("".join(path), x, y)
