"""Verbs on what a look at all bytes of stored files found."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import system_actor
from modelops_platform.events import service as events

from .. import queries
from ..store import Damage
from ..tables import Blob
from .blobs import held, note_damage


def note_checked(db: Session, whole: Collection[str], damages: Collection[Damage]) -> int:
    """Write when the files were looked at, and what has changed; return how many were found damaged or repaired."""
    now, changed = clock.now(), 0
    for damage in damages:
        changed += note_damage(db, damage)
    looked_at = {*whole, *(damage.sha256 for damage in damages)}
    for blob in db.scalars(select(Blob).where(Blob.sha256.in_(looked_at), Blob.removing_at.is_(None))):
        blob.checked_at = now
        if blob.damaged_at is not None and blob.sha256 in whole:
            changed += _note_repaired(db, blob)
    db.flush()
    return changed


def _note_repaired(db: Session, blob: Blob) -> bool:
    blob.damaged_at = None
    for hold in queries.list_places(db, blob.sha256):
        system = system_actor(hold.workspace_id)
        events.record(db, system, "artifact.repaired", held(blob, hold), sha256=blob.sha256)
    return True
