"""Keeping what the inventory shows about a model's governance: its state, its tier, what waits."""

from typing import Any

from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor
from modelops_platform.events import service as events
from modelops_platform.registry import service as registry
from modelops_platform.registry.tables import Model

from .. import queries
from ..domain.states import RequestState
from ..tables import ApprovalRequest
from .lifecycles import advance


def refresh_state(
    db: Session, model: Model, *, going_live: str | None = None, decision_id: str | None = None, **found: Any
) -> None:
    """Let the model and its versions go on in their life cycles as far as they do by themselves, in this transaction.

    Args:
        going_live: A version whose activation was allowed and is written in this very transaction.
        decision_id: The decision that allowed it.
        found: What else the summary is to tell.
    """
    db.flush()
    situation = queries.find_situation(db, model, going_live=going_live)
    state = advance(db, model, situation, decision_id=decision_id)
    shown = {} if state is None else {"state": state}
    registry.summarise(db, model.id, approvals_waiting=situation.open_requests, **shown, **found)


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
