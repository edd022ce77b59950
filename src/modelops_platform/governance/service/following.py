"""Following what the rooms below did: edits that void approvals, deployments that came or went.

They cannot tell governance directly, so it reads their events in the order of the log, each once.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from modelops_platform.core.actor import system_actor
from modelops_platform.events.tables import Event, EventPlace
from modelops_platform.registry.tables import Model

from ..domain.states import RequestState
from ..tables import ApprovalRequest
from .assessments import refresh_risk
from .states import invalidate_changed

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
AT_ONCE = 2_000


def catch_up(db: Session, workspace_id: str, after: int) -> int:
    """Bring the models up to date that were touched behind this place of the log, and return the new place."""
    places = db.execute(
        select(EventPlace.place, Event.kind, Event.model_id)
        .join(Event, Event.id == EventPlace.event_id)
        .where(EventPlace.place > after, Event.workspace_id == workspace_id)
        .order_by(EventPlace.place)
        .limit(AT_ONCE)
    ).all()
    touched = {model_id for _place, kind, model_id in places if model_id and kind in WATCHED}
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
        refresh_risk(db, model)
    return places[-1].place if places else after
