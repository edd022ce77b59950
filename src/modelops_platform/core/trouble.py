"""What a database or a disk that fails means: no room left, away for a while, or our own mistake."""

import errno
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from .errors import NoRoom, Unavailable

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})  # the disk, the quota, the process's own limit
RETRY_AFTER_SECONDS = 2
LEAST_FREE_BYTES = 16 * 1024**2
REMEMBERED_SECONDS = 30.0

# SQLite says "full" for a full disk only; a quota or a limit of the process is an error of writing to it.
_SQLITE_NO_ROOM = frozenset({"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_TRUNCATE"})
_SQLITE_DAMAGED = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB"})
_NO_TABLE = ("no such table", "no such column")
_POSTGRES_NO_ROOM = "53100"
_POSTGRES_NO_TABLE = frozenset({"42P01", "42703"})
# Connection lost, out of resources, stopped, broken disk; deadlocks, lock waits and cancelled statements.
_POSTGRES_AWAY = ("08", "53", "57", "58", "40", "55P03")


def unavailable(error: DBAPIError | PoolTimeout) -> Unavailable | None:
    """Return what people are told when the database cannot do its work now; None when the mistake is ours."""
    if isinstance(error, PoolTimeout):
        return _away("The database has no free connection.")
    original: Any = error.orig
    if isinstance(original, sqlite3.Error):
        return _sqlite(original)
    state = str(getattr(original, "sqlstate", None) or "")
    if state == _POSTGRES_NO_ROOM:
        return no_room("database")
    if state in _POSTGRES_NO_TABLE:
        return _not_migrated()
    is_away = state.startswith(_POSTGRES_AWAY) or (isinstance(error, OperationalError) and not state)
    return _away("The database does not answer.") if is_away or error.connection_invalidated else None


def _sqlite(error: sqlite3.Error) -> Unavailable | None:
    name = str(getattr(error, "sqlite_errorname", ""))
    if name in _SQLITE_NO_ROOM:
        return no_room("database")
    if name in _SQLITE_DAMAGED:
        return Unavailable("The database file is damaged.", remedy="Restore it from a backup.")
    if str(error).startswith(_NO_TABLE):
        return _not_migrated()
    return _away("The database does not answer.") if isinstance(error, sqlite3.OperationalError) else None


def _away(message: str) -> Unavailable:
    return Unavailable(message, remedy="Try again in a few seconds.", retry_after=RETRY_AFTER_SECONDS)


def _not_migrated() -> Unavailable:
    return Unavailable("The database lacks a table that is needed.", remedy="Run `modelops db upgrade`.")


_lacked_room_at: dict[str, float] = {}


def full(folder: Path) -> list[str]:
    """Say what has no room: what could not be written a moment ago, and the disk when it is as good as full."""
    since = time.monotonic() - REMEMBERED_SECONDS
    found = [f"There is no room left for the {what}." for what, at in _lacked_room_at.items() if at > since]
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        found.append(f"The disk of the home has {free:,} bytes left.")
    return found


def no_room(what: str) -> NoRoom:
    """Return what people are told when nothing more can be written, and remember it for a while."""
    _lacked_room_at[what] = time.monotonic()
    return NoRoom(
        f"There is no room left for the {what}.",
        remedy="An administrator has to free or add disk space; reading goes on, and writing as soon as there is room.",
    )
