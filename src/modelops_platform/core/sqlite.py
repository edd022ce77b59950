"""SQLite as the platform uses it: engines that read or write, kept connections, and turns at the write lock."""

import math
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

from .logging import get_logger

PATIENCE_SECONDS = 15.0  # of commands and the job process
_LOCK_LOOK_SECONDS = 0.003
_BRIEF_SECONDS = 0.02  # whoever held the lock longer lets others come before it takes it again
_LONG_SECONDS = 0.25  # whoever held it longer is told of in the log
_MOST_LEFT_SECONDS = 0.05  # to others after a long hold: on a busy machine they are late to look
_MOST_KEPT = 8  # connections between two reads
_GIVEN_UP_FOR_SECONDS = 0.05

_of_parents: list[list[Connection]] = []  # held, so that nothing closes them


class Kept:
    """Connections of an engine that are kept between two uses: a checkout from its pool costs as much as a question."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._free: list[Connection] = []

    @contextmanager
    def lent(self) -> Iterator[Connection]:
        """Lend one, and keep it for the next use unless it failed, or all were closed meanwhile."""
        free = self._free
        try:
            connection = free.pop()
        except IndexError:
            connection = self._engine.connect()
        try:
            yield connection
        except (DBAPIError, sqlite3.Error):
            connection.close()
            raise
        except BaseException:
            connection.rollback()
            self._keep(connection, free)
            raise
        self._keep(connection, free)

    def _keep(self, connection: Connection, free: list[Connection]) -> None:
        if free is not self._free:
            connection.invalidate()  # the pool that it is of is gone, and would close it some time
            connection.close()
        elif len(free) < _MOST_KEPT:
            free.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close them all; those that are lent, when they come back."""
        free, self._free = self._free, []
        for connection in free:
            connection.close()

    def leave(self) -> None:
        """Begin anew in a child process, where closing what the parent has open would be felt by the parent."""
        _of_parents.append(self._free)
        self._free = []


class Turns:
    """Takes the file's write lock, looking often: SQLite's own waits grow long, and others come between.

    Other processes look as often. A job that writes on and on would take the lock again before any of them has looked:
    so whoever is patient, and held it for more than a moment, leaves it to them for a fifth of that, to look in time.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._given_up_at = 0.0  # whoever waited behind a writer that gave up just now does not wait as long again
        self._is_polite = patience >= PATIENCE_SECONDS
        self._began_at = self._free_at = 0.0

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take turns; what began in the block has ended behind it."""
        self._began_at = math.inf
        try:
            yield
        finally:
            now = time.monotonic()
            held = now - self._began_at
            if held > _BRIEF_SECONDS and self._is_polite:
                self._free_at = now + max(3 * _LOCK_LOOK_SECONDS, min(held / 5, _MOST_LEFT_SECONDS))
            if held > _LONG_SECONDS:
                who = threading.current_thread().name
                get_logger().warning("database.held_long", ms=round(held * 1000), thread=who)

    def begin(self, connection: sqlite3.Connection) -> None:
        """Begin a transaction that writes. Raises OperationalError of the driver when others do not end theirs."""
        if (others_first := self._free_at - time.monotonic()) > 0:
            time.sleep(others_first)
        now = time.monotonic()
        until = now + (self._patience if now - self._given_up_at > _GIVEN_UP_FOR_SECONDS else 0)
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                self._began_at = time.monotonic()
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                if time.monotonic() > until:
                    self._given_up_at = time.monotonic()
                    raise
                time.sleep(_LOCK_LOOK_SECONDS)


def make_engine(url: str, *, pool_size: int, patience: float, turns: Turns | None = None) -> Engine:
    """Return an engine of sessions that read, or, with turns to take, of those that write."""
    wait_ms = 0 if turns else int(patience * 1000)
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=30,
        connect_args={"check_same_thread": False, "timeout": PATIENCE_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions by itself
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA cache_size=-16000")
        cursor.execute("PRAGMA temp_store=MEMORY")  # nothing is written outside of the home, nor to a full disk
        if turns is None:
            cursor.execute("PRAGMA query_only=ON")
        cursor.execute(f"PRAGMA busy_timeout={wait_ms}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        raw = connection.connection.driver_connection  # a third of what it costs by way of the engine
        try:
            if turns is not None:
                turns.begin(raw)
            else:
                raw.execute("BEGIN")
        except sqlite3.Error as error:  # as the engine does for statements of its own
            raise OperationalError("BEGIN", None, error) from error

    return engine
