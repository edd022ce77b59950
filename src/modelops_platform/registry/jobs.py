"""Jobs of the inventory."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.core.actor import system_actor
from modelops_platform.events.domain import LogEntry
from modelops_platform.jobs import service as jobs
from modelops_platform.jobs.domain.rhythm import Rhythm
from modelops_platform.jobs.handlers import Handler
from modelops_platform.jobs.tables import Job
from modelops_platform.notifications.domain import Topic
from modelops_platform.notifications.service import Notice

from . import service
from .tables import Model
from .telling import WEBHOOKS as WEBHOOKS

REBUILD = "registry.rebuild_summaries"
PURGE = "registry.purge_versions"
TITLE = "Rebuild the summaries of models"


def rebuild(db: Session, job: Job, _worked: Any) -> dict[str, str | None]:
    """Rebuild a batch of summaries, and have the next batch done by another job: each is a short transaction."""
    last = service.rebuild_summaries(db, job.workspace_id, after=job.args.get("after", ""))
    if last is not None:
        jobs.enqueue(db, system_actor(job.workspace_id), REBUILD, {"after": last}, title=TITLE)
    return {"last": last}


def answering(db: Session, entry: LogEntry) -> Iterable[str | None]:
    """Those who answer for the model now: owner and developer."""
    found = db.execute(select(Model.owner_id, Model.developer_id).where(Model.id == entry.model_id)).one_or_none()
    return tuple(found) if found is not None else ()


def named(db: Session, entry: LogEntry) -> Iterator[str | None]:
    """Those whom this edit made owner, developer or validator, or whom the first record names."""
    if entry.kind == "model.registered":
        model = db.get(Model, entry.object_id)
        yield from (model.owner_id, model.developer_id, model.validator_id) if model is not None else ()
    if entry.kind == "model.validator_named":
        yield entry.data["validator"][-1]
    for role in ("owner_id", "developer_id", "validator_id"):
        change = entry.data.get("changes", {}).get(role)
        if change:
            yield change[-1]


def prepare_purge(db: Session, job: Job) -> list[str]:
    """Find the versions whose files the rules of retention no longer keep, while others write."""
    return service.find_purgeable(db, job.workspace_id)


def purge(db: Session, job: Job, version_ids: list[str]) -> dict[str, int]:
    """Let go of the files of these versions, as many as a short transaction can."""
    return {"purged": service.purge_versions(db, job.workspace_id, version_ids)}


HANDLERS = {REBUILD: Handler(finish=rebuild), PURGE: Handler(prepare=prepare_purge, finish=purge)}
SCHEDULES = {
    REBUILD: (TITLE, Rhythm(every_seconds=86_400)),
    PURGE: ("Remove the files of versions that were archived long ago", Rhythm(cron="20 2 * * *")),
}
NOTICES = {
    "model.registered": [Notice(Topic.RESPONSIBILITY, named)],
    "model.edited": [Notice(Topic.RESPONSIBILITY, named)],
    "model.validator_named": [Notice(Topic.RESPONSIBILITY, named)],
    "artifact.quarantined": [Notice(Topic.DANGER, answering)],
    "artifact.corrupt": [Notice(Topic.DANGER, answering)],
    "artifact.missing": [Notice(Topic.DANGER, answering)],
    "deployment.activated": [Notice(Topic.DEPLOYMENT, answering)],
    "deployment.digest_drifted": [Notice(Topic.DEPLOYMENT, answering)],
    "alert.raised": [Notice(Topic.ALERT, answering)],
    "alert.changed": [Notice(Topic.ALERT, answering)],
}
