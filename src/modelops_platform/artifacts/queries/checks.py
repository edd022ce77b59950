"""Which stored files are to be looked at, byte by byte."""

from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from ..store.blocks import Stored
from ..tables import Blob
from .blobs import TO_READ


def _waits(before: datetime) -> ColumnElement[bool]:
    looked_at = or_(Blob.checked_at.is_(None), Blob.checked_at < before)
    return (Blob.removing_at.is_(None)) & (Blob.created_at < before) & looked_at


def list_to_check(db: Session, before: datetime, *, files: int, size: int) -> list[Stored]:
    """Return the files that nobody has looked at for longest, as many as there may be; one is never too large."""
    wanted = TO_READ.where(_waits(before)).order_by(Blob.checked_at.asc().nulls_first(), Blob.sha256).limit(files)
    found: list[Stored] = []
    for row in db.execute(wanted):
        stored = Stored(*row)
        size -= stored.size
        if found and size < 0:
            break
        found.append(stored)
    return found


def has_to_check(db: Session, before: datetime) -> bool:
    """Say whether files are left that were not looked at since."""
    return db.scalar(select(Blob.sha256).where(_waits(before)).limit(1)) is not None
