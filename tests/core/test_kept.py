"""Connections that are kept between two uses: what they show, when they end, and what a child process does."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from modelops_platform.core.db import WEB_PATIENCE_SECONDS, Database


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Database]:
    """A file with one number."""
    database = Database(f"sqlite:///{tmp_path / 'numbers.db'}", patience=WEB_PATIENCE_SECONDS)
    with database.write() as db:
        db.execute(text("CREATE TABLE numbers (n INTEGER)"))
        db.execute(text("INSERT INTO numbers VALUES (0)"))
    yield database
    database.dispose()


def set_number(database: Database, n: int) -> None:
    with database.write() as db:
        db.execute(text("UPDATE numbers SET n = :n"), {"n": n})


def number(database: Database) -> int:
    with database.read() as db:
        return int(db.scalar(text("SELECT n FROM numbers")) or 0)


def open_files(database: Database) -> int:
    """Count the descriptors of this process that lead to the database's file."""
    return sum(os.path.realpath(link) == str(database.url.database) for link in Path("/proc/self/fd").iterdir())


def test_a_kept_reader_shows_what_was_committed_before_it_was_lent(kept: Database) -> None:
    for n in range(1, 20):
        set_number(kept, n)
        assert number(kept) == n
    with kept.read() as db:  # a view stays what it was, until it ends
        assert db.scalar(text("SELECT n FROM numbers")) == 19
        set_number(kept, 20)
        assert db.scalar(text("SELECT n FROM numbers")) == 19
        db.rollback()
        assert db.scalar(text("SELECT n FROM numbers")) == 20


def test_what_failed_in_the_middle_leaves_no_view_behind(kept: Database) -> None:
    def break_off(error: Exception) -> None:
        with kept.read() as db:
            db.scalar(text("SELECT n FROM numbers"))
            raise error

    for n, error in enumerate([RuntimeError("stop"), KeyError("x")], start=1):
        with pytest.raises(type(error)):
            break_off(error)
        set_number(kept, n)
        assert number(kept) == n


def test_many_threads_never_see_an_older_number_than_before(kept: Database) -> None:
    wrong: list[tuple[int, int]] = []
    over = threading.Event()

    def look() -> None:
        seen = 0
        while not over.is_set():
            found = number(kept)
            if found < seen:
                wrong.append((seen, found))
            seen = found

    threads = [threading.Thread(target=look) for _ in range(12)]  # more than are kept
    for thread in threads:
        thread.start()
    for n in range(1, 50):
        set_number(kept, n)
        assert number(kept) == n
    over.set()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_reader_survives_the_thread_that_opened_it(kept: Database) -> None:
    thread = threading.Thread(target=number, args=(kept,))
    thread.start()
    thread.join()
    opened = open_files(kept)
    set_number(kept, 7)
    assert number(kept) == 7
    assert open_files(kept) == opened  # the same one was used


def test_all_are_closed_at_the_end_also_what_was_lent_then(kept: Database) -> None:
    with kept.read() as lent:
        assert lent.scalar(text("SELECT n FROM numbers")) == 0
        number(kept)
        kept.dispose()
        assert lent.scalar(text("SELECT n FROM numbers")) == 0
    kept.dispose()
    assert open_files(kept) == 0
    assert number(kept) == 0  # and it opens again for whoever asks later


def test_a_child_process_opens_its_own_and_leaves_those_of_its_parent_alone(kept: Database) -> None:
    assert number(kept) == 0
    with kept.read() as lent:
        assert lent.scalar(text("SELECT n FROM numbers")) == 0
        child = os.fork()
        if child == 0:
            try:
                set_number(kept, number(kept) + 1)
                kept.dispose()
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert lent.scalar(text("SELECT n FROM numbers")) == 0
    assert number(kept) == 1
    set_number(kept, 2)
    assert number(kept) == 2
    with kept.read() as db:
        assert db.scalar(text("PRAGMA integrity_check")) == "ok"
