"""Verbs on aliases: intervals that end when the alias moves on."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from modelops_platform.core import clock, gates
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import NotFound
from modelops_platform.events import service as events

from .. import queries
from ..domain.names import checked_alias
from ..tables import Alias, Model
from .summaries import rebuild_summary


def set_alias(db: Session, actor: Actor, model: Model, name: str, number: int) -> Alias:
    """Let the alias name this version from now on, if the gate agrees.

    Raises NotFound (version), NotAllowed, InvalidInput (name), TransitionRefused. Setting what is set changes nothing.
    """
    actor.must(Permission.SET_ALIAS, model)
    name = checked_alias(name)
    version = queries.get_version(db, actor, model.name, number)
    _lock(db, model)
    before = queries.find_alias(db, model.id, name)
    if before is not None and before.version_id == version.id:
        return before
    decision_id = gates.check(db, gates.Transition("alias.set", version, actor, {"alias": name}))
    at = clock.now()
    if before is not None:
        before.to_at, before.ended_by = at, actor.id
        db.flush()
    alias = Alias(
        model_id=model.id,
        version_id=version.id,
        version_number=version.number,
        name=name,
        from_at=at,
        set_by=actor.id,
        decision_id=decision_id,
    )
    db.add(alias)
    rebuild_summary(db, model)
    before_number = before.version_number if before else None
    events.record(db, actor, "alias.set", version, alias=name, number=version.number, before=before_number)
    return alias


def remove_alias(db: Session, actor: Actor, model: Model, name: str) -> None:
    """End the alias; what it named stays in the history. Raises NotFound, NotAllowed."""
    actor.must(Permission.SET_ALIAS, model)
    _lock(db, model)
    alias = queries.find_alias(db, model.id, name)
    if alias is None:
        raise NotFound(
            f"{model.name!r} has no alias {name[:80]!r}.",
            remedy="Nothing needs to be done.",
            field="alias",
            value=name[:80],
        )
    alias.to_at, alias.ended_by = clock.now(), actor.id
    rebuild_summary(db, model)
    events.record(db, actor, "alias.removed", model, alias=alias.name, number=alias.version_number)


def _lock(db: Session, model: Model) -> None:
    """Let movers of one model's aliases wait for one another, and note that the model changed."""
    db.execute(update(Model).where(Model.id == model.id).values(updated_at=clock.now()))
