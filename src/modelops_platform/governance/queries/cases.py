"""A case as somebody sees it: where it stands, how it got there, and what they could do."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.registry.tables import Model, Version

from ..domain.facts import Kind
from ..domain.lifecycles import About, Mover, Transition, select_life_cycle, who_words, why_not_move
from ..tables import LifeCycleCase, LifeCycleStay
from .assessments import find_involved
from .documents import life_cycles_in_force
from .lifecycles import Situation, Standing, find_situation, find_standings, list_stays, units_above


@dataclass(frozen=True, slots=True)
class Way:
    """A move that people can make from here; `refusal` says why this actor cannot make it now."""

    transition: Transition
    who: str
    refusal: str | None


@dataclass(frozen=True, slots=True)
class SeenCase:
    """A model or a version on its way, as one person sees it."""

    standing: Standing
    stays: Sequence[LifeCycleStay]
    ways: Sequence[Way]
    newer: int | None  # a newer version of its life cycle, which it does not follow


def mover_of(db: Session, actor: Actor, model: Model) -> Mover:
    """Return the actor as a life cycle sees them: the roles held there, and what the record names them as."""
    named = {"owner": model.owner_id, "developer": model.developer_id}
    roles = actor.roles_on(model) | {role for role, person in named.items() if person == actor.id}
    return Mover(actor.id, roles, actor.kind is ActorKind.PERSON, actor.id in find_involved(db, model))


def look_at_case(db: Session, actor: Actor, model: Model, version: Version | None = None) -> SeenCase | None:
    """Return where a model or a version stands; None for a prompt, and where no life cycle is for it."""
    if model.kind == Kind.PROMPT:
        return None
    situation = find_situation(db, model)
    subject_id = version.id if version is not None else model.id
    standing = find_standings(db, model.id).get(subject_id) or _at_the_start(db, model, version, situation)
    if standing is None:
        return None
    mover, claims = mover_of(db, actor, model), situation.claims(standing)
    may = actor.may(Permission.MOVE_LIFE_CYCLE, model)
    ways = [
        Way(
            way,
            who_words(way),
            why_not_move(way, mover, claims, standing.stay.entered_by)
            or (None if may else "Your roles here move nothing in a life cycle."),
        )
        for way in standing.cycle.moves_from(standing.stay.state)
    ]
    latest = {cycle.id: cycle.version for cycle in life_cycles_in_force(db, model.workspace_id)}
    newest = latest.get(standing.cycle.id, 0)
    newer = newest if newest > standing.cycle.version else None
    return SeenCase(standing, list_stays(db, subject_id), ways, newer)


def _at_the_start(db: Session, model: Model, version: Version | None, situation: Situation) -> Standing | None:
    """Return the standing of what has not begun yet: the next change of anything writes down how far it has come."""
    about = About.MODEL if version is None else About.VERSION
    cycle = select_life_cycle(
        life_cycles_in_force(db, model.workspace_id),
        about,
        situation.tier,
        kind=Kind(model.kind),
        units=units_above(db, model.workspace_id, model.unit_id),
    )
    if cycle is None:
        return None
    subject_id, since = (model.id, model.created_at) if version is None else (version.id, version.created_at)
    path = cycle.run(cycle.start.id, situation.model if version is None else situation.versions[version.id])
    state = cycle.state(path[-1].to) if path else cycle.start
    case = LifeCycleCase(about=about.value, subject_id=subject_id, model_id=model.id, moves=0)
    stay = LifeCycleStay(
        subject_id=subject_id,
        state=state.id,
        is_barred=state.is_barred,
        reason=path[-1].because if path else "",
        entered_by="system",
        from_at=since,
    )
    return Standing(case, stay, cycle)
