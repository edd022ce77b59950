"""Shapes of jobs and schedules in the API."""

from datetime import datetime
from typing import Any

from pydantic import Field

from modelops_platform.jobs.domain.states import JobState
from modelops_platform.web.forms import OptionalText, Out, PageIn


class JobFilter(PageIn):
    """What the list of jobs is narrowed by."""

    state: JobState | None = Field(default=None, description="Only jobs in this state.")
    kind: OptionalText = Field(default=None, max_length=60, description="Only jobs of this kind, `room.verb`.")
    model_id: OptionalText = Field(default=None, max_length=36, description="Only jobs about this model.")
    upkeep: bool = Field(default=False, description="Also what the platform does by itself and went well.")


class JobOut(Out):
    """A job: what was asked for, where it stands, and what came of it."""

    id: str
    kind: str
    title: str
    state: JobState
    fraction: float | None = Field(description="The share that is done, 0 to 1; null when that is not known.")
    step: str | None
    attempts: int
    max_attempts: int
    run_at: datetime
    created_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    unit_id: str | None
    model_id: str | None
    schedule_id: str | None
    due_at: datetime | None
    result: Any | None
    error: str | None


class ScheduleOut(Out):
    """A schedule: when it is due, and the job it made last."""

    id: str
    name: str
    title: str
    kind: str
    cron: str | None
    every_seconds: int | None
    timezone: str
    next_run_at: datetime | None
    last_due_at: datetime | None
    last_job_id: str | None
    paused_at: datetime | None
    unit_id: str | None
    model_id: str | None
