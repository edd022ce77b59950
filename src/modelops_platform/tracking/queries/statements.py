"""Statements of the hot paths: plain SQL with `?`, given to the driver as it stands, in the session's transaction.

Building a statement, and describing its result, costs many times what running it costs here. Values always travel as
parameters, and what the driver raises is raised as SQLAlchemy raises it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

Row = tuple[Any, ...]


class Statement:
    """One text for both databases; `locks` is what PostgreSQL gets behind it (SQLite has one writer anyway)."""

    __slots__ = ("_postgres", "_sqlite")

    def __init__(self, text: str, *, locks: str = "") -> None:
        self._sqlite = text
        self._postgres = text.replace("?", "%s") + (f" {locks}" if locks else "")

    def all(self, connection: Connection, *values: Any) -> list[Row]:
        """Return all rows."""
        with _translated(connection):
            rows: list[Row] = self._run(connection, values).fetchall()
        return rows

    def one(self, connection: Connection, *values: Any) -> Row | None:
        """Return the first row, if there is one."""
        with _translated(connection):
            row: Row | None = self._run(connection, values).fetchone()
        return row

    def value(self, connection: Connection, *values: Any) -> Any:
        """Return the first value of the first row, None when there is none."""
        row = self.one(connection, *values)
        return None if row is None else row[0]

    def do(self, connection: Connection, *values: Any) -> int:
        """Run it, and return how many rows it touched."""
        with _translated(connection):
            touched: int = self._run(connection, values).rowcount
        return touched

    def many(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Run it once for each row of values."""
        if not rows:
            return
        with _translated(connection):
            if len(rows) == 1:
                self._run(connection, rows[0])
                return
            text = self._postgres if is_postgres(connection) else self._sqlite
            cursor = _driver(connection).cursor()
            cursor.executemany(text, rows)
            cursor.close()

    def _run(self, connection: Connection, values: Sequence[Any]) -> Any:
        text = self._postgres if is_postgres(connection) else self._sqlite
        return _driver(connection).execute(text, values)


def _driver(connection: Connection) -> Any:
    """Return the driver's own connection, whose transaction the session has begun."""
    return connection.connection.dbapi_connection


@contextmanager
def _translated(connection: Connection) -> Iterator[None]:
    errors = connection.dialect.loaded_dbapi.Error
    try:
        yield
    except errors as error:
        raise DBAPIError.instance(None, None, error, errors, dialect=connection.dialect) from error


def is_postgres(connection: Connection) -> bool:
    """Say which of the two databases it is."""
    return connection.dialect.name == "postgresql"


def marks(count: int) -> str:
    """Return as many placeholders."""
    return ",".join("?" * count)
