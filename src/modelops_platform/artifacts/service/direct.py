"""Files whose parts clients put into the bucket themselves, by addresses that were signed for them.

The bytes count only when all parts have been read, digested block by block and stored like any other file: until then
they lie apart, and nobody can name or fetch them.
"""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor
from modelops_platform.core.errors import InvalidInput, TooLarge, TooMany
from modelops_platform.core.settings import Settings

from .. import queries
from ..store import DirectPart
from ..tables import DirectUpload

MOST_PARTS = 10_000
SIGNED_SECONDS = 6 * 3600


def begin_direct(db: Session, actor: Actor, path: str, parts: int) -> DirectUpload:
    """Announce a file that comes to the bucket in parts; the caller has looked at the rights. Raises as `check`."""
    settings: Settings = db.info["settings"]
    if not 1 <= parts <= MOST_PARTS:
        raise InvalidInput(
            f"A file comes in 1 to {MOST_PARTS:,} parts, not in {parts:,}.",
            remedy="Make the parts larger.",
            field="num_parts",
            value=parts,
        )
    if queries.count_direct(db, actor) >= settings.max_unfinished_uploads:
        raise TooMany(
            f"You have {settings.max_unfinished_uploads:,} unfinished uploads.", remedy="Complete or abort some first."
        )
    upload = DirectUpload(
        workspace_id=actor.workspace_id,
        path=path,
        parts=parts,
        created_by=actor.id,
        expires_at=clock.now() + timedelta(hours=settings.upload_hours),
    )
    db.add(upload)
    db.flush()
    return upload


def check_direct(
    settings: Settings, upload: DirectUpload, there: Mapping[int, DirectPart], told: Mapping[int, str]
) -> list[DirectPart]:
    """Return the parts in order, if they are those that the client tells of by number and ETag.

    Raises InvalidInput, TooLarge.
    """
    wanted = range(1, upload.parts + 1)
    missing = next((number for number in wanted if number not in there), None)
    if missing is not None:
        raise InvalidInput(f"Part {missing} is not there.", remedy="Send it, or abort.", field="parts", value=missing)
    for number, etag in told.items():
        part = there.get(number)
        if part is None or (etag.strip('"') and etag.strip('"') != part.etag):
            raise InvalidInput(
                f"Part {number} is not the one that was told of.",
                remedy="Send it again, or abort.",
                field="parts",
                value=number,
            )
    size = sum(there[number].size for number in wanted)
    if size > settings.max_upload_bytes:
        raise TooLarge(
            f"A file of {size:,} bytes is larger than the {settings.max_upload_bytes:,} that are taken here.",
            remedy="Send a smaller file, or have MODELOPS_MAX_UPLOAD_BYTES raised.",
            field="parts",
            value=size,
            limit=settings.max_upload_bytes,
        )
    return [there[number] for number in wanted]


def end_direct(db: Session, upload_id: str) -> None:
    """Forget an upload that became a file, or that was given up; the caller drops its parts after the commit."""
    db.execute(delete(DirectUpload).where(DirectUpload.id == upload_id))


def expire_direct(db: Session) -> None:
    """Forget uploads that nobody completed; the sweep finds that their parts belong to none."""
    db.execute(delete(DirectUpload).where(DirectUpload.expires_at < clock.now()))
