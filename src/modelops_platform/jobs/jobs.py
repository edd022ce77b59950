"""Jobs of the queue itself."""

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from modelops_platform.core import clock

from . import service
from .domain.rhythm import Rhythm
from .handlers import Handler
from .tables import Job

KEPT_FOR = timedelta(days=30)
UPKEEP_KEPT_FOR = timedelta(days=1)


def prune(db: Session, _job: Job, _worked: Any) -> dict[str, int]:
    """Delete jobs that ended well a month ago or earlier, the platform's own upkeep a day ago."""
    now = clock.now()
    return {"deleted": service.prune(db, now - KEPT_FOR, upkeep_before=now - UPKEEP_KEPT_FOR)}


HANDLERS = {"jobs.prune": Handler(finish=prune)}
SCHEDULES = {"jobs.prune": ("Delete jobs that ended a month ago", Rhythm(every_seconds=3_600))}
