"""Jobs of the inventory."""

from typing import Any

from sqlalchemy.orm import Session

from modelops_platform.core.actor import system_actor
from modelops_platform.jobs import service as jobs
from modelops_platform.jobs.domain.rhythm import Rhythm
from modelops_platform.jobs.handlers import Handler
from modelops_platform.jobs.tables import Job

from . import service

REBUILD = "registry.rebuild_summaries"
TITLE = "Rebuild the summaries of models"


def rebuild(db: Session, job: Job, _worked: Any) -> dict[str, str | None]:
    """Rebuild a batch of summaries, and have the next batch done by another job: each is a short transaction."""
    last = service.rebuild_summaries(db, job.workspace_id, after=job.args.get("after", ""))
    if last is not None:
        jobs.enqueue(db, system_actor(job.workspace_id), REBUILD, {"after": last}, title=TITLE)
    return {"last": last}


HANDLERS = {REBUILD: Handler(finish=rebuild)}
SCHEDULES = {REBUILD: (TITLE, Rhythm(every_seconds=86_400))}
