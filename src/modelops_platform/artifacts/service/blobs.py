"""Verbs on stored files. Bytes come and go outside of transactions; what stands here writes the rows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Protocol

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission, system_actor
from modelops_platform.core.db import try_add
from modelops_platform.core.errors import NotAllowed, Unavailable
from modelops_platform.events import service as events
from modelops_platform.jobs import service as jobs

from .. import queries
from ..domain import ScanReport, Verdict, clean_path
from ..queries import UPLOAD
from ..store import Damage, Received, Stored, store_of
from ..tables import Blob, BlobHold

SCAN = "artifacts.scan"
REMOVE = "artifacts.remove"
KEPT_UNUSED_FOR = timedelta(hours=24)
MOST_AT_ONCE = 500


class Holder(Protocol):
    """A thing that keeps files; `model_id` is taken when it has one."""

    @property
    def object_kind(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def unit_id(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class _Held:
    """A blob as one of its holders knows it; what events are about."""

    object_kind: ClassVar[str] = "file"
    id: str
    name: str
    unit_id: str | None
    model_id: str | None


def held(blob: Blob, hold: BlobHold) -> _Held:
    """Return a blob as one of its holders knows it."""
    return _Held(blob.id, hold.name, hold.unit_id, hold.model_id)


# ---- coming in ------------------------------------------------------------------------------------------------------


def add_blob(db: Session, actor: Actor, received: Received, *, name: str, uploader_id: str | None = None) -> Blob:
    """Name stored bytes by a row, held by the upload (of the actor, unless told), and have them scanned if new.

    Raises NotAllowed; InvalidInput for a name that is no path; Unavailable when equal bytes are just being removed.
    """
    if not actor.may_somewhere(Permission.UPLOAD_FILE):
        actor.must(Permission.UPLOAD_FILE)
    upload = _Uploader(uploader_id or actor.id, actor.unit_id)
    return _add(db, actor, received, upload, name)


def put_blob(db: Session, actor: Actor, received: Received, holder: Holder, *, name: str) -> Blob:
    """Name stored bytes by a row, kept by a thing from the start, and have them scanned if new.

    The caller has checked that the actor may put files there. Raises InvalidInput, Unavailable.
    """
    return _add(db, actor, received, holder, name)


@dataclass(frozen=True, slots=True)
class _Uploader:
    """Who sent a file that nothing keeps yet."""

    id: str
    unit_id: str | None
    object_kind: ClassVar[str] = UPLOAD


def _add(db: Session, actor: Actor, received: Received, holder: Holder, name: str) -> Blob:
    name = clean_path(name, field="name")
    blob = _find_or_insert(db, actor, received)
    if blob.removing_at is not None:
        raise _just_removed()
    hold = _hold(
        db,
        actor,
        blob,
        kind=holder.object_kind,
        id=holder.id,
        unit_id=holder.unit_id,
        model_id=getattr(holder, "model_id", None),
        name=name,
    )
    hold.created_at = clock.now()  # sent again: kept unused for another day
    events.record(db, actor, "artifact.uploaded", held(blob, hold), sha256=blob.sha256, size=blob.size)
    if blob.damaged_at is not None and received.is_new:
        blob.damaged_at = None
        events.record(db, actor, "artifact.repaired", held(blob, hold), sha256=blob.sha256)
    if blob.scanned_at is None:
        _enqueue_scan(db, actor, blob, name)
    return blob


def _find_or_insert(db: Session, actor: Actor, received: Received) -> Blob:
    found = db.scalars(_locked(received.sha256)).one_or_none()
    if found is not None:
        return found
    added = Blob(
        sha256=received.sha256,
        size=received.size,
        block_size=received.block_size,
        block_digests=received.block_digests,
        block_key=received.block_key,
        created_by=actor.id,
    )
    if not try_add(db, added):  # the same bytes at the same moment, from elsewhere
        return db.scalars(_locked(received.sha256)).one()
    # Whoever removes a blob deletes its row last: bytes that were found without a row may have gone since.
    if not received.is_new and not store_of(db).exists(received.sha256):
        raise _just_removed()
    return added


def _just_removed() -> Unavailable:
    return Unavailable("Equal bytes were removed at this moment.", remedy="Send the file again.", retry_after=1)


def _locked(sha256: str) -> Select[Blob]:
    """Select a blob so that it cannot be marked for removal before this transaction ends."""
    return select(Blob).where(Blob.sha256 == sha256).with_for_update().execution_options(populate_existing=True)


# ---- being used -----------------------------------------------------------------------------------------------------


def use_blob(db: Session, actor: Actor, sha256: str, holder: Holder, *, name: str) -> Blob:
    """Have a thing keep a stored file, and return the blob. Raises NotFound, also when the actor may not see it.

    Args:
        holder: A version, a data set or the like; its id is set, though it need not be written yet.
        name: The file's path inside the holder; who downloads it gets the last part as its name.
    """
    queries.get_blob(db, actor, sha256)
    blob = db.scalars(_locked(sha256)).one_or_none()
    if blob is None or blob.removing_at is not None:
        raise queries.no_file(sha256)
    hold = _hold_for(db, actor, holder, blob, name)
    if blob.verdict == Verdict.DANGEROUS:
        _record_quarantine(db, actor, blob, hold)
    return blob


def _hold_for(db: Session, actor: Actor, holder: Holder, blob: Blob, name: str) -> BlobHold:
    """Have a thing hold a blob, with the rights of the thing."""
    return _hold(
        db,
        actor,
        blob,
        kind=holder.object_kind,
        id=holder.id,
        unit_id=holder.unit_id,
        model_id=holder.id if holder.object_kind == "model" else getattr(holder, "model_id", None),
        name=clean_path(name, field="name"),
    )


def _hold(
    db: Session,
    actor: Actor,
    blob: Blob,
    *,
    kind: str,
    id: str,
    unit_id: str | None,
    model_id: str | None,
    name: str,
) -> BlobHold:
    """Return the hold of this holder on the blob, made if there is none. The blob's row is locked."""
    same = select(BlobHold).where(
        BlobHold.sha256 == blob.sha256, BlobHold.holder_kind == kind, BlobHold.holder_id == id
    )
    hold = db.scalars(same).one_or_none()
    if hold is None:
        hold = BlobHold(
            workspace_id=actor.workspace_id,
            sha256=blob.sha256,
            holder_kind=kind,
            holder_id=id,
            unit_id=unit_id,
            model_id=model_id,
            name=name,
        )
        db.add(hold)
        db.flush()
    return hold


def keep_blobs(db: Session, actor: Actor, holder: Holder, names: Mapping[str, str]) -> None:
    """Have a thing keep stored files that the actor may see by another way than their holds (a folder of a run).

    Args:
        names: The name of each file inside the holder, by digest.
    Raises: NotFound when a file is just being removed.
    """
    locked: dict[str, Blob] = {}
    ordered = sorted(names)
    for start in range(0, len(ordered), MOST_AT_ONCE):
        digests = ordered[start : start + MOST_AT_ONCE]
        found = select(Blob).where(Blob.sha256.in_(digests)).order_by(Blob.sha256).with_for_update()
        locked |= {blob.sha256: blob for blob in db.scalars(found.execution_options(populate_existing=True))}
    for sha256, name in sorted(names.items()):
        blob = locked.get(sha256)
        if blob is None or blob.removing_at is not None:
            raise queries.no_file(sha256)
        hold = _hold_for(db, actor, holder, blob, name)
        if blob.verdict == Verdict.DANGEROUS:
            _record_quarantine(db, actor, blob, hold)


def release_blobs(db: Session, holder: Holder, digests: Collection[str] | None = None) -> None:
    """Have a thing let go of all its files, or of these; what nothing else keeps is removed a day after its upload."""
    held_by = delete(BlobHold).where(BlobHold.holder_kind == holder.object_kind, BlobHold.holder_id == holder.id)
    if digests is not None:
        held_by = held_by.where(BlobHold.sha256.in_(digests))
    db.execute(held_by, execution_options={"synchronize_session": False})


def move_holds(db: Session, model_id: str, unit_id: str) -> None:
    """Note that a model belongs to another unit, so that its files are seen there."""
    db.execute(
        update(BlobHold).where(BlobHold.model_id == model_id).values(unit_id=unit_id),
        execution_options={"synchronize_session": False},
    )


def move_holds_of(db: Session, holders: Mapping[str, Collection[str]], unit_id: str) -> None:
    """Note that things, by kind and id, belong to another unit, so that their files are seen there."""
    for kind, ids in holders.items():
        ordered = sorted(ids)
        for start in range(0, len(ordered), MOST_AT_ONCE):
            chunk = ordered[start : start + MOST_AT_ONCE]
            db.execute(
                update(BlobHold)
                .where(BlobHold.holder_kind == kind, BlobHold.holder_id.in_(chunk))
                .values(unit_id=unit_id),
                execution_options={"synchronize_session": False},
            )


# ---- being judged ---------------------------------------------------------------------------------------------------


def keep_report(db: Session, sha256: str, report: ScanReport) -> None:
    """Write what a scan said about a blob, and tell everybody who holds a dangerous one."""
    blob = queries.find_blob(db, sha256)
    if blob is None or blob.removing_at is not None:
        return
    blob.format, blob.verdict = report.format.value, report.verdict.value
    blob.reasons, blob.globals = list(report.reasons), list(report.globals)
    blob.scanned_at = clock.now()
    places = queries.list_places(db, sha256)
    for hold in places:
        if report.verdict is Verdict.DANGEROUS:
            _record_quarantine(db, system_actor(hold.workspace_id), blob, hold)
    if places and report.verdict is not Verdict.DANGEROUS:
        events.record(
            db,
            system_actor(places[0].workspace_id),
            "artifact.scanned",
            held(blob, places[0]),
            sha256=blob.sha256,
            format=blob.format,
            verdict=blob.verdict,
        )


def _record_quarantine(db: Session, actor: Actor, blob: Blob, hold: BlobHold) -> None:
    events.record(
        db,
        actor,
        "artifact.quarantined",
        held(blob, hold),
        sha256=blob.sha256,
        format=blob.format,
        reasons=blob.reasons[:5],
    )


def scan_again(db: Session, actor: Actor, sha256: str) -> Blob:
    """Have a file scanned anew, as after an upgrade of the scanner. Raises NotFound, NotAllowed."""
    blob = queries.get_blob(db, actor, sha256)
    if not actor.may_somewhere(Permission.UPLOAD_FILE):
        actor.must(Permission.UPLOAD_FILE)
    _enqueue_scan(db, actor, blob, queries.list_holds(db, actor, sha256)[0].name)
    return blob


def _enqueue_scan(db: Session, actor: Actor, blob: Blob, name: str) -> None:
    jobs.enqueue(
        db,
        actor,
        SCAN,
        {"sha256": blob.sha256, "name": name},
        title=f"Scan {name}",
        key=f"{SCAN}.{blob.sha256}",
        unit_id=actor.unit_id,
    )


# ---- being read -----------------------------------------------------------------------------------------------------


def get_download(db: Session, actor: Actor, sha256: str) -> tuple[Blob, BlobHold]:
    """Return a file that the actor may download, and the hold that lets them. Raises NotFound, NotAllowed."""
    blob, hold = get_readable(db, actor, sha256)
    _refuse_dangerous(blob)
    return blob, hold


def get_for_reader(db: Session, sha256: str, *, knowingly: bool) -> tuple[Stored, bool]:
    """Return what reading a file needs, and whether the scan calls it dangerous, for who may see it by its path.

    Args:
        knowingly: Whether the reader may have a dangerous one all the same; `note_opened` tells of it.
    Raises: NotFound, NotAllowed.
    """
    blob = queries.find_blob(db, sha256)
    if blob is None:
        raise queries.no_file(sha256)
    if not knowingly:
        _refuse_dangerous(blob)
    return queries.get_stored(db, sha256), blob.verdict == Verdict.DANGEROUS


def note_opened(db: Session, actor: Actor, sha256: str, *, name: str, unit_id: str | None) -> None:
    """Record that somebody took a file that the scan calls dangerous."""
    blob = queries.find_blob(db, sha256)
    if blob is not None:
        about = _Held(blob.id, name, unit_id, None)
        events.record(db, actor, "artifact.opened", about, sha256=sha256, verdict=blob.verdict)


def _refuse_dangerous(blob: Blob) -> None:
    if blob.verdict == Verdict.DANGEROUS:
        raise NotAllowed(
            f"The scan calls this file dangerous: {_first_reason(blob)}",
            remedy="Ask a validator, a risk officer or an administrator to look into it; they may open it knowingly.",
            reasons=blob.reasons,
        )


def open_quarantined(db: Session, actor: Actor, sha256: str) -> tuple[Blob, BlobHold]:
    """Return a dangerous file to somebody who may look into such. Raises NotFound, NotAllowed."""
    blob, hold = get_readable(db, actor, sha256)
    actor.must(Permission.OPEN_QUARANTINED, hold)
    events.record(db, actor, "artifact.opened", held(blob, hold), sha256=blob.sha256, verdict=blob.verdict)
    return blob, hold


def get_readable(db: Session, actor: Actor, sha256: str) -> tuple[Blob, BlobHold]:
    """Return a file whose content the actor may know, whatever the scan says. Raises NotFound, NotAllowed."""
    blob = queries.get_blob(db, actor, sha256)
    holds = queries.list_holds(db, actor, sha256, Permission.DOWNLOAD_FILE)
    if not holds:
        raise NotAllowed(
            f"{actor.name} may not download this file.",
            remedy="Ask an administrator for a role that allows it.",
            permission=Permission.DOWNLOAD_FILE.value,
        )
    return blob, holds[0]


def _first_reason(blob: Blob) -> str:
    return str(blob.reasons[0]) if blob.reasons else "no reason was kept."


def note_damage(db: Session, damage: Damage) -> bool:
    """Write, once, that the stored bytes of a blob are missing or wrong, and tell everybody who holds it.

    Returns whether that was news.
    """
    blob = queries.find_blob(db, damage.sha256)
    if blob is None or blob.damaged_at is not None or blob.removing_at is not None:
        return False
    blob.damaged_at = clock.now()
    for hold in queries.list_places(db, damage.sha256):
        events.record(
            db,
            system_actor(hold.workspace_id),
            "artifact.missing" if damage.is_missing else "artifact.corrupt",
            held(blob, hold),
            sha256=blob.sha256,
        )
    return True


def unreadable(damage: Damage) -> Unavailable:
    """Return what a reader is told about damaged bytes; it carries the note to keep."""
    return Unavailable(
        str(damage),
        remedy="Upload the same file again, which repairs it, or have an administrator restore it from a backup.",
        to_keep=[lambda db: note_damage(db, damage)],
        sha256=damage.sha256,
    )


# ---- being removed --------------------------------------------------------------------------------------------------


def mark_orphans(db: Session) -> list[str]:
    """Mark files that nothing uses and nobody sent for as long as the rules say, and return their digests.

    From then on nobody can use them, and equal bytes are not taken until the removal is over.
    """
    orphans = select(Blob.sha256).where(queries.is_orphan(db, clock.now(), shortest=KEPT_UNUSED_FOR))
    locked = db.scalars(orphans.order_by(Blob.sha256).limit(MOST_AT_ONCE).with_for_update(skip_locked=True)).all()
    # A hold may have been written between the look and the lock: with the lock held, the second look is final.
    marked = db.scalars(orphans.where(Blob.sha256.in_(locked))).all()
    if marked:
        db.execute(
            update(Blob).where(Blob.sha256.in_(marked)).values(removing_at=clock.now()),
            execution_options={"synchronize_session": False},
        )
    return list(marked)


def forget_removed(db: Session, digests: Sequence[str]) -> int:
    """Delete the rows of files whose bytes have been deleted, and return how many."""
    gone = db.scalars(select(Blob).where(Blob.sha256.in_(digests), Blob.removing_at.is_not(None))).all()
    for blob in gone:
        for hold in queries.list_places(db, blob.sha256):
            actor = system_actor(hold.workspace_id)
            events.record(db, actor, "artifact.removed", held(blob, hold), sha256=blob.sha256, size=blob.size)
        db.execute(delete(BlobHold).where(BlobHold.sha256 == blob.sha256))
        db.delete(blob)
    db.flush()
    return len(gone)
