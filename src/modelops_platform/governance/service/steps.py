"""Taking a step once, however many processes try."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.db import add_unless_taken

from ..tables import StepTaken

_ASKED_AT_ONCE = 500


def take_once(db: Session, subject_id: str, step: str) -> bool:
    """Take a step about a thing, and say whether it was not taken before."""
    return add_unless_taken(db, StepTaken, {"subject_id": subject_id, "step": step, "at": clock.now()})


def steps_taken(db: Session, subject_ids: Collection[str]) -> set[tuple[str, str]]:
    """Return the steps that were taken about these things, each with the thing's id."""
    ids, found = sorted(subject_ids), set()
    for first in range(0, len(ids), _ASKED_AT_ONCE):
        some = StepTaken.subject_id.in_(ids[first : first + _ASKED_AT_ONCE])
        found |= {
            (subject, step) for subject, step in db.execute(select(StepTaken.subject_id, StepTaken.step).where(some))
        }
    return found
