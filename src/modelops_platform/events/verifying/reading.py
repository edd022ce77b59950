"""Reading the log row by row, past everything that makes objects of rows: a check reads a million of them."""

import importlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import quote

import msgspec

if TYPE_CHECKING:  # a part is checked by a process that has no use for the rest of it
    from sqlalchemy.engine import URL

UNREADABLE = (sqlite3.Error, OSError)  # a driver of another database raises its own as ConnectionError


class Source(msgspec.Struct, frozen=True):
    """Where a log is, as its driver wants it; it may hold a password, so it travels by pipes only."""

    kind: Literal["sqlite", "postgresql"]
    arguments: dict[str, Any]


def source_of(url: "URL") -> Source:
    """Return where the log of a database is."""
    positional, named = url.get_dialect()().create_connect_args(url)
    if url.get_backend_name() == "sqlite":
        return Source("sqlite", {"path": positional[0]})
    return Source("postgresql", {name: value for name, value in named.items() if isinstance(value, str | int)})


# Times as text of one form, so that the drivers make no objects of them.
_AT = {"sqlite": "e.at", "postgresql": "to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"}
_ROW = """e.content, e.sha256, e.hmac, x.salt, x.data, e.workspace_id, e.kind, {at},
  e.actor_id, e.actor_kind, e.object_kind, e.object_id, e.unit_id, e.model_id"""
_PLACED = """SELECT p.place, p.event_id, {row} FROM event_places p
  LEFT JOIN events e ON e.id = p.event_id LEFT JOIN event_personal x ON x.event_id = p.event_id
  WHERE p.place BETWEEN {first} AND {last} ORDER BY p.place"""
_UNPLACED = """SELECT NULL, u.event_id, {row} FROM unplaced_events u
  LEFT JOIN events e ON e.id = u.event_id LEFT JOIN event_personal x ON x.event_id = u.event_id ORDER BY u.event_id"""
_STRAY = """SELECT NULL, e.id, {row} FROM events e LEFT JOIN event_personal x ON x.event_id = e.id
  WHERE NOT EXISTS (SELECT 1 FROM event_places p WHERE p.event_id = e.id)
  AND NOT EXISTS (SELECT 1 FROM unplaced_events u WHERE u.event_id = e.id) ORDER BY e.id"""
_SEALS = """SELECT number, first_place, last_place, sha256, content, signature FROM log_seals
  WHERE number BETWEEN {first} AND {last} ORDER BY number"""
_COUNTS = """SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM event_places),
  (SELECT count(*) FROM unplaced_events), (SELECT max(place) FROM event_places),
  (SELECT max(number) FROM log_seals), (SELECT max(last_place) FROM log_seals),
  (SELECT min({at}) FROM unplaced_events u JOIN events e ON e.id = u.event_id)"""
_FIRST_PAST = "SELECT min(number), min(first_place) FROM log_seals WHERE first_place > {place}"


class Counts(msgspec.Struct, frozen=True):
    """How large the log is."""

    events: int
    placed: int
    unplaced: int
    last_place: int
    last_seal: int
    sealed_to: int
    oldest_unplaced: str | None


class Reader(ABC):
    """Asks an opened log for its rows."""

    kind: Literal["sqlite", "postgresql"]

    @abstractmethod
    def _select(self, statement: str, **values: int) -> Iterator[Any]:
        """Ask the driver, and yield its rows."""

    def _rows(self, statement: str, **values: int) -> Iterator[Any]:
        row = _ROW.format(at=_AT[self.kind])
        return self._select(statement.replace("{row}", row), **values)

    def placed(self, first: int, last: int) -> Iterator[Any]:
        """Yield the events at these places, in their order; one that is gone has no text."""
        return self._rows(_PLACED, first=first, last=last)

    def unplaced(self) -> Iterator[Any]:
        """Yield the events that wait for a place."""
        return self._rows(_UNPLACED)

    def stray(self) -> Iterator[Any]:
        """Yield events that have no place and wait for none."""
        return self._rows(_STRAY)

    def seals(self, first: int, last: int) -> Iterator[Any]:
        """Yield seals by number."""
        return self._select(_SEALS, first=first, last=last)

    def counts(self) -> Counts:
        """Return how large the log is."""
        *numbers, oldest = next(iter(self._select(_COUNTS.replace("{at}", _AT[self.kind]))))
        events, placed, unplaced, last_place, last_seal, sealed_to = (number or 0 for number in numbers)
        return Counts(events, placed, unplaced, last_place, last_seal, sealed_to, oldest)

    def first_past(self, place: int) -> tuple[int | None, int | None]:
        """Return the first seal over places past this one, and its first place."""
        number, first = next(iter(self._select(_FIRST_PAST, place=place)))
        return number, first


class _Sqlite(Reader):
    kind = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def _select(self, statement: str, **values: int) -> Iterator[Any]:
        named = statement.format(**{name: f":{name}" for name in values})
        return self._connection.execute(named, values)


class Opened:
    """A log opened for reading, in one transaction that sees one state of it."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __enter__(self) -> Reader:
        if self._source.kind == "sqlite":
            address = f"file:{quote(self._source.arguments['path'])}?mode=rw"  # rw: a WAL is read by writing beside it
            sqlite = sqlite3.connect(address, uri=True, isolation_level=None, timeout=15, check_same_thread=False)
            self._closing: Any = closing(sqlite)
            sqlite.execute("PRAGMA query_only = ON")
            sqlite.execute("PRAGMA cache_size = -32000")
            sqlite.execute("BEGIN")
            return _Sqlite(sqlite)
        postgresql = importlib.import_module(f"{__package__}.postgresql")  # its driver is large: only where it is used
        connection, reader = postgresql.open_reader(self._source.arguments)
        self._closing = closing(connection)
        return cast(Reader, reader)

    def __exit__(self, *_error: object) -> None:
        self._closing.__exit__(None, None, None)
