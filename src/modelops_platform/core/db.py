"""The database: base class, column types, and sessions that either read or write."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from sqlalchemy import (
    DateTime,
    Dialect,
    Engine,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, declared_attr, mapped_column
from sqlalchemy.types import TypeDecorator

from . import clock
from .ids import new_id
from .keys import Keys, load_keys
from .settings import Settings


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


class InWorkspace:
    """A row of one workspace; every top table carries it."""

    @declared_attr
    def workspace_id(cls) -> Mapped[str]:  # noqa: N805 - SQLAlchemy calls it on the class
        return mapped_column(String(36), ForeignKey("workspaces.id"), index=True)


class Database:
    """One database and its two kinds of session.

    A write session begins with `BEGIN IMMEDIATE` on SQLite and commits when its block ends;
    a read session cannot write at all. On SQLite the writers of one process wait for each
    other on a lock, which is fair, instead of polling the file.
    """

    def __init__(self, url: str, *, pool_size: int = 10, keys: Keys | None = None) -> None:
        self.url = make_url(url)
        self._info: dict[str, Any] = {"keys": keys} if keys else {}
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._write_lock = threading.Lock() if self.is_sqlite else None
        if self.is_sqlite:
            self.write_engine = _sqlite_engine(url, pool_size=2, begin="BEGIN IMMEDIATE")
            self.read_engine = _sqlite_engine(url, pool_size=pool_size, begin="BEGIN", query_only=True)
        else:
            self.write_engine = create_engine(
                url,
                pool_size=pool_size,
                max_overflow=0,
                pool_timeout=30,
                pool_pre_ping=False,
                pool_use_lifo=True,
                connect_args={"connect_timeout": 2, "options": "-c lock_timeout=10000"},
            )
            self.read_engine = self.write_engine.execution_options(postgresql_readonly=True)

    @classmethod
    def from_settings(cls, settings: Settings) -> "Database":
        """Open the database that the settings name."""
        if settings.database_url is None:
            settings.home.mkdir(parents=True, exist_ok=True)
        keys = load_keys(settings.keys_folder)
        database = cls(settings.database_address, pool_size=settings.database_pool, keys=keys)
        database._info["settings"] = settings  # what else services need of this installation, found in `db.info`
        return database

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that sees one consistent state and cannot write."""
        with Session(self.read_engine, expire_on_commit=False, info=self._info) as db:
            yield db

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a session that commits when the block ends, and rolls back when it raises."""
        if self._write_lock is not None:
            with (
                self._write_lock,
                Session(self.write_engine, expire_on_commit=False, info=self._info) as db,
                db.begin(),
            ):
                yield db
        else:
            with Session(self.write_engine, expire_on_commit=False, info=self._info) as db, db.begin():
                yield db

    def dispose(self) -> None:
        """Close all pooled connections."""
        self.write_engine.dispose()
        self.read_engine.dispose()


def _sqlite_engine(url: str, *, pool_size: int, begin: str, query_only: bool = False) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=30,
        connect_args={"check_same_thread": False, "timeout": 15},
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions by itself
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA busy_timeout=15000")
        cursor.execute("PRAGMA cache_size=-16000")
        if query_only:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.connection.driver_connection.execute(begin)  # a third of what it costs by way of the engine

    return engine


def utc_now() -> datetime:
    """Column default: the time of writing, from the one clock."""
    return clock.now()
