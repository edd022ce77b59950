"""The database: base class, column types, and sessions that either read or write."""

import functools
import json
import os
import select
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast
from weakref import WeakSet

from sqlalchemy import (
    URL,
    Connection,
    CursorResult,
    DateTime,
    Delete,
    Dialect,
    Engine,
    ForeignKey,
    Index,
    Insert,
    MetaData,
    String,
    Table,
    Text,
    Update,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DisconnectionError, IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, declared_attr, mapped_column
from sqlalchemy.types import TypeDecorator

from . import clock
from .deferred import Deferred
from .errors import InvalidInput, PlatformError
from .ids import new_id
from .keys import Keys, load_keys
from .settings import Settings
from .sqlite import PATIENCE_SECONDS, Kept, Turns, make_engine

if TYPE_CHECKING:
    from . import postgres
else:  # brings the driver
    postgres = Deferred("modelops_platform.core.postgres")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time; SQLite gives back naive ones, so the zone is put on again."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        """What values are in Python; cursors check theirs against it."""
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive time {value!r}: use core.clock")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """JSON kept as the very text that was written, on both databases."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


WEB_PATIENCE_SECONDS = 1.7  # of whoever waits for a page: then they are told to try again
_LONGEST_STATEMENT_OF_WEB_MS = 30_000
_DISPOSE_SECONDS = 2.0
_POSTGRES = {
    "connect_timeout": 2,  # the least that the driver knows
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 5_000,  # a network that swallows what is sent
}

DEFAULT_WORKSPACE = "00000000-0000-7000-8000-000000000001"  # made by the first migration

Id = Annotated[str, mapped_column(String(36), primary_key=True, default=new_id)]


class Base(DeclarativeBase):
    """Base of all tables; every relationship is loaded on purpose or not at all."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime(), dict[str, Any]: Json(), list[Any]: Json()}


def unique_while(condition: str, name: str, *columns: str) -> Index:
    """Return a unique index over the rows for which an SQL condition holds, such as the living or the open ones."""
    return Index(name, *columns, unique=True, sqlite_where=text(condition), postgresql_where=text(condition))


def table_of(entity: type[Base]) -> Table:
    """Return the table of a class, for the statements of hot verbs: made once, and past the ORM."""
    return Base.metadata.tables[entity.__tablename__]


def add_unless_taken(db: Session, entity: type[Base], row: dict[str, Any]) -> bool:
    """Insert a row unless a unique constraint holds its place already, and say whether it was inserted.

    No savepoint is needed to survive the conflict.
    """
    connection = db.connection()
    return connection.execute(_add_unless_taken(table_of(entity), connection.dialect.name), row).rowcount == 1


@functools.cache
def _add_unless_taken(table: Table, dialect: str) -> Insert:
    form = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return form(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


@contextmanager
def conflicts_as(db: Session, error: PlatformError) -> Iterator[None]:
    """Write in the block; raises the error where a constraint is broken. What was written before the block stays."""
    try:
        with db.begin_nested():
            yield
    except IntegrityError:
        raise error from None


def try_add(db: Session, row: Base) -> bool:
    """Add an object unless a unique constraint holds its place already, and say whether it was added.

    For objects, which need a savepoint; where a plain row will do, `add_unless_taken` needs none.
    """
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError:
        return False
    return True


class JoinedSession(Session):
    """A session in a transaction that somebody else began and ends.

    What only runs statements costs no more than they do: the session's own machinery is made when it is first needed.
    """

    info: dict[Any, Any]

    def __init__(self, connection: Connection, info: dict[Any, Any]) -> None:
        self._joined, self.info = connection, info

    def __getattr__(self, name: str) -> Any:
        """Make the machinery; called for what is not there yet."""
        if name.startswith("__") or self._is_made():
            raise AttributeError(name)
        super().__init__(self._joined, expire_on_commit=False, join_transaction_mode="rollback_only")
        return getattr(self, name)

    def _is_made(self) -> bool:
        return "identity_map" in self.__dict__

    def connection(self, *_arguments: Any, **_options: Any) -> Connection:
        """Return the connection of the transaction."""
        return self._joined

    def flush(self, objects: Sequence[Any] | None = None) -> None:
        """Write what objects tell."""
        if self._is_made():
            super().flush(objects)

    def close(self) -> None:
        """Let go of the objects."""
        if self._is_made():
            super().close()


class _ReadingSession(JoinedSession):
    """A session that begins to read when it is first asked something, on a connection that is kept for others."""

    def connection(self, *_arguments: Any, **_options: Any) -> Connection:
        """Return the connection, with a transaction begun."""
        if not self._joined.in_transaction():
            self._joined.begin()
        return self._joined

    def rollback(self) -> None:
        """End the view; the next question begins a new one."""
        if self._is_made():
            super().rollback()
        self._joined.rollback()


@contextmanager
def joined_session(connection: Connection, info: dict[Any, Any]) -> Iterator[Session]:
    """Open a session inside the connection's transaction; its objects are written when the block ends."""
    with JoinedSession(connection, info) as db:
        yield db
        db.flush()


def count_changed(db: Session, statement: Update | Delete) -> int:
    """Change rows, and return how many; objects of theirs in the session are left as they are."""
    done = db.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", done).rowcount


class InWorkspace:
    """A row of one workspace; every top table carries it."""

    @declared_attr
    def workspace_id(cls) -> Mapped[str]:  # noqa: N805 - SQLAlchemy calls it on the class
        return mapped_column(String(36), ForeignKey("workspaces.id"), index=True)


def parse_address(url: str) -> URL:
    """Return the address of a database in its parts. Raises InvalidInput."""
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        remedy = "Write postgresql://user:password@host:port/name."
        raise InvalidInput("MODELOPS_DATABASE_URL is no address of a database.", remedy=remedy) from None


class Database:
    """One database and its two kinds of session.

    A write session begins with `BEGIN IMMEDIATE` on SQLite and commits when its block ends;
    a read session cannot write at all. On SQLite the writers of one process wait for each
    other on a lock, which is fair, instead of polling the file.

    Args:
        patience: Seconds to wait for a file that another process has locked, or for a connection.
    """

    def __init__(
        self, url: str, *, pool_size: int = 10, keys: Keys | None = None, patience: float = PATIENCE_SECONDS
    ) -> None:
        self.url = parse_address(url)
        self._patience = patience
        self._info: dict[str, Any] = {"keys": keys} if keys else {}
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._write_lock = threading.Lock()
        _databases.add(self)
        if self.is_sqlite:
            self._turns = Turns(patience)
            self.write_engine = make_engine(url, pool_size=2, patience=patience, turns=self._turns)
            self.read_engine = make_engine(url, pool_size=pool_size, patience=patience)
            self._writers, self._readers = Kept(self.write_engine), Kept(self.read_engine)
        else:
            self.write_engine = _postgres_engine(url, pool_size=pool_size, patience=patience)
            self.read_engine = self.write_engine.execution_options(postgresql_readonly=True)

    @classmethod
    def from_settings(cls, settings: Settings, *, patience: float = PATIENCE_SECONDS) -> "Database":
        """Open the database that the settings name."""
        if settings.database_url is None:
            settings.home.mkdir(parents=True, exist_ok=True)
        keys = load_keys(settings.keys_folder)
        database = cls(settings.database_address, pool_size=settings.database_pool, keys=keys, patience=patience)
        database._info["settings"] = settings  # what else services need of this installation, found in `db.info`
        return database

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that sees one consistent state and cannot write."""
        if self.is_sqlite:
            with self._readers.lent() as connection:
                with _ReadingSession(connection, self._info) as db:
                    yield db
                connection.rollback()
        else:
            with Session(self.read_engine, expire_on_commit=False, info=self._info) as db:
                yield db

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a session that commits when the block ends, and rolls back when it raises."""
        if self.is_sqlite:
            with (
                self._write_lock,
                self._writers.lent() as connection,
                self._turns.taken(),
                connection.begin(),
                joined_session(connection, self._info) as db,
            ):
                yield db
        else:
            with Session(self.write_engine, expire_on_commit=False, info=self._info) as db, db.begin():
                yield db

    def dispose(self) -> None:
        """Close all pooled connections."""
        if self.is_sqlite:
            if self._write_lock.acquire(timeout=_DISPOSE_SECONDS):  # what hangs must not keep a process from ending
                try:
                    self._writers.close()
                finally:
                    self._write_lock.release()
            self._readers.close()
        self.write_engine.dispose()
        self.read_engine.dispose()

    def leave_connections(self) -> None:
        """Begin anew in a child process: the connections are the parent's."""
        self._write_lock = threading.Lock()
        if self.is_sqlite:
            self._writers.leave()
            self._readers.leave()
        self.write_engine.dispose(close=False)
        self.read_engine.dispose(close=False)


_databases: "WeakSet[Database]" = WeakSet()


def _leave_connections() -> None:
    for database in list(_databases):
        database.leave_connections()


os.register_at_fork(after_in_child=_leave_connections)


def _postgres_engine(url: str, *, pool_size: int, patience: float) -> Engine:
    options = "-c lock_timeout=10000"
    longest = None
    if patience < PATIENCE_SECONDS:
        options += f" -c statement_timeout={_LONGEST_STATEMENT_OF_WEB_MS}"
        longest = _LONGEST_STATEMENT_OF_WEB_MS / 1000 + patience
    watch = postgres.Watch(longest)
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=PATIENCE_SECONDS,  # in turn, behind requests that go on
        pool_use_lifo=True,
        connect_args={**_POSTGRES, "options": options},
    )

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
        return watch.connect(arguments, options)

    @event.listens_for(engine, "checkout")
    def _look(connection: Any, _record: Any, _proxy: Any) -> None:
        """Replace a connection that the server has closed meanwhile, without asking the server."""
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        if poll.poll(0):  # an idle connection has nothing to say but its end
            raise DisconnectionError("the server has closed the connection")

    return engine


def utc_now() -> datetime:
    """Column default: the time of writing, from the one clock."""
    return clock.now()
