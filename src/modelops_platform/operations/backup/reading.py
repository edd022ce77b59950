"""Restoring a backup into an empty place."""

import hashlib
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, text

from modelops_platform.artifacts.store import Store
from modelops_platform.core import migrations
from modelops_platform.core.db import Database
from modelops_platform.core.errors import InvalidInput
from modelops_platform.core.schema import known_revisions
from modelops_platform.core.settings import Settings

from .layout import Column, Manifest, TableFile, change, changes_to_read, columns_of, read_tables

_LINES_AT_ONCE = 5_000


def restore_keys(settings: Settings, source: Path, manifest: Manifest) -> None:
    """Put the keys of a backup into their folder, before anything else: what opens the database makes missing ones.

    Raises InvalidInput when other keys are there already.
    """
    folder = settings.keys_folder
    for name in manifest.keys:
        new, place = _inside(source / "keys", name), folder / name
        if place.exists() and place.read_bytes() != new.read_bytes():
            raise InvalidInput(
                f"{folder} holds another {name} than the backup.",
                remedy="Restore into a place without keys: set MODELOPS_HOME or MODELOPS_KEYS.",
            )
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(new, place)
        place.chmod(0o600)


def restore_backup(database: Database, store: Store, source: Path, manifest: Manifest) -> None:
    """Put a backup into an empty database and a store, and bring it to the schema of this release.

    Files come first, so that no row ever names one that is not there; all rows come in one transaction. Raises
    InvalidInput when the database is not empty or the backup is not whole, Unavailable when a store does not answer.
    """
    if manifest.revision not in known_revisions():
        raise InvalidInput(
            f"The backup has the schema revision {manifest.revision}, which this release does not know.",
            remedy=f"Restore it with release {manifest.release} or a newer one.",
        )
    _check_tables(source, manifest)
    with database.write_engine.connect() as connection:
        _must_be_empty(connection)
    kept = _restore_blobs(store, source)
    with migrations.locked(database) as connection, connection.begin():
        migrations.upgrade_within(connection, manifest.revision)
        _load(connection, source, manifest, is_sqlite=database.is_sqlite)
        _check_blobs(connection, kept, manifest)
        migrations.upgrade_within(connection, "head")
    with database.write_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))  # the planner knows nothing of the new rows


def _inside(folder: Path, name: str) -> Path:
    """Return a file of the backup by its name. Raises InvalidInput when the name leads elsewhere."""
    path = folder / name
    if Path(name).name != name or path.is_symlink() or not path.is_file():
        raise InvalidInput(f"The backup is not whole: {path} is not there or no plain file.")
    return path


def _check_tables(source: Path, manifest: Manifest) -> None:
    for name, table in manifest.tables.items():
        with _inside(source / "tables", f"{name}.jsonl").open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != table.sha256:
            raise InvalidInput(
                f"The backup is damaged: tables/{name}.jsonl has the SHA-256 {found}, not {table.sha256}.",
                remedy="Use another copy of it.",
            )


def _must_be_empty(connection: Connection) -> None:
    if connection.dialect.has_table(connection, "alembic_version"):
        raise InvalidInput(
            "The database to restore into is not empty.",
            remedy="Name a new MODELOPS_HOME, or an empty database in MODELOPS_DATABASE_URL.",
        )


def _restore_blobs(store: Store, source: Path) -> set[str]:
    kept: set[str] = set()
    for path in sorted((source / "blobs" / "sha256").glob("*/*")):
        named = path.parent.name + path.name
        received = store.receive_file(path)
        if received.sha256 != named:
            store.delete(received.sha256)
            raise InvalidInput(
                f"The backup is damaged: the file {named} has the SHA-256 {received.sha256}.",
                remedy="Use another copy of it.",
            )
        kept.add(named)
    return kept


def _load(connection: Connection, source: Path, manifest: Manifest, *, is_sqlite: bool) -> None:
    tables = read_tables(connection)
    unknown = sorted(set(manifest.tables) - {table.name for table in tables})
    if unknown:
        raise InvalidInput(f"The backup has tables that its revision {manifest.revision} does not know: {unknown}.")
    if is_sqlite:
        connection.execute(text("PRAGMA defer_foreign_keys = ON"))
    for table in reversed(tables):  # what the migrations themselves put there
        connection.execute(table.delete())
    for table in tables:
        if table.name in manifest.tables:
            rows = _rows(source, table, manifest.tables[table.name], manifest, is_sqlite=is_sqlite)
            (_load_sqlite if is_sqlite else _load_postgresql)(connection, table, manifest.tables[table.name], rows)


Rows = Iterator[list[Any]]


def _rows(source: Path, table: Table, file: TableFile, manifest: Manifest, *, is_sqlite: bool) -> Rows:
    known = {column.name for column in columns_of(table)}
    if not {column.name for column in file.columns} <= known:
        raise InvalidInput(f"The backup's table {table.name} has columns that its revision does not know.")
    changes = changes_to_read(file.columns, is_sqlite=is_sqlite)
    leave_out = frozenset(manifest.blobs.gone) if table.name == "blobs" else frozenset()
    at = [column.name for column in file.columns].index("sha256") if leave_out else 0
    decoder = msgspec.json.Decoder(list[Any])
    with (source / "tables" / f"{table.name}.jsonl").open("rb") as lines:
        while batch := b"".join(islice(lines, _LINES_AT_ONCE)):
            for row in change(decoder.decode_lines(batch), changes):
                if not leave_out or row[at] not in leave_out:
                    yield list(row)


def _load_sqlite(connection: Connection, table: Table, file: TableFile, rows: Rows) -> None:
    driver: Any = connection.connection.driver_connection
    marks = ", ".join("?" * len(file.columns))
    statement = f"INSERT INTO {_target(connection, table, file.columns)} VALUES ({marks})"  # noqa: S608
    driver.executemany(statement, rows)


def _load_postgresql(connection: Connection, table: Table, file: TableFile, rows: Rows) -> None:
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        with cursor.copy(f"COPY {_target(connection, table, file.columns)} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        for column in table.columns:
            if column.autoincrement is True or column.server_default is not None:
                _go_on_counting(cursor, table.name, column.name)


def _target(connection: Connection, table: Table, columns: list[Column]) -> str:
    preparer = connection.dialect.identifier_preparer
    return f"{preparer.format_table(table)} ({', '.join(preparer.quote(column.name) for column in columns)})"


def _go_on_counting(cursor: Any, table: str, column: str) -> None:
    """Have a column that counts by itself go on after what was restored."""
    cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", (table, column))
    sequence = cursor.fetchone()[0]
    if sequence is not None:
        cursor.execute(
            f'SELECT setval(%s::regclass, coalesce(max("{column}"), 0) + 1, false) FROM "{table}"',  # noqa: S608
            (sequence,),
        )


def _check_blobs(connection: Connection, kept: set[str], manifest: Manifest) -> None:
    named = set(connection.execute(text("SELECT sha256 FROM blobs")).scalars())
    missing = named - kept - set(manifest.blobs.damaged)
    if missing:
        raise InvalidInput(
            f"The backup is not whole: {len(missing)} stored files are not in it, {min(missing)} for one.",
            remedy="Use another copy of it.",
        )
