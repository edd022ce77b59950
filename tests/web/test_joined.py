"""Writes that share a commit: each whole or absent, answered after it is on disk."""

import asyncio
import threading
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from modelops_platform.core.db import Database
from modelops_platform.core.errors import InvalidInput
from modelops_platform.web.joined import JoinedWrites


@pytest.fixture
def numbers(database: Database) -> Database:
    """A database with a table of numbers."""
    with database.write() as db:
        db.execute(text("CREATE TABLE numbers (n INTEGER PRIMARY KEY)"))
    return database


def kept(database: Database) -> list[int]:
    with database.read() as db:
        return list(db.scalars(text("SELECT n FROM numbers ORDER BY n")))


def add(*numbers: int) -> Any:
    def work(db: Session) -> int:
        for number in numbers:
            db.connection().execute(text("INSERT INTO numbers VALUES (:n)"), {"n": number})
        return sum(numbers)

    return work


def refuse(db: Session) -> None:
    db.connection().execute(text("INSERT INTO numbers VALUES (-1)"))
    raise InvalidInput("No.")


def test_what_waits_is_done_together_and_a_refused_one_alone_is_undone(numbers: Database) -> None:
    joined, commits = JoinedWrites(numbers), []
    began, go_on = threading.Event(), threading.Event()

    def hold(db: Session) -> None:
        began.set()
        assert go_on.wait(10)
        commits.append(db.connection().get_transaction())

    def note(number: int) -> Any:
        def work(db: Session) -> None:
            commits.append(db.connection().get_transaction())
            add(number)(db)

        return work

    async def main() -> list[Any]:
        first = asyncio.ensure_future(joined.do(hold))
        await asyncio.get_running_loop().run_in_executor(None, began.wait)
        others = [joined.do(work) for work in (note(1), refuse, note(2), add(3, 1), note(4))]
        waiting = asyncio.gather(first, *others, return_exceptions=True)
        await asyncio.sleep(0.05)
        go_on.set()
        return list(await waiting)

    results = asyncio.run(main())
    assert kept(numbers) == [1, 2, 4]  # of "3, 1" nothing stayed, nor of what was refused
    assert isinstance(results[2], InvalidInput)
    assert isinstance(results[4], IntegrityError)
    assert len({id(commit) for commit in commits}) == 2  # one for the first, one for all that waited meanwhile


def test_when_the_shared_transaction_breaks_each_is_tried_alone(numbers: Database) -> None:
    joined = JoinedWrites(numbers)
    began, go_on = threading.Event(), threading.Event()
    tries = []

    def hold(_db: Session) -> None:
        began.set()
        assert go_on.wait(10)

    def break_it(db: Session) -> None:
        tries.append(db)
        if len(tries) == 1:
            db.connection().exec_driver_sql("ROLLBACK")  # as when the server ends the transaction
        else:
            add(7)(db)

    async def main() -> list[Any]:
        first = asyncio.ensure_future(joined.do(hold))
        await asyncio.get_running_loop().run_in_executor(None, began.wait)
        waiting = asyncio.gather(first, *(joined.do(work) for work in (add(1), break_it, add(2))))
        await asyncio.sleep(0.05)
        go_on.set()
        return list(await waiting)

    assert asyncio.run(main())[1:] == [1, None, 2]
    assert kept(numbers) == [1, 2, 7]
    assert len(tries) == 2


def test_while_the_database_is_away_all_who_wait_hear_it_from_one_try(
    numbers: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined, tries = JoinedWrites(numbers), []

    class Away(Exception):
        pass

    def away() -> Any:
        tries.append(1)
        raise Away

    async def main() -> list[Any]:
        loop, went = asyncio.get_running_loop(), threading.Event()
        first = asyncio.ensure_future(joined.do(lambda _db: went.wait(10)))
        await asyncio.sleep(0.05)
        others = [asyncio.ensure_future(joined.do(add(number))) for number in range(20)]
        await asyncio.sleep(0.05)
        monkeypatch.setattr(numbers, "write", away)
        went.set()
        await loop.run_in_executor(None, went.wait)
        return await asyncio.gather(first, *others, return_exceptions=True)

    results = asyncio.run(main())
    assert [type(result) for result in results[1:]] == [Away] * 20
    assert len(tries) == 2, "together, then once alone"
    monkeypatch.undo()
    assert kept(numbers) == []
