"""Purging: what left the inventory long ago loses its files. Its record, with every digest, stays for good."""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import Select
from sqlalchemy.orm import Session

from modelops_platform.artifacts import queries as artifacts_queries
from modelops_platform.artifacts import service as artifacts
from modelops_platform.artifacts.domain import Kept
from modelops_platform.core import clock, gates
from modelops_platform.core.actor import Actor, system_actor
from modelops_platform.core.errors import PlatformError
from modelops_platform.core.portions import leave_the_rest, portion
from modelops_platform.events import service as events

from .. import queries
from ..tables import Version

PURGE = "version.purge"
ARCHIVE = "version.archive"
MOST_AT_ONCE = 200


def find_purgeable(db: Session, workspace_id: str, limit: int = MOST_AT_ONCE) -> list[str]:
    """Return the ids of versions whose files the rules no longer keep, and that may lose them; a read."""
    system = system_actor(workspace_id)
    waiting = _no_longer_kept(db, workspace_id).order_by(Version.id)
    found: list[str] = []
    last = ""
    while len(found) < limit:
        page = db.scalars(waiting.where(Version.id > last).limit(limit)).all()
        found += [version.id for version in page if _may_lose_files(db, system, version)]
        if len(page) < limit:
            break
        last = page[-1].id
    return found[:limit]


def purge_versions(db: Session, workspace_id: str, version_ids: Iterable[str]) -> int:
    """Let go of the files of these versions, and return of how many; the rest is done in the next transaction.

    A version that came back, is under legal hold or was ever deployed keeps its files.
    """
    system, waiting = system_actor(workspace_id), _no_longer_kept(db, workspace_id)
    version_ids = list(version_ids)
    purged = 0
    for version_id in portion(version_ids):
        version = db.scalars(waiting.where(Version.id == version_id)).one_or_none()
        if version is not None and _may_lose_files(db, system, version):
            artifacts.release_blobs(db, version)
            manifest = version.manifest_digest
            events.record(db, system, "version.purged", version, number=version.number, manifest=manifest)
            purged += 1
    if len(version_ids) == MOST_AT_ONCE:
        leave_the_rest()
    return purged


def _no_longer_kept(db: Session, workspace_id: str) -> Select[Version]:
    days = artifacts_queries.kept_days(db, Kept.ARCHIVED_VERSION)
    now = clock.now()
    left_before = {unit_id: now - timedelta(days=number) for unit_id, number in days.items()}
    return queries.purgeable_versions(workspace_id, left_before)


def _may_lose_files(db: Session, actor: Actor, version: Version) -> bool:
    try:
        gates.check(db, gates.Transition(PURGE, version, actor))
    except PlatformError:
        return False
    return True
