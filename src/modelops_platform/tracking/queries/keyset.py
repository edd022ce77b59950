"""Pages that continue behind the last row's keys: the order of a statement, and the condition of what is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from modelops_platform.core.errors import InvalidInput

from .conditions import Text


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of an order: a column of the statement. What may be missing has a key before it that says so."""

    column: str
    descending: bool = False
    is_text: bool = False
    may_be_missing: bool = False


def add_after(text: Text, keys: Sequence[SortKey], values: Sequence[Any]) -> None:
    """Append the condition of the rows behind these values, with AND. Raises InvalidInput when they do not fit."""
    fits = all(
        (value is None and key.may_be_missing) or (value is not None and isinstance(value, str) is key.is_text)
        for key, value in zip(keys, values, strict=True)
    )
    if not fits:
        raise InvalidInput("Invalid page token.", remedy="Start from the first page.", field="page_token")
    known = [(key, value) for key, value in zip(keys, values, strict=True) if value is not None]
    first, beginning = known[0]
    # Says again what follows from the rest, but lets an index begin at the right place.
    text.add(f" AND {_sorted(text, first)} {'<=' if first.descending else '>='} ? AND (", beginning)
    for position, (key, value) in enumerate(known):
        text.add(" OR (" if position else "(")
        for before, same in known[:position]:
            text.add(f"{_sorted(text, before)} = ? AND ", same)
        text.add(f"{_sorted(text, key)} {'<' if key.descending else '>'} ?)", value)
    text.add(")")


def add_order(text: Text, keys: Sequence[SortKey]) -> None:
    """Append the order."""
    text.add(" ORDER BY " + ", ".join(f"{_sorted(text, key)}{' DESC' if key.descending else ''}" for key in keys))


def _sorted(text: Text, key: SortKey) -> str:
    return text.sorted_text(key.column) if key.is_text else key.column
