"""What people wrote into the card of a model."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from modelops_platform.core.db import Base, Id, unique_while, utc_now


class CardEntry(Base):
    """One field of a model's card as somebody wrote it, from one moment to another."""

    __tablename__ = "card_entries"
    __table_args__ = (
        unique_while("to_at IS NULL", "uq_card_entries_in_force", "model_id", "field"),
        Index(None, "model_id", "from_at"),
    )

    id: Mapped[Id]
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"))
    field: Mapped[str] = mapped_column(String(60))
    text: Mapped[str] = mapped_column(Text)
    written_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    from_at: Mapped[datetime] = mapped_column(default=utc_now)
    to_at: Mapped[datetime | None]
