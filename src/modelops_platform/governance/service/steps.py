"""Taking a step once, however many processes try."""

from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.db import add_unless_taken

from ..tables import StepTaken


def take_once(db: Session, subject_id: str, step: str) -> bool:
    """Take a step about a thing, and say whether it was not taken before."""
    return add_unless_taken(db, StepTaken, {"subject_id": subject_id, "step": step, "at": clock.now()})
