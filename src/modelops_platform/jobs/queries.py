"""Reads of the queue and the schedules.

Rights stand above this room, so what an actor may see comes in as a condition (`granted` of identity).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, desc, exists, false, func, or_, select
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, system_actor
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound

from .domain.leases import Lease
from .domain.states import JobState
from .tables import Job, Schedule


def visible_to(actor: Actor, granted: ColumnElement[bool]) -> Select[Job]:
    """Return the jobs this actor may see: those granted, and always their own."""
    return select(Job).where(Job.workspace_id == actor.workspace_id, or_(granted, Job.created_by == actor.id))


def get_job(db: Session, actor: Actor, job_id: str, granted: ColumnElement[bool]) -> Job:
    """Return a job. Raises NotFound, also when the actor may not see it."""
    job = db.scalars(visible_to(actor, granted).where(Job.id == job_id)).one_or_none()
    if job is None:
        raise _no("job", job_id)
    return job


def list_jobs(
    db: Session,
    actor: Actor,
    granted: ColumnElement[bool],
    *,
    state: JobState | None = None,
    kind: str | None = None,
    model_id: str | None = None,
    with_upkeep: bool = True,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Job]:
    """Return a page of jobs, the newest first."""
    statement = visible_to(actor, granted)
    if state is not None:
        statement = statement.where(Job.state == state.value)
    if kind is not None:
        statement = statement.where(Job.kind == kind)
    if model_id is not None:
        statement = statement.where(Job.model_id == model_id)
    if not with_upkeep:
        statement = statement.where(
            or_(Job.created_by != system_actor(actor.workspace_id).id, Job.state != JobState.SUCCEEDED.value)
        )
    return paginate(db, statement, desc(Job.id), cursor=cursor, limit=limit)


def count_by_state(db: Session, actor: Actor, granted: ColumnElement[bool]) -> dict[str, int]:
    """Count the visible jobs of each state."""
    seen = visible_to(actor, granted)
    rows = db.execute(seen.with_only_columns(Job.state, func.count()).group_by(Job.state)).all()
    return {state: int(count) for state, count in rows}


def find_same(db: Session, job: Job) -> Job | None:
    """Return the job that keeps another one out: unfinished with its key, or made for its due time."""
    unfinished = (JobState.QUEUED.value, JobState.RUNNING.value)
    same: list[ColumnElement[bool]] = []  # two jobs without a key, or without a due time, are not the same
    if job.key is not None:
        same.append((Job.workspace_id == job.workspace_id) & (Job.key == job.key) & Job.state.in_(unfinished))
    if job.schedule_id is not None:
        same.append((Job.schedule_id == job.schedule_id) & (Job.due_at == job.due_at))
    return db.scalars(select(Job).where(or_(false(), *same)).limit(1)).first()


def list_watched(db: Session, job_ids: Collection[str]) -> Sequence[Job]:
    """Return the jobs that somebody looks at, whoever may see them."""
    return db.scalars(select(Job).where(Job.id.in_(job_ids))).all()


def list_cancelled(db: Session, job_ids: Collection[str]) -> Sequence[str]:
    """Return which of these running jobs somebody wants stopped."""
    return db.scalars(select(Job.id).where(Job.id.in_(job_ids), Job.cancel_requested_at.is_not(None))).all()


def list_schedules(db: Session, actor: Actor, granted: ColumnElement[bool]) -> Sequence[Schedule]:
    """Return the schedules this actor may see, by name."""
    seen = select(Schedule).where(Schedule.workspace_id == actor.workspace_id, granted)
    return db.scalars(seen.order_by(Schedule.name)).all()


def get_schedule(db: Session, actor: Actor, schedule_id: str, granted: ColumnElement[bool]) -> Schedule:
    """Return a schedule. Raises NotFound, also when the actor may not see it."""
    seen = select(Schedule).where(Schedule.workspace_id == actor.workspace_id, granted)
    schedule = db.scalars(seen.where(Schedule.id == schedule_id)).one_or_none()
    if schedule is None:
        raise _no("schedule", schedule_id)
    return schedule


def _no(what: str, id: str) -> NotFound:
    return NotFound(
        f"There is no {what} {id[:60]!r}.", remedy=f"Look at the list of {what}s.", field=what, value=id[:60]
    )


def find_schedule(db: Session, workspace_id: str, name: str) -> Schedule | None:
    """Return the schedule with this name, if there is one."""
    named = select(Schedule).where(Schedule.workspace_id == workspace_id, Schedule.name == name)
    return db.scalars(named).one_or_none()


@dataclass(frozen=True, slots=True)
class Due:
    """What the job process finds to do."""

    jobs: bool
    running: bool
    schedules: bool


def is_waiting(now: datetime) -> ColumnElement[bool]:
    """Return the condition for jobs that may be claimed."""
    at_once = Job.run_at <= Job.created_at  # asked for without a delay, also when the clock was set back since
    return (Job.state == JobState.QUEUED.value) & ((Job.run_at <= now) | at_once)


def is_running() -> ColumnElement[bool]:
    """Return the condition for jobs that a worker holds."""
    return Job.state == JobState.RUNNING.value


def list_leases(db: Session) -> list[Lease]:
    """Return who holds what."""
    held = select(Job.id, Job.lease_token, Job.lease_until).where(is_running())
    return [Lease(job_id, token, until) for job_id, token, until in db.execute(held) if token and until]


def is_due(now: datetime) -> ColumnElement[bool]:
    """Return the condition for schedules that have a due time to serve."""
    return Schedule.paused_at.is_(None) & (Schedule.next_run_at <= now)


def look(db: Session, now: datetime) -> Due:
    """Say what there is to do, by one statement over indexes, so that an idle process costs next to nothing."""
    row = db.execute(
        select(
            exists().where(is_waiting(now)),
            exists().where(is_running()),
            exists().where(is_due(now)),
        )
    ).one()
    return Due(*map(bool, row))
