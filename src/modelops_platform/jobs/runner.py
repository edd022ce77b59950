"""The job process: one loop that looks, claims, keeps leases and seals events, and a thread for each job it holds.

Only the loop writes progress and leases, at most twice a second for all jobs together; a job's thread only reads,
works, and ends its job.
"""

import math
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.core.errors import InvalidInput
from modelops_platform.core.logging import get_logger
from modelops_platform.core.portions import brief
from modelops_platform.core.trouble import unavailable
from modelops_platform.events import service as events

from . import queries, service
from .domain.leases import RENEWALS, Watch
from .domain.states import Cancelled, GivenBack, JobState, LeaseLost, words_for
from .engine import LOCAL
from .handlers import Handler
from .spawning import run_in_child
from .tables import Job

IDLE_SECONDS = 1.0
BUSY_SECONDS = 0.2
REPORT_SECONDS = 0.5
DRAIN_SECONDS = 8.0
PAUSE_AFTER_ERROR_SECONDS = 2.0
SET_BACK_SECONDS = 5.0
INSIST_SECONDS = 300.0  # on writing what a job did while the database is away: the work is dearer than the wait


Answer = TypeVar("Answer")


class Running:
    """A job that this process holds: what its handler sees of it, and what the loop reads and tells it."""

    def __init__(self, job: Job, handler: Handler, engine: str = LOCAL) -> None:
        self.job = job
        self.handler = handler
        self._engine = engine
        self.folder = Path()
        self.thread: threading.Thread | None = None
        self.unwritten: tuple[float | None, str] | None = None
        self._stop: type[Exception] | None = None

    @property
    def is_heavy(self) -> bool:
        """Say whether the job takes a heavy place."""
        return self.handler.heavy is not None

    def stop(self, reason: type[Exception]) -> None:
        """Have the job end at its next `progress`, or its child be killed now."""
        self._stop = self._stop or reason

    def may_go_on(self) -> None:
        """Raise why the job must stop, if it must."""
        if self._stop is not None:
            raise self._stop()

    def progress(self, fraction: float | None, step: str) -> None:
        """Note how far the job is; the loop writes it. Raises Cancelled, GivenBack or LeaseLost."""
        self.may_go_on()
        self.unwritten = (None if fraction is None else max(0.0, min(1.0, float(fraction))), str(step))

    def run_heavy(self, prepared: Any) -> Any:
        """Run the handler's heavy function in a child."""
        if self.handler.heavy is None:
            raise InvalidInput(f"The job kind {self.job.kind!r} names no heavy function.")
        return run_in_child(
            self.handler.heavy,
            prepared,
            folder=self.folder,
            limits=self.handler.limits,
            engine=self._engine,
            on_progress=self.progress,
            may_go_on=self.may_go_on,
        )


class Worker:
    """A job process over one database; any number of them may run."""

    def __init__(
        self,
        database: Database,
        handlers: Mapping[str, Handler],
        *,
        light: int = 4,
        heavy: int = 1,
        engine: str = LOCAL,
        lease: timedelta = service.LEASE,
    ) -> None:
        self.database = database
        self.name = f"{socket.gethostname()[:80]}:{os.getpid()}"
        self._handlers = dict(handlers)
        self._places = {False: light, True: heavy}
        self._engine = engine
        self._lease = lease
        self._running: dict[str, Running] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._renew_at = self._report_at = 0.0
        self._watch = Watch(lease.total_seconds())
        self._ahead = math.inf
        self._log = get_logger()

    def stop(self) -> None:
        """Claim nothing more, and leave `run` when what runs has ended or was given back; not for signal handlers."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Work until `stop` is called."""
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                pause = BUSY_SECONDS if self.turn() else IDLE_SECONDS
            except (DBAPIError, PoolTimeout) as error:  # the database is away: wait for it, do not die
                self._log.error("worker.database_failed", error=type(error).__name__, detail=str(error)[:300])
                pause = PAUSE_AFTER_ERROR_SECONDS
            if not self._stopping.is_set():
                self._wake.wait(pause)
        self._drain()

    def turn(self) -> bool:
        """Do once what is due, and say whether anything runs or was found."""
        self._mind_the_clock()
        with self.database.read() as db:
            due = queries.look(db, clock.now())
            has_unsealed = events.has_unsealed(db)
        if has_unsealed:
            self._seal()
        has_lost = due.running and self._take_from_the_lost()
        self._write_if(due.schedules, service.fire_due)
        if due.jobs or has_lost or due.schedules:
            self._claim()
        self._keep()
        return bool(self._held()) or due.jobs

    def _seal(self) -> None:
        """Seal what waits, in one short transaction after the other, until a look at the jobs is due."""
        until = time.monotonic() + IDLE_SECONDS
        while time.monotonic() < until and not self._stopping.is_set():
            with self.database.write() as db:
                if events.seal_events(db) < events.PLACED_AT_ONCE:
                    return

    def _take_from_the_lost(self) -> bool:
        """Return jobs whose worker is gone to the queue, and say whether there were any."""
        with self.database.read() as db:
            leases = queries.list_leases(db)
        lost = self._watch.lost(leases, now=clock.now(), at=time.monotonic())
        self._write_if(bool(lost), lambda db: service.requeue_lost(db, lost))
        return bool(lost)

    def _mind_the_clock(self) -> None:
        """Plan schedules anew when the clock on the wall was set back, and once at the start: it may have been."""
        ahead = clock.now().timestamp() - time.monotonic()
        if ahead < self._ahead - SET_BACK_SECONDS:
            with self.database.write() as db:
                changed = service.replan(db)
            if changed:
                self._log.warning("worker.clock_was_set_back", schedules=changed)
        self._ahead = ahead

    def _write_if(self, is_due: bool, write: Callable[[Session], object]) -> None:
        if is_due:
            with self.database.write() as db:
                write(db)

    # ---- claiming ---------------------------------------------------------------------------------------------------

    def _held(self) -> list[Running]:
        with self._lock:
            return list(self._running.values())

    def _claim(self) -> None:
        held = self._held()
        for is_heavy, places in self._places.items():
            free = places - sum(task.is_heavy is is_heavy for task in held)
            kinds = [kind for kind, handler in self._handlers.items() if (handler.heavy is not None) is is_heavy]
            if free > 0 and kinds:
                with self.database.write() as db:
                    claimed = service.claim(db, kinds, free, worker=self.name, lease=self._lease)
                for job in claimed:
                    self._start(Running(job, self._handlers[job.kind], self._engine))

    def _start(self, task: Running) -> None:
        # Daemon threads: one that does not end in time must not keep the process from ending.
        task.thread = threading.Thread(target=self._work, args=(task,), name=f"job {task.job.kind}", daemon=True)
        with self._lock:
            self._running[task.job.id] = task
        task.thread.start()

    # ---- keeping leases, progress, and cancels ----------------------------------------------------------------------

    def _keep(self) -> None:
        """Renew leases, write progress, and hear who was cancelled, for all jobs held together."""
        held = self._held()
        if not held:
            return
        now = time.monotonic()
        with self.database.read() as db:
            for job_id in queries.list_cancelled(db, [task.job.id for task in held]):
                self._tell(job_id, Cancelled)
        if now >= self._renew_at:
            self._renew_at = now + self._lease.total_seconds() / RENEWALS
            with self.database.write() as db:
                lost = [task.job.id for task in held if not service.renew(db, task.job, self._lease)]
            for job_id in lost:
                self._tell(job_id, LeaseLost)
        if now >= self._report_at and any(task.unwritten for task in held):
            self._report_at = now + REPORT_SECONDS
            with self.database.write() as db:
                for task in held:
                    said, task.unwritten = task.unwritten, None
                    if said is not None:
                        service.report(db, task.job, *said)

    def _tell(self, job_id: str, reason: type[Exception]) -> None:
        with self._lock:
            task = self._running.get(job_id)
        if task is not None:
            task.stop(reason)

    # ---- one job ----------------------------------------------------------------------------------------------------

    def _work(self, task: Running) -> None:
        started = time.perf_counter()
        try:
            outcome = self._outcome(task)
        except Exception as error:  # noqa: BLE001 - the edge of a job; its lease runs out, and it is tried again
            outcome = f"lost: {type(error).__name__}"
        with self._lock:
            self._running.pop(task.job.id, None)
        self._wake.set()
        job = task.job
        ms = round((time.perf_counter() - started) * 1000, 1)
        self._log.info("job", job_id=job.id, kind=job.kind, outcome=outcome, attempt=job.attempts, ms=ms)

    def _outcome(self, task: Running) -> str:
        """Do the job and end it one way or another, and return which."""
        try:
            self._do(task)
            return JobState.SUCCEEDED.value
        except LeaseLost:
            return "lease lost"
        except Cancelled:
            ended = self._insist(lambda db: service.end_cancelled(db, task.job))
            return JobState.CANCELLED.value if ended else "lease lost"
        except GivenBack:
            with self.database.write() as db:
                return "given back" if service.give_back(db, task.job) else "lease lost"
        except Exception as error:  # noqa: BLE001 - the edge of a job: whatever happened is written to its row
            self._log.warning("job.raised", job_id=task.job.id, kind=task.job.kind, exc_info=error)
            return self._fail(task, error)

    def _fail(self, task: Running, error: Exception) -> str:
        def write(db: Session) -> str:
            state = service.fail(db, task.job, error)
            if task.handler.fail is not None and state in (JobState.FAILED, JobState.DEAD):
                task.handler.fail(db, task.job, words_for(error))
            return state or "lease lost"

        return self._insist(write)

    def _do(self, task: Running) -> None:
        while not self._do_portion(task):
            task.may_go_on()

    def _do_portion(self, task: Running) -> bool:
        """Do as much as one transaction may write, and say whether that was all."""
        job, handler = task.job, task.handler
        with self.database.read() as db:
            prepared = handler.prepare(db, job)
        with tempfile.TemporaryDirectory(prefix="modelops-job-", ignore_cleanup_errors=True) as folder:
            task.folder = Path(folder)
            worked = handler.do_work(task, prepared)
        return self._insist(lambda db: self._finish(db, task, worked))

    def _finish(self, db: Session, task: Running, worked: Any) -> bool:
        if not service.succeed(db, task.job):
            raise LeaseLost
        with brief() as turn:
            result = task.handler.finish(db, task.job, worked)
        service.keep_result(db, task.job, result)
        if turn.is_cut:
            service.go_on(db, task.job, self._lease)
        return not turn.is_cut

    def _insist(self, write: Callable[[Session], Answer]) -> Answer:
        """Write in one transaction, again and again while the database is away; the lease guards what is written."""
        until = time.monotonic() + INSIST_SECONDS
        while True:
            try:
                with self.database.write() as db:
                    return write(db)
            except (DBAPIError, PoolTimeout) as error:
                if unavailable(error) is None or time.monotonic() > until or self._stopping.wait(IDLE_SECONDS):
                    raise

    # ---- ending -----------------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        """Give heavy jobs back now, wait a little for light ones, then give those back too."""
        for task in self._held():
            if task.is_heavy:
                task.stop(GivenBack)
        deadline = time.monotonic() + DRAIN_SECONDS
        for task in self._held():
            assert task.thread is not None
            task.thread.join(max(0.0, deadline - time.monotonic()))
        for task in self._held():
            with self.database.write() as db:
                service.give_back(db, task.job)
        self._log.info("worker.stopped", given_back=len(self._held()))
