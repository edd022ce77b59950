"""What only time does: overrides expire, assessments fall due. Both hold already; here the log and the lists hear."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from modelops_platform.core import clock
from modelops_platform.core.actor import system_actor
from modelops_platform.core.portions import portion
from modelops_platform.events import service as events
from modelops_platform.registry.tables import Model, ModelSummary

from .. import queries
from ..tables import RiskAssessment
from .overrides import tell_expired
from .risk import due_of

AT_ONCE = 500
OF_AGE = "It is as old as it may become."


def pass_time(db: Session, workspace_id: str, due: Sequence[str] | None = None) -> dict[str, int]:
    """Tell what has expired or fallen due; safe to run twice.

    Args:
        due: The assessments that are due by their age, when they have been looked for.
    """
    due = find_due(db, workspace_id) if due is None else due
    return {"expired": tell_expired(db, workspace_id), "due": tell_due(db, due)}


def find_due(db: Session, workspace_id: str) -> list[str]:
    """Return the assessments that are due by their age, of which nobody has been told."""
    rows = db.execute(
        select(RiskAssessment, Model)
        .join(Model, Model.id == RiskAssessment.model_id)
        .join(ModelSummary, ModelSummary.model_id == Model.id)
        .where(
            RiskAssessment.workspace_id == workspace_id,
            RiskAssessment.to_at.is_(None),
            RiskAssessment.due_told == "",
            Model.archived_at.is_(None),
            ModelSummary.next_review <= clock.now().date(),
        )
        .order_by(RiskAssessment.id)
        .limit(AT_ONCE)
    ).all()
    return [assessment.id for assessment, model in rows if _is_due(db, assessment, model)]


def _is_due(db: Session, assessment: RiskAssessment, model: Model) -> bool:
    """Say whether it is the assessment that is due, and not the model's review."""
    tier, _is_model = queries.find_tier_in_force(db, model)
    due = due_of(db, model, assessment, tier) if tier is not None else None
    return due is not None and due <= clock.now().date()


def tell_due(db: Session, due: Sequence[str]) -> int:
    """Tell, once for each, which assessments are due by their age."""
    told = 0
    for assessment_id in portion(due):
        found = db.execute(
            select(RiskAssessment, Model)
            .join(Model, Model.id == RiskAssessment.model_id)
            .where(RiskAssessment.id == assessment_id, RiskAssessment.to_at.is_(None), RiskAssessment.due_told == "")
            .with_for_update(of=RiskAssessment)
        ).one_or_none()
        if found is None or not _is_due(db, *found):
            continue  # somebody has answered meanwhile
        assessment, model = found
        set_committed_value(assessment, "model", model)
        told += 1
        assessment.due_told = OF_AGE
        actor = system_actor(model.workspace_id)
        events.record(db, actor, "risk.due", assessment, tier=assessment.tier, because=assessment.due_told)
    return told
