"""Opening the installation for a command: settings, keys, database, migrated."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from modelops_platform.core.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from modelops_platform.core.db import Database
    from modelops_platform.core.settings import Settings


def read_settings() -> "Settings":
    """Read the settings and set up logging by them. Raises InvalidInput with a line for each bad setting."""
    from modelops_platform.core.logging import configure_logging
    from modelops_platform.core.settings import SettingsError, get_settings

    try:
        settings = get_settings()
    except SettingsError as error:
        raise InvalidInput(f"The settings cannot be used.\n{error}") from None
    configure_logging(settings.log_level)
    return settings


@contextmanager
def opened_database(settings: "Settings") -> "Iterator[Database]":
    """Open the database as it is. Raises Unavailable when it cannot be reached, InvalidInput when the home cannot."""
    from sqlalchemy.exc import DBAPIError

    from modelops_platform.core.db import Database

    try:
        database = Database.from_settings(settings)
        try:
            yield database
        finally:
            database.dispose()
    except DBAPIError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise Unavailable(f"The database {database.url!r} cannot be used: {reason}.") from None
    except OSError as error:
        raise InvalidInput(f"The home cannot be used: {error}.", remedy="Set MODELOPS_HOME or MODELOPS_KEYS.") from None


@contextmanager
def migrated_database(settings: "Settings") -> "Iterator[Database]":
    """Open the database, brought to this code's schema and with its workspace; safe while a server runs."""
    with opened_database(settings) as database:
        bring_up(settings, database)
        yield database


def migrate_apart(settings: "Settings") -> None:
    """Migrate in a process of its own, unless there is nothing to do: one that stays would keep the tool in memory.

    Raises Unavailable with what that process said.
    """
    from modelops_platform.core.schema import is_current

    with opened_database(settings) as database, database.read() as db:
        if is_current(db):
            return
    command = [sys.executable, "-m", "modelops_platform.cli", "db", "upgrade"]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr.strip().rpartition("\n")[2].removeprefix("Error: ")
        raise Unavailable(f"The database could not be migrated. {said}")


def bring_up(settings: "Settings", database: "Database") -> None:
    """Do what a first start does: migrate under a lock, and make what every installation has."""
    from modelops_platform.core.actor import system_actor
    from modelops_platform.core.schema import is_current
    from modelops_platform.deployments import service as deployments
    from modelops_platform.governance import service as governance
    from modelops_platform.identity import service as identity
    from modelops_platform.tracking import service as tracking

    with database.read() as db:
        is_there = is_current(db)
    if not is_there:
        from modelops_platform.core import migrations  # slow to load, seldom needed

        migrations.upgrade(database)
    with database.write() as db:
        workspace = identity.ensure_workspace(db, settings.enforcement)
        deployments.ensure_environments(db, system_actor(workspace.id))
        governance.ensure_default_policies(db, workspace.id)
        tracking.ensure_default_experiment(db, system_actor(workspace.id))
