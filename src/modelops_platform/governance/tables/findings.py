"""Findings, how each stood from one moment to another, and requests to move a due date."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import Date, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from modelops_platform.core.db import Base, Id, unique_while, utc_now
from modelops_platform.registry.tables import Version

from .about import AboutModel


class Finding(AboutModel, Base):
    """A weakness of a model or of one version: how bad, whose, by when, and how it ended.

    `state`, `severity` and `due` are what the open interval says, kept here for lists.
    """

    __tablename__ = "findings"
    __table_args__ = (
        Index(None, "workspace_id", "state", "id"),
        Index(None, "model_id", "state"),
        Index(None, "owner_id", "state"),
    )
    object_kind: ClassVar[str] = "finding"

    version_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("versions.id"))
    validation_id: Mapped[str | None] = mapped_column(String(36), index=True)
    emergency_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("emergencies.id"))
    title: Mapped[str] = mapped_column(String(250))
    description: Mapped[str] = mapped_column(Text)
    recommendation: Mapped[str] = mapped_column(Text, default="")
    source: Mapped[str] = mapped_column(String(20))
    category: Mapped[str] = mapped_column(String(20))
    likelihood: Mapped[str] = mapped_column(String(10))
    function: Mapped[str] = mapped_column(String(20))
    owner_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    raised_by: Mapped[str] = mapped_column(String(36))
    raised_at: Mapped[datetime] = mapped_column(default=utc_now)
    state: Mapped[str] = mapped_column(String(20))
    severity: Mapped[str] = mapped_column(String(10))
    due: Mapped[date] = mapped_column(Date)
    due_moves: Mapped[int] = mapped_column(default=0)
    remedied_by: Mapped[str | None] = mapped_column(String(36))
    remedy: Mapped[str] = mapped_column(Text, default="")
    closed_by: Mapped[str | None] = mapped_column(String(36))
    closed_at: Mapped[datetime | None]
    closing_evidence: Mapped[str] = mapped_column(Text, default="")

    version: Mapped[Version | None] = relationship(lazy="raise")
    intervals: Mapped[list["FindingInterval"]] = relationship(
        lazy="raise", order_by="FindingInterval.from_at, FindingInterval.id", back_populates="finding"
    )
    moves: Mapped[list["DueMove"]] = relationship(lazy="raise", order_by="DueMove.id", back_populates="finding")

    @property
    def name(self) -> str:
        """The finding in words, inside its model."""
        return self.title


class FindingInterval(Base):
    """How a finding stood from one moment to another, by whose word and why; the open one holds now."""

    __tablename__ = "finding_intervals"
    __table_args__ = (
        unique_while("to_at IS NULL", "uq_finding_intervals_open", "finding_id"),
        Index(None, "finding_id", "from_at"),
    )

    id: Mapped[Id]
    finding_id: Mapped[str] = mapped_column(String(36), ForeignKey("findings.id"))
    state: Mapped[str] = mapped_column(String(20))
    severity: Mapped[str] = mapped_column(String(10))
    due: Mapped[date] = mapped_column(Date)
    waiver_id: Mapped[str | None] = mapped_column(String(36))  # by which the risk is accepted, as long as it lasts
    reason: Mapped[str] = mapped_column(Text, default="")
    set_by: Mapped[str] = mapped_column(String(36))
    from_at: Mapped[datetime] = mapped_column(default=utc_now)
    to_at: Mapped[datetime | None]

    finding: Mapped[Finding] = relationship(lazy="raise", back_populates="intervals")


class DueMove(Base):
    """Somebody asks for another due date, and somebody else decides."""

    __tablename__ = "finding_due_moves"
    __table_args__ = (unique_while("decided_at IS NULL", "uq_finding_due_moves_open", "finding_id"),)

    id: Mapped[Id]
    finding_id: Mapped[str] = mapped_column(String(36), ForeignKey("findings.id"), index=True)
    before: Mapped[date] = mapped_column(Date)
    wanted: Mapped[date] = mapped_column(Date)
    reason: Mapped[str] = mapped_column(Text)
    asked_by: Mapped[str] = mapped_column(String(36))
    asked_at: Mapped[datetime] = mapped_column(default=utc_now)
    is_agreed: Mapped[bool | None]
    decided_by: Mapped[str | None] = mapped_column(String(36))
    decided_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(Text, default="")

    finding: Mapped[Finding] = relationship(lazy="raise", back_populates="moves")
