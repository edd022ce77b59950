"""One clause of a filter as SQL that means the same on both databases.

Text compares by code point and with regard to case; in LIKE, % and _ are wildcards and nothing escapes them.
"""

from typing import Any

from sqlalchemy import ColumnElement

from ..domain.filters import Clause, Op

_GLOB = str.maketrans({"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"})


def holds(column: Any, clause: Clause, dialect: str) -> ColumnElement[bool]:
    """Return whether a column's value satisfies the clause; a missing value satisfies IS NULL alone."""
    value = clause.value
    match clause.op:
        case Op.EQ:
            found = column == value
        case Op.NE:
            found = column != value
        case Op.LT:
            found = column < value
        case Op.LE:
            found = column <= value
        case Op.GT:
            found = column > value
        case Op.GE:
            found = column >= value
        case Op.LIKE:
            found = (
                column.like(value, escape="")
                if dialect == "postgresql"
                else column.op("GLOB", is_comparison=True)(glob_of(str(value)))
            )
        case Op.ILIKE:
            found = (
                column.ilike(value, escape="")
                if dialect == "postgresql"
                else column.op("LIKE", is_comparison=True)(value)
            )
        case Op.RLIKE:
            found = column.regexp_match(value)
        case Op.IN:
            found = column.in_(value)
        case Op.NOT_IN:
            found = column.not_in(value)
        case Op.IS_NULL:
            found = column.is_(None)
        case _:
            found = column.is_not(None)
    answer: ColumnElement[bool] = found
    return answer


def glob_of(pattern: str) -> str:
    """Return a LIKE pattern as SQLite's GLOB has it, which regards case."""
    return pattern.translate(_GLOB)


class Text:
    """A growing SQL text with the values of its placeholders."""

    __slots__ = ("is_postgres", "parts", "values")

    def __init__(self, *, is_postgres: bool) -> None:
        self.is_postgres = is_postgres
        self.parts: list[str] = []
        self.values: list[Any] = []

    def add(self, text: str, *values: Any) -> None:
        """Append text and the values of its placeholders."""
        self.parts.append(text)
        self.values.extend(values)

    def compare(self, column: str, clause: Clause) -> None:
        """Append the comparison of a column with the clause's value."""
        value = clause.value
        if clause.op in (Op.IN, Op.NOT_IN):
            assert isinstance(value, tuple)
            self.add(f"{column} {clause.op.value} ({','.join('?' * len(value))})", *value)
        elif clause.op is Op.LIKE:
            if self.is_postgres:
                self.add(f"{column} LIKE ? ESCAPE ''", value)
            else:
                self.add(f"{column} GLOB ?", glob_of(str(value)))
        elif clause.op is Op.ILIKE:
            self.add(f"{column} ILIKE ? ESCAPE ''" if self.is_postgres else f"{column} LIKE ?", value)
        elif clause.op in (Op.IS_NULL, Op.IS_NOT_NULL):
            self.add(f"{column} {clause.op.value}")
        else:
            self.add(f"{column} {clause.op.value} ?", value)

    def sorted_text(self, column: str) -> str:
        """Return a text column as it sorts: by code point, wherever the database was made."""
        return f'{column} COLLATE "C"' if self.is_postgres else column


__all__ = ["Text", "glob_of", "holds"]
