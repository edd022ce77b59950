"""Reads about stored files. A blob is seen through its holds, never by knowing its digest."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import Select, and_, desc, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound
from modelops_platform.identity.queries import granted

from ..store.blocks import Stored
from ..tables import Blob, BlobHold

TO_READ = select(Blob.sha256, Blob.size, Blob.block_size, Blob.block_digests, Blob.block_key)
UPLOAD = "upload"  # the hold of whoever sent the file; it gives sight, but does not keep the file


def holds_visible_to(actor: Actor, permission: Permission = Permission.VIEW) -> Select[BlobHold]:
    """Return the holds through which this actor sees files: their own uploads, and things they hold the right on."""
    here = select(BlobHold).where(BlobHold.workspace_id == actor.workspace_id)
    if actor.kind is ActorKind.SYSTEM:
        return here
    own = and_(BlobHold.holder_kind == UPLOAD, BlobHold.holder_id == actor.id)
    return here.where(or_(own, and_(BlobHold.holder_kind != UPLOAD, granted(BlobHold, actor, permission))))


def find_blob(db: Session, sha256: str) -> Blob | None:
    """Return the blob with this digest, whoever may see it, also one that is being removed."""
    return db.get(Blob, sha256)


def is_damaged(db: Session, sha256: str) -> bool:
    """Say whether stored bytes with this digest are known to be missing or wrong."""
    return db.scalar(select(Blob.damaged_at).where(Blob.sha256 == sha256)) is not None


def get_blob(db: Session, actor: Actor, sha256: str) -> Blob:
    """Return a blob that the actor may see. Raises NotFound."""
    seen = holds_visible_to(actor).where(BlobHold.sha256 == Blob.sha256).correlate(Blob)
    blob = db.scalars(
        select(Blob).where(Blob.sha256 == sha256, Blob.removing_at.is_(None), seen.exists())
    ).one_or_none()
    if blob is None:
        raise no_file(sha256)
    return blob


def no_file(sha256: str) -> NotFound:
    """Return what is said about a file that is not stored here, or that the caller may not see."""
    return NotFound(
        f"No file with the SHA-256 {sha256[:80]!r} is stored here.",
        remedy="Upload the file, or check the digest.",
        field="sha256",
        value=sha256[:80],
    )


def get_stored(db: Session, sha256: str) -> Stored:
    """Return what reading a blob's bytes needs. Raises NotFound; the caller has checked that they may be seen."""
    found = db.execute(TO_READ.where(Blob.sha256 == sha256)).one_or_none()
    if found is None:
        raise no_file(sha256)
    return Stored(*found)


def blobs_of(db: Session, digests: Collection[str]) -> dict[str, Blob]:
    """Return blobs by digest, for things that the caller may see anyway."""
    found = db.scalars(select(Blob).where(Blob.sha256.in_(set(digests))))
    return {blob.sha256: blob for blob in found}


def list_holds(db: Session, actor: Actor, sha256: str, permission: Permission = Permission.VIEW) -> Sequence[BlobHold]:
    """Return the holds on a blob that the actor may see, the newest first; nothing when it is not theirs to see."""
    held = holds_visible_to(actor, permission).where(BlobHold.sha256 == sha256)
    return db.scalars(held.order_by(desc(BlobHold.id)).limit(100)).all()


def name_of(db: Session, actor: Actor, sha256: str) -> str:
    """Return the newest name under which the actor sees a file. Raises NotFound."""
    holds = list_holds(db, actor, sha256)
    if not holds:
        raise no_file(sha256)
    return holds[0].name


def count_references(db: Session, digests: Collection[str]) -> dict[str, int]:
    """Count the things that keep each blob; uploads do not."""
    counted = (
        select(BlobHold.sha256, func.count())
        .where(BlobHold.sha256.in_(set(digests)), BlobHold.holder_kind != UPLOAD)
        .group_by(BlobHold.sha256)
    )
    counts = dict.fromkeys(digests, 0)
    for sha256, count in db.execute(counted):
        counts[sha256] = count
    return counts


class Keeper(Protocol):
    """A thing that may keep files."""

    @property
    def object_kind(self) -> str: ...
    @property
    def id(self) -> str: ...


def holds_anything(db: Session, holder: Keeper) -> bool:
    """Say whether a thing keeps any file."""
    held = exists().where(BlobHold.holder_kind == holder.object_kind, BlobHold.holder_id == holder.id)
    return bool(db.scalar(select(held)))


def list_places(db: Session, sha256: str) -> Sequence[BlobHold]:
    """Return one hold for each unit and model that holds the blob; what concerns it is told there."""
    holds = db.scalars(select(BlobHold).where(BlobHold.sha256 == sha256).order_by(BlobHold.id))
    places: dict[tuple[str, str | None, str | None], BlobHold] = {}
    for hold in holds:
        places[hold.workspace_id, hold.unit_id, hold.model_id] = hold
    return list(places.values())


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that somebody sent, and whether anything uses it."""

    name: str
    created_at: datetime
    blob: Blob
    is_used: bool


def list_uploads(
    db: Session, actor: Actor, *, unused: bool = False, cursor: str | None = None, limit: int = 50
) -> Page[Upload]:
    """Return a page of what the actor uploaded, the newest first; maybe only what nothing uses yet."""
    other = aliased(BlobHold)
    used = exists().where(other.sha256 == BlobHold.sha256, other.holder_kind != UPLOAD)
    mine = select(BlobHold).where(
        BlobHold.workspace_id == actor.workspace_id,
        BlobHold.holder_kind == UPLOAD,
        BlobHold.holder_id == actor.id,
    )
    page = paginate(db, mine.where(~used) if unused else mine, desc(BlobHold.id), cursor=cursor, limit=limit)
    digests = {hold.sha256 for hold in page.items}
    blobs, counts = blobs_of(db, digests), count_references(db, digests)
    uploads = [Upload(hold.name, hold.created_at, blobs[hold.sha256], counts[hold.sha256] > 0) for hold in page.items]
    return Page(uploads, page.next)


class ManifestLine(Protocol):
    """A line of a manifest: a path and the digest of its bytes."""

    @property
    def path(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def size(self) -> int: ...


@dataclass(frozen=True, slots=True)
class FileRow:
    """A line of a manifest with what is known about its bytes."""

    path: str
    sha256: str
    size: int
    blob: Blob | None


def file_rows(db: Session, lines: Iterable[ManifestLine]) -> list[FileRow]:
    """Return the manifest of a thing that the caller may see, with format and verdict of each file."""
    lines = list(lines)
    blobs = blobs_of(db, {line.sha256 for line in lines})
    return [FileRow(line.path, line.sha256, line.size, blobs.get(line.sha256)) for line in lines]


def list_removing(db: Session, limit: int) -> Sequence[Blob]:
    """Return blobs that are being removed, the longest waiting first."""
    marked = select(Blob).where(Blob.removing_at.is_not(None)).order_by(Blob.removing_at, Blob.sha256)
    return db.scalars(marked.limit(limit)).all()
