"""A copy of the whole installation: how long it takes to make one, and to bring it back."""

import os
import shutil
import time
from collections.abc import Callable, Iterator

from sqlalchemy import insert

from modelops_platform.artifacts.store import open_store
from modelops_platform.artifacts.tables import Blob
from modelops_platform.core.db import Database
from modelops_platform.core.settings import load_settings

from .figures import Figure
from .server import Home

_FILE_BYTES = 16 * 1024**2


def measure(
    home: Home, database: Database, megabytes: int, fresh: Callable[[], str | None], say: Callable[[str], None] = print
) -> Iterator[Figure]:
    """Add stored files to a filled home, back it up by the command, and restore it elsewhere.

    Args:
        fresh: Gives an empty database to restore into, or nothing for SQLite in a home of its own.
    """
    say(f"Storing {megabytes:,} MB of files")
    keep_files(home, database, megabytes)
    target = home.folder.parent / "backup"
    say("Backing up")
    began = time.monotonic()
    words = home.run("backup", str(target)).partition("\n")[0]
    yield Figure("A copy", "back up", time.monotonic() - began, "s", 60.0, words.partition(" to ")[0])
    other = Home(home.folder.parent / "restored", fresh())
    say("Restoring")
    began = time.monotonic()
    other.run("restore", str(target))
    yield Figure("A copy", "restore it into an empty place", time.monotonic() - began, "s")
    other.run("audit", "verify")
    for folder in (target, other.folder):
        shutil.rmtree(folder)


def keep_files(home: Home, database: Database, megabytes: int) -> None:
    """Store files that nothing is equal to."""
    store = open_store(load_settings(home=home.folder))
    for _number in range(-(-megabytes * 1024**2 // _FILE_BYTES)):
        with store.begin() as incoming:
            incoming.write(os.urandom(_FILE_BYTES))
            kept = store.keep(incoming)
        row = {"sha256": kept.sha256, "size": kept.size, "block_size": kept.block_size, "created_by": "benchmark"}
        with database.write() as db:
            marks = {"block_digests": kept.block_digests, "block_key": kept.block_key}
            db.execute(insert(Blob), [row | marks])
