"""Legal holds: what somebody placed one on stays as it is until it is lifted, whatever the rules of retention say."""

from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import Conflict
from modelops_platform.events import service as events
from modelops_platform.identity import queries as identity

from .. import queries
from ..tables import LegalHold, Model, Version


def place_hold(db: Session, actor: Actor, model: Model, version: Version | None, reason: str) -> LegalHold:
    """Keep a model, or one of its versions, from being deleted or purged. Raises NotAllowed."""
    actor.must(Permission.PLACE_HOLD, model)
    hold = LegalHold(
        workspace_id=model.workspace_id,
        model=model,
        model_id=model.id,
        version=version,
        version_id=version.id if version else None,
        reason=reason,
        placed_by=actor.id,
    )
    db.add(hold)
    number = version.number if version else None
    events.record(db, actor, "legal_hold.placed", hold, personal={"reason": reason}, version=number)
    return hold


def lift_hold(db: Session, actor: Actor, hold_id: str, reason: str) -> LegalHold:
    """End a hold, with the reason. Raises NotFound, NotAllowed, Conflict when it was lifted before."""
    hold = queries.get_hold(db, actor, hold_id)
    actor.must(Permission.PLACE_HOLD, hold.model)
    if hold.lifted_at is not None:
        raise Conflict("The hold was lifted before.", remedy="Nothing is left to do.", field="hold_id", value=hold_id)
    hold.lifted_at, hold.lifted_by, hold.lift_reason = clock.now(), actor.id, reason
    number = hold.version.number if hold.version else None
    events.record(db, actor, "legal_hold.lifted", hold, personal={"reason": reason}, version=number)
    return hold


def check_not_held(db: Session, model: Model, version: Version | None = None) -> None:
    """Raise Conflict when a legal hold keeps the version, or else the model or one of its versions.

    It names every hold.
    """
    holds = queries.holds_on(db, model.id, version.id if version else None)
    if not holds:
        return
    names = identity.names_of(db, {hold.placed_by for hold in holds})
    placed = [f"on {hold.name} by {names.get(hold.placed_by, 'somebody')}: {hold.reason[:200]}" for hold in holds[:5]]
    raise Conflict(
        f"{f'{model.name} {version.name}' if version else model.name!r} is under legal hold ({'; '.join(placed)}).",
        remedy="Ask risk or compliance to lift the hold first.",
        field="name",
        value=model.name,
        holds=[hold.id for hold in holds],
    )
