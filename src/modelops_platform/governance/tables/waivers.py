"""Waivers: a requirement or a finding set aside, by whom, why, and until when."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from modelops_platform.core import clock
from modelops_platform.core.db import Base, utc_now
from modelops_platform.registry.tables import Version

from ..domain.exceptions import WaiverState, waiver_state
from .about import AboutModel, Answer
from .findings import Finding
from .frozen import freeze


class Waiver(AboutModel, Base):
    """Leave to go on without something, in a scope, from one moment to another.

    It ends by itself at `to_at`; revoking it moves that moment to now. What it was asked for never changes.
    """

    __tablename__ = "waivers"
    __table_args__ = (
        CheckConstraint("(requirement_id IS NULL) <> (finding_id IS NULL)", name="sets_one_thing_aside"),
        CheckConstraint("to_at IS NULL OR from_at IS NULL OR to_at >= from_at", name="ends_after_it_begins"),
        Index(None, "workspace_id", "state", "to_at"),
        Index(None, "model_id", "state"),
        Index(None, "finding_id"),
    )
    object_kind: ClassVar[str] = "waiver"

    version_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("versions.id"))  # None: every version
    environment_id: Mapped[str] = mapped_column(String(36), default="")  # "": every environment
    environment: Mapped[str] = mapped_column(String(250), default="")
    requirement_id: Mapped[str | None] = mapped_column(String(100))
    finding_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("findings.id"))
    reason: Mapped[str] = mapped_column(Text)
    control: Mapped[str] = mapped_column(Text)
    seats: Mapped[list[Any]]
    tier: Mapped[int]
    wanted_until: Mapped[datetime]
    asked_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    asked_at: Mapped[datetime] = mapped_column(default=utc_now)
    renews_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("waivers.id"))
    renewals: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(10), default="requested")
    from_at: Mapped[datetime | None]
    to_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(36))
    end_reason: Mapped[str] = mapped_column(Text, default="")

    version: Mapped[Version | None] = relationship(lazy="raise")
    finding: Mapped[Finding | None] = relationship(lazy="raise")
    answers: Mapped[list["WaiverAnswer"]] = relationship(
        lazy="raise", order_by="WaiverAnswer.id", back_populates="waiver"
    )

    @property
    def name(self) -> str:
        """The waiver in words, inside its model."""
        return f"waiver of {self.requirement_id or 'a finding'}"

    @property
    def state_now(self) -> WaiverState:
        """How it stands now: what was approved is active until it expires."""
        return waiver_state(WaiverState(self.state), self.from_at, self.to_at, clock.now())


class WaiverAnswer(Answer, Base):
    """One person's word on a waiver, with the roles of that moment."""

    __tablename__ = "waiver_answers"
    __table_args__ = (UniqueConstraint("waiver_id", "person_id"),)
    object_kind: ClassVar[str] = "waiver_answer"

    waiver_id: Mapped[str] = mapped_column(String(36), ForeignKey("waivers.id"))

    waiver: Mapped[Waiver] = relationship(lazy="raise", back_populates="answers")


freeze(WaiverAnswer)
