"""Delegations: who votes in whose place, from one moment to another."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from modelops_platform.core.db import Base, Id, InWorkspace, utc_now
from modelops_platform.identity.tables import User


class Delegation(InWorkspace, Base):
    """Somebody lets somebody else vote in their place; taking it back moves its end to now."""

    __tablename__ = "delegations"
    __table_args__ = (
        CheckConstraint("to_at >= from_at", name="ends_after_it_begins"),
        CheckConstraint("holder_id <> delegate_id", name="is_to_somebody_else"),
        Index(None, "delegate_id", "to_at"),
        Index(None, "holder_id", "to_at"),
    )
    object_kind: ClassVar[str] = "delegation"

    id: Mapped[Id]
    holder_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    delegate_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    reason: Mapped[str] = mapped_column(Text)
    from_at: Mapped[datetime]
    to_at: Mapped[datetime]
    made_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_by: Mapped[str | None] = mapped_column(String(36))

    holder: Mapped[User] = relationship(lazy="raise", foreign_keys=holder_id)
    delegate: Mapped[User] = relationship(lazy="raise", foreign_keys=delegate_id)

    @property
    def name(self) -> str:
        """The delegation in words."""
        return f"votes from {self.from_at:%Y-%m-%d} to {self.to_at:%Y-%m-%d}"

    @property
    def unit_id(self) -> str | None:
        """It belongs to its holder's home."""
        return self.holder.unit_id
