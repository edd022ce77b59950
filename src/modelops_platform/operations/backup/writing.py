"""Making a backup, while the platform works on."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from sqlalchemy import Connection, Table, text

from modelops_platform import __version__
from modelops_platform.artifacts.store import Damage, LocalStore, Store, Stored
from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.core.errors import InvalidInput, Unavailable
from modelops_platform.core.settings import Settings

from .layout import FORMAT, MANIFEST, Blobs, Manifest, TableFile, change, changes_to_write, columns_of, read_tables

_ROWS_AT_ONCE = 5_000


def make_backup(
    settings: Settings, database: Database, store: Store, target: Path, *, with_keys: bool = True
) -> Manifest:
    """Write a whole copy of the installation into a new folder, as it stood at one moment.

    All rows are read in one transaction that writers do not wait for; stored files never change, so those that the
    rows name are copied after them, each block checked. Raises InvalidInput when the folder holds something already,
    Unavailable when database or store do not answer, OSError when the folder cannot be written.
    """
    _begin(target)
    made_at = clock.now()
    with _snapshot(database) as connection:
        revision = _revision(connection)
        tables = read_tables(connection)
        files = {
            str(table.name): _write_table(connection, table, target, is_sqlite=database.is_sqlite) for table in tables
        }
        blobs = _copy_blobs(connection, database, store, target)
    keys = _copy_keys(settings.keys_folder, target / "keys") if with_keys else []
    manifest = Manifest(
        format=FORMAT,
        release=__version__,
        revision=revision,
        made_at=made_at,
        database=database.url.get_backend_name(),
        tables=files,
        blobs=blobs,
        keys=keys,
    )
    _finish(target, manifest)
    return manifest


def _begin(target: Path) -> None:
    try:
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise InvalidInput(
            f"The folder {target} cannot be made: {error.strerror}.", remedy="Name a new folder elsewhere."
        ) from None
    if any(target.iterdir()):
        raise InvalidInput(f"{target} is not empty.", remedy="Name a new folder: a backup never writes over anything.")
    (target / "tables").mkdir(mode=0o700)


def _snapshot(database: Database) -> Connection:
    """Open a connection whose reads all see the database as it was at the first of them."""
    if database.is_sqlite:
        return database.read_engine.connect()
    return database.read_engine.connect().execution_options(isolation_level="REPEATABLE READ")


def _revision(connection: Connection) -> str:
    revision = None
    if connection.dialect.has_table(connection, "alembic_version"):
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if revision is None:
        raise InvalidInput("There is nothing to back up: the database is empty.", remedy="Check MODELOPS_HOME.")
    return str(revision)


def _write_table(connection: Connection, table: Table, target: Path, *, is_sqlite: bool) -> TableFile:
    columns = columns_of(table)
    changes = changes_to_write(columns, is_sqlite=is_sqlite)
    encoder = msgspec.json.Encoder()
    digest, rows, size = hashlib.sha256(), 0, 0
    with (target / "tables" / f"{table.name}.jsonl").open("xb") as file:
        for batch in _batches(connection, table):
            data = encoder.encode_lines(change(batch, changes))
            file.write(data)
            digest.update(data)
            rows, size = rows + len(batch), size + len(data)
        _settle(file)
    return TableFile(columns, rows, size, digest.hexdigest())


def _batches(connection: Connection, table: Table) -> Iterator[Sequence[Sequence[Any]]]:
    """Yield the rows as the driver gives them: the types of the application are of no use here."""
    preparer = connection.dialect.identifier_preparer
    names = ", ".join(preparer.quote(column.name) for column in table.columns)
    statement = f"SELECT {names} FROM {preparer.format_table(table)}"  # noqa: S608 - names of the schema, quoted
    connection.execute(text("SELECT 1"))  # the transaction begins by way of the engine
    driver: Any = connection.connection.driver_connection
    cursor = driver.cursor() if connection.dialect.name == "sqlite" else driver.cursor(name="backup")
    try:
        cursor.execute(statement)
        while batch := cursor.fetchmany(_ROWS_AT_ONCE):
            yield batch
    finally:
        cursor.close()


def _copy_blobs(connection: Connection, database: Database, store: Store, target: Path) -> Blobs:
    """Copy the files that the snapshot names; its rows are read at once, they are few and small."""
    rows = connection.execute(text("SELECT sha256, size, block_size, block_digests, block_key FROM blobs")).all()
    copies = LocalStore(target / "blobs")
    count, size = 0, 0
    gone: list[str] = []
    damaged: list[str] = []
    for row in rows:
        key = None if row.block_key is None else bytes(row.block_key)
        stored = Stored(row.sha256, row.size, row.block_size, bytes(row.block_digests), key)
        try:
            _copy(store, stored, copies.path(stored.sha256))
        except Damage:
            (damaged if _is_kept(database, stored.sha256) else gone).append(stored.sha256)
            continue
        count, size = count + 1, size + stored.size
    return Blobs(count, size, gone, damaged)


def _copy(store: Store, stored: Stored, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with path.open("xb") as file:
            for data in store.read_whole(stored):
                file.write(data)
            _settle(file)
    except (Damage, Unavailable):
        path.unlink(missing_ok=True)
        raise


def _is_kept(database: Database, sha256: str) -> bool:
    """Say whether the row of a file whose bytes are missing is still there, outside the snapshot."""
    blobs = text("SELECT 1 FROM blobs WHERE sha256 = :sha256 AND removing_at IS NULL")
    with database.read() as db:
        return db.execute(blobs, {"sha256": sha256}).first() is not None


def _copy_keys(source: Path, target: Path) -> list[str]:
    target.mkdir(mode=0o700)
    names = sorted(path.name for path in source.iterdir() if path.is_file())
    for name in names:
        shutil.copyfile(source / name, target / name)
        (target / name).chmod(0o600)
    return names


def _finish(target: Path, manifest: Manifest) -> None:
    """Write what makes the folder a backup, after all the rest is on disk."""
    temporary = target / f"{MANIFEST}.new"
    with temporary.open("xb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        _settle(file)
    temporary.rename(target / MANIFEST)
    for folder in (target / "tables", target):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _settle(file: BinaryIO) -> None:
    """Wait until what was written to a file is on disk."""
    file.flush()
    os.fsync(file.fileno())
