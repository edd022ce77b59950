"""Changes in an emergency: who asked, who agreed, until when the gate lets it pass, and whether it was made good."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from modelops_platform.core.db import Base, Id, InWorkspace, unique_while, utc_now
from modelops_platform.registry.tables import Model, Version

from .frozen import freeze


class EmergencyChange(InWorkspace, Base):
    """One version for one target without what the policy demands, for some days, with the full gate afterwards."""

    __tablename__ = "emergencies"
    __table_args__ = (
        unique_while(
            "state IN ('requested', 'active')", "uq_emergencies_open", "version_id", "action", "environment_id"
        ),
        Index(None, "workspace_id", "state", "id"),
        Index(None, "model_id", "id"),
    )
    object_kind: ClassVar[str] = "emergency"

    id: Mapped[Id]
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"))
    version_id: Mapped[str] = mapped_column(String(36), ForeignKey("versions.id"))
    action: Mapped[str] = mapped_column(String(300))
    environment_id: Mapped[str] = mapped_column(String(36), default="")
    environment: Mapped[str] = mapped_column(String(250), default="")
    deployment: Mapped[str | None] = mapped_column(String(250))
    digest: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    tier: Mapped[int]
    approvers: Mapped[int]
    days: Mapped[int]
    asked_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    asked_at: Mapped[datetime] = mapped_column(default=utc_now)
    state: Mapped[str] = mapped_column(String(10), default="requested")
    from_at: Mapped[datetime | None]
    to_at: Mapped[datetime | None]  # the gate lets it pass until then; by then the full gate is to be passed
    settled_at: Mapped[datetime | None]
    applied_at: Mapped[datetime | None]
    applied: Mapped[str] = mapped_column(Text, default="")

    model: Mapped[Model] = relationship(lazy="raise")
    version: Mapped[Version] = relationship(lazy="raise")
    answers: Mapped[list["EmergencyAnswer"]] = relationship(
        lazy="raise", order_by="EmergencyAnswer.id", back_populates="emergency"
    )

    @property
    def name(self) -> str:
        """The change in words, inside its model."""
        return f"{self.version.name} to {self.environment or self.action}"

    @property
    def unit_id(self) -> str:
        """It is governed where its model is."""
        return self.model.unit_id


class EmergencyAnswer(Base):
    """One person's word on an emergency change, with the roles of that moment."""

    __tablename__ = "emergency_answers"
    __table_args__ = (UniqueConstraint("emergency_id", "person_id"),)
    object_kind: ClassVar[str] = "emergency_answer"

    id: Mapped[Id]
    emergency_id: Mapped[str] = mapped_column(String(36), ForeignKey("emergencies.id"))
    person_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    roles: Mapped[list[Any]]
    is_agreed: Mapped[bool]
    sentence: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(default=utc_now)

    emergency: Mapped[EmergencyChange] = relationship(lazy="raise", back_populates="answers")


freeze(EmergencyAnswer)
