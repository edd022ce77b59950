"""Previews of separated values, and what all previews of tables have in common: first rows, and types of columns."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import BinaryIO

from .content import MOST_COLUMNS, MOST_ROWS, Content, Unshown, short
from .texts import read_text

CSV_BYTES = 512 * 1024
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")


def preview_csv(file: BinaryIO) -> Content:
    """Return the first rows of a file of separated values; types are told from these rows."""
    text, is_cut = read_text(file, CSV_BYTES)
    first = text.partition("\n")[0]
    separator = max(",;\t|", key=first.count)
    csv.field_size_limit(CSV_BYTES)
    try:
        rows = list(islice(csv.reader(io.StringIO(text, newline=""), delimiter=separator), MOST_ROWS + 2))
    except csv.Error as problem:
        raise Unshown(f"The table cannot be read: {problem}.") from None
    if not rows:
        raise Unshown("The table is empty.")
    header, body = rows[0], rows[1:]
    more = len(body) > MOST_ROWS or (is_cut and len(body) <= MOST_ROWS)
    body = body[:MOST_ROWS]
    types = [type_of([row[n] for row in body if n < len(row)]) for n in range(len(header))]
    return as_table(header, types, body, total=None if more else len(body))


def type_of(values: Sequence[str]) -> str:
    """Say what sort of values these texts are."""
    given = [value for value in (value.strip() for value in values) if value]
    for name, fits in (
        ("integer", lambda text: text.lstrip("+-").isascii() and text.lstrip("+-").isdigit()),
        ("number", _NUMBER.fullmatch),
        ("date", _DATE.fullmatch),
        ("true or false", lambda text: text.lower() in ("true", "false")),
    ):
        if given and all(fits(value) for value in given):
            return name
    return "text" if given else "empty"


def as_table(
    names: Sequence[object], types: Sequence[str], rows: Iterable[Sequence[object]], *, total: int | None
) -> Content:
    """Return the first rows of a table with names and types of its columns."""
    columns = [[short(name), kind] for name, kind in zip(names, types, strict=True)]
    shown = [["" if cell is None else short(cell) for cell in islice(row, MOST_COLUMNS)] for row in rows]
    return {
        "columns": columns[:MOST_COLUMNS],
        "more_columns": max(0, len(columns) - MOST_COLUMNS),
        "rows": [row + [""] * (min(len(columns), MOST_COLUMNS) - len(row)) for row in shown],
        "total": total,
    }
