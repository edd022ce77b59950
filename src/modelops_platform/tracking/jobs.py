"""Jobs of tracking."""

from typing import Any

from sqlalchemy.orm import Session

from modelops_platform.jobs.domain.rhythm import Rhythm
from modelops_platform.jobs.handlers import Handler
from modelops_platform.jobs.tables import Job

from . import service

REFRESH = "tracking.refresh_statistics"


def refresh(db: Session, _job: Job, _worked: Any) -> dict[str, bool]:
    """Let the database count anew what has grown, so that it goes on choosing the right index."""
    return {"refreshed": service.refresh_statistics(db)}


HANDLERS = {REFRESH: Handler(finish=refresh)}
SCHEDULES = {REFRESH: ("Refresh the statistics of searches", Rhythm(every_seconds=3600))}
