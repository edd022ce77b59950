"""Jobs of monitoring."""

from typing import Any

from sqlalchemy.orm import Session

from modelops_platform.jobs.domain.rhythm import Rhythm
from modelops_platform.jobs.handlers import Handler
from modelops_platform.jobs.tables import Job

from . import service


def notice_stale(db: Session, _job: Job, _worked: Any) -> dict[str, int]:
    """Tell summaries and alerts of the lights that became stale since the last time."""
    return {"models": service.notice_stale(db)}


HANDLERS = {"monitoring.notice_stale": Handler(finish=notice_stale)}
SCHEDULES = {"monitoring.notice_stale": ("Notice lights that became stale", Rhythm(every_seconds=60))}
