"""Jobs of notifications, and what identity's events say to whom."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from modelops_platform.events.domain import LogEntry
from modelops_platform.identity import queries as identity
from modelops_platform.jobs.domain.rhythm import Rhythm
from modelops_platform.jobs.handlers import Handler
from modelops_platform.jobs.tables import Job

from . import service
from .domain import Topic
from .service import Notice
from .webhooks import delivering

FOLLOW = "notifications.follow"
FORGET_DELIVERIES = "notifications.forget_deliveries"
FOLLOW_FOR_WEBHOOKS = "notifications.follow_for_webhooks"


def follow(db: Session, _job: Job, _worked: Any) -> dict[str, int]:
    """Tell people of what happened since the last time."""
    return service.follow(db)


def managers(db: Session, entry: LogEntry) -> Iterable[str]:
    """Those who may give a role in the unit of whoever asks."""
    return identity.list_managers(db, entry.workspace_id, entry.unit_id)


def asker(_db: Session, entry: LogEntry) -> Iterable[str]:
    """Whoever asked for the role."""
    return (str(entry.data["of"]),)


def follow_for_webhooks(db: Session, _job: Job, _worked: Any) -> dict[str, int]:
    """Make messages for webhooks of what happened since the last time."""
    return delivering.follow(db)


def forget_deliveries(db: Session, _job: Job, _worked: Any) -> dict[str, int]:
    """Delete the record of deliveries that ended long ago."""
    return {"deleted": delivering.forget_old(db)}


HANDLERS = {
    FOLLOW: Handler(finish=follow),
    FOLLOW_FOR_WEBHOOKS: Handler(finish=follow_for_webhooks),
    FORGET_DELIVERIES: Handler(finish=forget_deliveries),
    delivering.DELIVER: Handler(prepare=delivering.prepare, work=delivering.work, finish=delivering.finish),
}
SCHEDULES = {
    FOLLOW: ("Tell people of what concerns them", Rhythm(every_seconds=10)),
    FORGET_DELIVERIES: ("Forget what webhooks were told long ago", Rhythm(cron="50 2 * * *")),
    FOLLOW_FOR_WEBHOOKS: ("Tell webhooks of what happened", Rhythm(every_seconds=5)),
}
NOTICES = {
    "access.requested": [Notice(Topic.ACCESS_WANTED, managers)],
    "access.granted": [Notice(Topic.ACCESS_DECIDED, asker, is_personal=True)],
    "access.declined": [Notice(Topic.ACCESS_DECIDED, asker, is_personal=True)],
}
