"""The nightly look at all stored files: every block is read and compared with its mark, and the file with its address.

Its pace is bounded. Each job looks at the files that nobody has looked at for longest, and leaves the rest to a next
one. So it goes on where it was after a crash, and whoever cancels it ends it for this night.
"""

import time
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from modelops_platform.core.actor import system_actor
from modelops_platform.jobs import service as queue
from modelops_platform.jobs.handlers import GIB, Handler, Task
from modelops_platform.jobs.tables import Job

from . import queries, service
from .store import Damage, Store, Stored, store_of

CHECK = "artifacts.check"
TITLE = "Compare stored files with their digests"
_CHECKED_AT_ONCE = 2 * GIB


@dataclass(frozen=True, slots=True)
class ToCheck:
    """Files to look at, byte by byte, and how fast."""

    store: Store
    files: list[Stored]
    bytes_per_second: float


def prepare_check(db: Session, job: Job) -> ToCheck:
    """Return the files that nobody has looked at for longest."""
    files = queries.list_to_check(db, _asked_at(job), files=service.MOST_AT_ONCE, size=_CHECKED_AT_ONCE)
    return ToCheck(store_of(db), files, db.info["settings"].check_megabytes_per_second * 1e6)


def _asked_at(job: Job) -> datetime:
    return datetime.fromisoformat(job.args["before"]) if "before" in job.args else job.created_at


def check(task: Task, prepared: ToCheck) -> tuple[list[str], list[Damage]]:
    """Read every file and compare it with its address; return the whole ones and what is wrong with the others."""
    whole: list[str] = []
    damages: list[Damage] = []
    for number, stored in enumerate(prepared.files):
        try:
            for data in prepared.store.read_whole(stored):
                task.progress(number / len(prepared.files), f"Looking at {number + 1} of {len(prepared.files)}")
                time.sleep(len(data) / prepared.bytes_per_second)
            whole.append(stored.sha256)
        except Damage as damage:
            damages.append(damage)
    return whole, damages


def keep_check(db: Session, job: Job, worked: tuple[list[str], list[Damage]]) -> dict[str, int]:
    """Write what was found, and go on with the next files."""
    whole, damages = worked
    changed = service.note_checked(db, whole, damages)
    before = _asked_at(job)
    if queries.has_to_check(db, before):
        args = {"before": before.isoformat()}
        queue.enqueue(db, system_actor(job.workspace_id), CHECK, args, title=TITLE, key=CHECK)
    return {"whole": len(whole), "damaged": len(damages), "changed": changed}


HANDLER = Handler(prepare=prepare_check, work=check, finish=keep_check)
