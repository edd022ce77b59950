"""Jobs on stored files: scanning each new one, and removing those that nothing uses."""

from typing import Any

from sqlalchemy.orm import Session

from modelops_platform.core.actor import system_actor
from modelops_platform.core.errors import NotFound
from modelops_platform.jobs import service as queue
from modelops_platform.jobs.domain.rhythm import Rhythm
from modelops_platform.jobs.handlers import GIB, Handler, Limits, Task
from modelops_platform.jobs.tables import Job

from . import checking, queries, service
from .domain import ScanReport
from .store import Damage, Store, Stored, store_of

_SCAN_LIMITS = Limits(
    wall_seconds=180.0, cpu_seconds=60, memory_bytes=4 * GIB
)  # around the scan's own, which are lower
DROP_PARTS = "artifacts.drop_parts"
NIGHTLY = "artifacts.collect_nightly"
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


def sweep(_task: Task, store: Store) -> tuple[int, list[str]]:
    """Delete what killed uploads left behind, and list the uploads of which there are parts."""
    return store.sweep(service.KEPT_UNUSED_FOR.total_seconds()), store.list_uploads()


def expire(db: Session, job: Job, swept: tuple[int, list[str]]) -> dict[str, int]:
    """Mark what nothing uses, and have everything removed that is marked, or is a part of no upload any more."""
    leftovers, uploads = swept
    system = system_actor(job.workspace_id)
    expired = service.expire_uploads(db)
    service.expire_direct(db)
    dead = sorted(set(uploads) - queries.living(db, uploads))
    if dead:
        queue.enqueue(db, system, DROP_PARTS, {"uploads": dead}, title="Remove the parts of uploads that ended")
    marked = service.mark_orphans(db)
    if queries.list_removing(db, 1):
        queue.enqueue(db, system, service.REMOVE, {}, title="Remove files that nothing uses", key=service.REMOVE)
    return {"marked": len(marked), "leftovers": leftovers, "expired": len(expired)}


def prepare_drop(db: Session, job: Job) -> tuple[Store, list[str]]:
    """Return the uploads that are no more; no new one ever has their id."""
    return store_of(db), job.args["uploads"]


def drop_parts(task: Task, prepared: tuple[Store, list[str]]) -> int:
    """Delete the parts of uploads that ended."""
    store, uploads = prepared
    for number, upload_id in enumerate(uploads):
        task.progress(number / len(uploads), f"Removing {number + 1} of {len(uploads)}")
        store.drop_parts(upload_id)
    return len(uploads)


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


def forget(db: Session, job: Job, digests: list[str]) -> dict[str, int]:
    """Delete the rows, last, and have the next batch removed by a job of its own."""
    removed = service.forget_removed(db, digests)
    if queries.list_removing(db, 1):
        system = system_actor(job.workspace_id)
        queue.enqueue(db, system, service.REMOVE, {}, title="Remove files that nothing uses", key=service.REMOVE)
    return {"removed": removed}


def begin_nightly(db: Session, job: Job, _worked: Any) -> dict[str, str]:
    """Begin a collection as somebody could by hand."""
    return {"job": service.begin_collection(db, system_actor(job.workspace_id), is_dry=False).id}


def prepare_collection(db: Session, job: Job) -> tuple[Store, str]:
    """Return the store, and the digit that the digests of this step begin with."""
    return store_of(db), job.args["digit"]


def look_through(task: Task, prepared: tuple[Store, str]) -> dict[str, int]:
    """List stored bytes that are older than any upload under way could be."""
    store, digit = prepared
    done = service.DIGITS.index(digit)
    task.progress(done / len(service.DIGITS), f"Looking through the storage, {done + 1} of {len(service.DIGITS)}")
    return dict(store.list_stored(digit, service.KEPT_UNUSED_FOR.total_seconds()))


def collect(db: Session, job: Job, found: dict[str, int]) -> dict[str, Any]:
    """Claim what no row names, unless this is a dry run, and go on with the next digit in a job of its own."""
    unnamed = queries.without_row(db, found)
    args = dict(job.args)
    args["count"] += len(unnamed)
    args["size"] += sum(size for _sha256, size in unnamed)
    system = system_actor(job.workspace_id)
    if not args["is_dry"]:
        service.claim_unnamed(db, unnamed[: service.MOST_AT_ONCE])
        service.mark_orphans(db)
        if queries.list_removing(db, 1):
            queue.enqueue(db, system, service.REMOVE, {}, title="Remove files that nothing uses", key=service.REMOVE)
    following = service.DIGITS[service.DIGITS.index(args["digit"]) + 1 :][:1]
    if following:
        queue.enqueue(db, system, service.COLLECT, args | {"digit": following}, title=job.title, key=job.key)
    return {"is_over": not following, "is_dry": args["is_dry"], "count": args["count"], "size": args["size"]}


HANDLERS = {
    service.SCAN: Handler(
        prepare=prepare_scan,
        work=scan,
        finish=keep_scan,
        heavy="modelops_platform.artifacts.heavy:scan",
        limits=_SCAN_LIMITS,
    ),
    "artifacts.expire": Handler(prepare=prepare_sweep, work=sweep, finish=expire),
    service.COLLECT: Handler(prepare=prepare_collection, work=look_through, finish=collect),
    NIGHTLY: Handler(finish=begin_nightly),
    DROP_PARTS: Handler(prepare=prepare_drop, work=drop_parts),
    checking.CHECK: checking.HANDLER,
    service.REMOVE: Handler(prepare=prepare_removal, work=remove, finish=forget),
}
SCHEDULES = {
    checking.CHECK: (checking.TITLE, Rhythm(cron="30 1 * * *")),
    "artifacts.expire": ("Remove uploads that nothing used for a day", Rhythm(every_seconds=3_600)),
    NIGHTLY: ("Look through the storage for bytes that nothing uses", Rhythm(cron="40 2 * * *")),
}
