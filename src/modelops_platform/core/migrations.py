"""Bringing the database to the schema of this code, under a lock."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from .db import Database
from .paths import project_folder

_LOCK = 0x6D6F6470  # any number, the same in every process


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(project_folder("migrations")))
    return config


def upgrade(database: Database, revision: str = "head") -> None:
    """Migrate up in one transaction; other processes wait."""
    with locked(database) as connection, connection.begin():
        upgrade_within(connection, revision)


def upgrade_within(connection: Connection, revision: str) -> None:
    """Migrate up in the transaction that the connection is in."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


@contextmanager
def locked(database: Database) -> Iterator[Connection]:
    """Open a connection while no other process migrates (PostgreSQL lock; SQLite's write transactions exclude it)."""
    with database.write_engine.connect() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            connection.commit()
        try:
            yield connection
        finally:
            if not database.is_sqlite:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
                connection.commit()


def downgrade(database: Database, revision: str = "base") -> None:
    """Migrate down in one transaction."""
    config = _config()
    with database.write_engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
