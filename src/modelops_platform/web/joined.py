"""Joined writes: what waits while a commit reaches the disk shares the next one.

A commit costs a hundred times what a small write costs. So the writes of one process that may join are done one
after the other by whoever comes first, in one transaction, and answered after its commit. Each is as whole or absent
as if it had been alone: it has a session of its own, a refused one is rolled back to its savepoint, and when the
shared transaction itself fails, all are tried again, each alone; where none can be begun, all hear so at once.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, proxy

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from modelops_platform.core.db import Database, joined_session

from .threads import Threads

T = TypeVar("T")
Work = Callable[[Session], Any]
JOINED_AT_ONCE = 64
JOINED_FOR_SECONDS = 0.05  # whoever came first does not wait much longer for the others


class _Waiting:
    """A write that waits, and where its outcome is wanted."""

    __slots__ = ("error", "future", "loop", "result", "work")

    def __init__(self, work: Work, loop: asyncio.AbstractEventLoop, future: "asyncio.Future[Any]") -> None:
        self.work, self.loop, self.future = work, loop, future
        self.result: Any = None
        self.error: BaseException | None = None

    def attempt(self, db: Session) -> None:
        """Do the work, and keep what came of it."""
        self.result = self.error = None
        self.result = self.work(db)

    def tell(self) -> None:
        """Hand the outcome over, in the loop of whoever waits."""
        if self.future.cancelled():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class JoinedWrites:
    """The waiting writes of one database in this process."""

    def __init__(self, database: Database) -> None:
        self._database = proxy(database)  # or the dictionary below would keep it for ever
        self._waiting: deque[_Waiting] = deque()
        self._lock = threading.Lock()
        self._is_busy = False

    async def do(self, work: Callable[[Session], T]) -> T:
        """Do the work in a transaction that others may share, and return its result once that is committed.

        Raises what the work raises; nothing of it is kept then.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._lock:
            self._waiting.append(_Waiting(work, loop, future))
            starts, self._is_busy = not self._is_busy, True
        if starts:
            _threads.start(self._drain)
        return await future

    def _drain(self) -> None:
        while True:
            with self._lock:
                together = [self._waiting.popleft() for _ in range(min(len(self._waiting), JOINED_AT_ONCE))]
                if not together:
                    self._is_busy = False
                    return
            if len(together) == 1 or not self._do_together(together):
                self._do_each(together)
            _tell(together)

    def _do_together(self, together: list[_Waiting]) -> bool:
        """Do all in one transaction, and say whether that worked for the transaction itself."""
        try:
            with self._database.write() as db:
                connection = db.connection()
                until = time.monotonic() + JOINED_FOR_SECONDS
                for position, one in enumerate(together):
                    if position and time.monotonic() > until:
                        self._put_back(together, position)
                        break
                    connection.exec_driver_sql("SAVEPOINT joined")
                    try:
                        with joined_session(connection, db.info) as own:
                            one.attempt(own)
                        ended = "RELEASE SAVEPOINT joined"
                    except Exception as error:
                        if isinstance(error, DBAPIError) and error.connection_invalidated:
                            raise
                        one.error = error
                        ended = "ROLLBACK TO SAVEPOINT joined"
                    connection.exec_driver_sql(ended)
        except Exception:  # noqa: BLE001 - nothing was committed: each is tried alone, and raises its own error
            return False
        return True

    def _put_back(self, together: list[_Waiting], position: int) -> None:
        """Leave the writes from this position on to the next transaction."""
        with self._lock:
            self._waiting.extendleft(reversed(together[position:]))
        del together[position:]

    def _do_each(self, together: list[_Waiting]) -> None:
        """Do each alone, until no transaction can be begun: then the rest hear the same, and none waits again."""
        for position, one in enumerate(together):
            if not self._do_alone(one):
                for other in together[position + 1 :]:
                    other.error = one.error
                return

    def _do_alone(self, one: _Waiting) -> bool:
        """Do it in a transaction of its own, and say whether that could be begun."""
        has_begun = False
        try:
            with self._database.write() as db:
                db.connection()
                has_begun = True
                one.attempt(db)
        except BaseException as error:  # noqa: BLE001 - it belongs to the one who waits, who raises it
            one.error = error
        return has_begun


def _tell(together: list[_Waiting]) -> None:
    """Hand out the outcomes, with one call for each loop that waits."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
    for one in together:
        by_loop.setdefault(one.loop, []).append(one)
    for loop, waiting in by_loop.items():
        try:
            loop.call_soon_threadsafe(_tell_all, waiting)
        except RuntimeError:  # the loop is closed: nobody waits any more
            continue


def _tell_all(waiting: list[_Waiting]) -> None:
    for one in waiting:
        one.tell()


_threads = Threads(8, "joined")  # one for each database, of which a process has one
_of: "WeakKeyDictionary[Database, JoinedWrites]" = WeakKeyDictionary()
_making = threading.Lock()


def joined_writes(database: Database) -> JoinedWrites:
    """Return the queue of joined writes of a database."""
    found = _of.get(database)
    if found is None:
        with _making:
            found = _of.setdefault(database, JoinedWrites(database))
    return found
