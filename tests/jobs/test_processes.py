"""Two operating-system job processes, killed at random: every job's effect is there exactly once."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from modelops_platform.core.db import Database
from modelops_platform.core.settings import Settings
from modelops_platform.jobs import service
from modelops_platform.jobs.domain.rhythm import Rhythm
from tests.factories import SYSTEM

JOBS = 250
KILLS = 3
CHAOS = Path(__file__).with_name("chaos.py")
ROOT = CHAOS.parents[2]


class Processes:
    """Two job processes; whichever is killed is started again."""

    def __init__(self, settings: Settings) -> None:
        self._command = [sys.executable, str(CHAOS), settings.database_address, str(settings.keys_folder)]
        self._running = [self._start(), self._start()]

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self._command, env={"PYTHONPATH": f"{ROOT / 'src'}"}, stdout=subprocess.PIPE)

    def wait_until_ready(self) -> None:
        """Wait until both have begun to look for jobs, however slow the machine is."""
        for process in self._running:
            _wait_for_word(process)

    def kill_one(self) -> None:
        """Kill one of the two in the middle of whatever it does, and start another in its place."""
        chosen = random.randrange(2)
        _wait_for_word(self._running[chosen])
        time.sleep(random.uniform(0.05, 0.5))
        self._running[chosen].kill()
        _collect(self._running[chosen])
        self._running[chosen] = self._start()

    def end(self) -> list[int]:
        """Ask both to end, and return their exit statuses."""
        for process in self._running:
            process.terminate()
        return [_collect(process) for process in self._running]


def _wait_for_word(process: "subprocess.Popen[bytes]") -> None:
    """Wait for the one line that the process says, when it has not been heard yet."""
    assert process.stdout is not None
    if not process.stdout.closed:
        assert process.stdout.readline() == b"ready\n"
        process.stdout.close()


def _collect(process: "subprocess.Popen[bytes]") -> int:
    assert process.stdout is not None
    process.stdout.close()
    return process.wait(15)


@contextmanager
def two_processes(settings: Settings) -> Iterator[Processes]:
    processes = Processes(settings)
    try:
        yield processes
    finally:
        processes.end()


def count(database: Database, question: str) -> int:
    with database.read() as db:
        return int(db.execute(text(question)).scalar_one())


@pytest.mark.slow
@pytest.mark.timeout(110)
def test_effects_are_seen_exactly_once_whoever_is_killed(database: Database, settings: Settings) -> None:
    with database.write() as db:
        db.execute(text("CREATE TABLE effects (job_id VARCHAR(36) NOT NULL)"))
        for number in range(JOBS):
            service.enqueue(db, SYSTEM, "test.count", {"n": number}, max_attempts=50)
        service.set_schedule(db, SYSTEM, "tick", "test.tick", {}, Rhythm(every_seconds=1))
    unfinished = "SELECT count(*) FROM jobs WHERE kind = 'test.count' AND state IN ('queued', 'running')"
    deadline = time.monotonic() + 80
    with two_processes(settings) as processes:
        processes.wait_until_ready()
        for _kill in range(KILLS):
            processes.kill_one()
        assert count(database, unfinished) > 0, "the jobs were done before everybody was killed"
        while count(database, unfinished) and time.monotonic() < deadline:
            time.sleep(0.1)
    assert count(database, "SELECT count(*) FROM jobs WHERE kind = 'test.count' AND state = 'succeeded'") == JOBS
    assert count(database, "SELECT count(*) FROM effects") == JOBS
    assert count(database, "SELECT count(DISTINCT job_id) FROM effects") == JOBS
    interrupted = count(database, "SELECT sum(attempts) FROM jobs WHERE kind = 'test.count'") - JOBS
    assert interrupted > 0, "nobody was killed in the middle of a job"
    assert_places_have_no_gap(database)
    ticks = "FROM jobs WHERE kind = 'test.tick'"
    assert count(database, f"SELECT count(*) {ticks}") == count(database, f"SELECT count(DISTINCT due_at) {ticks}") >= 1


def assert_places_have_no_gap(database: Database) -> None:
    placed = count(database, "SELECT count(*) FROM event_places")
    assert placed == count(database, "SELECT max(place) FROM event_places")
    assert placed + count(database, "SELECT count(*) FROM unplaced_events") == count(
        database, "SELECT count(*) FROM events"
    )


@pytest.mark.timeout(60)
def test_two_processes_never_fire_a_time_twice(database: Database, settings: Settings) -> None:
    with database.write() as db:
        for number in range(5):
            service.set_schedule(db, SYSTEM, f"tick {number}", "test.tick", {}, Rhythm(every_seconds=1))
    with two_processes(settings) as processes:
        processes.wait_until_ready()
        time.sleep(3.5)
        assert processes.end() == [0, 0]
    with database.read() as db:
        rows = db.execute(text("SELECT schedule_id, due_at, state FROM jobs ORDER BY schedule_id, due_at")).all()
    assert len(rows) == len({(schedule, due) for schedule, due, _state in rows})
    assert len(rows) >= 10
    latest = max(
        due for _schedule, due, _state in rows
    )  # its jobs may have been written when everybody was told to end
    assert {state for _schedule, due, state in rows if due < latest} == {"succeeded"}
