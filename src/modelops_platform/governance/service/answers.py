"""Keeping one person's word on what was asked for."""

from sqlalchemy.orm import Session

from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import AlreadyExists

from ..tables import EmergencyAnswer, WaiverAnswer


def add_answer(db: Session, said: WaiverAnswer | EmergencyAnswer) -> None:
    """Keep somebody's word. Raises AlreadyExists when they have said something before."""
    taken = AlreadyExists(
        "You have said something about this already.", remedy="Nothing needs to be done.", field="agree"
    )
    with conflicts_as(db, taken):
        db.add(said)
