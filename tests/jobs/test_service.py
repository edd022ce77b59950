"""The queue on both databases: once, guarded, patient, and seen in the log."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotAllowed, Stale
from modelops_platform.jobs import queries, service
from modelops_platform.jobs.domain.rhythm import Rhythm
from modelops_platform.jobs.domain.states import JobState, Retry
from modelops_platform.jobs.tables import Job, Schedule
from tests.factories import SYSTEM, Cast, count_events, last_event

NOW = datetime(2026, 11, 24, 9, 0, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _frozen() -> Any:
    with clock.frozen(NOW):
        yield


def later(**delta: float) -> Any:
    return clock.frozen(NOW + timedelta(**delta))


def ask(database: Database, **options: Any) -> Job:
    with database.write() as db:
        return service.enqueue(db, SYSTEM, "test.work", {"n": 1}, **options)


def claim(database: Database, limit: int = 10, worker: str = "one") -> list[Job]:
    with database.write() as db:
        return list(service.claim(db, ["test.work"], limit, worker=worker))


def read(database: Database, job: Job) -> Job:
    with database.read() as db:
        return db.scalars(select(Job).where(Job.id == job.id)).one()


def here(db: Session, job: Job) -> Job:
    """The job as this transaction sees it."""
    found = db.get(Job, job.id)
    assert found is not None
    return found


def test_a_job_exists_exactly_when_its_transaction_commits(database: Database) -> None:
    with database.write() as db:
        service.enqueue(db, SYSTEM, "test.work", {})
        db.rollback()
    assert not claim(database)
    job = ask(database)
    assert job.title == "Test: work"
    assert [found.id for found in claim(database)] == [job.id]


def test_a_key_makes_one_job_while_it_is_unfinished(database: Database) -> None:
    first = ask(database, key="train.7")
    assert ask(database, key="train.7").id == first.id
    (running,) = claim(database)
    assert ask(database, key="train.7").id == first.id
    with database.write() as db:
        assert service.succeed(db, running)
    assert ask(database, key="train.7").id != first.id


def test_jobs_are_claimed_once_in_order_and_not_before_their_time(database: Database) -> None:
    soon = ask(database, run_at=NOW + timedelta(minutes=1))
    second, first = ask(database), ask(database, run_at=NOW - timedelta(minutes=1))
    assert [job.id for job in claim(database, limit=1)] == [first.id]
    assert [job.id for job in claim(database, worker="two")] == [second.id]
    assert not claim(database)
    with later(minutes=2):
        (job,) = claim(database)
    assert (job.id, job.state, job.attempts, job.worker) == (soon.id, "running", 1, "one")


def test_only_kinds_that_the_worker_knows_are_claimed(database: Database) -> None:
    ask(database)
    with database.write() as db:
        assert not service.claim(db, ["other.work"], 10, worker="one")


def test_a_lease_that_ran_out_returns_the_job_and_shuts_the_first_worker_out(database: Database) -> None:
    ask(database)
    (lost,) = claim(database)
    with database.read() as db:
        assert queries.look(db, clock.now()).running
        leases = queries.list_leases(db)
    with later(seconds=60):
        with database.write() as db:
            assert service.requeue_lost(db, leases) == 1
        (taken,) = claim(database, worker="two")
        with database.write() as db:
            assert not service.renew(db, lost)
            assert not service.succeed(db, lost)
            assert service.fail(db, lost, ValueError()) is None
            assert not service.give_back(db, lost)
            assert service.succeed(db, taken)
    done = read(database, lost)
    assert (done.state, done.worker, done.attempts) == ("succeeded", "two", 2)


def test_a_renewed_lease_holds(database: Database) -> None:
    ask(database)
    (job,) = claim(database)
    with database.read() as db:
        leases = queries.list_leases(db)
    with later(seconds=15), database.write() as db:
        assert service.renew(db, job)
    with later(seconds=30), database.write() as db:
        assert service.requeue_lost(db, leases) == 0


def test_a_worker_that_always_vanishes_makes_the_job_dead(database: Database, db: Session) -> None:
    job = ask(database, max_attempts=2)
    for minute in (1, 2):
        with later(minutes=minute):
            claim(database)
        with later(minutes=minute, seconds=50), database.write() as writing:
            service.requeue_lost(writing, queries.list_leases(writing))
    dead = read(database, job)
    assert (dead.state, dead.attempts) == ("dead", 2)
    assert dead.error == "The worker one stopped without a word while it held the job."
    assert last_event(db, "job.failed")["data"] == {"kind_of_job": "test.work", "state": "dead", "attempts": 2}


def test_an_error_that_may_pass_is_tried_again_later_and_in_the_end_dead(database: Database, db: Session) -> None:
    job = ask(database, max_attempts=2)
    (first,) = claim(database)
    with database.write() as writing:
        assert service.fail(writing, first, OSError("no route")) is JobState.QUEUED
    waiting = read(database, job)
    assert timedelta(seconds=1) <= waiting.run_at - NOW <= timedelta(seconds=3)
    assert waiting.error == "OSError: no route"
    assert not claim(database)
    with later(minutes=1):
        (second,) = claim(database)
        with database.write() as writing:
            assert service.fail(writing, second, OSError("no route")) is JobState.DEAD
    assert count_events(db, "job.failed") == 1


def test_a_handler_may_say_when_to_try_again(database: Database) -> None:
    job = ask(database)
    (held,) = claim(database)
    with database.write() as db:
        service.fail(db, held, Retry("The mail server is busy.", after=timedelta(minutes=5)))
    assert read(database, job).run_at == NOW + timedelta(minutes=5)


def test_an_error_that_stays_ends_the_job_at_once(database: Database, db: Session) -> None:
    job = ask(database)
    (held,) = claim(database)
    with database.write() as writing:
        assert service.fail(writing, held, InvalidInput("Row 7 is empty.")) is JobState.FAILED
    assert (read(database, job).state, read(database, job).error) == ("failed", "Row 7 is empty.")
    assert count_events(db, "job.failed") == 1


def test_a_job_given_back_has_not_used_up_a_try(database: Database) -> None:
    job = ask(database)
    (held,) = claim(database)
    with database.write() as db:
        assert service.give_back(db, held)
    assert (read(database, job).state, read(database, job).attempts) == ("queued", 0)


def test_cancelling_ends_a_waiting_job_now_and_a_running_one_when_it_notices(database: Database, db: Session) -> None:
    waiting = ask(database)
    with database.write() as writing:
        assert service.cancel_job(writing, SYSTEM, here(writing, waiting)).state == "cancelled"
        with pytest.raises(Stale, match="is cancelled"):
            service.cancel_job(writing, SYSTEM, here(writing, waiting))
    running = ask(database)
    (held,) = claim(database)
    with database.write() as writing:
        assert service.cancel_job(writing, SYSTEM, here(writing, running)).state == "running"
        assert queries.list_cancelled(writing, [running.id]) == [running.id]
        assert service.end_cancelled(writing, held)
    assert read(database, running).state == "cancelled"
    assert count_events(db, "job.cancelled") == 2
    assert count_events(db, "job.cancel_requested") == 1


def test_what_ended_badly_runs_again_with_all_its_tries(database: Database, db: Session) -> None:
    job = ask(database, key="k", max_attempts=1)
    (held,) = claim(database)
    with database.write() as writing:
        service.fail(writing, held, OSError())
    with database.write() as writing:
        again = service.retry_job(writing, SYSTEM, here(writing, job))
        assert (again.state, again.attempts, again.error, again.finished_at) == ("queued", 0, None, None)
        with pytest.raises(Stale):
            service.retry_job(writing, SYSTEM, again)
    assert count_events(db, "job.retried") == 1


def test_running_again_waits_for_the_same_work(database: Database) -> None:
    job = ask(database, key="k")
    with database.write() as db:
        service.cancel_job(db, SYSTEM, here(db, job))
    ask(database, key="k")
    with database.write() as db, pytest.raises(AlreadyExists):
        service.retry_job(db, SYSTEM, here(db, job))


def test_people_manage_their_own_jobs_and_those_of_their_unit(database: Database, cast: Cast) -> None:
    cards = cast.unit("Cards")
    mine, colleague, viewer = (cast.person(role, unit="Cards") for role in ("contributor", "contributor", "viewer"))
    stranger = cast.person("contributor", unit="Loans")
    with database.write() as db:
        own = service.enqueue(db, cast.actor(mine), "test.work", {})
        of_unit = service.enqueue(db, cast.actor(mine), "test.work", {}, unit_id=cards)
    assert service.may_manage(cast.actor(mine), own)
    assert service.may_manage(cast.actor(colleague), of_unit)
    assert not service.may_manage(cast.actor(colleague), own)
    for person in (viewer, stranger):
        with database.write() as db, pytest.raises(NotAllowed):
            service.cancel_job(db, cast.actor(person), here(db, of_unit))


# ---- schedules ------------------------------------------------------------------------------------------------------


def schedule(database: Database, rhythm: Rhythm, **options: Any) -> Schedule:
    with database.write() as db:
        return service.set_schedule(db, SYSTEM, "nightly", "test.work", {"n": 1}, rhythm, **options)


def fire(database: Database) -> int:
    with database.write() as db:
        return service.fire_due(db)


def finish_all(database: Database) -> list[Job]:
    jobs = claim(database)
    with database.write() as db:
        assert all(service.succeed(db, job) for job in jobs)
    return jobs


def test_a_schedule_makes_one_job_for_each_due_time(database: Database) -> None:
    made = schedule(database, Rhythm(cron="*/5 * * * *"), title="Look again", unit_id="u")
    assert fire(database) == 0
    with later(minutes=5):
        assert fire(database) == 1
        assert fire(database) == 0
        (job,) = finish_all(database)
    assert (job.schedule_id, job.due_at, job.title, job.unit_id) == (
        made.id,
        NOW.replace(minute=5, second=0),
        "Look again",
        "u",
    )
    with later(minutes=9, seconds=40):
        assert fire(database) == 1


def test_missed_times_make_one_job_for_the_last_of_them(database: Database) -> None:
    schedule(database, Rhythm(cron="*/5 * * * *"))
    with later(hours=3):
        assert fire(database) == 1
        (job,) = finish_all(database)
        assert job.due_at == NOW.replace(hour=12, minute=0, second=0)
        assert fire(database) == 0


def test_while_a_job_of_the_schedule_is_unfinished_no_second_is_made(database: Database) -> None:
    schedule(database, Rhythm(every_seconds=60))
    with later(minutes=1, seconds=1):
        assert fire(database) == 1
    with later(minutes=2, seconds=1):
        assert fire(database) == 0
        assert len(finish_all(database)) == 1
    with later(minutes=3, seconds=1):
        assert fire(database) == 1


def test_a_pause_stops_it_and_is_not_made_up_for(database: Database, db: Session) -> None:
    made = schedule(database, Rhythm(every_seconds=60))
    with database.write() as writing:
        service.pause_schedule(writing, SYSTEM, writing.merge(made))
    with later(hours=1):
        assert fire(database) == 0
        with database.write() as writing:
            service.resume_schedule(writing, SYSTEM, writing.merge(made))
        assert fire(database) == 0
    with later(hours=1, seconds=61):
        assert fire(database) == 1
    assert [count_events(db, f"schedule.{what}") for what in ("created", "paused", "resumed")] == [1, 1, 1]


def test_setting_a_schedule_again_changes_it_and_the_same_changes_nothing(database: Database, db: Session) -> None:
    first = schedule(database, Rhythm(every_seconds=60))
    assert schedule(database, Rhythm(every_seconds=60)).id == first.id
    assert count_events(db, "schedule.changed") == 0
    changed = schedule(database, Rhythm(cron="0 3 * * *"))
    assert (changed.id, changed.every_seconds, changed.next_run_at) == (
        first.id,
        None,
        NOW.replace(day=25, hour=3, minute=0, second=0),
    )
    assert last_event(db, "schedule.changed")["data"]["fields"] == ["cron", "every_seconds"]  # type: ignore[index]


def test_a_deleted_schedule_leaves_its_jobs(database: Database, db: Session) -> None:
    made = schedule(database, Rhythm(every_seconds=60))
    with later(seconds=61):
        fire(database)
        with database.write() as writing:
            service.delete_schedule(writing, SYSTEM, writing.merge(made))
        assert len(claim(database)) == 1
    assert count_events(db, "schedule.deleted") == 1


def test_jobs_that_ended_well_long_ago_are_pruned_but_for_the_last(database: Database) -> None:
    ask(database)
    finish_all(database)
    last = ask(database)
    finish_all(database)
    waiting, after = ask(database), NOW + timedelta(seconds=1)
    with database.write() as db:
        assert service.prune(db, NOW, upkeep_before=NOW) == 0
        assert service.prune(db, NOW, upkeep_before=after) == 0  # somebody asked for it: no upkeep
        assert service.prune(db, after, upkeep_before=after) == 1
    assert read(database, waiting).state == "queued"
    assert read(database, last).state == "succeeded"  # the next of its kind may go on where it stopped


def test_upkeep_that_a_schedule_made_is_pruned_earlier(database: Database) -> None:
    def fire(minutes: int) -> None:
        with clock.frozen(NOW + timedelta(minutes=minutes)):
            with database.write() as db:
                assert service.fire_due(db) == 1
            finish_all(database)

    with database.write() as db, clock.frozen(NOW):
        service.set_schedule(db, SYSTEM, "tidy", "test.work", {}, Rhythm(every_seconds=60))
    fire(1)
    fire(2)
    with database.write() as db:
        after = NOW + timedelta(minutes=3)
        assert service.prune(db, NOW, upkeep_before=after) == 1
        assert service.prune(db, after, upkeep_before=after) == 0
