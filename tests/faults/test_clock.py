"""A clock that is set an hour ahead or back: jobs run once, leases hold, schedules go on."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.jobs import queries, service
from modelops_platform.jobs.domain.leases import Lease, Watch
from modelops_platform.jobs.domain.rhythm import Rhythm
from modelops_platform.jobs.handlers import Handler, Task
from modelops_platform.jobs.runner import Worker
from modelops_platform.jobs.tables import Job, Schedule
from tests.factories import SYSTEM
from tests.test_serve import until

HOUR = timedelta(hours=1)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Jumping:
    """The clock on the wall, which somebody sets."""

    def __init__(self) -> None:
        self.by = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Jumping:
    wall = Jumping()
    monkeypatch.setattr(clock, "now", wall.now)
    return wall


@contextmanager
def at_work(worker: Worker) -> Iterator[None]:
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join(20)


def lease(until_at: datetime, token: str = "one") -> Lease:
    return Lease("job", token, until_at)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_lease_that_is_renewed_is_never_lost_however_the_clock_jumps(jump: timedelta) -> None:
    watch = Watch(20)
    for second in range(0, 120, 5):  # renewed every five seconds by a worker whose clock has jumped as well
        now = NOON + timedelta(seconds=second) + (jump if second >= 60 else timedelta(0))
        assert not watch.lost([lease(now + timedelta(seconds=20 - 5))], now=now, at=second)


@pytest.mark.parametrize("jump", [timedelta(0), HOUR, -HOUR])
def test_a_lease_that_nobody_renews_is_lost_soon_however_the_clock_jumps(jump: timedelta) -> None:
    watch, lost_at = Watch(20), None
    for second in range(60):
        now = NOON + timedelta(seconds=second) + jump
        if watch.lost([lease(NOON + timedelta(seconds=20))], now=now, at=second):
            lost_at = second
            break
    assert lost_at is not None
    assert (8 if jump > timedelta(0) else 20) <= lost_at <= 28


def test_a_running_job_stays_with_its_worker_when_the_clock_jumps(database: Database, wall: Jumping) -> None:
    began, may_end, times = threading.Event(), threading.Event(), []

    def work(_task: Task, _prepared: Any) -> None:
        times.append(clock.now())
        began.set()
        may_end.wait(20)

    with database.write() as db:
        job = service.enqueue(db, SYSTEM, "test.work", {})
    short = timedelta(seconds=1)
    workers = [Worker(database, {"test.work": Handler(work=work)}, lease=short) for _worker in range(2)]
    with at_work(workers[0]), at_work(workers[1]):
        assert began.wait(10)
        for by in (HOUR, timedelta(0), -HOUR):
            wall.by = by
            time.sleep(1.0)
        may_end.set()
        until(lambda: state_of(database, job) == "succeeded", 10)
    assert len(times) == 1


def state_of(database: Database, job: Job) -> str:
    with database.read() as db:
        return db.scalars(select(Job.state).where(Job.id == job.id)).one()


def test_jobs_and_schedules_go_on_when_the_clock_is_set_back(database: Database, wall: Jumping) -> None:
    wall.by = HOUR
    with database.write() as db:
        service.set_schedule(db, SYSTEM, "often", "test.tick", {}, Rhythm(every_seconds=1))
        service.set_schedule(db, SYSTEM, "hourly", "test.tick", {}, Rhythm(cron="0 * * * *"))
        job = service.enqueue(db, SYSTEM, "test.work", {})
    wall.by = timedelta(0)
    with at_work(Worker(database, {"test.work": Handler(), "test.tick": Handler()})):
        until(lambda: state_of(database, job) == "succeeded", 10)
        until(lambda: count_ticks(database) >= 1, 10)
        wall.by = -HOUR
        before = count_ticks(database)
        until(lambda: count_ticks(database) > before, 10)
    with database.read() as db:
        times = dict(db.execute(select(Schedule.name, Schedule.next_run_at)).all())
        assert (times["hourly"] or NOON) - clock.now() <= HOUR
        due = db.scalars(select(Job.due_at).where(Job.kind == "test.tick")).all()
    assert len(due) == len(set(due))


def count_ticks(database: Database) -> int:
    with database.read() as db:
        return db.scalar(select(func.count()).where(Job.kind == "test.tick")) or 0


def test_a_time_that_was_served_while_the_clock_was_ahead_is_not_served_again(database: Database) -> None:
    with clock.frozen(NOON), database.write() as db:
        service.set_schedule(db, SYSTEM, "hourly", "test.tick", {}, Rhythm(cron="0 * * * *"))
    with clock.frozen(NOON + HOUR), database.write() as db:
        assert service.fire_due(db) == 1
        (job,) = service.claim(db, ["test.tick"], 1, worker="one")
        assert service.succeed(db, job)
    with clock.frozen(NOON), database.write() as db:
        assert service.replan(db) == 1
        assert not queries.look(db, clock.now()).schedules
    with clock.frozen(NOON + HOUR), database.write() as db:
        assert service.fire_due(db) == 0
