"""What is known about stored files, by SHA-256."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.artifacts.domain import Verdict
from modelops_platform.artifacts.tables import Blob

from ..domain.facts import Scan


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A stored file: its last scan, if there was one, and whether its bytes were found to be others."""

    scan: Scan | None
    is_damaged: bool


def find_stored(db: Session, digests: Collection[str]) -> Mapping[str, StoredFile]:
    """Return what is known about each of the files, in one statement."""
    columns = (Blob.sha256, Blob.id, Blob.verdict, Blob.reasons, Blob.scanned_at, Blob.damaged_at)
    found = {}
    for sha256, id, verdict, reasons, scanned_at, damaged_at in db.execute(
        select(*columns).where(Blob.sha256.in_(digests))
    ):
        scan = None
        if scanned_at is not None:
            reason = "; ".join(map(str, reasons[:3])) or "nothing to object to"
            scan = Scan(sha256, Verdict(verdict), reason, scanned_at, id)
        found[sha256] = StoredFile(scan, damaged_at is not None)
    return found
