"""Documents, attestations, reviews and signatures that people added, and the keys whose signatures count."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Date, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from modelops_platform.core.db import Base, Id, InWorkspace, unique_while, utc_now
from modelops_platform.registry.tables import Version

from .about import AboutModel


class EvidenceRecord(AboutModel, Base):
    """One piece of evidence about a model or a version. It is never edited; withdrawing it ends its time."""

    __tablename__ = "evidence"
    __table_args__ = (Index(None, "model_id", "at"), Index(None, "version_id"), Index(None, "expires_at"))
    object_kind: ClassVar[str] = "evidence"

    version_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("versions.id"))  # None: the whole model
    kind: Mapped[str] = mapped_column(String(20))
    word: Mapped[str] = mapped_column(String(100))
    title: Mapped[str] = mapped_column(String(250))
    text: Mapped[str] = mapped_column(Text, default="")
    added_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    roles: Mapped[list[Any]]
    source: Mapped[str] = mapped_column(String(10))
    file_sha256: Mapped[str | None] = mapped_column(String(64))
    link: Mapped[str | None] = mapped_column(Text)
    digest: Mapped[str | None] = mapped_column(String(64))
    covers: Mapped[str | None] = mapped_column(String(64))
    outcome: Mapped[str | None] = mapped_column(String(20))
    next_due: Mapped[date | None] = mapped_column(Date)
    signed_text: Mapped[str | None] = mapped_column(Text)
    key_id: Mapped[str | None] = mapped_column(String(16))
    signature: Mapped[str | None] = mapped_column(String(128))
    trusted_key_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("trusted_keys.id"))
    at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None] = mapped_column(String(36))
    withdrawn_reason: Mapped[str] = mapped_column(Text, default="")

    version: Mapped[Version | None] = relationship(lazy="raise")
    trusted_key: Mapped["TrustedKey | None"] = relationship(lazy="raise")

    @property
    def name(self) -> str:
        """The piece in words, inside its model."""
        return self.title


class TrustedKey(InWorkspace, Base):
    """An Ed25519 key whose signatures of versions count, from one moment to another."""

    __tablename__ = "trusted_keys"
    __table_args__ = (unique_while("to_at IS NULL", "uq_trusted_keys_in_use", "workspace_id", "key_id"),)
    object_kind: ClassVar[str] = "trusted_key"
    unit_id: ClassVar[str | None] = None

    id: Mapped[Id]
    key_id: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(250))
    public_key: Mapped[str] = mapped_column(Text)
    added_by: Mapped[str] = mapped_column(String(36))
    from_at: Mapped[datetime] = mapped_column(default=utc_now)
    to_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(36))
    end_reason: Mapped[str] = mapped_column(Text, default="")
