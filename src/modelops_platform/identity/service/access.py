"""Asking for a role, and answering.

A request names what somebody typed, whether it exists or not: neither the form nor its answer tells which.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotAllowed, Stale
from modelops_platform.events import service as events

from .. import queries
from ..domain import Role
from ..schemas import AccessIn
from ..tables import AccessRequest
from .grants import grant_role
from .rights import must_own_account

MOST_OPEN = 20


def ask_for_access(db: Session, actor: Actor, wanted: AccessIn) -> AccessRequest:
    """Ask for a role.

    Raises NotAllowed (no person, a narrow token), AlreadyExists, InvalidInput (too many are open, a role of programs).
    """
    if actor.kind is not ActorKind.PERSON:
        raise NotAllowed("Only people ask for access.", remedy="Ask whoever looks after this service account.")
    if actor.token_id is not None:
        must_own_account(actor)
    if wanted.role is Role.SERVICE:
        raise InvalidInput(
            "The role service is for programs.", remedy="Ask for a role of people.", field="role", value="service"
        )
    mine = select(func.count()).where(AccessRequest.user_id == actor.id, AccessRequest.state == "open")
    if (db.scalar(mine) or 0) >= MOST_OPEN:
        raise InvalidInput(f"{MOST_OPEN} of your requests wait for an answer.", remedy="Wait for the answers first.")
    request = AccessRequest(
        workspace_id=actor.workspace_id,
        user_id=actor.id,
        unit_id=actor.unit_id,
        about=wanted.about,
        role=wanted.role.value if wanted.role else None,
        reason=wanted.reason,
    )
    taken = AlreadyExists(
        "You have asked for this already.", remedy="Wait for the answer.", field="about", value=wanted.about[:80]
    )
    with conflicts_as(db, taken):
        db.add(request)
    personal = {"about": wanted.about, "reason": wanted.reason}
    events.record(db, actor, "access.requested", request, role=request.role, personal=personal)
    return request


def grant_access(
    db: Session, actor: Actor, request_id: str, role: Role, object_kind: str, object_id: str
) -> AccessRequest:
    """Give the role that the person needs, on an object that the answerer chooses.

    Raises NotFound, NotAllowed, InvalidInput, AlreadyExists (they hold it), Stale (somebody else has answered).
    """
    request = _open(db, actor, request_id)
    user = queries.get_user(db, actor, request.user_id)
    grant_role(db, actor, user, role, object_kind, object_id)
    _close(actor, request, "granted")
    events.record(db, actor, "access.granted", request, role=role.value, of=user.id)
    return request


def decline_access(db: Session, actor: Actor, request_id: str, answer: str) -> AccessRequest:
    """Say no, and why. Raises NotFound, Stale (somebody else has answered)."""
    request = _open(db, actor, request_id)
    _close(actor, request, "declined", answer)
    events.record(db, actor, "access.declined", request, of=request.user_id, personal={"answer": answer})
    return request


def _open(db: Session, actor: Actor, request_id: str) -> AccessRequest:
    request = queries.get_access_request(db, actor, request_id, lock=True)
    actor.must(Permission.MANAGE_USERS, request)
    if request.state != "open":
        raise Stale("The request has been answered already.", remedy="Look at the list again.")
    return request


def _close(actor: Actor, request: AccessRequest, state: str, answer: str = "") -> None:
    request.state, request.answer = state, answer
    request.decided_at, request.decided_by = clock.now(), actor.id
