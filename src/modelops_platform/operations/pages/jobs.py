"""Pages of jobs and schedules, and the stream that shows a job live."""

import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from modelops_platform.core.actor import Permission
from modelops_platform.core.errors import PlatformError
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.jobs import service
from modelops_platform.jobs.domain.states import REPEATABLE, JobState
from modelops_platform.jobs.tables import Job
from modelops_platform.web.render import redirect, render, undo
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from ..queries import jobs as queries
from ..schemas.jobs import JobFilter
from ..watching import Shown, watch

router = page_router()

SEE = needs(Permission.VIEW)
MANAGE = needs(Permission.MANAGE_JOBS)
SCHEDULE = needs(Permission.MANAGE_SCHEDULES)

PULSE_SECONDS = 10.0
CHECK_RIGHTS_SECONDS = 30.0


@router.get("/jobs", openapi_extra=SEE)
def list_jobs(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[JobFilter, Query()]) -> Response:
    """Show the jobs in reach, the newest first."""
    page = queries.list_jobs(db, actor, wanted)
    counts = queries.count_by_state(db, actor)
    states = [
        {
            "value": state.value,
            "label": state.value.capitalize(),
            "count": counts[state],
            "active": state is wanted.state,
        }
        for state in JobState
        if counts.get(state)
    ]
    return render(
        request,
        "operations/jobs.html",
        page=page,
        facets=[{"label": "State", "name": "state", "options": states}],
        names=identity.names_of(db, {job.created_by for job in page.items}),
        may_see_schedules=actor.may_somewhere(Permission.VIEW_JOBS),
    )


@router.get("/jobs/{job_id}", openapi_extra=SEE)
def show_job(request: Request, db: ReadDb, actor: CurrentActor, job_id: str) -> Response:
    """Show one job, live while it runs."""
    job = queries.get_job(db, actor, job_id)
    return render(
        request,
        "operations/job.html",
        job=job,
        names=identity.names_of(db, {job.created_by, *filter(None, [job.cancel_requested_by])}),
        may_manage=service.may_manage(actor, job),
        is_repeatable=job.state in REPEATABLE,
    )


@router.post("/jobs/{job_id}/cancel", openapi_extra=MANAGE)
def cancel_job(request: Request, db: WriteDb, actor: CurrentActor, job_id: str) -> Response:
    """Cancel a job and show it."""
    job = service.cancel_job(db, actor, queries.get_job(db, actor, job_id))
    words = "Cancelled." if job.state == JobState.CANCELLED else "It stops as soon as it notices."
    return redirect(request, "show_job", job_id=job.id, toast=words)


@router.post("/jobs/{job_id}/retry", openapi_extra=MANAGE)
def retry_job(request: Request, db: WriteDb, actor: CurrentActor, job_id: str) -> Response:
    """Run a job again and show it."""
    job = service.retry_job(db, actor, queries.get_job(db, actor, job_id))
    return redirect(request, "show_job", job_id=job.id, toast="It runs again.")


@router.get("/schedules", openapi_extra=needs(Permission.VIEW_JOBS))
def list_schedules(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    """Show the schedules in reach."""
    schedules = queries.list_schedules(db, actor)
    managed = {schedule.id for schedule in schedules if actor.may(Permission.MANAGE_SCHEDULES, schedule)}
    return render(request, "operations/schedules.html", schedules=schedules, managed=managed)


@router.post("/schedules/{schedule_id}/pause", openapi_extra=SCHEDULE)
def pause_schedule(request: Request, db: WriteDb, actor: CurrentActor, schedule_id: str) -> Response:
    """Pause a schedule."""
    schedule = service.pause_schedule(db, actor, queries.get_schedule(db, actor, schedule_id))
    back = undo(request, "resume_schedule", schedule_id=schedule.id)
    return redirect(request, "list_schedules", toast=f"Paused: {schedule.title}.", undo=back)


@router.post("/schedules/{schedule_id}/resume", openapi_extra=SCHEDULE)
def resume_schedule(request: Request, db: WriteDb, actor: CurrentActor, schedule_id: str) -> Response:
    """Let a schedule go on."""
    schedule = service.resume_schedule(db, actor, queries.get_schedule(db, actor, schedule_id))
    back = undo(request, "pause_schedule", schedule_id=schedule.id)
    return redirect(request, "list_schedules", toast=f"Resumed: {schedule.title}.", undo=back)


@router.get("/jobs/{job_id}/events", openapi_extra=SEE)
async def watch_job(request: Request, job_id: str) -> Response:
    """Send the job's progress as it changes, until it ends or the caller may no longer see it."""
    await run_in_threadpool(_look, request, job_id)
    headers = {"x-accel-buffering": "no"}  # proxies must pass each line on
    return StreamingResponse(_stream(request, job_id), media_type="text/event-stream", headers=headers)


def _look(request: Request, job_id: str) -> Job:
    """Return the job as the request's caller may see it now. Raises NotSignedIn, NotAllowed, NotFound."""
    with request.app.state.database.read() as db:
        actor = request.app.state.authorise(request, db)
        request.state.actor = actor
        return queries.get_job(db, actor, job_id)


async def _stream(request: Request, job_id: str) -> AsyncIterator[str]:
    checked = time.monotonic()
    ui = request.app.state.templates.globals["ui"]
    async with aclosing(watch.follow(request.app.state.database, job_id, pulse=PULSE_SECONDS)) as news:
        async for shown in news:
            if time.monotonic() - checked > CHECK_RIGHTS_SECONDS:
                checked = time.monotonic()
                try:
                    await run_in_threadpool(_look, request, job_id)
                except PlatformError:
                    return
            yield _fragment(ui.progress_bar(shown), shown) if shown is not None else ": still here\n\n"


def _fragment(html: str, shown: Shown) -> str:
    """Return the server-sent event with the fragment, and the one that ends the stream after the last."""
    lines = "\n".join(f"data: {line}" for line in str(html).splitlines())
    return f"{lines}\n\n" if shown.is_unfinished else f"{lines}\n\nevent: end\ndata:\n\n"
