"""Reading a log that stands in PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from .reading import Reader


class PostgresqlReader(Reader):
    """Reads by a cursor of the server's, so that a large log is never in memory."""

    kind = "postgresql"

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection

    def _select(self, statement: str, **values: int) -> Iterator[Any]:
        with _told(), self._connection.cursor(name="log", scrollable=False) as cursor:
            cursor.itersize = 2_000
            cursor.execute(statement.format(**{name: f"%({name})s" for name in values}), values)
            yield from cursor


def open_reader(arguments: dict[str, Any]) -> "tuple[psycopg.Connection[Any], PostgresqlReader]":
    """Connect, and begin a transaction that sees one state. Raises ConnectionError when that cannot be."""
    with _told():
        connection: psycopg.Connection[Any] = psycopg.connect(**{"connect_timeout": 5, **arguments})
    connection.read_only = True
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    return connection, PostgresqlReader(connection)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise ConnectionError(str(error).strip()) from error
