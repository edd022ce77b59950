"""Assessments of risk: answers, what they scored, and from when to when they were in force."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from modelops_platform.core.db import Base, Json, unique_while, utc_now

from .about import AboutModel


class RiskAssessment(AboutModel, Base):
    """The answers to the questionnaire for one model, what they scored, and how long that was in force."""

    __tablename__ = "risk_assessments"
    __table_args__ = (
        unique_while("to_at IS NULL", "uq_risk_assessments_in_force", "model_id"),
        Index(None, "model_id", "from_at"),
    )
    object_kind: ClassVar[str] = "risk_assessment"

    questionnaire_id: Mapped[str] = mapped_column(String(100))
    questionnaire_version: Mapped[int]
    answers: Mapped[dict[str, Any]]
    facts: Mapped[dict[str, Any]]
    # What the model's record said then: an edit of it re-opens the assessment. None: made before records were kept.
    record: Mapped[dict[str, Any] | None] = mapped_column(Json)
    cause: Mapped[str] = mapped_column(String(20), default="answers")  # or `edit`: the tier rose by itself
    result: Mapped[dict[str, Any]]
    tier: Mapped[int]
    total: Mapped[str] = mapped_column(String(60))
    reason: Mapped[str] = mapped_column(Text, default="")
    assessed_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    # Who, independent of the model, made or confirmed it; nobody yet: a tier below 1 is only proposed.
    reviewed_by: Mapped[str | None] = mapped_column(String(36))
    reviewed_at: Mapped[datetime | None]
    from_at: Mapped[datetime] = mapped_column(default=utc_now)
    to_at: Mapped[datetime | None]
    due_told: Mapped[str] = mapped_column(Text, default="")  # why it is due again, as far as the log has been told

    @property
    def name(self) -> str:
        """The assessment in words, inside its model."""
        return f"tier {self.tier}"
