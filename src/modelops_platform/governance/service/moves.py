"""Moves that people make in a life cycle: the right, the rule of the transition, the gate, the write, the event."""

from sqlalchemy.orm import Session

from modelops_platform.core import gates
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import InvalidInput, NotAllowed, Stale, TransitionRefused
from modelops_platform.registry import queries as registry
from modelops_platform.registry.tables import Model, Version

from .. import queries
from ..domain.facts import Action, Kind
from ..domain.lifecycles import About, Transition, why_not_move
from ..domain.policies import Question, is_guarded
from ..queries.lifecycles import Situation, Standing
from ..schemas import MoveIn
from .lifecycles import enter
from .states import refresh_state


def move_model(db: Session, actor: Actor, name: str, wanted: MoveIn) -> Standing:
    """Move a model to another state of its life cycle, if that and the gate agree.

    Raises NotFound, NotAllowed, InvalidInput (no such way, no reason), Stale (it stands elsewhere), TransitionRefused.
    """
    model = registry.get_model(db, actor, name, to_change=True)
    return _move(db, actor, model, model.id, wanted)


def move_version(db: Session, actor: Actor, name: str, number: int, wanted: MoveIn) -> Standing:
    """Move a version to another state of its life cycle. Raises as `move_model`."""
    model = registry.get_model(db, actor, name, to_change=True)
    version = registry.get_version(db, actor, name, number)
    return _move(db, actor, model, version.id, wanted)


def _move(db: Session, actor: Actor, model: Model, subject_id: str, wanted: MoveIn) -> Standing:
    actor.must(Permission.MOVE_LIFE_CYCLE, model)
    if subject_id not in queries.find_standings(db, model.id):
        refresh_state(db, model)
    standing = queries.find_standings(db, model.id, lock=True).get(subject_id)
    if standing is None:
        raise InvalidInput("Nothing of this kind has a life cycle.", remedy="Register a model.", field="to")
    situation = queries.find_situation(db, model)
    taken = _way_to(standing, wanted)
    mover = queries.mover_of(db, actor, model)
    refusal = why_not_move(taken, mover, situation.claims(standing), standing.stay.entered_by)
    if refusal is not None:
        raise NotAllowed(refusal, remedy="Look at the life cycle for who may do it, and when.", to=taken.to)
    if taken.wants_reason and not wanted.reason.strip():
        raise InvalidInput(
            f"{taken.title} needs a reason.", remedy="Say why, in a sentence.", field="reason", value=wanted.reason
        )
    decision_id = _ask_gate(db, actor, model, situation, standing, taken)
    entered = enter(db, model, situation, standing, taken, actor, reason=wanted.reason.strip(), decision_id=decision_id)
    refresh_state(db, model)
    return entered


def _way_to(standing: Standing, wanted: MoveIn) -> Transition:
    """Return the way that somebody wants to take. Raises Stale when it stands elsewhere than they saw, InvalidInput."""
    state = standing.stay.state
    if wanted.state is not None and wanted.state != state:
        raise Stale(
            f"It is {standing.state.title.lower()} by now, not {wanted.state.replace('_', ' ')[:80]}.",
            remedy="Look at it again, then decide.",
            state=state,
        )
    ways = standing.cycle.moves_from(state)
    found = next((way for way in ways if way.to == wanted.to), None)
    if found is None:
        choices = ", ".join(way.to for way in ways) or "nothing: from here it moves by itself"
        raise InvalidInput(
            f"From {state} nobody moves it to {wanted.to[:80]!r}.",
            remedy=f"Choose one of: {choices}.",
            field="to",
            value=wanted.to[:80],
        )
    return found


def _ask_gate(
    db: Session, actor: Actor, model: Model, situation: Situation, standing: Standing, taken: Transition
) -> str | None:
    """Ask the gate whether the move may be made. A policy judges a version: for a model, its last one."""
    number = (
        situation.numbers[standing.case.subject_id]
        if standing.case.about == About.VERSION
        else max(situation.numbers.values(), default=None)
    )
    if number is not None:
        version: Version = registry.get_version(db, actor, model.name, number)
        return gates.check(db, gates.Transition("life_cycle.move", version, actor, {"state": taken.to}))
    policies = queries.policies_in_force(db, model.workspace_id)
    action = Action.move(taken.to)
    if is_guarded(policies, Question(situation.tier, Kind(model.kind), None, action)):
        raise TransitionRefused(
            f"A policy guards {action} and judges a version; {model.name!r} has none.",
            remedy="Register a version first.",
            to=taken.to,
        )
    return None
