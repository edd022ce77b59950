"""Writing points as a file for spreadsheets."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from modelops_platform.registry.exports import plain_cell

from .tables import Point


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


COLUMNS: dict[str, Callable[[Point], Any]] = {
    "at": lambda point: _time(point.at),
    "value": lambda point: point.value,
    "n": lambda point: point.n,
    "light": lambda point: point.light,
    "version": lambda point: point.version_number,
    "window_from": lambda point: _time(point.window_from),
    "window_to": lambda point: _time(point.window_to),
    "source": lambda point: point.source,
    "note": lambda point: point.note,
    "error": lambda point: point.error,
    "posted_by": lambda point: point.poster.name if point.poster else "the platform",
    "posted_with": lambda point: point.token.name if point.token else None,
    "posted_at": lambda point: _time(point.posted_at),
    "corrects": lambda point: point.corrects_id,
    "corrected_by": lambda point: point.corrected_by,
    "id": lambda point: point.id,
}


def csv_lines(points: Iterable[Point]) -> Iterator[str]:
    """Yield the points as lines of CSV, with the byte order mark that spreadsheets expect."""
    yield "\ufeff" + _line(COLUMNS)
    for point in points:
        yield _line([plain_cell(read(point)) for read in COLUMNS.values()])


def _line(cells: Iterable[Any]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
