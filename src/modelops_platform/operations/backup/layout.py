"""How a backup is laid out, and how values of a row are written in it."""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, MetaData, Table, types

from modelops_platform.core.errors import InvalidInput

FORMAT = 1
MANIFEST = "backup.json"
NOT_DATA = "alembic_version"  # the manifest has the revision


class Column(msgspec.Struct, frozen=True):
    """A column of a table file."""

    name: str
    kind: str  # text, integer, real, boolean, time, date or bytes


class TableFile(msgspec.Struct, frozen=True):
    """One file of rows, and what proves that it is whole."""

    columns: list[Column]
    rows: int
    size: int
    sha256: str


class Blobs(msgspec.Struct, frozen=True):
    """The stored files: how many, and which rows have none."""

    count: int
    size: int
    gone: list[str] = []  # removed, on purpose, while the backup was made
    damaged: list[str] = []  # missing or changed in the store; no backup can bring them back


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds."""

    format: int
    release: str
    revision: str
    made_at: datetime
    database: str
    tables: dict[str, TableFile]
    blobs: Blobs
    keys: list[str]

    @property
    def rows(self) -> int:
        """How many rows all tables have together."""
        return sum(table.rows for table in self.tables.values())


def read_manifest(folder: Path) -> Manifest:
    """Read what a backup holds. Raises InvalidInput when the folder is no whole backup of a known form."""
    path = folder / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise InvalidInput(
            f"{folder} is not a whole backup: it has no {MANIFEST}, which is written last.",
            remedy="Name the folder that `modelops backup` made; one that was interrupted cannot be restored.",
        ) from None
    except (OSError, msgspec.DecodeError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}.") from None
    if manifest.format != FORMAT:
        raise InvalidInput(
            f"{folder} has the form {manifest.format}; this release reads {FORMAT}.",
            remedy="Restore it with the release that made it, then upgrade.",
        )
    return manifest


def read_tables(connection: Connection) -> list[Table]:
    """Return the tables that the database has, those that others refer to first."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != NOT_DATA]


def columns_of(table: Table) -> list[Column]:
    """Return the columns of a table as a backup names them."""
    return [Column(str(column.name), _kind(column.type)) for column in table.columns]


_KINDS: tuple[tuple[type[types.TypeEngine[Any]], str], ...] = (
    (types.Boolean, "boolean"),
    (types.DateTime, "time"),
    (types.Date, "date"),
    (types.LargeBinary, "bytes"),
    (types.Integer, "integer"),
    (types.Float, "real"),
    (types.Numeric, "real"),
    (types.String, "text"),
)


def _kind(of: types.TypeEngine[Any]) -> str:
    for known, kind in _KINDS:
        if isinstance(of, known):
            return kind
    raise InvalidInput(f"A backup cannot hold a column of type {of!r}.")


Change = Callable[[Any], Any]
_TIME = "%Y-%m-%d %H:%M:%S.%f"


def changes_to_write(columns: Sequence[Column], *, is_sqlite: bool) -> list[tuple[int, Change]]:
    """Say at which places of a row, as the driver gives it, a value must be changed before it is written."""
    return _changes(columns, {"real": _real_out} if is_sqlite else _OUT_OF_POSTGRESQL)


def changes_to_read(columns: Sequence[Column], *, is_sqlite: bool) -> list[tuple[int, Change]]:
    """Say at which places of a row, as it was written, a value must be changed before the driver takes it."""
    return _changes(columns, _INTO_SQLITE if is_sqlite else _INTO_POSTGRESQL)


def change(rows: Sequence[Sequence[Any]], changes: Sequence[tuple[int, Change]]) -> Sequence[Sequence[Any]]:
    """Return the rows with the values at some places changed; empty values stay empty."""
    if not changes:
        return rows
    changed = [list(row) for row in rows]
    for place, turn in changes:
        for row in changed:
            if row[place] is not None:
                row[place] = turn(row[place])
    return changed


def _changes(columns: Sequence[Column], by_kind: dict[str, Change]) -> list[tuple[int, Change]]:
    return [(place, by_kind[column.kind]) for place, column in enumerate(columns) if column.kind in by_kind]


def _real_out(value: Any) -> Any:
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)  # JSON knows no such numbers


def _time_out(value: datetime) -> str:
    return value.astimezone(UTC).strftime(_TIME)


_OUT_OF_POSTGRESQL: dict[str, Change] = {
    "real": _real_out,
    "time": _time_out,
    "date": date.isoformat,
    "boolean": int,
    "bytes": bytes,
}
_INTO_SQLITE: dict[str, Change] = {"real": float, "bytes": lambda value: msgspec.convert(value, bytes)}
_INTO_POSTGRESQL: dict[str, Change] = {
    "real": float,
    "time": lambda value: f"{value}+00:00",
    "boolean": bool,
    "bytes": lambda value: msgspec.convert(value, bytes),
}
