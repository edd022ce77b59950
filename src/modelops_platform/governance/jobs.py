"""Jobs of governance."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import desc, select
from sqlalchemy.orm import Session

from modelops_platform.core.actor import system_actor
from modelops_platform.events.domain import LogEntry
from modelops_platform.jobs.domain.rhythm import Rhythm
from modelops_platform.jobs.domain.states import JobState
from modelops_platform.jobs.handlers import Handler
from modelops_platform.jobs.tables import Job
from modelops_platform.notifications.domain import Topic
from modelops_platform.notifications.service import Notice

from . import queries, service

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


def voters(db: Session, entry: LogEntry) -> Iterator[str]:
    """Those who could fill a seat of the request that is open."""
    anybody = system_actor(entry.workspace_id)
    request = queries.get_request(db, anybody, entry.object_id)
    target = queries.target_of(request, queries.protected_environments(db, anybody))
    for seat in queries.look_at(db, anybody, request, target).seats:
        if not seat.is_filled:
            yield from seat.candidates


def asker(db: Session, entry: LogEntry) -> Iterator[str]:
    """Whoever asked for the approval."""
    yield queries.get_request(db, system_actor(entry.workspace_id), entry.object_id).asked_by


HANDLERS = {FOLLOW: Handler(prepare=find_place, finish=follow)}
SCHEDULES = {FOLLOW: ("Follow edits and deployments", Rhythm(every_seconds=30))}
_DECIDED = [Notice(Topic.APPROVAL_DECIDED, asker)]
NOTICES = {
    "approval.requested": [Notice(Topic.APPROVAL_WANTED, voters)],
    "approval.granted": _DECIDED,
    "approval.denied": _DECIDED,
    "approval.invalidated": _DECIDED,
}
