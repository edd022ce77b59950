"""The columns that a version's signature promises, and tables brought into their order."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from modelops_platform.core.errors import InvalidInput

from ..domain import Table


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a version takes or gives, as its signature tells it."""

    name: str
    type: str = ""
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class Signature:
    """What a version takes and gives; empty where nobody recorded it."""

    inputs: tuple[Column, ...] = ()
    outputs: tuple[Column, ...] = ()

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Signature":
        """Read a signature as versions keep it."""
        return cls(_columns(record.get("inputs") or ()), _columns(record.get("outputs") or ()))


def _columns(records: Iterable[Mapping[str, Any]]) -> tuple[Column, ...]:
    return tuple(Column(one["name"], one.get("type") or "", one.get("is_required", True)) for one in records)


def arrange(table: Table, inputs: tuple[Column, ...], *, field: str) -> Table:
    """Return the table with the columns of the signature in its order; without a signature as it came.

    Columns that may be missing are filled with nothing. Raises InvalidInput for others that are missing, and for
    columns that the signature does not know: silence about a misspelt name would be a wrong answer.
    """
    if not inputs or not table.rows:
        return table
    known = {column.name for column in inputs}
    missing = [column.name for column in inputs if column.is_required and column.name not in table.columns]
    extra = [name for name in table.columns if name not in known]
    if missing or extra:
        parts = [f"lacks {_listed(missing)}"] if missing else []
        parts += [f"has {_listed(extra)}, which the model does not take"] if extra else []
        raise InvalidInput(
            f"The table {' and '.join(parts)}.",
            remedy=f"Send the columns {_listed([column.name for column in inputs])}.",
            field=field,
            value=(missing or extra)[0][:200],
        )
    places = {name: place for place, name in enumerate(table.columns)}
    order = [places.get(column.name) for column in inputs]
    rows = tuple(tuple(None if place is None else row[place] for place in order) for row in table.rows)
    return Table(tuple(column.name for column in inputs), rows)


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name[:80]) for name in names[:10])
    return f"{shown} and {len(names) - 10} more" if len(names) > 10 else shown
