"""Changes in an emergency: who asked, who agreed, until when the gate lets it pass, and whether it was made good."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from modelops_platform.core.db import Base, unique_while

from .about import Answer, AskedChange
from .frozen import freeze


class EmergencyChange(AskedChange, Base):
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

    reason: Mapped[str] = mapped_column(Text)
    tier: Mapped[int]
    approvers: Mapped[int]
    days: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), default="requested")
    from_at: Mapped[datetime | None]
    to_at: Mapped[datetime | None]  # the gate lets it pass until then; by then the full gate is to be passed
    settled_at: Mapped[datetime | None]

    answers: Mapped[list["EmergencyAnswer"]] = relationship(
        lazy="raise", order_by="EmergencyAnswer.id", back_populates="emergency"
    )


class EmergencyAnswer(Answer, Base):
    """One person's word on an emergency change, with the roles of that moment."""

    __tablename__ = "emergency_answers"
    __table_args__ = (UniqueConstraint("emergency_id", "person_id"),)
    object_kind: ClassVar[str] = "emergency_answer"

    emergency_id: Mapped[str] = mapped_column(String(36), ForeignKey("emergencies.id"))

    emergency: Mapped[EmergencyChange] = relationship(lazy="raise", back_populates="answers")


freeze(EmergencyAnswer)
