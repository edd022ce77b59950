"""What is wrong with an installation and what to do: looked at from outside, also when nothing starts any more."""

import ctypes.util
import importlib.util
import os
import shutil
import socket
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from modelops_platform.artifacts.store import Store, open_store
from modelops_platform.artifacts.tables import Blob
from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.core.errors import PlatformError
from modelops_platform.core.schema import expected_heads, known_revisions
from modelops_platform.core.settings import Settings
from modelops_platform.events.tables import Event
from modelops_platform.jobs.domain.states import JobState
from modelops_platform.jobs.tables import Job

_FEW_BYTES, _LITTLE_SHARE = 1_000_000_000, 0.05
_TOO_FEW_BYTES = 200_000_000
_CLOCK_SECONDS = 5.0
_LATE_SECONDS = 60.0
_LEAST_SQLITE = (3, 35, 0)
_LEAST_POSTGRESQL = 13
_LANDLOCK_CREATE, _LANDLOCK_VERSION_FLAG = 444, 1


class State(StrEnum):
    """How one look ended; `skipped` when what it needs is missing itself."""

    FINE = "fine"
    WARNING = "warning"
    WRONG = "wrong"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One look: at what, how it is, and what to do about it."""

    what: str
    state: State
    words: str
    remedy: str | None = None

    def to_json(self) -> dict[str, str | None]:
        """Return the finding as JSON has it."""
        return asdict(self)


def examine(settings: Settings, *, port: int) -> Iterator[Finding]:
    """Look at everything an installation stands on, the simplest first; nothing is changed but a probe file.

    Args:
        settings: The settings of the installation.
        port: Where `modelops serve` would listen.
    """
    yield from _home(settings)
    yield from _keys(settings)
    yield from _disks(settings)
    database = _open(settings)
    if isinstance(database, Finding):
        yield database
        for what in ("migrations", "clock", "jobs", "files"):
            yield Finding(what, State.SKIPPED, "The database cannot be asked.")
    else:
        try:
            yield from _look_into(database, settings)
        finally:
            database.dispose()
    yield _store(settings)
    yield _port(port)
    yield from _system()


def _fine(what: str, words: str) -> Finding:
    return Finding(what, State.FINE, words)


def _warning(what: str, words: str, remedy: str) -> Finding:
    return Finding(what, State.WARNING, words, remedy)


def _wrong(what: str, words: str, remedy: str) -> Finding:
    return Finding(what, State.WRONG, words, remedy)


def _home(settings: Settings) -> Iterator[Finding]:
    home = settings.home.resolve()
    if not home.is_dir():
        yield _wrong("home", f"{home} does not exist.", "Set MODELOPS_HOME, or start `modelops serve` to make it.")
        return
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        yield _wrong("home", f"{home} cannot be written to by this user.", f"chown it to user id {os.geteuid()}.")
        return
    yield _fine("home", f"{home} is there and can be written to.")
    mode = stat.S_IMODE(home.stat().st_mode)
    database = home / "modelops.db"
    if database.exists() and mode & 0o005 and stat.S_IMODE(database.stat().st_mode) & 0o004:
        yield _warning("permissions", f"Everybody on this machine can read {database}.", f"chmod 700 {home}")
    else:
        yield _fine("permissions", "Nobody else on this machine can read the database file.")


def _keys(settings: Settings) -> Iterator[Finding]:
    folder = settings.keys_folder
    keys = sorted(path for path in folder.glob("*") if path.is_file()) if folder.is_dir() else []
    if not keys:
        yield _warning(
            "keys",
            f"There are no keys in {folder}.",
            "They are made at the first start. If the log has events already, restore the folder from a backup.",
        )
        return
    unreadable = [path.name for path in keys if not os.access(path, os.R_OK)]
    open_to_all = [path.name for path in keys if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if unreadable:
        yield _wrong("keys", f"This user cannot read {', '.join(unreadable)} in {folder}.", "Give it the files.")
    elif open_to_all:
        yield _wrong("keys", f"Others can read {', '.join(open_to_all)} in {folder}.", f"chmod 600 {folder}/*")
    else:
        yield _fine("keys", f"{len(keys)} in {folder}, for this user alone.")


def _disks(settings: Settings) -> Iterator[Finding]:
    """Look at the free room of every disk that is written to, each once."""
    places = {"home": settings.home.resolve()}
    if settings.artifact_address.startswith("file://"):
        places["files"] = Path(settings.artifact_address.removeprefix("file://"))
    seen: set[int] = set()
    for path in places.values():
        while not path.exists():
            path = path.parent
        device = path.stat().st_dev
        if device not in seen:
            seen.add(device)
            yield _disk(path)


def _disk(path: Path) -> Finding:
    room = shutil.disk_usage(path)
    words = f"{room.free / 1e9:.1f} GB free of {room.total / 1e9:.1f} GB at {path}."
    if room.free < _TOO_FEW_BYTES:
        return _wrong("disk", words, "Make room: writes are refused (507) while the disk is full.")
    if room.free < _FEW_BYTES or room.free < room.total * _LITTLE_SHARE:
        return _warning("disk", words, "Make room soon; `modelops` never deletes what is referenced.")
    return _fine("disk", words)


def _open(settings: Settings) -> Database | Finding:
    database = Database(settings.database_address)  # not with the keys: they would be made
    if database.is_sqlite and not Path(database.url.database or "").exists():
        return _wrong(
            "database", f"There is no file {database.url.database}.", "Run `modelops serve`, or restore a backup."
        )
    try:
        with database.read() as db:
            db.execute(text("SELECT 1"))
    except (DBAPIError, PlatformError, OSError) as error:
        database.dispose()
        reason = str(getattr(error, "orig", error)).strip().partition("\n")[0]
        return _wrong("database", f"It cannot be reached: {reason}.", "Check MODELOPS_DATABASE_URL and the server.")
    return database


def _look_into(database: Database, settings: Settings) -> Iterator[Finding]:
    looks: list[tuple[str, Callable[[Session], Finding]]] = [
        ("database", _sqlite if database.is_sqlite else lambda db: _postgresql(db, settings)),
        ("migrations", _migrations),
        ("clock", _clock),
        ("jobs", _jobs),
        ("files", _files),
    ]
    is_current = True
    for what, look in looks:
        if not is_current:
            yield Finding(what, State.SKIPPED, "The database has another schema than this release.")
            continue
        try:
            with database.read() as db:
                found = look(db)
        except DBAPIError as error:
            found = _wrong(what, f"The database refused: {str(error.orig).splitlines()[0]}.", "See its log.")
        yield found
        if what == "migrations":
            is_current = found.state is not State.WRONG


def _sqlite(db: Session) -> Finding:
    if sqlite3.sqlite_version_info < _LEAST_SQLITE:
        return _wrong("database", f"SQLite {sqlite3.sqlite_version} is too old.", "Use a newer Python.")
    damage = db.scalar(text("PRAGMA quick_check(1)"))
    if damage != "ok":
        return _wrong("database", f"SQLite says: {damage}", "Stop the platform, and restore the last backup.")
    mode = db.scalar(text("PRAGMA journal_mode"))
    if mode != "wal":
        return _wrong(
            "database",
            f"The journal mode is {mode}, not WAL: the disk of the home cannot share memory (a network disk?).",
            "Put the home on a local disk, or use PostgreSQL.",
        )
    return _fine("database", f"SQLite {sqlite3.sqlite_version}, whole, in WAL mode.")


def _postgresql(db: Session, settings: Settings) -> Finding:
    version = int(db.scalar(text("SHOW server_version_num")) or 0) // 10_000
    if version < _LEAST_POSTGRESQL:
        return _wrong("database", f"PostgreSQL {version} is too old.", f"Use {_LEAST_POSTGRESQL} or newer.")
    encoding = db.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        return _wrong("database", f"Its encoding is {encoding}.", "Make a database with ENCODING 'UTF8'.")
    most, used = db.execute(
        text("SELECT current_setting('max_connections')::int, (SELECT count(*) FROM pg_stat_activity)")
    ).one()
    if most - used < settings.database_pool:
        return _warning(
            "database",
            f"{used} of {most} connections are taken; one process of ours takes up to {settings.database_pool}.",
            "Raise max_connections, or lower MODELOPS_DATABASE_POOL.",
        )
    return _fine("database", f"PostgreSQL {version}, UTF-8, {used} of {most} connections taken.")


def _migrations(db: Session) -> Finding:
    if not db.connection().dialect.has_table(db.connection(), "alembic_version"):
        return _wrong("migrations", "The database is empty.", "Run `modelops db upgrade`, or restore a backup.")
    found = set(db.scalars(text("SELECT version_num FROM alembic_version")))
    if found == expected_heads():
        return _fine("migrations", f"The database has the schema of this release ({', '.join(found)}).")
    if found <= known_revisions():
        return _wrong("migrations", f"The schema is that of revision {', '.join(found)}.", "Run `modelops db upgrade`.")
    return _wrong(
        "migrations",
        f"The schema is that of revision {', '.join(found)}, which this release does not know.",
        "Start the newer release that made it; there is no way back but a backup.",
    )


def _clock(db: Session) -> Finding:
    now = clock.now()
    newest = db.scalar(select(func.max(Event.at)))
    if not db.connection().dialect.name.startswith("sqlite"):
        there: datetime = db.execute(text("SELECT clock_timestamp()")).scalar_one()
        apart = abs((there - clock.now()).total_seconds())
        if apart > _CLOCK_SECONDS:
            return _wrong("clock", f"It is {apart:.0f} s apart from the database's.", "Run NTP on both machines.")
    if newest is not None and newest - now > timedelta(seconds=_CLOCK_SECONDS):
        return _wrong("clock", f"The newest event is of {newest:%d %B %Y %H:%M} UTC, in the future.", "Set the clock.")
    return _fine("clock", f"{now:%d %B %Y %H:%M:%S} UTC, and nothing in the log is newer.")


def _jobs(db: Session) -> Finding:
    now = clock.now()
    waiting = db.scalar(
        select(func.min(Job.run_at)).where(
            Job.state == JobState.QUEUED.value, Job.run_at < now - timedelta(seconds=_LATE_SECONDS)
        )
    )
    if waiting is not None:
        return _warning(
            "jobs",
            f"A job waits since {waiting:%d %B %Y %H:%M} UTC.",
            "Start `modelops serve` or `modelops worker`; if one runs, look at the page Jobs.",
        )
    return _fine("jobs", "None waits for longer than a minute.")


def _files(db: Session) -> Finding:
    damaged = list(db.scalars(select(Blob.sha256).where(Blob.damaged_at.is_not(None)).limit(20)))
    if damaged:
        return _wrong(
            "files",
            f"Missing or changed in the store: {', '.join(sha256[:12] for sha256 in damaged)}.",
            "Upload them again, or restore them from a backup; they are not served meanwhile.",
        )
    count, size = db.execute(select(func.count(), func.coalesce(func.sum(Blob.size), 0)).select_from(Blob)).one()
    return _fine("files", f"{count:,} files of {int(size) / 1e9:.2f} GB, none known to be damaged.")


def _store(settings: Settings) -> Finding:
    folder = Path(settings.artifact_address.removeprefix("file://"))
    if settings.artifact_address.startswith("file://") and not folder.is_dir():
        return _warning("store", f"There is no folder {folder}.", "It is made at the first start; check the setting.")
    try:
        store = open_store(settings)
        store.check()
        _probe(store)
    except PlatformError as error:
        return _wrong("store", error.message, error.remedy or "Check MODELOPS_ARTIFACT_URL and its keys.")
    except OSError as error:
        return _wrong("store", f"The file store cannot be used: {error}.", "Check MODELOPS_ARTIFACT_URL.")
    return _fine("store", f"{settings.artifact_address} takes, gives back and deletes a file.")


def _probe(store: Store) -> None:
    """Write, read and delete a small file that nothing else can be equal to."""
    with store.begin() as incoming:
        incoming.write(os.urandom(64))
        stored = store.keep(incoming)
    try:
        for _data in store.read(stored):
            pass
    finally:
        store.delete(stored.sha256)


def _port(port: int) -> Finding:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return Finding(
                "port",
                State.WARNING,
                f"Somebody listens on port {port} already.",
                "If it is not the platform itself, give `modelops serve` another --port.",
            )
    return _fine("port", f"{port} is free.")


def _system() -> Iterator[Finding]:
    yield (
        _fine("python", f"{sys.version.split()[0]}")
        if sys.version_info >= (3, 11)
        else _wrong("python", f"{sys.version.split()[0]} is too old.", "Use Python 3.11 or newer.")
    )
    missing = [name for name in ("uvloop", "httptools") if importlib.util.find_spec(name) is None]
    if missing:
        yield _wrong("packages", f"{', '.join(missing)} is not installed.", "pip install the project again.")
    if ctypes.util.find_library("pango-1.0") is None:
        yield _warning("pango", "It is not there: reports as PDF fail.", "apt-get install libpango-1.0-0, or the like.")
    else:
        yield _fine("pango", "It is there: reports can be made as PDF.")
    libc = ctypes.CDLL(None)
    landlock = libc.syscall(_LANDLOCK_CREATE, None, 0, _LANDLOCK_VERSION_FLAG) if sys.platform == "linux" else -1
    if landlock < 1:
        yield _warning(
            "confinement",
            "The kernel offers no Landlock: files are scanned under resource limits and without network only.",
            "Use Linux 5.13 or newer with Landlock switched on.",
        )
    else:
        yield _fine("confinement", f"Landlock {landlock}: children that meet foreign files cannot open others.")
