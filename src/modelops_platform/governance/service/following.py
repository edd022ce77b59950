"""Following what happened: edits that void approvals, deployments that came or went, how models stand after it.

They cannot tell governance directly, so it reads their events in the order of the log, each once.
"""

from collections.abc import Sequence

from sqlalchemy import Row, select
from sqlalchemy.orm import Session, joinedload

from modelops_platform.core.actor import system_actor
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
        "model.edited",
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
AT_ONCE = 2_000
MOST_MODELS = 150  # whoever writes waits for this transaction


def catch_up(db: Session, workspace_id: str, after: int) -> int:
    """Bring the models up to date that were touched behind this place of the log, and return the new place."""
    places = db.execute(
        select(EventPlace.place, Event.kind, Event.model_id)
        .join(Event, Event.id == EventPlace.event_id)
        .where(EventPlace.place > after, Event.workspace_id == workspace_id)
        .order_by(EventPlace.place)
        .limit(AT_ONCE)
    ).all()
    places = _as_far_as(places)
    touched = {model_id for _place, kind, model_id in places if model_id and kind in WATCHED}
    told = {model_id for _place, kind, model_id in places if model_id and not kind.startswith("gate.")}
    models = db.scalars(select(Model).where(Model.id.in_(touched)).order_by(Model.id)).all() if touched else []
    for model in models:
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
    db.flush()
    if any(kind in FOR_ALL for _place, kind, _model_id in places):
        recompute_all(db, workspace_id)
    recompute_soon(db, workspace_id, told)
    return places[-1].place if places else after


def _as_far_as(places: Sequence[Row[int, str, str | None]]) -> Sequence[Row[int, str, str | None]]:
    """Return the places until so many models are touched; the rest is for the next look."""
    touched: set[str] = set()
    for number, (_place, kind, model_id) in enumerate(places):
        if model_id and kind in WATCHED:
            touched.add(model_id)
        if len(touched) > MOST_MODELS:
            return places[:number]
    return places
