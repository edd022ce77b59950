"""What only time does: overrides expire, assessments fall due. Both hold already; here the log and the lists hear."""

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from modelops_platform.core import clock
from modelops_platform.core.actor import system_actor
from modelops_platform.events import service as events
from modelops_platform.registry.tables import Model, ModelSummary

from .. import queries
from ..tables import RiskAssessment
from .overrides import tell_expired
from .risk import due_of

AT_ONCE = 500
OF_AGE = "It is as old as it may become."


def pass_time(db: Session, workspace_id: str) -> dict[str, int]:
    """Tell what has expired or fallen due; safe to run twice."""
    return {"expired": tell_expired(db, workspace_id), "due": tell_due(db, workspace_id)}


def tell_due(db: Session, workspace_id: str) -> int:
    """Tell, once for each, which assessments are due by their age."""
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
    told = 0
    for assessment, model in rows:
        set_committed_value(assessment, "model", model)
        tier, _is_model = queries.find_tier_in_force(db, model)
        due = due_of(db, model, assessment, tier) if tier is not None else None
        if due is None or due > clock.now().date():
            continue  # what is due is the model's review
        told += 1
        assessment.due_told = OF_AGE
        events.record(
            db, system_actor(workspace_id), "risk.due", assessment, tier=assessment.tier, because=assessment.due_told
        )
    return told
