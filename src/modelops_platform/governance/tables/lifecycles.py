"""Where models and versions stand in their life cycles, and how they got there."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from modelops_platform.core.db import Base, Id, InWorkspace, unique_while, utc_now


class LifeCycleCase(InWorkspace, Base):
    """A model, or one version of it, on its way: under the version of the life cycle that it began with.

    `moves` counts its moves, so that of two at once one wins and the other is told.
    """

    __tablename__ = "life_cycle_cases"
    __table_args__ = (
        unique_while("ended_at IS NULL", "uq_life_cycle_cases_open", "subject_id"),
        Index(None, "model_id"),
    )
    object_kind: ClassVar[str] = "life_cycle_case"

    id: Mapped[Id]
    about: Mapped[str] = mapped_column(String(10))
    subject_id: Mapped[str] = mapped_column(String(36))  # the id of the model or of the version
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"))
    life_cycle_id: Mapped[str] = mapped_column(String(36), ForeignKey("life_cycle_versions.id"))
    moves: Mapped[int] = mapped_column(default=0)
    began_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None]  # it goes on under the life cycle of another tier


class LifeCycleStay(Base):
    """A state of a case from one moment to another: who or what led to it, and the decision that allowed it."""

    __tablename__ = "life_cycle_stays"
    __table_args__ = (
        unique_while("to_at IS NULL", "uq_life_cycle_stays_open", "case_id"),
        Index(None, "subject_id", "from_at"),
    )

    id: Mapped[Id]
    case_id: Mapped[str] = mapped_column(String(36), ForeignKey("life_cycle_cases.id"))
    subject_id: Mapped[str] = mapped_column(String(36))
    state: Mapped[str] = mapped_column(String(100))
    is_barred: Mapped[bool]  # as the life cycle says of this state: nothing new may go live
    transition: Mapped[str | None] = mapped_column(String(100))
    reason: Mapped[str] = mapped_column(Text, default="")
    entered_by: Mapped[str] = mapped_column(String(36))
    decision_id: Mapped[str | None] = mapped_column(String(36))
    from_at: Mapped[datetime] = mapped_column(default=utc_now)
    to_at: Mapped[datetime | None]
