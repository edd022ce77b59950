"""What is known about the files of versions."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.artifacts.domain import Verdict
from modelops_platform.artifacts.tables import Blob
from modelops_platform.registry.tables import VersionFile

from ..domain.facts import Scan


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A stored file: its last scan, if there was one, its format, and whether its bytes were found to be others."""

    scan: Scan | None
    is_damaged: bool
    format: str


def find_stored(db: Session, version_ids: Collection[str], at: datetime) -> Mapping[str, dict[str, StoredFile]]:
    """Return what was known about each file of the versions at a moment, by version and path, in one statement.

    Only the last scan is kept: what was scanned again after that moment is unknown then.
    """
    statement = (
        select(VersionFile.version_id, VersionFile.path, Blob.id, Blob.verdict, Blob.reasons)
        .add_columns(Blob.scanned_at, Blob.damaged_at, Blob.format)
        .outerjoin(Blob, Blob.sha256 == VersionFile.sha256)
        .where(VersionFile.version_id.in_(version_ids))
        .order_by(VersionFile.version_id, VersionFile.path)
    )
    found: dict[str, dict[str, StoredFile]] = {version_id: {} for version_id in version_ids}
    for version_id, path, id, verdict, reasons, scanned_at, damaged_at, form in db.execute(statement):
        scan = None
        if scanned_at is not None and scanned_at <= at:
            reason = "; ".join(map(str, reasons[:3])) or "nothing to object to"
            scan = Scan(path, Verdict(verdict), reason, scanned_at, id)
        is_damaged = damaged_at is not None and damaged_at <= at
        found[version_id][path] = StoredFile(scan, is_damaged, form or "")
    return found
