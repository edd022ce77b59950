"""Whether something is a model at all, and its class under the EU AI Act: decided by people, kept as intervals."""

from dataclasses import replace

from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind, Grant, Permission
from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotAllowed, Stale
from modelops_platform.events import service as events
from modelops_platform.registry import queries as registry_queries
from modelops_platform.registry import service as registry
from modelops_platform.registry.schemas import ModelPatch
from modelops_platform.registry.tables import Model

from .. import queries
from ..defaults import eu_guide
from ..domain.eu import walk
from ..domain.review import is_independent
from ..schemas import ClassificationIn, DeterminationIn
from ..tables import EuClassification, ModelDetermination
from .assessments import recompute, why_not_confirm
from .risk import refresh_risk


def determine(db: Session, actor: Actor, name: str, wanted: DeterminationIn) -> ModelDetermination:
    """Write down whether something counts as a model; what was written before ends now.

    That it is none is a proposal until somebody independent confirms it, or when they say so themselves.
    Raises NotFound, NotAllowed, Stale.
    """
    model = registry_queries.get_model(db, actor, name, to_change=True)
    actor.must(Permission.ASSESS_RISK, model)
    if actor.kind is not ActorKind.PERSON:
        raise NotAllowed("Only people determine what is a model.", remedy="Say it as yourself.")
    now = clock.now()
    before = queries.find_determination(db, model.id, lock=True)
    if before is not None:
        now = max(now, before.from_at)
        before.to_at = now
        db.flush()
    is_reviewed = why_not_confirm(db, actor, model) is None
    made = ModelDetermination(
        workspace_id=model.workspace_id,
        model=model,
        is_model=wanted.is_model,
        reason=wanted.reason,
        decided_by=actor.id,
        reviewed_by=actor.id if is_reviewed else None,
        reviewed_at=now if is_reviewed else None,
        from_at=now,
    )
    stale = Stale(
        f"Somebody else has just determined what {name!r} is.", remedy="Look at their reasons, then decide again."
    )
    with conflicts_as(db, stale):
        db.add(made)
    refresh_risk(db, model)
    events.record(
        db,
        actor,
        "determination.recorded",
        made,
        is_model=made.is_model,
        before=None if before is None else before.is_model,
        reason=made.reason,
        is_in_force=made.is_model or is_reviewed,
    )
    return made


def confirm_determination(db: Session, actor: Actor, name: str, determination_id: str) -> ModelDetermination:
    """Bring "this is no model" into force. Raises NotFound, NotAllowed, Stale (it has ended), AlreadyExists."""
    model = registry_queries.get_model(db, actor, name, to_change=True)
    actor.must(Permission.ASSESS_RISK, model)
    found = queries.get_determination(db, model, determination_id)
    if found.to_at is not None:
        raise Stale("This determination is not in force any more.", remedy="Look at the one that is.")
    involved = queries.find_involved(db, model)
    if found.is_model or is_independent(found.reviewed_by, involved):
        raise AlreadyExists(
            "This determination is in force already.",
            remedy="Nothing needs to be done.",
            field="determination_id",
            value=determination_id[:80],
        )
    refusal = why_not_confirm(db, actor, model)
    if refusal is not None:
        raise NotAllowed(refusal, remedy="Ask somebody else who watches over risk there.", determination=found.id)
    found.reviewed_by, found.reviewed_at = actor.id, clock.now()
    db.flush()
    refresh_risk(db, model)
    events.record(db, actor, "determination.confirmed", found, is_model=found.is_model, by=found.decided_by)
    return found


def classify(db: Session, actor: Actor, name: str, wanted: ClassificationIn) -> EuClassification:
    """Keep the class to which the answers lead, with their trail, and write it into the model's record.

    A change of the class re-opens the assessment of its risk; what can only raise the tier raises it at once.
    Raises NotFound, NotAllowed, InvalidInput (answers that lead to no class).
    """
    model = registry_queries.get_model(db, actor, name)
    actor.must(Permission.ASSESS_RISK, model)
    guide = eu_guide()
    come = walk(guide, wanted.answers)
    if come.outcome is None:
        assert come.question is not None, "a walk leads to a question or to a class"
        raise InvalidInput(
            f"The answers lead to no class yet: {come.question.text}",
            remedy="Answer this question too.",
            field=f"answers.{come.question.id}",
        )
    now = clock.now()
    before = next((row for row in queries.list_classifications(db, model.id) if row.to_at is None), None)
    if before is not None:
        now = max(now, before.from_at)
        before.to_at = now
        db.flush()
    made = EuClassification(
        workspace_id=model.workspace_id,
        model=model,
        guide_id=guide.id,
        guide_version=guide.version,
        answers=come.answers,
        trail=come.trail,
        eu_class=come.outcome.eu_class.value,
        reason=wanted.reason,
        decided_by=actor.id,
        from_at=now,
    )
    stale = Stale(f"Somebody else has just classified {name!r}.", remedy="Look at their answers, then answer again.")
    with conflicts_as(db, stale):
        db.add(made)
    _write_class(db, actor, model, made)
    events.record(
        db,
        actor,
        "eu_class.determined",
        made,
        eu_class=made.eu_class,
        before=before.eu_class if before else None,
        guide=f"{guide.id} v{guide.version}",
        trail=made.trail,
        reason=made.reason,
    )
    return made


def _write_class(db: Session, actor: Actor, model: Model, made: EuClassification) -> None:
    """Write the class into the record by the registry's verb. Whoever may classify may edit this one fact of it."""
    lent = Grant("classifier", "model", model.id, frozenset({Permission.EDIT_MODEL}))
    patch = ModelPatch.model_validate({"eu_class": made.eu_class})
    registry.edit_model(db, replace(actor, grants=(*actor.grants, lent)), model.name, patch)
    db.flush()
    recompute(db, model)
    refresh_risk(db, model)
