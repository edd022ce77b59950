"""Keyset pages: a cursor holds the sort keys of the last row, so deep pages cost what first pages cost."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Integer, Select, UnaryExpression, and_, or_
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import OrderByList
from sqlalchemy.types import TypeEngine

from .errors import InvalidInput

LARGEST_PAGE = 200


T = TypeVar("T")
Key = InstrumentedAttribute[Any] | ColumnElement[Any] | OrderByList | UnaryExpression[Any]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows, and the cursor of the next page if there is one."""

    items: Sequence[T]
    next: str | None = None


def paginate(db: Session, statement: Select[T], *keys: Key, cursor: str | None = None, limit: int = 50) -> Page[T]:
    """Return one page of the statement's entities, ordered by the keys.

    Args:
        keys: Columns that are never null, `desc(column)` for descending; the last must be unique.
        cursor: The `next` of the page before.
        limit: Rows wanted, 1 to 200.
    Raises: InvalidInput for a cursor that this list did not give out.
    """
    limit = max(1, min(limit, LARGEST_PAGE))
    if cursor is not None:
        statement = statement.where(_after(keys, _decode(cursor, len(keys))))
    columns = [_column(key) for key in keys]
    found = db.execute(statement.order_by(*keys).add_columns(*columns).limit(limit + 1)).all()
    more = len(found) > limit
    found = found[:limit]
    return Page([row[0] for row in found], _encode(found[-1][1:]) if more else None)


def _column(key: Key) -> Any:
    return key.element if isinstance(key, UnaryExpression) else key


def _after(keys: Sequence[Key], values: list[Any]) -> ColumnElement[bool]:
    """Compare row-wise; spelled out because the keys may run in different directions."""
    for key, value in zip(keys, values, strict=True):
        if not _fits(value, _column(key).type):
            raise _not_ours(repr(values))
    choices = []
    for position, key in enumerate(keys):
        column = _column(key)
        descending = isinstance(key, UnaryExpression) and key.modifier is operators.desc_op
        beyond = column < values[position] if descending else column > values[position]
        same = [_column(k) == v for k, v in zip(keys[:position], values[:position], strict=True)]
        choices.append(and_(*same, beyond))
    return or_(*choices)


def _fits(value: Any, kind: TypeEngine[Any]) -> bool:
    """Say whether a column of this type can be compared with the value; PostgreSQL is strict about integers too."""
    if isinstance(value, int) and isinstance(kind, Integer) and not isinstance(kind, BigInteger):
        return abs(value) < 2**31
    if isinstance(value, datetime) and kind.python_type is date:
        return False
    return isinstance(value, kind.python_type)


def _encode(values: Sequence[Any]) -> str:
    plain = [_value_to_plain(value) for value in values]
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str, length: int) -> list[Any]:
    try:
        if len(cursor) > 4000:
            raise ValueError("too long")
        plain = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if not isinstance(plain, list) or len(plain) != length:
            raise ValueError("another list's cursor")
        return [_plain_to_value(value) for value in plain]
    except (ValueError, binascii.Error, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise _not_ours(cursor) from error


def _not_ours(cursor: str) -> InvalidInput:
    return InvalidInput(
        f"The cursor {cursor[:60]!r} is not one that this list gave out.",
        remedy="Start from the first page, without a cursor, and pass `next` on unchanged.",
        field="cursor",
        value=cursor[:60],
    )


def _value_to_plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"t": value.isoformat()}
    return {"d": value.isoformat()} if isinstance(value, date) else value


def _plain_to_value(value: Any) -> Any:
    if isinstance(value, dict):
        if "d" in value:
            return date.fromisoformat(value["d"])
        return datetime.fromisoformat(value["t"]).astimezone(UTC)
    if isinstance(value, str) and any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value):
        raise ValueError("not text of ours")
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value in (float("inf"), float("-inf")):
        raise ValueError("not a key")
    if isinstance(value, int) and abs(value) > 2**63 - 1:
        raise ValueError("not a key")
    return value
