"""Reads of risk assessments."""

from collections.abc import Sequence

from sqlalchemy import desc, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound
from modelops_platform.registry.tables import Model, Version

from ..domain.questionnaire import Tier
from ..domain.review import REVIEWING, counts
from ..tables import RiskAssessment
from .people import find_people


def find_assessment(db: Session, model_id: str, *, lock: bool = False) -> RiskAssessment | None:
    """Return the assessment in force, if anybody has assessed the model; locked, others who assess it wait."""
    statement = select(RiskAssessment).where(RiskAssessment.model_id == model_id, RiskAssessment.to_at.is_(None))
    return db.scalars(statement.with_for_update() if lock else statement).one_or_none()


def get_assessment(db: Session, model: Model, assessment_id: str) -> RiskAssessment:
    """Return an assessment of the model, which nobody changes meanwhile. Raises NotFound."""
    mine = select(RiskAssessment).where(RiskAssessment.id == assessment_id, RiskAssessment.model_id == model.id)
    found = db.scalars(mine.with_for_update()).one_or_none()
    if found is None:
        raise NotFound(
            f"{model.name!r} has no assessment {assessment_id[:80]!r}.",
            remedy="Look at the model's assessments.",
            field="assessment_id",
            value=assessment_id[:80],
        )
    set_committed_value(found, "model", model)
    return found


def find_involved(db: Session, model: Model) -> frozenset[str]:
    """Return who made the model or answers for it: its owner, its developers, and the authors of its versions."""
    authors = db.execute(
        select(Version.created_by, Version.developer_id).where(Version.model_id == model.id).distinct()
    ).all()
    named = (model.owner_id, model.developer_id, *(id for row in authors for id in row))
    return frozenset(id for id in named if id)


def is_in_force(model: Model, assessment: RiskAssessment | None) -> bool:
    """Say whether the model has an assessment that counts, and no mere proposal."""
    if assessment is None:
        return False
    involved = {id for id in (model.owner_id, model.developer_id) if id}
    return counts(Tier(assessment.tier), assessment.reviewed_by, involved)


def find_reviewers(db: Session, model: Model) -> list[str]:
    """Return the ids of the people who could confirm the model's tier now."""
    involved = find_involved(db, model)
    people = find_people(db, model.workspace_id, [model], (), with_holders=True)
    return [account.id for account, _roles in people.with_role(model, REVIEWING) if account.id not in involved]


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
