"""Reads of risk assessments."""

from collections.abc import Sequence

from sqlalchemy import desc, select
from sqlalchemy.orm import Session

from modelops_platform.core.cursors import Page, paginate
from modelops_platform.registry.tables import Model

from ..tables import RiskAssessment


def find_assessment(db: Session, model_id: str, *, lock: bool = False) -> RiskAssessment | None:
    """Return the assessment in force, if anybody has assessed the model; locked, others who assess it wait."""
    statement = select(RiskAssessment).where(RiskAssessment.model_id == model_id, RiskAssessment.to_at.is_(None))
    return db.scalars(statement.with_for_update() if lock else statement).one_or_none()


def assessment_history(db: Session, model_id: str) -> Sequence[RiskAssessment]:
    """Return every assessment of the model, the newest first. The caller has made sure that it may be seen."""
    return page_assessments(db, model_id, limit=200).items


def page_assessments(
    db: Session, model: Model | str, *, cursor: str | None = None, limit: int = 50
) -> Page[RiskAssessment]:
    """Return a page of a model's assessments, the newest first. The caller has made sure that it may be seen."""
    model_id = model if isinstance(model, str) else model.id
    statement = select(RiskAssessment).where(RiskAssessment.model_id == model_id)
    return paginate(db, statement, desc(RiskAssessment.from_at), desc(RiskAssessment.id), cursor=cursor, limit=limit)
