"""Validations of versions: who was asked to judge, what they wrote, and what they signed."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Date, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from modelops_platform.core.db import Base, Id, InWorkspace, unique_while, utc_now
from modelops_platform.registry.tables import Version

from .about import AboutModel
from .cards import CardEntry
from .frozen import freeze


class Validation(AboutModel, Base):
    """One validation of one version, from the day it is assigned to the day it is signed or called off."""

    __tablename__ = "validations"
    __table_args__ = (
        unique_while("state IN ('assigned', 'in_progress')", "uq_validations_open", "version_id"),
        Index(None, "model_id", "id"),
        Index(None, "validator_id", "state"),
    )
    object_kind: ClassVar[str] = "validation"

    version_id: Mapped[str] = mapped_column(String(36), ForeignKey("versions.id"))
    scope: Mapped[str] = mapped_column(String(20))
    validator_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    note: Mapped[str] = mapped_column(Text, default="")
    due: Mapped[date] = mapped_column(Date)
    state: Mapped[str] = mapped_column(String(20), default="assigned")
    reopens_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("validations.id"))
    """The signed validation that a change made void, where this one takes its place."""
    assigned_by: Mapped[str] = mapped_column(String(36))
    assigned_at: Mapped[datetime] = mapped_column(default=utc_now)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    version: Mapped[Version] = relationship(lazy="raise")
    card: Mapped[list[CardEntry]] = relationship(
        primaryjoin="and_(foreign(CardEntry.model_id) == Validation.model_id, CardEntry.to_at.is_(None))",
        viewonly=True,
        lazy="selectin",
    )
    """What stands in the card of the model now: it is covered, too."""
    entries: Mapped[list["ValidationEntry"]] = relationship(lazy="raise", order_by="ValidationEntry.id")
    signature: Mapped["ValidationSignature | None"] = relationship(lazy="raise", back_populates="validation")

    @property
    def name(self) -> str:
        """The validation in words, inside its model."""
        return f"{self.scope.replace('_', ' ')} validation of {self.version.name}"


class ValidationEntry(InWorkspace, Base):
    """What the validator wrote into one part of the report; the last entry of a part counts."""

    __tablename__ = "validation_entries"
    object_kind: ClassVar[str] = "validation_entry"

    id: Mapped[Id]
    validation_id: Mapped[str] = mapped_column(String(36), ForeignKey("validations.id"), index=True)
    part: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(Text)
    written_by: Mapped[str] = mapped_column(String(36))
    at: Mapped[datetime] = mapped_column(default=utc_now)


class ValidationSignature(InWorkspace, Base):
    """The word of the validator: an opinion about these bytes and words, with the report exactly as it was signed."""

    __tablename__ = "validation_signatures"
    __table_args__ = (Index(None, "version_id", "at"),)
    object_kind: ClassVar[str] = "validation_signature"

    id: Mapped[Id]
    validation_id: Mapped[str] = mapped_column(String(36), ForeignKey("validations.id"), unique=True)
    version_id: Mapped[str] = mapped_column(String(36), ForeignKey("versions.id"))
    scope: Mapped[str] = mapped_column(String(20))
    validator_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    opinion: Mapped[str] = mapped_column(String(30))
    sentence: Mapped[str] = mapped_column(Text)
    statement: Mapped[str] = mapped_column(Text)
    digest: Mapped[str | None] = mapped_column(String(64))
    covers: Mapped[str] = mapped_column(String(64))
    report: Mapped[dict[str, Any]]
    sha256: Mapped[str] = mapped_column(String(64))
    """Of the report as text: the JSON that this row keeps."""
    at: Mapped[datetime] = mapped_column(default=utc_now)

    validation: Mapped[Validation] = relationship(lazy="raise", back_populates="signature")


freeze(ValidationEntry)
freeze(ValidationSignature)
