"""Jobs on stored files: scanning each new one, and removing those that nothing uses."""

from typing import Any

from sqlalchemy.orm import Session

from modelops_platform.core.actor import system_actor
from modelops_platform.core.errors import NotFound
from modelops_platform.jobs import service as queue
from modelops_platform.jobs.domain.rhythm import Rhythm
from modelops_platform.jobs.handlers import GIB, Handler, Limits, Task
from modelops_platform.jobs.tables import Job

from . import queries, service
from .domain import ScanReport
from .store import Damage, Store, Stored, store_of

_SCAN_LIMITS = Limits(
    wall_seconds=180.0, cpu_seconds=60, memory_bytes=4 * GIB
)  # around the scan's own, which are lower
ToScan = tuple[Store, Stored, str]


def prepare_scan(db: Session, job: Job) -> ToScan | None:
    """Return what is to be scanned, unless it has been removed meanwhile."""
    try:
        return store_of(db), queries.get_stored(db, job.args["sha256"]), job.args["name"]
    except NotFound:
        return None


def scan(task: Task, prepared: ToScan | None) -> dict[str, Any] | Damage | None:
    """Scan a checked local copy in the child, and return its report, or the damage that was found instead."""
    if prepared is None:
        return None
    store, stored, name = prepared
    task.progress(None, "Checking the stored bytes")
    try:
        path = store.fetch(stored, task.folder)
    except Damage as damage:
        return damage
    report: dict[str, Any] = task.run_heavy({"path": str(path), "name": name})
    return report


def keep_scan(db: Session, job: Job, worked: dict[str, Any] | Damage | None) -> dict[str, Any]:
    """Write the report, or the damage."""
    if worked is None:
        return {"verdict": None, "reason": "The file has been removed."}
    if isinstance(worked, Damage):
        service.note_damage(db, worked)
        return {"verdict": None, "reason": str(worked)}
    report = ScanReport.from_json(worked)
    service.keep_report(db, job.args["sha256"], report)
    return {"verdict": report.verdict.value, "format": report.format.value}


def prepare_sweep(db: Session, _job: Job) -> Store:
    """Return the store to sweep."""
    return store_of(db)


def sweep(_task: Task, store: Store) -> int:
    """Delete what killed uploads left behind."""
    return store.sweep(service.KEPT_UNUSED_FOR.total_seconds())


def expire(db: Session, job: Job, swept: int) -> dict[str, int]:
    """Mark what nothing uses, and have everything removed that is marked."""
    marked = service.mark_orphans(db)
    if queries.list_removing(db, 1):
        system = system_actor(job.workspace_id)
        queue.enqueue(db, system, service.REMOVE, {}, title="Remove files that nothing uses", key=service.REMOVE)
    return {"marked": len(marked), "leftovers": swept}


def prepare_removal(db: Session, _job: Job) -> tuple[Store, list[str]]:
    """Return the digests of the files to remove."""
    return store_of(db), [blob.sha256 for blob in queries.list_removing(db, service.MOST_AT_ONCE)]


def remove(task: Task, prepared: tuple[Store, list[str]]) -> list[str]:
    """Delete the bytes; nobody can have come to use them since they were marked."""
    store, digests = prepared
    for number, sha256 in enumerate(digests):
        task.progress(number / len(digests), f"Removing {number + 1} of {len(digests)}")
        store.delete(sha256)
    return digests


def forget(db: Session, _job: Job, digests: list[str]) -> dict[str, int]:
    """Delete the rows, last."""
    return {"removed": service.forget_removed(db, digests)}


HANDLERS = {
    service.SCAN: Handler(
        prepare=prepare_scan,
        work=scan,
        finish=keep_scan,
        heavy="modelops_platform.artifacts.heavy:scan",
        limits=_SCAN_LIMITS,
    ),
    "artifacts.expire": Handler(prepare=prepare_sweep, work=sweep, finish=expire),
    service.REMOVE: Handler(prepare=prepare_removal, work=remove, finish=forget),
}
SCHEDULES = {"artifacts.expire": ("Remove uploads that nothing used for a day", Rhythm(every_seconds=3_600))}
