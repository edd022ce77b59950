"""Jobs and schedules as far as an actor's rights reach; the queue itself stands below rights."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.queries import granted
from modelops_platform.jobs import queries
from modelops_platform.jobs.tables import Job, Schedule

from ..schemas.jobs import JobFilter


def _jobs_of(actor: Actor) -> ColumnElement[bool]:
    return granted(Job, actor, Permission.VIEW_JOBS)


def get_job(db: Session, actor: Actor, job_id: str) -> Job:
    """Return a job, one's own or one in reach. Raises NotFound."""
    return queries.get_job(db, actor, job_id, _jobs_of(actor))


def list_jobs(db: Session, actor: Actor, wanted: JobFilter) -> Page[Job]:
    """Return a page of jobs, the newest first."""
    return queries.list_jobs(
        db,
        actor,
        _jobs_of(actor),
        state=wanted.state,
        kind=wanted.kind,
        model_id=wanted.model_id,
        with_upkeep=wanted.upkeep,
        cursor=wanted.cursor,
        limit=wanted.limit,
    )


def count_by_state(db: Session, actor: Actor) -> dict[str, int]:
    """Count the jobs in reach by state."""
    return queries.count_by_state(db, actor, _jobs_of(actor))


def list_schedules(db: Session, actor: Actor) -> Sequence[Schedule]:
    """Return the schedules in reach by name."""
    return queries.list_schedules(db, actor, granted(Schedule, actor, Permission.VIEW_JOBS))


def get_schedule(db: Session, actor: Actor, schedule_id: str) -> Schedule:
    """Return a schedule in reach. Raises NotFound."""
    return queries.get_schedule(db, actor, schedule_id, granted(Schedule, actor, Permission.VIEW_JOBS))
