"""Sessions, column types and migrations on both databases."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from modelops_platform.core import migrations, schema
from modelops_platform.core.db import Base, Database, parse_address
from modelops_platform.core.errors import InvalidInput
from modelops_platform.events import service as events
from modelops_platform.events.tables import Event
from modelops_platform.identity.tables import Workspace
from tests.factories import SYSTEM, count_events
from tests.postgres import Postgres
from tests.test_serve import modelops


def test_a_read_session_cannot_write(database: Database) -> None:
    with database.read() as db:
        change = text("UPDATE workspaces SET name = 'changed'")
        with pytest.raises(DBAPIError):
            db.execute(change)


def test_a_failing_block_leaves_nothing(database: Database) -> None:
    def fail_halfway() -> None:
        with database.write() as db:
            db.add(Workspace(name="half", enforcement="enforce"))
            db.flush()
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail_halfway()
    with database.read() as db:
        assert db.query(Workspace).count() == 1


def test_times_come_back_aware_and_in_utc(database: Database) -> None:
    with database.read() as db:
        at = db.query(Workspace).one().created_at
    assert at.tzinfo is UTC or at.utcoffset() == datetime.now(UTC).utcoffset()


def test_a_naive_time_is_refused(database: Database) -> None:
    with pytest.raises(Exception, match="naive time"), database.write() as db:
        db.add(Workspace(name="naive", enforcement="enforce", created_at=datetime(2026, 1, 1)))  # noqa: DTZ001


def test_concurrent_read_then_write_loses_nothing(database: Database) -> None:
    with database.write() as db:
        db.execute(text("UPDATE workspaces SET name = '0'"))

    def add_ones() -> None:
        for _ in range(25):
            with database.write() as db:
                workspace = db.query(Workspace).with_for_update().one()
                workspace.name = str(int(workspace.name) + 1)

    threads = [threading.Thread(target=add_ones) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as db:
        assert db.query(Workspace).one().name == "150"


def test_events_and_their_places_survive_together(database: Database) -> None:
    with database.write() as db:
        workspace = db.query(Workspace).one()
        events.record(db, SYSTEM, "workspace.renamed", workspace, before="a", after="b")
    with database.write() as db:
        events.seal_events(db)
    with database.read() as db:
        assert count_events(db, "workspace.renamed") == 1
        assert db.query(Event).count() >= 1
        places = [place for (place,) in db.execute(text("SELECT place FROM event_places ORDER BY place"))]
    assert places == list(range(1, len(places) + 1))


def test_migrations_go_down_and_up_again_and_match_the_tables(database: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    migrations.downgrade(database)
    migrations.upgrade(database)
    with database.write_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_pending_migrations_are_seen(database: Database) -> None:
    with database.read() as db:
        assert schema.is_current(db)
    migrations.downgrade(database, "-1")
    with database.read() as db:
        assert not schema.is_current(db)


def test_an_address_that_cannot_be_read_is_named_without_its_password() -> None:
    for url in ("postgresql://[::1/x", "postgresql://user:secret@host:port/name", "no address"):
        with pytest.raises(InvalidInput, match="MODELOPS_DATABASE_URL") as refused:
            parse_address(url)
        assert "secret" not in str(refused.value)


def test_processes_that_migrate_at_once_wait_for_one_another(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.empty_database()
    upgrade = partial(modelops, tmp_path, "db", "upgrade", MODELOPS_DATABASE_URL=url)
    with ThreadPoolExecutor(2) as pool:
        ended = [started.result() for started in [pool.submit(upgrade) for _process in range(2)]]
    assert [one.returncode for one in ended] == [0, 0], ended
    database = Database(url)
    with database.read() as db:
        assert schema.is_current(db)
    database.dispose()
    postgres.drop(url)
