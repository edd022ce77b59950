"""Verbs of the queue: ask for work, claim it, end it one way or another, and fire schedules.

Whatever a worker writes about a job it holds is guarded by the lease token it claimed the job with: when another
worker has taken the job over, the guard matches no row, and everything in that transaction is undone.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import SYSTEM_ID, Actor, Permission, system_actor
from modelops_platform.core.db import conflicts_as, count_changed, try_add
from modelops_platform.core.errors import AlreadyExists, NotAllowed, Stale
from modelops_platform.core.ids import new_id
from modelops_platform.events import service as events

from . import queries
from .domain.leases import Lease
from .domain.rhythm import Rhythm
from .domain.states import LONGEST_STEP, REPEATABLE, JobState, Retry, may_help_again, pause_before, words_for
from .tables import Job, Schedule

TRIES = 5
LEASE = timedelta(seconds=20)
MOST_EXPIRED_AT_ONCE = 100
MOST_SCHEDULES_AT_ONCE = 100


def enqueue(
    db: Session,
    actor: Actor,
    kind: str,
    args: dict[str, Any],
    *,
    title: str | None = None,
    key: str | None = None,
    run_at: datetime | None = None,
    max_attempts: int = TRIES,
    unit_id: str | None = None,
    model_id: str | None = None,
) -> Job:
    """Ask for a job in the caller's transaction, and return it; it exists exactly when that transaction commits.

    Args:
        kind: The handler's name, `room.verb`. Whether it is light or heavy is the handler's matter.
        args: JSON values, ids rather than objects; never secrets.
        key: While a job with this key waits or runs, no second is made: that one is returned.
        unit_id: Where the job belongs, which decides who sees it beside its maker; so does `model_id`.
    """
    job = Job(
        workspace_id=actor.workspace_id,
        kind=kind,
        title=(title or kind.replace(".", ": ").replace("_", " ").capitalize())[:200],
        args=args,
        key=key,
        run_at=run_at or clock.now(),
        max_attempts=max_attempts,
        unit_id=unit_id,
        model_id=model_id,
        created_by=actor.id,
    )
    return _add_once(db, job)


def _add_once(db: Session, job: Job) -> Job:
    tries_left = 5
    while True:
        try:
            with db.begin_nested():
                db.add(job)
            return job
        except IntegrityError:
            found = queries.find_same(db, job)
            if found is not None:
                return found
            tries_left -= 1  # the other ended between the two statements: ours is tried again
            if not tries_left:
                raise


# ---- what a worker does ---------------------------------------------------------------------------------------------


def claim(db: Session, kinds: Collection[str], limit: int, *, worker: str, lease: timedelta = LEASE) -> Sequence[Job]:
    """Take up to `limit` waiting jobs of these kinds for this worker, the longest waiting first."""
    now = clock.now()
    waiting = db.scalars(
        select(Job)
        .where(queries.is_waiting(now), Job.kind.in_(kinds))
        .order_by(Job.run_at, Job.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    return [job for job in waiting if _take(db, job, now, worker, lease)]


def _take(db: Session, job: Job, now: datetime, worker: str, lease: timedelta) -> bool:
    taken = _move(
        db,
        job,
        JobState.QUEUED,
        state=JobState.RUNNING.value,
        attempts=Job.attempts + 1,
        worker=worker,
        lease_token=new_id(),
        lease_until=now + lease,
        started_at=now,
        fraction=None,
        step=None,
    )
    if taken:
        db.refresh(job)
    return taken


def _move(db: Session, job: Job, before: JobState, **values: Any) -> bool:
    """Update a job if it is still in this state, and say whether it was."""
    return count_changed(db, update(Job).where(Job.id == job.id, Job.state == before.value).values(**values)) == 1


def _mine(job: Job) -> ColumnElement[bool]:
    return (Job.id == job.id) & (Job.lease_token == job.lease_token) & (Job.state == JobState.RUNNING.value)


def _change(db: Session, job: Job, **values: Any) -> bool:
    """Update a job if this worker still holds it, and say whether it did."""
    return count_changed(db, update(Job).where(_mine(job)).values(**values)) == 1


def renew(db: Session, job: Job, lease: timedelta = LEASE) -> bool:
    """Extend the lease; False says that another worker has taken the job over."""
    return _change(db, job, lease_until=clock.now() + lease)


def report(db: Session, job: Job, fraction: float | None, step: str) -> None:
    """Write how far the job is."""
    _change(db, job, fraction=fraction, step=step[:LONGEST_STEP])


def _ended(state: JobState) -> dict[str, Any]:
    return {"state": state.value, "finished_at": clock.now(), "lease_token": None, "lease_until": None}


def succeed(db: Session, job: Job) -> bool:
    """End the job well, before its effects are written in the same transaction; False: it is not ours any more."""
    return _change(db, job, **_ended(JobState.SUCCEEDED), fraction=1.0, error=None)


def keep_result(db: Session, job: Job, result: Any) -> None:
    """Keep what the handler gave back, in the transaction that ended the job."""
    if result is not None:
        count_changed(db, update(Job).where(Job.id == job.id).values(result=result))


def go_on(db: Session, job: Job, lease: timedelta = LEASE) -> None:
    """Take the job back that has ended in this transaction: it has done a portion, and its worker goes on with it."""
    running = {"state": JobState.RUNNING.value, "lease_token": job.lease_token, "lease_until": clock.now() + lease}
    count_changed(db, update(Job).where(Job.id == job.id).values(**running, finished_at=None, fraction=None))


def fail(db: Session, job: Job, error: BaseException) -> JobState | None:
    """Put the job back for another try if that can help, else end it; None: it is not ours any more."""
    helps = may_help_again(error)
    state = JobState.FAILED if not helps else JobState.DEAD if job.attempts >= job.max_attempts else JobState.QUEUED
    words = words_for(error)
    if state is JobState.QUEUED:
        given = error.after if isinstance(error, Retry) else None
        pause = given or pause_before(job.attempts, random.random())  # noqa: S311 - spreads tries, guards nothing
        return state if _put_back(db, job, clock.now() + pause, words) else None
    if not _change(db, job, **_ended(state), error=words):
        return None
    _record_failure(db, job, state)
    return state


def _record_failure(db: Session, job: Job, state: JobState) -> None:
    system = system_actor(job.workspace_id)
    events.record(db, system, "job.failed", job, kind_of_job=job.kind, state=state.value, attempts=job.attempts)


def _put_back(db: Session, job: Job, run_at: datetime, error: str | None, **values: Any) -> bool:
    waiting = {"state": JobState.QUEUED.value, "lease_token": None, "lease_until": None, "worker": None}
    return _change(db, job, **waiting, run_at=run_at, error=error, fraction=None, step=None, **values)


def give_back(db: Session, job: Job) -> bool:
    """Return the job to the queue because its worker stops; this try does not count."""
    return _put_back(db, job, clock.now(), job.error, attempts=Job.attempts - 1)


def end_cancelled(db: Session, job: Job) -> bool:
    """End a running job that somebody cancelled."""
    if not _change(db, job, **_ended(JobState.CANCELLED)):
        return False
    events.record(db, system_actor(job.workspace_id), "job.cancelled", job, kind_of_job=job.kind, was="running")
    return True


def requeue_lost(db: Session, lost: Sequence[Lease]) -> int:
    """Return jobs of workers that were not heard of to the queue, or end those that had their tries.

    Jobs whose lease was renewed or ended meanwhile are left alone.
    """
    now, wanted = clock.now(), {lease.job_id: lease for lease in lost[:MOST_EXPIRED_AT_ONCE]}
    found = db.scalars(
        select(Job).where(queries.is_running(), Job.id.in_(wanted)).with_for_update(skip_locked=True)
    ).all()
    expired = [
        job for job in found if (job.lease_token, job.lease_until) == (wanted[job.id].token, wanted[job.id].until)
    ]
    for job in expired:
        words = f"The worker {job.worker} stopped without a word while it held the job."
        if job.cancel_requested_at is not None:
            end_cancelled(db, job)
        elif job.attempts >= job.max_attempts:
            if _change(db, job, **_ended(JobState.DEAD), error=words):
                _record_failure(db, job, JobState.DEAD)
        else:
            _put_back(db, job, now, words)
    return len(expired)


def replan(db: Session) -> int:
    """Bring the next times of schedules back to what they are by the clock as it is now, after it was set back.

    A time that was served while the clock was ahead is not served again.
    """
    now, changed = clock.now(), 0
    ahead = select(Schedule).where(Schedule.paused_at.is_(None), Schedule.next_run_at > now)
    for schedule in db.scalars(ahead.with_for_update(skip_locked=True)):
        following = schedule.rhythm.next_after(now)
        if following is not None and schedule.next_run_at is not None and following < schedule.next_run_at:
            schedule.next_run_at = following
            changed += 1
    db.flush()
    return changed


# ---- what people do -------------------------------------------------------------------------------------------------


def may_manage(actor: Actor, job: Job) -> bool:
    """Say whether the actor may cancel the job or run it again: their own, or where they manage jobs."""
    own = job.created_by == actor.id and actor.may_somewhere(Permission.MANAGE_JOBS)
    return own or actor.may(Permission.MANAGE_JOBS, job)


def _must_manage(actor: Actor, job: Job) -> None:
    if not may_manage(actor, job):
        raise NotAllowed(
            f"{actor.name} may not manage the job {job.title!r}.",
            remedy="Ask whoever started it, or somebody who manages jobs there.",
            permission=Permission.MANAGE_JOBS.value,
        )


def cancel_job(db: Session, actor: Actor, job: Job) -> Job:
    """Cancel a waiting job at once, a running one as soon as it notices. Raises NotAllowed, Stale when it has ended."""
    _must_manage(actor, job)
    now = clock.now()
    request = {"cancel_requested_at": now, "cancel_requested_by": actor.id}
    if _move(db, job, JobState.QUEUED, **_ended(JobState.CANCELLED), **request):
        events.record(db, actor, "job.cancelled", job, kind_of_job=job.kind, was="queued")
    elif _move(db, job, JobState.RUNNING, **request):
        events.record(db, actor, "job.cancel_requested", job, kind_of_job=job.kind)
    else:
        raise _ended_already(db, job)
    db.refresh(job)
    return job


def retry_job(db: Session, actor: Actor, job: Job) -> Job:
    """Run a job again that failed, died or was cancelled. Raises NotAllowed, Stale, AlreadyExists."""
    _must_manage(actor, job)
    before = JobState(job.state)
    if before not in REPEATABLE:
        raise _ended_already(db, job)
    fresh: dict[str, Any] = {"state": JobState.QUEUED.value, "attempts": 0, "run_at": clock.now()}
    forgotten = ("error", "step", "fraction", "finished_at", "cancel_requested_at", "cancel_requested_by")
    taken = AlreadyExists(
        "The same work already waits or runs.", remedy="Wait for that job.", field="key", value=job.key
    )
    with conflicts_as(db, taken):
        if not _move(db, job, before, **fresh, **dict.fromkeys(forgotten)):
            raise _ended_already(db, job)
    events.record(db, actor, "job.retried", job, kind_of_job=job.kind, was=before.value)
    db.refresh(job)
    return job


def _ended_already(db: Session, job: Job) -> Stale:
    db.refresh(job)
    return Stale(f"The job is {job.state}, so this cannot be done.", remedy="Look at the job again.", state=job.state)


# ---- schedules ------------------------------------------------------------------------------------------------------


def set_schedule(
    db: Session,
    actor: Actor,
    name: str,
    kind: str,
    args: dict[str, Any],
    rhythm: Rhythm,
    *,
    title: str | None = None,
    unit_id: str | None = None,
    model_id: str | None = None,
) -> Schedule:
    """Make the schedule of this name, or change it to this; the caller has checked the actor's right to.

    Each due time makes one job; while a job of the schedule is unfinished, further due times are served by that job.
    """
    wanted: Mapping[str, Any] = {
        "kind": kind,
        "args": args,
        "title": title or name,
        "cron": rhythm.cron,
        "every_seconds": rhythm.every_seconds,
        "timezone": rhythm.timezone,
        "unit_id": unit_id,
        "model_id": model_id,
    }
    found = queries.find_schedule(db, actor.workspace_id, name)
    if found is None:
        added = Schedule(workspace_id=actor.workspace_id, name=name, created_by=actor.id, **wanted)
        added.next_run_at = rhythm.next_after(clock.now())
        if not try_add(db, added):  # another process was faster
            return set_schedule(db, actor, name, kind, args, rhythm, title=title, unit_id=unit_id, model_id=model_id)
        events.record(db, actor, "schedule.created", added, kind_of_job=kind, **_shown(rhythm))
        return added
    changed = {field: value for field, value in wanted.items() if getattr(found, field) != value}
    if changed:
        for field, value in changed.items():
            setattr(found, field, value)
        found.next_run_at = rhythm.next_after(clock.now())
        events.record(db, actor, "schedule.changed", found, fields=sorted(changed), **_shown(rhythm))
    return found


def _shown(rhythm: Rhythm) -> dict[str, Any]:
    return {"cron": rhythm.cron, "every_seconds": rhythm.every_seconds, "timezone": rhythm.timezone}


def delete_schedule(db: Session, actor: Actor, schedule: Schedule) -> None:
    """Take a schedule away; its jobs stay. The caller has checked the actor's right to."""
    events.record(db, actor, "schedule.deleted", schedule, kind_of_job=schedule.kind)
    count_changed(db, update(Job).where(Job.schedule_id == schedule.id).values(schedule_id=None))
    db.delete(schedule)
    db.flush()


def pause_schedule(db: Session, actor: Actor, schedule: Schedule) -> Schedule:
    """Stop making jobs until it is resumed. Raises NotAllowed."""
    actor.must(Permission.MANAGE_SCHEDULES, schedule)
    if schedule.paused_at is None:
        schedule.paused_at = clock.now()
        events.record(db, actor, "schedule.paused", schedule)
    return schedule


def resume_schedule(db: Session, actor: Actor, schedule: Schedule) -> Schedule:
    """Go on from the next due time; those that passed during the pause are not made up for. Raises NotAllowed."""
    actor.must(Permission.MANAGE_SCHEDULES, schedule)
    if schedule.paused_at is not None:
        schedule.paused_at = None
        schedule.next_run_at = schedule.rhythm.next_after(clock.now())
        events.record(db, actor, "schedule.resumed", schedule)
    return schedule


def fire_due(db: Session) -> int:
    """Make the jobs of all schedules that are due, once each, and move them on to their next time."""
    now = clock.now()
    due = db.scalars(
        select(Schedule).where(queries.is_due(now)).limit(MOST_SCHEDULES_AT_ONCE).with_for_update(skip_locked=True)
    ).all()
    return sum(_fire(db, schedule, now) for schedule in due)


def _fire(db: Session, schedule: Schedule, now: datetime) -> bool:
    assert schedule.next_run_at is not None
    due, following = schedule.rhythm.catch_up(schedule.next_run_at, now)
    here = update(Schedule).where(Schedule.id == schedule.id)
    untouched = Schedule.next_run_at == schedule.next_run_at
    if not count_changed(db, here.where(untouched).values(next_run_at=following, last_due_at=due)):
        return False
    job = Job(
        workspace_id=schedule.workspace_id,
        kind=schedule.kind,
        title=schedule.title,
        args=schedule.args,
        key=f"schedule.{schedule.id}",
        max_attempts=TRIES,
        unit_id=schedule.unit_id,
        model_id=schedule.model_id,
        created_by=schedule.created_by,
        schedule_id=schedule.id,
        due_at=due,
    )
    made = _add_once(db, job)
    count_changed(db, here.values(last_job_id=made.id))
    return made is job


# ---- upkeep ---------------------------------------------------------------------------------------------------------


def prune(db: Session, before: datetime, *, upkeep_before: datetime, limit: int = 1_000) -> int:
    """Delete the oldest jobs that succeeded or were cancelled before a time; failures stay until somebody looks.

    The platform's own upkeep is due every minute and goes earlier. The last of each kind that went well stays: the
    next may go on where it stopped.
    """
    over = (JobState.SUCCEEDED.value, JobState.CANCELLED.value)
    is_upkeep = and_(Job.created_by == SYSTEM_ID, Job.schedule_id.is_not(None))
    is_old = or_(Job.finished_at < before, and_(is_upkeep, Job.finished_at < upkeep_before))
    last = select(func.max(Job.id)).where(Job.state == JobState.SUCCEEDED.value).group_by(Job.workspace_id, Job.kind)
    old = select(Job.id).where(Job.state.in_(over), is_old, Job.id.not_in(last)).order_by(Job.id).limit(limit)
    return count_changed(db, delete(Job).where(Job.id.in_(old.scalar_subquery())))
