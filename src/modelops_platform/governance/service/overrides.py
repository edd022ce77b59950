"""Letting another tier count than the answers give: asked by one person, confirmed by another, until it expires."""

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind, Permission, system_actor
from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotAllowed, Stale
from modelops_platform.core.portions import portion
from modelops_platform.events import service as events
from modelops_platform.registry import queries as registry
from modelops_platform.registry.tables import Model

from .. import queries
from ..domain.review import LONGEST_OVERRIDE, why_not_override
from ..schemas import OverrideIn
from ..tables import RiskAssessment, TierOverride
from .risk import refresh_risk


def ask_override(db: Session, actor: Actor, name: str, wanted: OverrideIn) -> TierOverride:
    """Ask that another tier counts for a while. Raises NotFound, NotAllowed, InvalidInput, AlreadyExists, Stale."""
    model = registry.get_model(db, actor, name, to_change=True)
    actor.must(Permission.ASSESS_RISK, model)
    if actor.kind is not ActorKind.PERSON:
        raise NotAllowed("Only people ask for an override.", remedy="Ask as yourself.")
    assessment = queries.find_assessment(db, model.id)
    if assessment is None or not queries.is_in_force(model, assessment):
        raise Stale("No tier is in force that could be overridden.", remedy="Have the model assessed first.")
    if assessment.tier == wanted.tier:
        raise InvalidInput(
            f"The answers give tier {wanted.tier} already.",
            remedy="Choose another tier.",
            field="tier",
            value=wanted.tier,
        )
    now = clock.now()
    if not now < wanted.expires_at <= now + LONGEST_OVERRIDE:
        raise InvalidInput(
            "An override lasts at most twelve months.",
            remedy="Choose a moment between now and then.",
            field="expires_at",
            value=wanted.expires_at.isoformat(),
        )
    made = TierOverride(
        workspace_id=model.workspace_id,
        model=model,
        assessment_id=assessment.id,
        computed_tier=assessment.tier,
        tier=wanted.tier,
        reason=wanted.reason,
        asked_by=actor.id,
        asked_at=now,
        expires_at=wanted.expires_at,
    )
    taken = AlreadyExists(
        f"Somebody has asked for an override of {name!r} already.",
        remedy="Confirm or decline that one first.",
        field="tier",
        value=wanted.tier,
    )
    with conflicts_as(db, taken):
        db.add(made)
    tier = {"computed": made.computed_tier, "wanted": made.tier}
    events.record(
        db, actor, "tier.override_asked", made, tier=tier, until=made.expires_at.isoformat(), reason=made.reason
    )
    return made


def why_not_confirm_override(db: Session, actor: Actor, model: Model, override: TierOverride) -> str | None:
    """Say in words why the actor's word does not bring the override into force; None when it does."""
    return why_not_override(
        actor.id,
        actor.roles_on(model),
        queries.find_involved(db, model),
        asked_by=override.asked_by,
        is_person=actor.kind is ActorKind.PERSON,
        lowers=override.tier > override.computed_tier,
    )


def confirm_override(db: Session, actor: Actor, name: str, override_id: str) -> TierOverride:
    """Bring an override into force until it expires. Raises NotFound, NotAllowed, Stale, InvalidInput."""
    model = registry.get_model(db, actor, name, to_change=True)
    actor.must(Permission.ASSESS_RISK, model)
    override = queries.get_override(db, model, override_id)
    now = clock.now()
    if override.from_at is not None or override.to_at is not None or override.expires_at <= now:
        raise Stale("This override is not waiting any more.", remedy="Look at the model's governance page.")
    current = queries.find_assessment(db, model.id)
    if current is None or current.id != override.assessment_id:
        raise Stale("The model was assessed anew since this was asked for.", remedy="Ask for a new override.")
    refusal = why_not_confirm_override(db, actor, model, override)
    if refusal is not None:
        raise NotAllowed(refusal, remedy="Ask a risk officer who is not involved.", override=override.id)
    for earlier in _running(db, model.id):
        _end(earlier, actor.id, "Another override took its place.")
        _tell_ended(db, actor, model, earlier)
    override.confirmed_by, override.from_at, override.to_at = actor.id, now, override.expires_at
    db.flush()
    refresh_risk(db, model)
    tier = {"computed": override.computed_tier, "now": override.tier}
    events.record(
        db,
        actor,
        "tier.overridden",
        override,
        tier=tier,
        until=override.expires_at.isoformat(),
        asked_by=override.asked_by,
        reason=override.reason,
    )
    return override


def end_override(db: Session, actor: Actor, name: str, override_id: str, reason: str) -> TierOverride:
    """Decline an override, take it back, or end it early. Raises NotFound, NotAllowed, Stale.

    Whoever asked may; others need a role that reviews. To end a stricter one early is to lower the tier.
    """
    model = registry.get_model(db, actor, name, to_change=True)
    actor.must(Permission.ASSESS_RISK, model)
    override = queries.get_override(db, model, override_id)
    now = clock.now()
    if override.to_at is not None and override.to_at <= now:
        raise Stale("This override has ended already.", remedy="Nothing needs to be done.")
    is_raising = override.from_at is not None and override.tier < override.computed_tier
    is_own_request = override.from_at is None and override.asked_by == actor.id
    refusal = (
        None
        if is_own_request
        else why_not_override(
            actor.id,
            actor.roles_on(model),
            queries.find_involved(db, model),
            asked_by="",
            is_person=actor.kind is ActorKind.PERSON,
            lowers=is_raising,
        )
    )
    if refusal is not None:
        raise NotAllowed(refusal, remedy="Ask a risk officer of the model.", override=override.id)
    _end(override, actor.id, reason)
    db.flush()
    refresh_risk(db, model)
    _tell_ended(db, actor, model, override)
    return override


def end_laxer(db: Session, actor: Actor, made: RiskAssessment, before: RiskAssessment | None) -> None:
    """End what lowered the tier of the answers before: it was about them. A stricter override stays."""
    if before is None:
        return
    asked = queries.find_asked_override(db, made.model_id)
    for override in [*_running(db, made.model_id), *([asked] if asked else [])]:
        is_asked = override.from_at is None
        if is_asked or override.tier > override.computed_tier:
            _end(override, actor.id, "The model was assessed anew.")
            _tell_ended(db, actor, made.model, override)


def _running(db: Session, model_id: str) -> list[TierOverride]:
    now = clock.now()
    return list(
        db.scalars(
            select(TierOverride)
            .where(TierOverride.model_id == model_id, TierOverride.from_at <= now, TierOverride.to_at > now)
            .with_for_update()
        )
    )


def _end(override: TierOverride, by: str, reason: str) -> None:
    now = clock.now()
    override.to_at = max(now, override.from_at) if override.from_at else now
    override.ended_by, override.end_reason, override.end_told_at = by, reason, now


def _tell_ended(db: Session, actor: Actor, model: Model, override: TierOverride) -> None:
    set_committed_value(override, "model", model)
    tier = {"computed": override.computed_tier, "was": override.tier}
    was_in_force = override.from_at is not None
    events.record(
        db, actor, "tier.override_ended", override, tier=tier, was_in_force=was_in_force, reason=override.end_reason
    )


def tell_expired(db: Session, workspace_id: str) -> int:
    """Write into the log, and into the summaries, what time has ended; the tier fell back when it did."""
    actor = system_actor(workspace_id)
    expired = queries.list_expired(db, workspace_id, clock.now())
    models = {
        model.id: model
        for model in db.scalars(select(Model).where(Model.id.in_({override.model_id for override in expired})))
    }
    done = 0
    for override in portion(expired):
        override.end_told_at, override.end_reason = clock.now(), override.end_reason or "It expired."
        set_committed_value(override, "model", models[override.model_id])
        tier = {"computed": override.computed_tier, "was": override.tier}
        events.record(db, actor, "tier.override_expired", override, tier=tier)
        refresh_risk(db, models[override.model_id])
        done += 1
    return done
