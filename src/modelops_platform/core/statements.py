"""Statements of the hot paths, given to the driver as they stand, in the session's transaction.

Building a statement, and describing its result, costs many times what running it costs here. Values always travel as
parameters, and what the driver raises is raised as SQLAlchemy raises it.
"""

from collections import namedtuple
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from sqlalchemy import Connection, Dialect, Select, Table, insert
from sqlalchemy.exc import DBAPIError

Row = tuple[Any, ...]


class Statement:
    """One text for both databases, with `?`; `locks` stands behind it on PostgreSQL (SQLite has one writer anyway)."""

    __slots__ = ("_postgres", "_sqlite")

    def __init__(self, text: str, *, locks: str = "") -> None:
        self._sqlite = text
        self._postgres = text.replace("?", "%s") + (f" {locks}" if locks else "")

    def all(self, connection: Connection, *values: Any) -> list[Row]:
        """Return all rows."""
        try:
            rows: list[Row] = self._run(connection, values).fetchall()
        except connection.dialect.loaded_dbapi.Error as error:
            raise _as_sqlalchemy(connection, error) from error
        return rows

    def one(self, connection: Connection, *values: Any) -> Row | None:
        """Return the first row, if there is one."""
        try:
            row: Row | None = self._run(connection, values).fetchone()
        except connection.dialect.loaded_dbapi.Error as error:
            raise _as_sqlalchemy(connection, error) from error
        return row

    def value(self, connection: Connection, *values: Any) -> Any:
        """Return the first value of the first row, None when there is none."""
        row = self.one(connection, *values)
        return None if row is None else row[0]

    def do(self, connection: Connection, *values: Any) -> int:
        """Run it, and return how many rows it touched."""
        try:
            touched: int = self._run(connection, values).rowcount
        except connection.dialect.loaded_dbapi.Error as error:
            raise _as_sqlalchemy(connection, error) from error
        return touched

    def many(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Run it once for each row of values."""
        if len(rows) == 1:
            self.do(connection, *rows[0])
        elif rows:
            text = self._postgres if is_postgres(connection) else self._sqlite
            cursor = _driver(connection).cursor()
            try:
                cursor.executemany(text, rows)
            except connection.dialect.loaded_dbapi.Error as error:
                raise _as_sqlalchemy(connection, error) from error
            finally:
                cursor.close()

    def _run(self, connection: Connection, values: Sequence[Any]) -> Any:
        text = self._postgres if is_postgres(connection) else self._sqlite
        return _driver(connection).execute(text, values)


class Prepared:
    """A select that SQLAlchemy writes once, and whose columns are read as their types say.

    Its values are texts, named in the select by `bindparam`.
    """

    def __init__(self, select: Select[Any]) -> None:
        self._select = select
        self._made: dict[str, _Made] = {}

    def all(self, connection: Connection, **values: str) -> list[Any]:
        """Return all rows, as tuples with names."""
        dialect = connection.dialect
        made = self._made.get(dialect.name)
        if made is None:
            made = self._made[dialect.name] = _make(self._select, dialect)
        try:
            found = _driver(connection).execute(made.text, made.given(values)).fetchall()
        except dialect.loaded_dbapi.Error as error:
            raise _as_sqlalchemy(connection, error) from error
        return [made.read(row) for row in found]


class Addition:
    """An insert of a whole row, by all columns of its table, that SQLAlchemy writes once.

    Values are written as their columns' types say.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._made: dict[str, _Written] = {}

    def do(self, connection: Connection, **row: Any) -> None:
        """Insert one row."""
        dialect = connection.dialect
        made = self._made.get(dialect.name)
        if made is None:
            made = self._made[dialect.name] = _write_down(self._table, dialect)
        values = {name: row[name] if write is None else write(row[name]) for name, write in made.writers}
        try:
            _driver(connection).execute(made.text, list(values.values()) if made.is_positional else values)
        except dialect.loaded_dbapi.Error as error:
            raise _as_sqlalchemy(connection, error) from error


class _Written(NamedTuple):
    """An insert as one of the databases gets it, and how its values are written, in their order."""

    text: str
    is_positional: bool
    writers: list[tuple[str, Callable[[Any], Any] | None]]


def _write_down(table: Table, dialect: Dialect) -> _Written:
    names = [column.key for column in table.columns]
    compiled = insert(table).compile(dialect=dialect, column_keys=names)
    writers = {column.key: column.type.dialect_impl(dialect).bind_processor(dialect) for column in table.columns}
    order = compiled.positiontup if compiled.positional else names
    return _Written(str(compiled), compiled.positional, [(name, writers[name]) for name in order or ()])


@dataclass(slots=True)
class _Made:
    """A select as one of the databases gets it, and how its rows are read."""

    text: str
    positions: Sequence[str] | None  # of the values, unless the driver takes them by name
    constants: dict[str, Any]
    shape: Callable[[Sequence[Any]], Any]
    readers: list[tuple[int, Callable[[Any], Any]]]

    def given(self, values: dict[str, str]) -> Any:
        """Return the values as the driver takes them."""
        every = {**self.constants, **values}
        return every if self.positions is None else [every[name] for name in self.positions]

    def read(self, row: Row) -> Any:
        """Return a row of the driver with its values as the columns' types have them."""
        read = list(row)
        for position, reader in self.readers:
            if read[position] is not None:
                read[position] = reader(read[position])
        return self.shape(read)


def _make(select: Select[Any], dialect: Dialect) -> _Made:
    compiled = select.compile(dialect=dialect)
    columns = list(select.selected_columns)
    readers = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
    constants = {}
    for name, bound in compiled.binds.items():
        write = bound.type.dialect_impl(dialect).bind_processor(dialect)
        constants[name] = write(bound.value) if write is not None and bound.value is not None else bound.value
    names = [str(column.key) for column in columns]
    return _Made(
        str(compiled),
        compiled.positiontup if compiled.positional else None,
        constants,
        _shape(names),
        [(position, reader) for position, reader in enumerate(readers) if reader is not None],
    )


def _shape(names: list[str]) -> Callable[[Sequence[Any]], Any]:
    """Return what makes a row of values: a tuple, with the columns' names where no two are the same."""
    if len(set(names)) < len(names):
        return tuple
    make: Any = namedtuple
    return cast(Callable[[Sequence[Any]], Any], make("Row", names)._make)


def _driver(connection: Connection) -> Any:
    """Return the driver's own connection, whose transaction the session has begun."""
    return connection.connection.dbapi_connection


def _as_sqlalchemy(connection: Connection, error: Exception) -> Exception:
    """Return the driver's error as SQLAlchemy raises it."""
    dialect = connection.dialect
    return DBAPIError.instance(None, None, error, dialect.loaded_dbapi.Error, dialect=dialect)


def is_postgres(connection: Connection) -> bool:
    """Say which of the two databases it is."""
    return connection.dialect.name == "postgresql"


def marks(count: int) -> str:
    """Return as many placeholders."""
    return ",".join("?" * count)
