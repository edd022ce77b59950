"""Reads about files that are sent in parts. One sees one's own; who manages the storage sees all."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, desc, func, select
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound

from ..tables import DirectUpload, PartialUpload, UploadPart


def visible_to(actor: Actor) -> Select[PartialUpload]:
    """Return the uploads that this actor may see and go on with."""
    here = select(PartialUpload).where(PartialUpload.workspace_id == actor.workspace_id)
    return here if actor.may(Permission.MANAGE_STORAGE) else here.where(PartialUpload.created_by == actor.id)


def get_upload(db: Session, actor: Actor, upload_id: str) -> PartialUpload:
    """Return an upload of the actor. Raises NotFound, also when it has expired or was cancelled."""
    found = db.scalars(
        visible_to(actor).where(PartialUpload.id == upload_id), execution_options={"populate_existing": True}
    ).one_or_none()
    if found is None:
        raise NotFound(
            f"No upload {upload_id[:80]!r} is under way.",
            remedy="Begin a new one; uploads that nobody continues are removed after a while.",
            field="upload_id",
            value=upload_id[:80],
        )
    return found


def list_unfinished(db: Session, actor: Actor, *, cursor: str | None = None, limit: int = 50) -> Page[PartialUpload]:
    """Return a page of the actor's own uploads that wait for more bytes, the newest first."""
    waiting = visible_to(actor).where(PartialUpload.created_by == actor.id, PartialUpload.sha256.is_(None))
    return paginate(db, waiting, desc(PartialUpload.id), cursor=cursor, limit=limit)


def unfinished_of(db: Session, actor: Actor) -> tuple[int, int]:
    """Return how many uploads of the actor wait for more bytes, and how many bytes they were announced with."""
    mine = (PartialUpload.created_by == actor.id) & PartialUpload.sha256.is_(None)
    count, size = db.execute(select(func.count(), func.coalesce(func.sum(PartialUpload.size), 0)).where(mine)).one()
    return int(count), int(size)


def list_parts(db: Session, upload_id: str) -> Sequence[UploadPart]:
    """Return the stretches of an upload in order."""
    return db.scalars(select(UploadPart).where(UploadPart.upload_id == upload_id).order_by(UploadPart.start)).all()


def list_expired(db: Session, now: datetime, limit: int) -> Sequence[PartialUpload]:
    """Return uploads that nobody went on with, the longest waiting first."""
    expired = select(PartialUpload).where(PartialUpload.expires_at < now)
    return db.scalars(expired.order_by(PartialUpload.expires_at, PartialUpload.id).limit(limit)).all()


def living(db: Session, upload_ids: Sequence[str]) -> set[str]:
    """Return which of these uploads exist."""
    return {
        upload_id
        for table in (PartialUpload, DirectUpload)
        for upload_id in db.scalars(select(table.id).where(table.id.in_(upload_ids)))
    }


def get_direct_upload(db: Session, actor: Actor, upload_id: str, path: str) -> DirectUpload:
    """Return a file that the actor sends to the bucket in parts. Raises NotFound."""
    mine = select(DirectUpload).where(
        DirectUpload.id == upload_id, DirectUpload.created_by == actor.id, DirectUpload.path == path
    )
    found = db.scalars(mine).one_or_none()
    if found is None:
        raise NotFound(
            f"No upload {upload_id[:80]!r} of {path[:200]!r} is under way.",
            remedy="Begin a new one; uploads that nobody completes are removed after a while.",
            field="upload_id",
            value=upload_id[:80],
        )
    return found


def count_direct(db: Session, actor: Actor) -> int:
    """Return how many files the actor is sending to the bucket in parts."""
    mine = select(func.count()).select_from(DirectUpload).where(DirectUpload.created_by == actor.id)
    return db.scalar(mine) or 0
