"""Rows that are only ever added; a line of code that changes one fails."""

from typing import Any

from sqlalchemy import event, inspect


def freeze(table: type[Any]) -> None:
    """Let no row of this table be changed once it is written."""
    event.listen(table, "before_update", _refuse_change)


def _refuse_change(_mapper: Any, _connection: Any, row: Any) -> None:
    changed = sorted(attribute.key for attribute in inspect(row).attrs if attribute.history.has_changes())
    if changed:
        raise RuntimeError(f"A {row.object_kind} is never changed, here {changed}.")
