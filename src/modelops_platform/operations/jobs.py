"""Jobs of operations."""

from typing import Any

from sqlalchemy.orm import Session

from modelops_platform.core.actor import system_actor
from modelops_platform.core.settings import Settings
from modelops_platform.events import service as events
from modelops_platform.events.proof.report import Report
from modelops_platform.jobs.handlers import Handler, Task
from modelops_platform.jobs.tables import Job

from .verification import VERIFY, verify_installation


def _settings(db: Session, _job: Job) -> Settings:
    settings: Settings = db.info["settings"]
    return settings


def verify(task: Task, settings: Settings) -> Report:
    """Check the whole log; it is read past the job's own sessions."""
    return verify_installation(
        settings, progress=lambda fraction: task.progress(fraction, f"{fraction:.0%} of the events checked")
    )


def tell(db: Session, job: Job, report: Report) -> dict[str, Any]:
    """Keep what came of it, and say so in the log itself."""
    system = system_actor(job.workspace_id)
    told: dict[str, Any] = {"outcome": report.outcome.value, "findings": report.found, "seal": report.last_seal}
    events.record(db, system, "log.verified", job, asked_by=job.created_by, **told)
    return report.to_shape()


HANDLERS = {VERIFY: Handler(prepare=_settings, work=verify, finish=tell)}
