"""The queue and the schedules."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Float, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from modelops_platform.core.db import Base, Id, InWorkspace, Json, unique_while, utc_now

from .domain.rhythm import Rhythm
from .domain.states import LONGEST_ERROR, LONGEST_STEP, UNFINISHED, JobState


class Job(InWorkspace, Base):
    """Work to be done after the transaction that asked for it; `args` hold ids, not objects."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index(None, "state", "run_at"),
        Index(None, "state", "lease_until"),
        Index(None, "created_by", "id"),
        Index(None, "unit_id", "id"),
        Index(None, "model_id", "id"),
        UniqueConstraint("schedule_id", "due_at"),
        unique_while("state IN ('queued', 'running')", "uq_jobs_workspace_id_key_unfinished", "workspace_id", "key"),
    )
    object_kind: ClassVar[str] = "job"

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(60))
    title: Mapped[str] = mapped_column(String(200))
    args: Mapped[dict[str, Any]]
    key: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(10), default=JobState.QUEUED.value)
    run_at: Mapped[datetime] = mapped_column(default=utc_now)
    attempts: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int]
    unit_id: Mapped[str | None] = mapped_column(String(36))
    model_id: Mapped[str | None] = mapped_column(String(36))
    created_by: Mapped[str] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    schedule_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("schedules.id", ondelete="SET NULL"))
    due_at: Mapped[datetime | None]

    worker: Mapped[str | None] = mapped_column(String(100))
    lease_token: Mapped[str | None] = mapped_column(String(36))
    lease_until: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    cancel_requested_by: Mapped[str | None] = mapped_column(String(36))
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    fraction: Mapped[float | None] = mapped_column(Float)
    step: Mapped[str | None] = mapped_column(String(LONGEST_STEP))
    result: Mapped[Any] = mapped_column(Json, nullable=True)
    error: Mapped[str | None] = mapped_column(String(LONGEST_ERROR))

    @property
    def name(self) -> str:
        """What people call the job."""
        return self.title

    @property
    def is_unfinished(self) -> bool:
        """Say whether the job still waits or runs."""
        return self.state in UNFINISHED


class Schedule(InWorkspace, Base):
    """Something that is due again and again; each due time becomes one job."""

    __tablename__ = "schedules"
    __table_args__ = (UniqueConstraint("workspace_id", "name"), Index(None, "next_run_at"))
    object_kind: ClassVar[str] = "schedule"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(60))
    args: Mapped[dict[str, Any]]
    cron: Mapped[str | None] = mapped_column(String(100))
    every_seconds: Mapped[int | None]
    timezone: Mapped[str] = mapped_column(String(60))
    next_run_at: Mapped[datetime | None]
    last_due_at: Mapped[datetime | None]
    last_job_id: Mapped[str | None] = mapped_column(String(36))
    paused_at: Mapped[datetime | None]
    unit_id: Mapped[str | None] = mapped_column(String(36))
    model_id: Mapped[str | None] = mapped_column(String(36))
    created_by: Mapped[str] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    @property
    def rhythm(self) -> Rhythm:
        """When it is due."""
        return Rhythm(self.cron, self.every_seconds, self.timezone)
