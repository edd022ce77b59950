"""Stored files: their bytes by digest, what a scan said about them, who holds them, and files on their way in."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from modelops_platform.core.db import Base, Id, InWorkspace, utc_now
from modelops_platform.core.ids import new_id

from .domain import Kept, Verdict

NOT_SCANNED = "It has not been scanned yet."


class Blob(Base):
    """The bytes of a file, named by their SHA-256; equal files are one blob.

    It stands in no workspace: those who hold it do (`BlobHold`), and only through them it is seen.
    """

    __tablename__ = "blobs"
    object_kind: ClassVar[str] = "file"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(36), unique=True, default=new_id)
    size: Mapped[int] = mapped_column(BigInteger)
    block_size: Mapped[int]
    block_digests: Mapped[bytes] = mapped_column(LargeBinary, deferred=True, deferred_raiseload=True)
    block_key: Mapped[bytes | None] = mapped_column(LargeBinary(16), deferred=True, deferred_raiseload=True)
    format: Mapped[str | None] = mapped_column(String(20))
    verdict: Mapped[str] = mapped_column(String(10), default=Verdict.UNKNOWN.value, index=True)
    reasons: Mapped[list[Any]] = mapped_column(default=lambda: [NOT_SCANNED])
    globals: Mapped[list[Any]] = mapped_column(default=list)
    scanned_at: Mapped[datetime | None]
    created_by: Mapped[str] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    damaged_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None] = mapped_column(index=True)  # when all bytes were last compared with the digest
    removing_at: Mapped[datetime | None] = mapped_column(index=True)

    @property
    def name(self) -> str:
        """What a file is called that has no other name."""
        return f"sha256:{self.sha256[:12]}"


class BlobHold(InWorkspace, Base):
    """Somebody or something that keeps a blob: an upload (its uploader), a version, a data set.

    Holds are the references that keep a blob from being removed, and the rights by which it is seen.
    """

    __tablename__ = "blob_holds"
    __table_args__ = (
        UniqueConstraint("sha256", "holder_kind", "holder_id"),
        Index(None, "holder_kind", "holder_id"),
        Index(None, "model_id"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    sha256: Mapped[str] = mapped_column(String(64), ForeignKey("blobs.sha256"))
    holder_kind: Mapped[str] = mapped_column(String(20))
    holder_id: Mapped[str] = mapped_column(String(36))
    unit_id: Mapped[str | None] = mapped_column(String(36), index=True)
    model_id: Mapped[str | None] = mapped_column(String(36))
    name: Mapped[str] = mapped_column(String(1024))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class PartialUpload(InWorkspace, Base):
    """A file that is sent in parts: how much has arrived for good, and what it became when it was whole."""

    __tablename__ = "uploads"
    object_kind: ClassVar[str] = "upload"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(1024))
    size: Mapped[int] = mapped_column(BigInteger)
    received: Mapped[int] = mapped_column(BigInteger, default=0)
    expected: Mapped[str | None] = mapped_column(String(64))
    """The SHA-256 that the sender says the file has."""
    sha256: Mapped[str | None] = mapped_column(String(64))
    """The blob that it became."""
    unit_id: Mapped[str | None] = mapped_column(String(36))
    created_by: Mapped[str] = mapped_column(String(36), index=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime] = mapped_column(index=True)

    @property
    def is_whole(self) -> bool:
        """Say whether all bytes have arrived."""
        return self.received == self.size


class UploadPart(Base):
    """One stretch of a file on its way in, stored under a key of its own."""

    __tablename__ = "upload_parts"

    upload_id: Mapped[str] = mapped_column(String(36), ForeignKey("uploads.id", ondelete="CASCADE"), primary_key=True)
    start: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    length: Mapped[int] = mapped_column(BigInteger)
    key: Mapped[str] = mapped_column(String(100))


class DirectUpload(InWorkspace, Base):
    """A file whose parts a client puts into the bucket itself; it counts when they have been read and checked here."""

    __tablename__ = "direct_uploads"

    id: Mapped[Id]
    path: Mapped[str] = mapped_column(String(1024))
    parts: Mapped[int]
    created_by: Mapped[str] = mapped_column(String(36), index=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Preview(Base):
    """What a file is shown as, made once for its digest."""

    __tablename__ = "previews"

    sha256: Mapped[str] = mapped_column(String(64), ForeignKey("blobs.sha256", ondelete="CASCADE"), primary_key=True)
    form: Mapped[str] = mapped_column(String(20), primary_key=True)
    content: Mapped[dict[str, Any]]
    picture: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True, deferred_raiseload=True)
    made_by: Mapped[int]
    """The edition of the makers; what an older one made is made anew."""
    made_at: Mapped[datetime] = mapped_column(default=utc_now)


class RetentionRule(InWorkspace, Base):
    """How long something is kept that nothing uses any more."""

    __tablename__ = "retention_rules"
    object_kind: ClassVar[str] = "retention_rule"

    id: Mapped[Id]
    what: Mapped[str] = mapped_column(String(30))
    unit_id: Mapped[str | None] = mapped_column(String(36))
    """The unit it is for; without one it is for all that have none of their own."""
    days: Mapped[int]
    created_by: Mapped[str] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None]

    @property
    def name(self) -> str:
        """The rule in words."""
        return f"{Kept(self.what).words} {self.days} days"
