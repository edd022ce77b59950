"""What was done once, and must not be done again: reminders, escalations, notices."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from modelops_platform.core.db import Base, utc_now


class StepTaken(Base):
    """A step about one thing that was taken; whoever inserts it takes it."""

    __tablename__ = "steps_taken"

    subject_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    step: Mapped[str] = mapped_column(String(80), primary_key=True)
    at: Mapped[datetime] = mapped_column(default=utc_now)
