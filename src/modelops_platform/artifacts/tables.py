"""Stored files: their bytes by digest, what a scan said about them, and who holds them."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from modelops_platform.core.db import Base, InWorkspace, utc_now
from modelops_platform.core.ids import new_id

from .domain import Verdict

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
    format: Mapped[str | None] = mapped_column(String(20))
    verdict: Mapped[str] = mapped_column(String(10), default=Verdict.UNKNOWN.value, index=True)
    reasons: Mapped[list[Any]] = mapped_column(default=lambda: [NOT_SCANNED])
    globals: Mapped[list[Any]] = mapped_column(default=list)
    scanned_at: Mapped[datetime | None]
    created_by: Mapped[str] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    damaged_at: Mapped[datetime | None]
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
