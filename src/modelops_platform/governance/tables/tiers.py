"""What people decided about a model's standing: overrides of its tier, whether it is a model, its EU class."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from modelops_platform.core.db import Base, unique_while, utc_now

from .about import AboutModel


class TierOverride(AboutModel, Base):
    """Another tier than the questionnaire's: asked by one person, in force from another's word until it expires.

    Without `from_at` it is only asked; a `to_at` without `from_at` was declined or taken back.
    """

    __tablename__ = "tier_overrides"
    __table_args__ = (
        unique_while("from_at IS NULL AND to_at IS NULL", "uq_tier_overrides_asked", "model_id"),
        Index(None, "model_id", "from_at"),
        Index("ix_tier_overrides_running", "to_at"),
    )
    object_kind: ClassVar[str] = "tier_override"

    assessment_id: Mapped[str] = mapped_column(String(36), ForeignKey("risk_assessments.id"))
    computed_tier: Mapped[int]
    tier: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)
    asked_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    asked_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime]
    confirmed_by: Mapped[str | None] = mapped_column(String(36), ForeignKey("users.id"))
    from_at: Mapped[datetime | None]
    to_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(36))
    end_reason: Mapped[str] = mapped_column(Text, default="")
    end_told_at: Mapped[datetime | None]

    @property
    def name(self) -> str:
        """The override in words, inside its model."""
        return f"tier {self.tier} instead of {self.computed_tier}"


class ModelDetermination(AboutModel, Base):
    """Whether something counts as a model at all, with the reasons, from one moment to another."""

    __tablename__ = "model_determinations"
    __table_args__ = (
        unique_while("to_at IS NULL", "uq_model_determinations_in_force", "model_id"),
        Index(None, "model_id", "from_at"),
    )
    object_kind: ClassVar[str] = "determination"

    is_model: Mapped[bool]
    reason: Mapped[str] = mapped_column(Text)
    decided_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    # Who, independent of the model, made or confirmed it; nobody yet: "not a model" is only proposed.
    reviewed_by: Mapped[str | None] = mapped_column(String(36))
    reviewed_at: Mapped[datetime | None]
    from_at: Mapped[datetime] = mapped_column(default=utc_now)
    to_at: Mapped[datetime | None]

    @property
    def name(self) -> str:
        """The determination in words, inside its model."""
        return "a model" if self.is_model else "a tool"


class EuClassification(AboutModel, Base):
    """The class under the EU AI Act with the trail of answers that led to it, from one moment to another."""

    __tablename__ = "eu_classifications"
    __table_args__ = (
        unique_while("to_at IS NULL", "uq_eu_classifications_in_force", "model_id"),
        Index(None, "model_id", "from_at"),
    )
    object_kind: ClassVar[str] = "eu_classification"

    guide_id: Mapped[str] = mapped_column(String(100))
    guide_version: Mapped[int]
    answers: Mapped[dict[str, Any]]
    trail: Mapped[list[Any]]
    eu_class: Mapped[str] = mapped_column(String(30))
    reason: Mapped[str] = mapped_column(Text, default="")
    decided_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    from_at: Mapped[datetime] = mapped_column(default=utc_now)
    to_at: Mapped[datetime | None]

    @property
    def name(self) -> str:
        """The class in words."""
        return self.eu_class.replace("_", " ")
