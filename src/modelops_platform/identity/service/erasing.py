"""Erasing a person: what names them goes, what they did stays, and every proof of it."""

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind
from modelops_platform.core.errors import InvalidInput
from modelops_platform.events import service as events

from ..domain import ERASED_NAME, erased_address
from ..tables import AccessRequest, Grant, OneTimeLink, Preference, ProviderIdentity, User
from .users import disable_user, managed_user


def erase_user(db: Session, actor: Actor, user_id: str) -> User:
    """Take name and address of a person out of their account and out of the log, for good.

    Their roles end, too. Their id stays, so that what they did still is one person's doing. Raises NotFound,
    NotAllowed, InvalidInput (oneself, a service account), TransitionRefused (the last administrator).
    """
    user = managed_user(db, actor, user_id)
    if user.kind != ActorKind.PERSON:
        raise InvalidInput(
            f"{user.name} is no person.", remedy="Disable a service account instead.", field="user", value=user.id
        )
    if user.erased_at is not None:
        return user
    disable_user(db, actor, user_id)
    erased = events.erase_personal(db, user.id, [user.email])
    roles = [
        {"role": grant.role, "on": {"kind": grant.object_kind, "id": grant.object_id}}
        for grant in db.scalars(select(Grant).where(Grant.user_id == user.id).order_by(Grant.id))
    ]
    for table in (Grant, OneTimeLink, Preference, ProviderIdentity):
        db.execute(delete(table).where(table.user_id == user.id))
    db.execute(update(AccessRequest).where(AccessRequest.user_id == user.id).values(reason=""))
    user.name, user.email, user.password_hash = ERASED_NAME, erased_address(user.id), None
    user.erased_at = clock.now()
    events.record(db, actor, "user.erased", user, events=erased, roles=roles)
    return user
