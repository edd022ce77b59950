"""How each model stood towards each protected environment over time, and what drafts of policies would change."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from modelops_platform.core.db import Base, Id, InWorkspace, unique_while, utc_now
from modelops_platform.registry.tables import Model, Version


class ComplianceInterval(InWorkspace, Base):
    """What the gate would have answered from one moment to another; the open one is the answer now.

    It is about the version that runs there or, where none does, about the newest one.
    """

    __tablename__ = "compliance_intervals"
    __table_args__ = (
        unique_while("to_at IS NULL", "uq_compliance_intervals_open", "model_id", "environment_id"),
        Index(None, "workspace_id", "to_at"),
        Index(None, "model_id", "from_at"),
    )

    id: Mapped[Id]
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"))
    version_id: Mapped[str] = mapped_column(String(36), ForeignKey("versions.id"))
    environment_id: Mapped[str] = mapped_column(String(36), ForeignKey("environments.id"))
    environment: Mapped[str] = mapped_column(String(250))
    is_live: Mapped[bool]
    tier: Mapped[int]
    outcome: Mapped[str] = mapped_column(String(10))
    unmet: Mapped[list[Any]] = mapped_column(default=list)
    policy_id: Mapped[str | None] = mapped_column(String(100))
    policy_version: Mapped[int | None]
    facts_digest: Mapped[str] = mapped_column(String(64))
    from_at: Mapped[datetime]
    to_at: Mapped[datetime | None]

    model: Mapped[Model] = relationship(lazy="raise")
    version: Mapped[Version] = relationship(lazy="raise")


class WhatIf(InWorkspace, Base):
    """A question about drafts of policies, and what it found: who would newly fail, who would newly pass."""

    __tablename__ = "what_ifs"
    __table_args__ = (Index(None, "workspace_id", "id"),)
    object_kind: ClassVar[str] = "what_if"
    unit_id: ClassVar[None] = None

    id: Mapped[Id]
    title: Mapped[str] = mapped_column(String(250))
    documents: Mapped[list[Any]]
    job_id: Mapped[str | None] = mapped_column(String(36))
    asked_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    asked_at: Mapped[datetime] = mapped_column(default=utc_now)
    done_at: Mapped[datetime | None]
    problem: Mapped[str | None] = mapped_column(Text)
    summary: Mapped[dict[str, Any]] = mapped_column(default=dict)

    @property
    def name(self) -> str:
        """The question in words."""
        return self.title


class WhatIfCase(Base):
    """One version towards one environment whose answer would change."""

    __tablename__ = "what_if_cases"
    __table_args__ = (Index(None, "what_if_id", "would"),)

    id: Mapped[Id]
    what_if_id: Mapped[str] = mapped_column(String(36), ForeignKey("what_ifs.id"))
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"))
    version_id: Mapped[str] = mapped_column(String(36), ForeignKey("versions.id"))
    environment: Mapped[str] = mapped_column(String(250))
    unit_id: Mapped[str] = mapped_column(String(36))
    tier: Mapped[int]
    would: Mapped[str] = mapped_column(String(10))
    unmet: Mapped[list[Any]] = mapped_column(default=list)
    policy: Mapped[str] = mapped_column(String(120))

    model: Mapped[Model] = relationship(lazy="raise")
    version: Mapped[Version] = relationship(lazy="raise")
