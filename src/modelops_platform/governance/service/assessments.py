"""Assessing the risk of a model."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotAllowed, Stale
from modelops_platform.events import service as events
from modelops_platform.registry import queries as registry_queries
from modelops_platform.registry import service as registry
from modelops_platform.registry.tables import Model

from .. import queries
from ..defaults import default_questionnaire
from ..domain.facts import Kind
from ..domain.policies import ALWAYS_GUARDED, Policy, Question, TierAssessed, select_policy
from ..domain.questionnaire import Assessment, Tier, assess
from ..domain.review import why_not_review
from ..schemas import AssessmentIn
from ..tables import RiskAssessment
from .states import refresh_state


def assess_model(db: Session, actor: Actor, name: str, wanted: AssessmentIn) -> RiskAssessment:
    """Answer the questionnaire for a model; the answers in force before end now.

    A tier below 1 is a proposal until somebody independent confirms it; who is independent confirms by answering.
    Raises NotFound, NotAllowed, InvalidInput (answer or fact).
    """
    model = registry_queries.get_model(db, actor, name)
    actor.must(Permission.ASSESS_RISK, model)
    facts = _facts(model, wanted)
    result = assess(default_questionnaire(), wanted.answers, facts)
    now = clock.now()
    before = queries.find_assessment(db, model.id, lock=True)
    if before is not None:
        before.to_at = now
        db.flush()
    is_reviewed = why_not_confirm(db, actor, model) is None
    made = RiskAssessment(
        workspace_id=model.workspace_id,
        model=model,
        questionnaire_id=result.questionnaire_id,
        questionnaire_version=result.questionnaire_version,
        answers={id: score for id, score in wanted.answers.items() if score is not None},
        facts={id: value for id, value in facts.items() if value is not None},
        result=result.to_dict(),
        tier=int(result.tier),
        total=result.total_shown,
        reason=wanted.reason,
        assessed_by=actor.id,
        reviewed_by=actor.id if is_reviewed else None,
        reviewed_at=now if is_reviewed else None,
        from_at=now,
    )
    try:
        with db.begin_nested():
            db.add(made)
    except IntegrityError:
        raise Stale(
            f"Somebody else has just assessed {name!r}.", remedy="Look at their answers, then assess again."
        ) from None
    _tell(db, actor, made, result, before)
    return made


def preview(db: Session, actor: Actor, name: str, wanted: AssessmentIn) -> Assessment:
    """Score answers without keeping them. Raises NotFound, NotAllowed, InvalidInput."""
    model = registry_queries.get_model(db, actor, name)
    actor.must(Permission.ASSESS_RISK, model)
    return assess(default_questionnaire(), wanted.answers, _facts(model, wanted))


def _facts(model: Model, wanted: AssessmentIn) -> dict[str, Any]:
    """Take the class under the EU AI Act from the model's record; the two must not say different things."""
    given = wanted.facts.get("eu_class")
    if model.eu_class and given and given != model.eu_class:
        raise InvalidInput(
            f"The record of {model.name!r} says class {model.eu_class}, the assessment {given}.",
            remedy="Leave it out here, or edit the model first.",
            field="facts.eu_class",
            value=given,
        )
    return {**wanted.facts, "eu_class": model.eu_class or given}


def confirm_assessment(db: Session, actor: Actor, name: str, assessment_id: str) -> RiskAssessment:
    """Bring a proposed tier into force. Raises NotFound, NotAllowed, Stale (it has ended), AlreadyExists."""
    model = registry_queries.get_model(db, actor, name)
    actor.must(Permission.ASSESS_RISK, model)
    assessment = queries.get_assessment(db, model, assessment_id)
    if assessment.to_at is not None:
        raise Stale(
            "This assessment is not in force any more.", remedy="Look at the one that is.", to_at=assessment.to_at
        )
    if queries.is_in_force(model, assessment):
        raise AlreadyExists(
            f"Tier {assessment.tier} of {model.name!r} is in force already.",
            remedy="Nothing needs to be done.",
            field="assessment_id",
            value=assessment_id,
        )
    refusal = why_not_confirm(db, actor, model)
    if refusal is not None:
        raise NotAllowed(refusal, remedy="Ask somebody else who watches over risk there.", assessment=assessment.id)
    assessment.reviewed_by, assessment.reviewed_at = actor.id, clock.now()
    refresh_risk(db, model)
    events.record(
        db, actor, "risk.confirmed", assessment, tier=assessment.tier, total=assessment.total, by=assessment.assessed_by
    )
    return assessment


def why_not_confirm(db: Session, actor: Actor, model: Model) -> str | None:
    """Say in words why the actor's word brings no lower tier of the model into force; None when it does."""
    involved = queries.find_involved(db, model)
    return why_not_review(actor.id, actor.roles_on(model), involved, is_person=actor.kind is ActorKind.PERSON)


def refresh_risk(db: Session, model: Model) -> None:
    """Write into the summary what the assessment says, where it is in force; a mere proposal is told on its page."""
    db.flush()
    found = queries.find_assessment(db, model.id)
    if found is None or not queries.is_in_force(model, found):
        registry.summarise(db, model.id, tier=None, impact=None, likelihood=None, next_review=None)
    else:
        policies = queries.policies_in_force(db, model.workspace_id)
        registry.summarise(
            db,
            model.id,
            tier=found.tier,
            impact=found.result["impact"]["cell"],
            likelihood=found.result["likelihood"]["cell"],
            next_review=next_review(policies, Kind(model.kind), Tier(found.tier), found.from_at),
        )
    refresh_state(db, model)


def _tell(db: Session, actor: Actor, made: RiskAssessment, result: Assessment, before: RiskAssessment | None) -> None:
    """Write the summary and the event."""
    refresh_risk(db, made.model)
    events.record(
        db,
        actor,
        "risk.assessed",
        made,
        tier={"from": before.tier if before else None, "to": made.tier},
        total=made.total,
        floors=[floor.id for floor in result.floors],
        unanswered=list(result.unanswered),
        questionnaire=f"{made.questionnaire_id} v{made.questionnaire_version}",
        is_in_force=queries.is_in_force(made.model, made),
    )


def next_review(policies: list[Policy], kind: Kind, tier: Tier, assessed_at: datetime) -> date | None:
    """Return the day after which the strictest check of the policies no longer counts the assessment."""
    ages = []
    for action in ALWAYS_GUARDED:
        policy = select_policy(policies, Question(tier, kind, None, action))
        checks = [requirement.check for requirement in policy.requirements] if policy else []
        ages += [check.max_age_days for check in checks if isinstance(check, TierAssessed) and check.max_age_days]
    return (assessed_at + timedelta(days=min(ages))).date() if ages else None
