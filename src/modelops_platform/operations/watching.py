"""Watching jobs live: one poller for all listeners of a process, whatever their number."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool

from modelops_platform.core.db import Database
from modelops_platform.jobs import queries
from modelops_platform.jobs.domain.states import UNFINISHED

LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Shown:
    """What a listener sees of a job; equal ones are not sent twice."""

    id: str
    state: str
    step: str | None
    fraction: float | None

    @property
    def is_unfinished(self) -> bool:
        """Say whether more is to come."""
        return self.state in UNFINISHED


@dataclass(eq=False)
class _Listener:
    database: Database
    job_id: str
    news: asyncio.Queue[Shown | None] = field(default_factory=asyncio.Queue)  # None: the stream ends
    last: Shown | None = None


class JobWatch:
    """The listeners of this process, and the task that looks for them once a second while there are any."""

    def __init__(self) -> None:
        self._listeners: set[_Listener] = set()
        self._poller: asyncio.Task[None] | None = None
        self._is_closed = False

    async def follow(self, database: Database, job_id: str, *, pulse: float) -> AsyncGenerator[Shown | None]:
        """Yield the job whenever it changes until it ends; None every `pulse` seconds without a change."""
        listener = _Listener(database, job_id)
        self._listeners.add(listener)
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        try:
            while not self._is_closed:
                try:
                    shown = await asyncio.wait_for(listener.news.get(), pulse)
                except TimeoutError:
                    yield None
                    continue
                if shown is None:
                    return
                yield shown
                if not shown.is_unfinished:
                    return
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """End all streams because the process stops; safe in a signal handler. Browsers come back by themselves."""
        self._is_closed = True

    async def _poll(self) -> None:
        while self._listeners:
            database = next(iter(self._listeners)).database  # a process has one
            wanted = {listener.job_id for listener in self._listeners}
            found = await run_in_threadpool(_look, database, wanted)
            for listener in list(self._listeners):
                self._tell(listener, found)
            await asyncio.sleep(LOOK_SECONDS)

    def _tell(self, listener: _Listener, found: dict[str, Shown] | None) -> None:
        shown = listener.last if found is None else found.get(listener.job_id)
        if self._is_closed or (found is not None and shown is None):
            listener.news.put_nowait(None)
        elif shown != listener.last:
            listener.last = shown
            listener.news.put_nowait(shown)


def _look(database: Database, job_ids: set[str]) -> dict[str, Shown] | None:
    """Read the watched jobs; None while the database is away."""
    try:
        with database.read() as db:
            jobs = queries.list_watched(db, job_ids)
            return {job.id: Shown(job.id, job.state, job.step, job.fraction) for job in jobs}
    except DBAPIError:
        return None


watch = JobWatch()
