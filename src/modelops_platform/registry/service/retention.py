"""Purging: what left the inventory long ago loses its files. Its record, with every digest, stays for good."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.orm import Session

from modelops_platform.artifacts import queries as artifacts_queries
from modelops_platform.artifacts import service as artifacts
from modelops_platform.artifacts.domain import Kept
from modelops_platform.core import clock, gates
from modelops_platform.core.actor import Actor, system_actor
from modelops_platform.core.errors import PlatformError
from modelops_platform.events import service as events

from .. import queries
from ..tables import Version

PURGE = "version.purge"
ARCHIVE = "version.archive"
MOST_AT_ONCE = 200


def purge_versions(db: Session, workspace_id: str) -> int:
    """Let go of the files of versions that the rules no longer keep, and return how many versions.

    A version under legal hold, or that was ever deployed, keeps its files.
    """
    days = artifacts_queries.kept_days(db, Kept.ARCHIVED_VERSION)
    system = system_actor(workspace_id)
    purged = 0
    for unit_id, number in days.items():
        units: Sequence[str] | None = None if unit_id is None else [unit_id]
        before = clock.now() - timedelta(days=number)
        for version in queries.list_purgeable(db, before, units, MOST_AT_ONCE):
            if unit_id is not None or version.unit_id not in days:
                purged += _purge(db, system, version)
    return purged


def _purge(db: Session, actor: Actor, version: Version) -> bool:
    if not artifacts_queries.holds_anything(db, version):
        return False
    try:
        gates.check(db, gates.Transition(PURGE, version, actor))
    except PlatformError:
        return False
    artifacts.release_blobs(db, version)
    events.record(db, actor, "version.purged", version, number=version.number, manifest=version.manifest_digest)
    return True
