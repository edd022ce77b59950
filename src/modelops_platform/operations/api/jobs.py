"""JSON routes of jobs and schedules."""

from typing import Annotated

from fastapi import Query

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.jobs import service
from modelops_platform.jobs.tables import Job, Schedule
from modelops_platform.web.forms import PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from ..queries import jobs as queries
from ..schemas.jobs import JobFilter, JobOut, ScheduleOut

jobs = api_router("/jobs", "jobs")
schedules = api_router("/schedules", "jobs")
ROUTERS = (jobs, schedules)

SEE = needs(Permission.VIEW)  # everybody sees the jobs that they started
MANAGE = needs(Permission.MANAGE_JOBS)
SCHEDULE = needs(Permission.MANAGE_SCHEDULES)


@jobs.get("", name="api_list_jobs", response_model=PageOut[JobOut], openapi_extra=SEE)
def list_jobs(db: ReadDb, actor: CurrentActor, wanted: Annotated[JobFilter, Query()]) -> Page[Job]:
    """List the jobs you may see, the newest first."""
    return queries.list_jobs(db, actor, wanted)


@jobs.get("/{job_id}", name="api_get_job", response_model=JobOut, openapi_extra=SEE)
def get_job(db: ReadDb, actor: CurrentActor, job_id: str) -> Job:
    """Return one job."""
    return queries.get_job(db, actor, job_id)


@jobs.post("/{job_id}/cancel", name="api_cancel_job", response_model=JobOut, openapi_extra=MANAGE)
def cancel_job(db: WriteDb, actor: CurrentActor, job_id: str) -> Job:
    """Cancel a job: a waiting one at once, a running one as soon as it notices."""
    return service.cancel_job(db, actor, queries.get_job(db, actor, job_id))


@jobs.post("/{job_id}/retry", name="api_retry_job", response_model=JobOut, openapi_extra=MANAGE)
def retry_job(db: WriteDb, actor: CurrentActor, job_id: str) -> Job:
    """Run a job again that failed, died or was cancelled."""
    return service.retry_job(db, actor, queries.get_job(db, actor, job_id))


@schedules.get(
    "", name="api_list_schedules", response_model=PageOut[ScheduleOut], openapi_extra=needs(Permission.VIEW_JOBS)
)
def list_schedules(db: ReadDb, actor: CurrentActor) -> Page[Schedule]:
    """List the schedules you may see, by name; there are few, so all come at once."""
    return Page(queries.list_schedules(db, actor))


@schedules.post("/{schedule_id}/pause", name="api_pause_schedule", response_model=ScheduleOut, openapi_extra=SCHEDULE)
def pause_schedule(db: WriteDb, actor: CurrentActor, schedule_id: str) -> Schedule:
    """Stop a schedule until it is resumed."""
    return service.pause_schedule(db, actor, queries.get_schedule(db, actor, schedule_id))


@schedules.post("/{schedule_id}/resume", name="api_resume_schedule", response_model=ScheduleOut, openapi_extra=SCHEDULE)
def resume_schedule(db: WriteDb, actor: CurrentActor, schedule_id: str) -> Schedule:
    """Let a schedule go on from its next due time."""
    return service.resume_schedule(db, actor, queries.get_schedule(db, actor, schedule_id))
