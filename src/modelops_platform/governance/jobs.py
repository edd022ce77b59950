"""Jobs of governance."""

from typing import Any

from sqlalchemy import desc, select
from sqlalchemy.orm import Session

from modelops_platform.jobs.domain.rhythm import Rhythm
from modelops_platform.jobs.domain.states import JobState
from modelops_platform.jobs.handlers import Handler
from modelops_platform.jobs.tables import Job

from . import service

FOLLOW = "governance.follow"


def find_place(db: Session, job: Job) -> int:
    """Return where the last run of this job stopped in the log."""
    last = db.scalars(
        select(Job)
        .where(Job.workspace_id == job.workspace_id, Job.kind == FOLLOW, Job.state == JobState.SUCCEEDED.value)
        .order_by(desc(Job.id))
        .limit(1)
    ).first()
    return int(last.result["place"]) if last is not None and last.result else 0


def follow(db: Session, job: Job, place: Any) -> dict[str, int]:
    """Void approvals whose words were edited, and bring states up to date."""
    return {"place": service.catch_up(db, job.workspace_id, place)}


HANDLERS = {FOLLOW: Handler(prepare=find_place, finish=follow)}
SCHEDULES = {FOLLOW: ("Follow edits and deployments", Rhythm(every_seconds=30))}
