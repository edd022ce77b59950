"""The job process in one process: handlers run, report, stop, fail, and end their jobs."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.core.db import Database
from modelops_platform.core.errors import InvalidInput
from modelops_platform.events import service as events
from modelops_platform.jobs import service, spawning
from modelops_platform.jobs.handlers import Handler, Limits, Task
from modelops_platform.jobs.runner import Worker
from modelops_platform.jobs.tables import Job
from tests.factories import SYSTEM, count_events

ROOT = str(Path(__file__).resolve().parents[2])


@pytest.fixture(scope="module", autouse=True)
def nurseries() -> Iterator[list[Any]]:
    """Processes for heavy jobs that can import the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spawning, "_FOLDERS", [*spawning._FOLDERS, ROOT])
        waiting: list[Any] = []
        patch.setattr(spawning, "_idle", waiting)
        yield waiting
    for nursery in waiting:
        nursery.end()


def ask(database: Database, args: dict[str, Any] | None = None, **options: Any) -> Job:
    with database.write() as db:
        return service.enqueue(db, SYSTEM, "test.work", args or {}, **options)


def read(database: Database, job: Job) -> Job:
    with database.read() as db:
        return db.scalars(select(Job).where(Job.id == job.id)).one()


def until(happened: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait until something is so, and return what it was."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := happened():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


@contextmanager
def working(database: Database, handler: Handler, **options: Any) -> Iterator[Worker]:
    worker = Worker(database, {"test.work": handler}, **options)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(20)
        assert not thread.is_alive()


def run(database: Database, handler: Handler, args: dict[str, Any] | None = None, **options: Any) -> Job:
    """Do one job from start to end."""
    job = ask(database, args, **options)
    with working(database, handler):
        until(lambda: not read(database, job).is_unfinished)
    return read(database, job)


def heavy(name: str, **limits: Any) -> Handler:
    return Handler(heavy=f"tests.jobs.heavy:{name}", limits=Limits(**limits))


# ---- light ----------------------------------------------------------------------------------------------------------


def test_a_light_job_goes_through_its_three_steps(database: Database, db: Session) -> None:
    def prepare(db: Session, job: Job) -> dict[str, int]:
        return {"twice": 2 * job.args["n"]}

    def work(task: Task, prepared: dict[str, int]) -> int:
        assert task.folder.is_dir()
        return prepared["twice"] + 1

    def finish(db: Session, job: Job, worked: int) -> dict[str, int]:
        events.record(db, SYSTEM, "test.finished", job)
        return {"answer": worked}

    job = run(database, Handler(prepare=prepare, work=work, finish=finish), {"n": 20})
    assert (job.state, job.result, job.fraction, job.attempts, job.lease_token) == (
        "succeeded",
        {"answer": 41},
        1.0,
        1,
        None,
    )
    assert count_events(db, "test.finished") == 1


def test_what_finish_wrote_is_undone_when_it_fails(database: Database, db: Session) -> None:
    def finish(db: Session, job: Job, worked: Any) -> None:
        events.record(db, SYSTEM, "test.finished", job)
        raise InvalidInput("The version was archived meanwhile.")

    job = run(database, Handler(finish=finish))
    assert (job.state, job.error) == ("failed", "The version was archived meanwhile.")
    assert count_events(db, "test.finished") == 0


def test_preparing_cannot_write(database: Database) -> None:
    def prepare(db: Session, job: Job) -> None:
        events.record(db, SYSTEM, "test.prepared", job)

    assert run(database, Handler(prepare=prepare), max_attempts=1).state == "dead"


def test_progress_is_seen_while_it_runs_and_a_cancel_stops_it(database: Database) -> None:
    job = ask(database)

    def work(task: Task, prepared: Any) -> None:
        for step in range(2_000):
            task.progress(step / 2_000, f"Row {step}.")
            time.sleep(0.01)

    with working(database, Handler(work=work)):
        seen = until(lambda: read(database, job).step)
        assert seen.startswith("Row ")
        until(lambda: read(database, job).step != seen)
        with database.write() as db:
            held = db.get(Job, job.id)
            assert held is not None
            service.cancel_job(db, SYSTEM, held)
        until(lambda: read(database, job).state == "cancelled", seconds=5)


def test_a_bad_job_does_not_stop_the_others(database: Database) -> None:
    def work(task: Task, prepared: dict[str, Any]) -> int:
        return 10 // prepared["by"]

    bad, good = ask(database, {"by": 0}, max_attempts=1), ask(database, {"by": 5})
    with working(database, Handler(work=work)):
        until(lambda: not read(database, bad).is_unfinished and not read(database, good).is_unfinished)
    assert (read(database, bad).state, read(database, bad).error) == (
        "dead",
        "ZeroDivisionError: integer division or modulo by zero",
    )
    assert (read(database, good).state, read(database, good).result) == ("succeeded", 2)


def test_a_worker_whose_lease_ran_out_applies_nothing(database: Database, db: Session) -> None:
    job = ask(database)
    at_work, may_end = threading.Event(), threading.Event()

    def work(task: Task, prepared: Any) -> None:
        at_work.set()
        may_end.wait(20)

    def finish(db: Session, job: Job, worked: Any) -> None:
        events.record(db, SYSTEM, "test.finished", job)

    slow = Worker(database, {"test.work": Handler(work=work, finish=finish)}, lease=timedelta(seconds=0.2))
    slow.turn()
    assert at_work.wait(10)
    time.sleep(0.3)  # nobody turns the slow worker's loop, so nobody renews
    with working(database, Handler(finish=finish), lease=timedelta(seconds=0.2)):
        until(lambda: read(database, job).state == "succeeded")
    may_end.set()
    until(lambda: not slow._held())
    assert count_events(db, "test.finished") == 1
    assert read(database, job).attempts == 2


def test_stopping_lets_light_jobs_end_and_claims_no_more(database: Database) -> None:
    first, second = ask(database), ask(database)
    at_work = threading.Event()

    def work(task: Task, prepared: Any) -> None:
        at_work.set()
        time.sleep(0.5)

    with working(database, Handler(work=work), light=1) as worker:
        assert at_work.wait(10)
        worker.stop()
    assert (read(database, first).state, read(database, second).state) == ("succeeded", "queued")


def test_a_light_job_that_does_not_end_in_time_is_given_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelops_platform.jobs.runner.DRAIN_SECONDS", 0.3)
    job, may_end = ask(database), threading.Event()
    with working(database, Handler(work=lambda task, prepared: may_end.wait(20))) as worker:
        until(lambda: read(database, job).state == "running")
    assert (read(database, job).state, read(database, job).attempts) == ("queued", 0)
    may_end.set()
    until(lambda: not worker._held())  # it looks once more whether the job is still its own


# ---- heavy ----------------------------------------------------------------------------------------------------------


def test_a_heavy_job_runs_in_a_child_without_secrets_in_a_folder_of_its_own(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELOPS_DATABASE_URL", "postgresql://secret")
    job = run(database, heavy("add"), {"numbers": [1, 2, 3]})
    assert job.state == "succeeded", job.error
    assert job.result["sum"] == 6
    assert not {name for name in job.result["environment"] if name not in ("HOME", "TMPDIR", "PATH", "LC_CTYPE")}
    assert not Path(job.result["folder"]).exists()


# What the child does has nothing to do with the kind of database: once is enough.
once = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@once
@pytest.mark.parametrize(
    ("name", "limits", "state", "words"),
    [
        ("refuse", {}, "failed", "The column 'age' holds text in row 7."),
        ("not_now", {}, "dead", "The store does not answer."),
        ("stumble", {}, "dead", "KeyError: 'age'"),
        ("die", {}, "dead", "The job's process stopped (SIGKILL). Its last words: out of luck"),
        ("hog", {"memory_bytes": 512 * 1024**2}, "failed", "The job needs more memory than a job may use."),
        ("sleep", {"wall_seconds": 1.0}, "dead", "The job took longer than the 1 seconds it may take."),
        ("missing", {}, "dead", "has no attribute 'missing'"),
    ],
)
def test_a_child_that_ends_badly_says_why(
    database: Database, tmp_path: Path, name: str, limits: dict, state: str, words: str
) -> None:
    args = {"memory_bytes": 512 * 1024**2, "pids": str(tmp_path / "pids")}
    job = run(database, heavy(name, **limits), args, max_attempts=1)
    assert job.state == state
    assert words in (job.error or "")


@once
def test_a_child_that_uses_up_its_processor_time_says_so(database: Database) -> None:
    job = run(database, heavy("spin", cpu_seconds=1), max_attempts=1)
    assert (job.state, job.error) == ("failed", "The job used up the 1 seconds of processor time it may use.")


def stopped(pids: list[int]) -> bool:
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids)


def pids_of(file: Path) -> list[int]:
    return [int(pid) for pid in file.read_text(encoding="utf-8").split()] if file.exists() else []


@once
def test_cancelling_a_heavy_job_kills_its_whole_process_group(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    job = ask(database, {"pids": str(file)})
    with working(database, heavy("sleep")):
        until(lambda: len(pids_of(file)) == 2 and read(database, job).step == "Sleeping.")
        with database.write() as db:
            held = db.get(Job, job.id)
            assert held is not None
            service.cancel_job(db, SYSTEM, held)
        until(lambda: read(database, job).state == "cancelled", seconds=5)
    until(lambda: stopped(pids_of(file)), seconds=5)


@once
def test_stopping_returns_a_heavy_job_to_the_queue_at_once(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    job = ask(database, {"pids": str(file)})
    with working(database, heavy("sleep")) as worker:
        until(lambda: len(pids_of(file)) == 2)
        began = time.monotonic()
        worker.stop()
    assert time.monotonic() - began < 4
    assert (read(database, job).state, read(database, job).attempts) == ("queued", 0)
    until(lambda: stopped(pids_of(file)), seconds=5)


@once
def test_a_light_part_stands_around_the_heavy_one(database: Database) -> None:
    def work(task: Task, prepared: dict[str, Any]) -> dict[str, Any]:
        answer = task.run_heavy({"numbers": prepared["numbers"]})
        return {"sum": answer["sum"], "note": (task.folder / "note.txt").read_text(encoding="utf-8")}

    handler = Handler(heavy="tests.jobs.heavy:add", work=work)
    assert run(database, handler, {"numbers": [4, 5]}).result == {"sum": 9, "note": "left in the job's own folder"}
