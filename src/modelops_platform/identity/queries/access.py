"""Reads about requests for access."""

from collections.abc import Sequence

from sqlalchemy import (
    Select,
    desc,
    func,
    select,
)
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound

from ..tables import (
    AccessRequest,
)
from .grants import granted


def access_requests_to_answer(actor: Actor) -> Select[AccessRequest]:
    """Return the requests that this actor may answer, to narrow further: those of people at home where they manage."""
    return select(AccessRequest).where(
        AccessRequest.workspace_id == actor.workspace_id, granted(AccessRequest, actor, Permission.MANAGE_USERS)
    )


def page_access_requests(
    db: Session, actor: Actor, *, is_open: bool, cursor: str | None = None, limit: int = 50
) -> Page[AccessRequest]:
    """Return a page of the requests that the actor may answer, the newest first."""
    state = AccessRequest.state == "open" if is_open else AccessRequest.state != "open"
    statement = access_requests_to_answer(actor).where(state)
    return paginate(db, statement, desc(AccessRequest.id), cursor=cursor, limit=limit)


def count_access_requests(db: Session, actor: Actor) -> int:
    """Count the requests that wait for an answer of this actor's."""
    waiting = access_requests_to_answer(actor).where(AccessRequest.state == "open")
    return db.scalar(waiting.with_only_columns(func.count(), maintain_column_froms=True)) or 0


def list_own_access_requests(db: Session, actor: Actor, *, limit: int = 20) -> Sequence[AccessRequest]:
    """Return what the actor asked for, the newest first."""
    mine = select(AccessRequest).where(AccessRequest.user_id == actor.id)
    return db.scalars(mine.order_by(desc(AccessRequest.id)).limit(limit)).all()


def get_access_request(db: Session, actor: Actor, request_id: str, *, lock: bool = False) -> AccessRequest:
    """Return a request that the actor may answer; locked, others who answer it wait. Raises NotFound."""
    statement = access_requests_to_answer(actor).where(AccessRequest.id == request_id)
    request = db.scalars(statement.with_for_update() if lock else statement).one_or_none()
    if request is None:
        raise NotFound(
            f"There is no access request {request_id[:80]!r}.",
            remedy="Look at the list of access requests.",
            field="request",
            value=request_id[:80],
        )
    return request
