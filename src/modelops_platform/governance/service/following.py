"""Following what happened: edits that void approvals, deployments that came or went, how models stand after it.

They cannot tell governance directly, so it reads their events in the order of the log, each once.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import Row, func, or_, select
from sqlalchemy.orm import Session, joinedload

from modelops_platform.core.actor import system_actor
from modelops_platform.core.portions import leave_the_rest, portion
from modelops_platform.events.tables import Event, EventPlace
from modelops_platform.registry.tables import Model

from ..domain.states import RequestState
from ..tables import ApprovalRequest
from .assessments import recompute
from .compliance import recompute_all, recompute_soon
from .risk import refresh_risk
from .states import invalidate_changed
from .validations import reopen_changed

WATCHED = frozenset(
    {
        "card.written",
        "model.edited",
        "model.validator_named",
        "model.archived",
        "model.restored",
        "version.added",
        "deployment.activated",
        "deployment.ended",
        "deployment.archived",
    }
)
FOR_ALL = frozenset({"policy.published", "environment.created", "environment.edited", "environment.retired"})
"""What may change how every model stands."""
AT_ONCE = 500
Place = Row[int, str, str | None]


def catch_up(db: Session, workspace_id: str, after: int) -> int:
    """Bring the models up to date that were touched behind this place of the log, and return the new place.

    What is left when the transaction has taken long enough is behind that place.
    """
    newest = db.scalar(select(func.max(EventPlace.place))) or 0
    places = db.execute(
        select(EventPlace.place, Event.kind, Event.model_id)
        .join(Event, Event.id == EventPlace.event_id)
        .where(EventPlace.place > after, EventPlace.place <= newest, Event.workspace_id == workspace_id)
        .where(or_(Event.model_id.is_not(None), Event.kind.in_(FOR_ALL)))
        .order_by(EventPlace.place)
        .limit(AT_ONCE)
    ).all()
    reached = max(newest, after)
    if len(places) == AT_ONCE:
        reached = places[-1].place
        leave_the_rest()
    touched = dict.fromkeys(model_id for _place, kind, model_id in places if model_id and kind in WATCHED)
    for model_id in portion(list(touched)):
        model = db.get_one(Model, model_id)
        open_or_granted = (
            select(ApprovalRequest)
            .where(
                ApprovalRequest.model_id == model.id,
                ApprovalRequest.state.in_([RequestState.OPEN.value, RequestState.GRANTED.value]),
            )
            .options(joinedload(ApprovalRequest.model), joinedload(ApprovalRequest.version))
        )
        invalidate_changed(db, system_actor(workspace_id), list(db.scalars(open_or_granted)))
        reopen_changed(db, model)
        recompute(db, model)
        refresh_risk(db, model)
        del touched[model_id]
    db.flush()
    places, reached = _before(places, set(touched), reached)
    told = {model_id for _place, kind, model_id in places if model_id and not kind.startswith("gate.")}
    if any(kind in FOR_ALL for _place, kind, _model_id in places):
        recompute_all(db, workspace_id)
    recompute_soon(db, workspace_id, told)
    return reached


def _before(places: Sequence[Place], left: Collection[str], reached: int) -> tuple[Sequence[Place], int]:
    """Return the places before any that touches a model which is left to do, and how far in the log that is."""
    for number, (place, kind, model_id) in enumerate(places):
        if model_id in left and kind in WATCHED:
            return places[:number], place - 1
    return places, reached
