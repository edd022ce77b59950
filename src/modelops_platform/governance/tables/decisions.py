"""Answers of the gate, each as it was given."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from modelops_platform.core.db import Base, Id, InWorkspace
from modelops_platform.registry.tables import Model, Version

from .frozen import freeze


class DecisionRecord(InWorkspace, Base):
    """An answer of the gate as it was given, with everything it rested on."""

    __tablename__ = "decisions"
    __table_args__ = (Index(None, "version_id", "id"), Index(None, "model_id", "id"))
    object_kind: ClassVar[str] = "decision"

    id: Mapped[Id]
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"))
    version_id: Mapped[str] = mapped_column(String(36), ForeignKey("versions.id"))
    action: Mapped[str] = mapped_column(String(300))
    environment_id: Mapped[str] = mapped_column(String(36), default="")
    environment: Mapped[str] = mapped_column(String(250), default="")
    outcome: Mapped[str] = mapped_column(String(10))
    is_enforced: Mapped[bool]
    policy_id: Mapped[str | None] = mapped_column(String(100))
    policy_version: Mapped[int | None]
    digest: Mapped[str | None] = mapped_column(String(64))
    facts_digest: Mapped[str | None] = mapped_column(String(64))
    tier: Mapped[int]
    decision: Mapped[dict[str, Any]]
    asked_via: Mapped[str] = mapped_column(String(20))
    asked_by: Mapped[str] = mapped_column(String(36))
    asked_at: Mapped[datetime]

    model: Mapped[Model] = relationship(lazy="raise")
    version: Mapped[Version] = relationship(lazy="raise")


freeze(DecisionRecord)
