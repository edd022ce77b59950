"""Assessing the risk of a model."""

from typing import Any

from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind, Permission, system_actor
from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotAllowed, Stale
from modelops_platform.events import service as events
from modelops_platform.registry import queries as registry_queries
from modelops_platform.registry.tables import Model

from .. import queries
from ..domain.questionnaire import Assessment, Questionnaire, Tier, assess, rises
from ..domain.review import reopened_by, why_not_review
from ..schemas import AssessmentIn
from ..tables import RiskAssessment
from .documents import keep_document
from .overrides import end_laxer
from .risk import refresh_risk


def assess_model(db: Session, actor: Actor, name: str, wanted: AssessmentIn) -> RiskAssessment:
    """Answer the questionnaire for a model; the answers in force before end now.

    A tier below 1 is a proposal until somebody independent confirms it; who is independent confirms by answering.
    Raises NotFound, NotAllowed, InvalidInput (answer or fact).
    """
    model = registry_queries.get_model(db, actor, name)
    actor.must(Permission.ASSESS_RISK, model)
    row = keep_document(db, queries.questionnaire_row(db, model.workspace_id))
    questionnaire = queries.parse_questionnaire(row.document)
    facts = _facts(model, wanted)
    result = assess(questionnaire, wanted.answers, facts)
    before = queries.find_assessment(db, model.id, lock=True)
    now = max(clock.now(), before.from_at) if before is not None else clock.now()
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
        record=queries.remember(model),
        result=_kept(questionnaire, result, wanted, facts),
        tier=int(result.tier),
        total=result.total_shown,
        reason=wanted.reason,
        assessed_by=actor.id,
        reviewed_by=actor.id if is_reviewed else None,
        reviewed_at=now if is_reviewed else None,
        from_at=now,
    )
    stale = Stale(f"Somebody else has just assessed {name!r}.", remedy="Look at their answers, then assess again.")
    with conflicts_as(db, stale):
        db.add(made)
    end_laxer(db, actor, made, before)
    _tell(db, actor, made, result, before)
    return made


def _kept(
    questionnaire: Questionnaire, result: Assessment, wanted: AssessmentIn, facts: dict[str, Any]
) -> dict[str, object]:
    """Return the result as it is kept: with the tiers to which a change of the record alone would raise it."""
    return {
        **result.to_dict(),
        "rises": rises(questionnaire, wanted.answers, facts, "eu_class"),
        "reassess_after_days": questionnaire.reassess_after_days,
    }


def preview(db: Session, actor: Actor, name: str, wanted: AssessmentIn) -> Assessment:
    """Score answers without keeping them. Raises NotFound, NotAllowed, InvalidInput."""
    model = registry_queries.get_model(db, actor, name)
    actor.must(Permission.ASSESS_RISK, model)
    return assess(queries.questionnaire_in_force(db, model.workspace_id), wanted.answers, _facts(model, wanted))


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


def recompute(db: Session, model: Model) -> RiskAssessment | None:
    """Keep what an edit of the record has done to the tier, as an interval and in the log; return what rose, if any.

    The edit re-opens the assessment. Its tier has risen already for whoever judges; here it is written down.
    """
    before = queries.find_assessment(db, model.id, lock=True)
    if before is None:
        return None
    why = " ".join(reopened_by(before.record, queries.remember(model)))
    if not why or why == before.due_told:
        return None
    set_committed_value(before, "model", model)
    actor = system_actor(model.workspace_id)
    current, risen = before, queries.tier_fact(model, before, None, clock.now()).tier
    if risen < before.tier:
        current = _risen(db, model, before, risen)
    current.due_told = why
    db.flush()
    if why:
        events.record(db, actor, "risk.reopened", current, because=why, tier={"from": before.tier, "to": current.tier})
    return current if current is not before else None


def _risen(db: Session, model: Model, before: RiskAssessment, tier: Tier) -> RiskAssessment:
    """Begin an interval with the same answers and the tier to which the record has raised them."""
    now = max(clock.now(), before.from_at)
    before.to_at = now
    db.flush()
    floor = f"The class under the EU AI Act is {(model.eu_class or '').replace('_', ' ')}: raises it to tier {tier}."
    made = RiskAssessment(
        workspace_id=before.workspace_id,
        model=model,
        questionnaire_id=before.questionnaire_id,
        questionnaire_version=before.questionnaire_version,
        answers=before.answers,
        facts={**before.facts, "eu_class": model.eu_class},
        record=before.record,  # what it was asked about then: it stays due until somebody answers again
        cause="edit",
        result={**before.result, "tier": int(tier), "why": [*before.result["why"], floor]},
        tier=int(tier),
        total=before.total,
        reason=before.reason,
        assessed_by=before.assessed_by,
        reviewed_by=before.reviewed_by,
        reviewed_at=before.reviewed_at,
        from_at=now,
    )
    db.add(made)
    db.flush()
    return made


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
