"""What the inventory shows about a model's risk: the tier that counts, and when it is asked about anew."""

from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.registry.tables import Model

from .. import queries
from ..domain.checks.risk import TierAssessed
from ..domain.facts import Kind
from ..domain.policies import ALWAYS_GUARDED, Policy, Question, select_policy
from ..domain.questionnaire import Tier
from ..domain.review import due_on, reopened_by
from ..tables import RiskAssessment
from .states import refresh_state


def refresh_risk(db: Session, model: Model) -> None:
    """Write into the summary which tier counts, and when it is due; a mere proposal is told on its page."""
    db.flush()
    tier, is_model = queries.find_tier_in_force(db, model)
    found = queries.find_assessment(db, model.id)
    review = queries.find_review_due(db, model.id)
    if tier is None or found is None or is_model is False:
        shown = None if tier is None else int(tier)
        refresh_state(db, model, tier=shown, impact=None, likelihood=None, next_review=review)
    else:
        refresh_state(
            db,
            model,
            tier=int(tier),
            impact=found.result["impact"]["cell"],
            likelihood=found.result["likelihood"]["cell"],
            next_review=_earliest(review, due_of(db, model, found, tier)),
        )


def _earliest(*days: date | None) -> date | None:
    """Return the first of the days that are known."""
    return min((day for day in days if day is not None), default=None)


def due_of(db: Session, model: Model, assessment: RiskAssessment, tier: Tier) -> date | None:
    """Return when the answers are asked for anew: at once after an edit of what they rest on, else by their age."""
    if reopened_by(assessment.record, queries.remember(model)):
        return clock.now().date()
    policies = queries.policies_in_force(db, model.workspace_id)
    by_policy = next_review(policies, Kind(model.kind), tier, assessment.from_at)
    by_age = due_on(assessment.from_at, assessment.result.get("reassess_after_days", 365))
    return min(day for day in (by_policy, by_age, date.max) if day is not None)


def next_review(policies: list[Policy], kind: Kind, tier: Tier, assessed_at: datetime) -> date | None:
    """Return the day after which the strictest check of the policies no longer counts the assessment."""
    ages = []
    for action in ALWAYS_GUARDED:
        policy = select_policy(policies, Question(tier, kind, None, action))
        checks = [requirement.check for requirement in policy.requirements] if policy else []
        ages += [check.max_age_days for check in checks if isinstance(check, TierAssessed) and check.max_age_days]
    return (assessed_at + timedelta(days=min(ages))).date() if ages else None
