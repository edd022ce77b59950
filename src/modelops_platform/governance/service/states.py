"""Keeping what the inventory shows about a model's governance: its state, its tier, what waits."""

from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor
from modelops_platform.events import service as events
from modelops_platform.registry import service as registry
from modelops_platform.registry.tables import Model

from .. import queries
from ..domain.states import RequestState
from ..tables import ApprovalRequest


def refresh_state(db: Session, model: Model, *, going_live: str | None = None) -> None:
    """Write the model's state and its number of open requests into the summary."""
    db.flush()
    states = queries.find_states(db, model, going_live=going_live)
    registry.summarise(db, model.id, state=states.model.value, approvals_waiting=states.open_requests)


def invalidate_changed(db: Session, actor: Actor, requests: list[ApprovalRequest]) -> int:
    """Close those open or granted requests whose covered words were edited since, and return how many."""
    changed = [
        request
        for request in requests
        if request.state != RequestState.VOID and queries.state_of(request) is RequestState.VOID
    ]
    for request in changed:
        was = request.state
        request.state, request.closed_at = RequestState.VOID.value, clock.now()
        events.record(db, actor, "approval.invalidated", request, was=was, version=request.version_id)
    return len(changed)
