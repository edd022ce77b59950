"""Models and versions on their way: they begin, go on by themselves as what is true changes, and enter states."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, system_actor
from modelops_platform.core.db import add_unless_taken
from modelops_platform.core.ids import new_id
from modelops_platform.events import service as events
from modelops_platform.registry.tables import Model

from .. import queries
from ..domain.facts import Kind
from ..domain.lifecycles import About, LifeCycle, Transition, select_life_cycle
from ..queries.lifecycles import Situation, Standing
from ..tables import LifeCycleCase, LifeCycleStay, LifeCycleVersion
from .documents import keep_document


@dataclass(frozen=True, slots=True)
class Subject:
    """A model or a version as events name it."""

    object_kind: str
    id: str
    name: str
    model_id: str
    unit_id: str


def advance(db: Session, model: Model, situation: Situation, *, decision_id: str | None = None) -> str | None:
    """Let a model and its versions begin, and go on by themselves as far as they do; return the model's state.

    What has changed its tier goes on under the life cycle of the new one, from the same state on. A prompt has none.
    """
    if model.kind == Kind.PROMPT:
        return None
    cycles = queries.life_cycles_in_force(db, model.workspace_id)
    standings = queries.find_standings(db, model.id, lock=True)
    wanted = {model.id: About.MODEL} | dict.fromkeys(situation.versions, About.VERSION)
    chosen = {about: _choose(db, model, situation, about, cycles) for about in About}
    missing = {id: about for id, about in wanted.items() if id not in standings}
    if missing:
        rows = {about: _row_of(db, model.workspace_id, cycle) for about, cycle in chosen.items() if cycle is not None}
        for id, about in missing.items():
            if about in rows:
                _begin(db, model, id, rows[about], situation.born[id])
        standings = queries.find_standings(db, model.id, lock=True)
    state: str | None = None
    for id in wanted:
        standing = standings.get(id)
        if standing is None:
            continue
        if situation.tier is not None:
            standing = _transfer(db, model, situation, standing, chosen[About(standing.case.about)])
        standing = _run(db, model, situation, standing, decision_id)
        if id == model.id:
            state = standing.stay.state
    return state


def _choose(db: Session, model: Model, situation: Situation, about: About, cycles: list[LifeCycle]) -> LifeCycle | None:
    by_unit = any(cycle.scope.units for cycle in cycles)
    units = queries.units_above(db, model.workspace_id, model.unit_id) if by_unit else frozenset()
    return select_life_cycle(cycles, about, situation.tier, kind=Kind(model.kind), units=units)


def _row_of(db: Session, workspace_id: str, cycle: LifeCycle) -> LifeCycleVersion:
    return keep_document(db, queries.get_document(db, LifeCycleVersion, workspace_id, cycle.id, cycle.version))


def _begin(db: Session, model: Model, subject_id: str, row: LifeCycleVersion, born: datetime) -> None:
    """Begin a case in the first state, where it has been since it was made; somebody else may just have done so."""
    cycle = queries.parse_life_cycle(row.document)
    case_id = _add_case(db, model, subject_id, row, clock.now())
    if case_id is not None:
        by = system_actor(model.workspace_id).id
        db.add(_stay(case_id, subject_id, cycle, cycle.start.id, min(born, clock.now()), by=by))
        db.flush()


def _add_case(db: Session, model: Model, subject_id: str, row: LifeCycleVersion, at: datetime) -> str | None:
    case_id = new_id()
    values = {
        "id": case_id,
        "workspace_id": model.workspace_id,
        "about": queries.parse_life_cycle(row.document).about.value,
        "subject_id": subject_id,
        "model_id": model.id,
        "life_cycle_id": row.id,
        "moves": 0,
        "began_at": at,
    }
    return case_id if add_unless_taken(db, LifeCycleCase, values) else None


def _stay(case_id: str, subject_id: str, cycle: LifeCycle, state: str, at: datetime, *, by: str) -> LifeCycleStay:
    return LifeCycleStay(
        case_id=case_id,
        subject_id=subject_id,
        state=state,
        is_barred=cycle.state(state).is_barred,
        reason="",
        entered_by=by,
        from_at=at,
    )


def _transfer(
    db: Session, model: Model, situation: Situation, standing: Standing, chosen: LifeCycle | None
) -> Standing:
    """Go on under the life cycle that is for the model's tier now, where that knows the state; a mere newer version
    of the same life cycle changes nothing for what is on its way.
    """
    if chosen is None or chosen.id == standing.cycle.id or chosen.find(standing.stay.state) is None:
        return standing
    at, actor = clock.now(), system_actor(model.workspace_id)
    standing.case.ended_at = standing.stay.to_at = at
    db.flush()
    subject_id, before = standing.case.subject_id, standing
    case_id = _add_case(db, model, subject_id, _row_of(db, model.workspace_id, chosen), at)
    assert case_id is not None, "the case before has just ended, and its row is locked"
    stay = _stay(case_id, subject_id, chosen, before.stay.state, at, by=actor.id)
    stay.reason = f"Tier {situation.tier}: it goes on under “{chosen.title}”."
    db.add(stay)
    db.flush()
    events.record(
        db,
        actor,
        "life_cycle.transferred",
        _subject(model, standing, situation),
        life_cycle={"from": before.cycle.id, "to": chosen.id},
        state=stay.state,
    )
    return Standing(db.get_one(LifeCycleCase, case_id), stay, chosen)


def _subject(model: Model, standing: Standing, situation: Situation) -> Subject:
    if standing.case.about == About.MODEL:
        return Subject(About.MODEL.value, model.id, model.name, model.id, model.unit_id)
    id = standing.case.subject_id
    return Subject(About.VERSION.value, id, f"v{situation.numbers[id]}", model.id, model.unit_id)


def _run(db: Session, model: Model, situation: Situation, standing: Standing, decision_id: str | None) -> Standing:
    actor = system_actor(model.workspace_id)
    for one in standing.cycle.run(standing.stay.state, situation.claims(standing)):
        standing = enter(db, model, situation, standing, one, actor, reason=one.because, decision_id=decision_id)
    return standing


def enter(
    db: Session,
    model: Model,
    situation: Situation,
    standing: Standing,
    taken: Transition,
    actor: Actor,
    *,
    reason: str,
    decision_id: str | None,
) -> Standing:
    """Leave a state and enter the next, in the transaction of what led to it."""
    at = max(clock.now(), standing.stay.from_at)
    before = standing.stay
    before.to_at = at
    standing.case.moves += 1
    db.flush()
    stay = _stay(standing.case.id, standing.case.subject_id, standing.cycle, taken.to, at, by=actor.id)
    stay.transition, stay.reason, stay.decision_id = taken.id, reason, decision_id
    db.add(stay)
    db.flush()
    is_model = standing.case.about == About.MODEL
    events.record(
        db,
        actor,
        taken.event or ("model.moved" if is_model else "version.moved"),
        _subject(model, standing, situation),
        state={"from": before.state, "to": stay.state},
        reason=reason,
        life_cycle=f"{standing.cycle.id} v{standing.cycle.version}",
        decision=decision_id,
    )
    return Standing(standing.case, stay, standing.cycle)
