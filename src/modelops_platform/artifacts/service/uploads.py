"""Verbs on files that are sent in parts. The bytes lie in the store; a part counts when its row is committed."""

from datetime import timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission, system_actor
from modelops_platform.core.db import count_changed
from modelops_platform.core.errors import Conflict, InvalidInput, TooLarge, TooMany
from modelops_platform.core.settings import Settings
from modelops_platform.events import service as events

from .. import queries
from ..domain import MOST_PARTS, clean_path
from ..store import Received
from ..tables import PartialUpload, UploadPart
from .blobs import MOST_AT_ONCE, add_blob


def begin_upload(db: Session, actor: Actor, *, name: str, size: int, expected: str | None = None) -> PartialUpload:
    """Announce a file that is sent in parts. Raises NotAllowed, InvalidInput, TooLarge, TooMany."""
    if not actor.may_somewhere(Permission.UPLOAD_FILE):
        actor.must(Permission.UPLOAD_FILE)
    settings: Settings = db.info["settings"]
    _check_room(db, actor, settings, size)
    upload = PartialUpload(
        workspace_id=actor.workspace_id,
        name=clean_path(name, field="name"),
        size=size,
        received=0,
        expected=expected,
        unit_id=actor.unit_id,
        created_by=actor.id,
        expires_at=clock.now() + timedelta(hours=settings.upload_hours),
    )
    db.add(upload)
    events.record(db, actor, "upload.begun", upload, size=size)
    return upload


def _check_room(db: Session, actor: Actor, settings: Settings, size: int) -> None:
    if size > settings.max_upload_bytes:
        raise TooLarge(
            f"A file of {size:,} bytes is larger than the {settings.max_upload_bytes:,} that are taken here.",
            remedy="Send a smaller file, or have MODELOPS_MAX_UPLOAD_BYTES raised.",
            field="size",
            value=size,
            limit=settings.max_upload_bytes,
        )
    count, announced = queries.unfinished_of(db, actor)
    if count >= settings.max_unfinished_uploads or announced + size > settings.max_unfinished_bytes:
        raise TooMany(
            f"You have {count:,} unfinished uploads of {announced:,} bytes together; at most"
            f" {settings.max_unfinished_uploads:,} of {settings.max_unfinished_bytes:,} bytes are kept for one person.",
            remedy="Finish or cancel some of them first.",
            field="size",
            value=size,
        )


def misplaced(upload: PartialUpload, offset: int) -> Conflict:
    """Return what is told to somebody who sends another part than the next one."""
    return Conflict(
        f"The upload has {upload.received:,} of {upload.size:,} bytes, so the next part begins at {upload.received:,},"
        f" not at {offset:,}.",
        remedy=f"Go on from offset {upload.received}.",
        field="Upload-Offset",
        value=offset,
        offset=upload.received,
    )


def add_part(db: Session, actor: Actor, upload_id: str, *, start: int, length: int, key: str) -> PartialUpload:
    """Note that the next bytes of an upload are stored under a key. Raises NotFound, Conflict, InvalidInput.

    Of two who send the same part, one is first, and the other hears where the upload stands.
    """
    upload = queries.get_upload(db, actor, upload_id)
    if start + length > upload.size:
        raise beyond_the_end(upload, start + length)
    settings: Settings = db.info["settings"]
    ends = clock.now() + timedelta(hours=settings.upload_hours)
    here = PartialUpload.id == upload.id, PartialUpload.received == start, PartialUpload.sha256.is_(None)
    if not count_changed(db, update(PartialUpload).where(*here).values(received=start + length, expires_at=ends)):
        raise misplaced(queries.get_upload(db, actor, upload_id), start)
    parts = db.scalar(select(func.count()).select_from(UploadPart).where(UploadPart.upload_id == upload.id)) or 0
    if parts >= MOST_PARTS:
        raise InvalidInput(
            f"The upload came in {parts:,} parts, and no more are taken.",
            remedy="Cancel it and send larger parts.",
            field="body",
        )
    db.add(UploadPart(upload_id=upload.id, start=start, length=length, key=key))
    db.flush()
    return queries.get_upload(db, actor, upload_id)


def beyond_the_end(upload: PartialUpload, end: int) -> InvalidInput:
    """Return what is told to somebody who sends more than was announced."""
    return InvalidInput(
        f"The part would end at {end:,}, but the file was announced with {upload.size:,} bytes.",
        remedy="Send what was announced, or cancel the upload and begin anew.",
        field="body",
        value=end,
    )


def other_size(upload: PartialUpload, total: int) -> InvalidInput:
    """Return what is told to somebody whose part belongs to a file of another size."""
    return InvalidInput(
        f"The part is of a file of {total:,} bytes, but the upload was announced with {upload.size:,}.",
        remedy="Send what was announced, or cancel the upload and begin anew.",
        field="Content-Range",
        value=total,
    )


def begin_anew(db: Session, actor: Actor, upload_id: str) -> PartialUpload:
    """Forget the parts of an upload that is not the file that was announced; it goes on from its first byte."""
    upload = queries.get_upload(db, actor, upload_id)
    db.execute(delete(UploadPart).where(UploadPart.upload_id == upload.id))
    upload.received = 0
    db.flush()
    return upload


def finish_upload(db: Session, actor: Actor, upload_id: str, received: Received) -> PartialUpload:
    """Make a whole upload the file that it is; its parts are not needed any more. Raises NotFound, Unavailable."""
    upload = queries.get_upload(db, actor, upload_id)
    blob = add_blob(db, actor, received, name=upload.name, uploader_id=upload.created_by)
    upload.sha256 = blob.sha256
    db.execute(delete(UploadPart).where(UploadPart.upload_id == upload.id))
    db.flush()
    return upload


def cancel_upload(db: Session, actor: Actor, upload_id: str) -> PartialUpload:
    """Give an upload up; the caller drops its parts after the commit. Raises NotFound."""
    upload = queries.get_upload(db, actor, upload_id)
    if upload.sha256 is None:
        events.record(db, actor, "upload.cancelled", upload, size=upload.size, received=upload.received)
    _forget(db, upload)
    return upload


def expire_uploads(db: Session) -> list[str]:
    """Give up uploads that nobody went on with, and return their ids; the caller drops their parts."""
    expired = queries.list_expired(db, clock.now(), MOST_AT_ONCE)
    for upload in expired:
        if upload.sha256 is None:
            system = system_actor(upload.workspace_id)
            events.record(db, system, "upload.expired", upload, size=upload.size, received=upload.received)
        _forget(db, upload)
    return [upload.id for upload in expired]


def _forget(db: Session, upload: PartialUpload) -> None:
    db.execute(delete(UploadPart).where(UploadPart.upload_id == upload.id))
    db.delete(upload)
    db.flush()
