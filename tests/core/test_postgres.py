"""What one test leaves in its PostgreSQL database, the next one does not find."""

import psycopg
from sqlalchemy import make_url

from tests.conftest import migrate
from tests.postgres import Postgres

HOW_MANY = "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM workspaces), (SELECT min(name) FROM workspaces)"


def connect(url: str) -> psycopg.Connection:
    address = make_url(url)
    return psycopg.connect(host=str(address.query["host"]), user="postgres", dbname=address.database)


def migrate_apart(url: str) -> None:
    """Migrate, as a template of this file's own: other tests have not worn its databases out."""
    migrate(url)


def test_rows_are_put_back_and_a_changed_schema_is_thrown_away(postgres: Postgres, session_folder: object) -> None:
    url = postgres.fresh_database(migrate_apart)
    with connect(url) as connection:
        before = connection.execute(HOW_MANY).fetchone()
        connection.execute("UPDATE workspaces SET name = 'spoiled'")
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM events")
    postgres.drop(url)
    again = postgres.fresh_database(migrate_apart)
    assert again == url
    with connect(again) as connection:
        assert connection.execute(HOW_MANY).fetchone() == before
        connection.execute("CREATE TABLE effects (job_id varchar(36))")
    postgres.drop(again)
    other = postgres.fresh_database(migrate_apart)
    assert other != url
    postgres.drop(other)
