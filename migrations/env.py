"""Alembic's entry: one tree of migrations for SQLite and PostgreSQL, each revision one transaction."""

import importlib
import pkgutil

import sqlalchemy as sa
from alembic import context

import modelops_platform
from modelops_platform.core.db import Base, Database, Json, UtcDateTime
from modelops_platform.core.settings import get_settings

for room in pkgutil.iter_modules(modelops_platform.__path__):
    if room.ispkg:
        try:
            importlib.import_module(f"modelops_platform.{room.name}.tables")
        except ModuleNotFoundError as missing:
            if missing.name != f"modelops_platform.{room.name}.tables":
                raise


def plain_types(kind: str, item: object, _context: object) -> str | bool:
    """Write our column types as the plain ones they are, so that no migration imports the application."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Json):
        return "sa.Text()"
    return False


def run(connection: sa.Connection) -> None:
    """Run what was asked for on this connection."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SET lock_timeout = '10s'"))
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        render_item=plain_types,
        compare_type=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    database = Database.from_settings(get_settings())
    with database.write_engine.begin() as connection:
        run(connection)
    database.dispose()
