"""One-time links: to sign in once, and to set up an empty installation."""

import secrets
from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind, Permission, system_actor
from modelops_platform.core.db import DEFAULT_WORKSPACE
from modelops_platform.core.errors import InvalidInput, NotSignedIn
from modelops_platform.events import service as events

from .. import queries
from ..domain import SET_UP_LINK_LASTS, SIGN_IN_LINK_LASTS, Role
from ..tables import OneTimeLink, User
from .rights import lock_workspace, must_outrank
from .sessions import SignedIn, open_session
from .users import enrol


def create_sign_in_link(db: Session, actor: Actor, user: User, *, lasts: timedelta = SIGN_IN_LINK_LASTS) -> str:
    """Return the secret of a link that signs a person in once. Raises NotAllowed, InvalidInput."""
    actor.must(Permission.MANAGE_USERS, user)
    must_outrank(db, actor, user)
    if user.kind != ActorKind.PERSON or user.disabled_at is not None:
        raise InvalidInput(
            f"{user.name} cannot sign in with a browser.",
            remedy="Links are for people whose account is not disabled; a service account uses tokens.",
            field="user",
            value=user.id,
        )
    secret = _make(db, actor.workspace_id, "sign_in", lasts, user.id)
    events.record(db, actor, "signin_link.created", user)
    return secret


def _make(db: Session, workspace_id: str, purpose: str, lasts: timedelta, user_id: str | None = None) -> str:
    now = clock.now()
    db.execute(delete(OneTimeLink).where(OneTimeLink.expires_at < now))
    secret = secrets.token_urlsafe(32)
    digest = queries.digest_of(secret)
    db.add(
        OneTimeLink(workspace_id=workspace_id, user_id=user_id, purpose=purpose, digest=digest, expires_at=now + lasts)
    )
    return secret


def make_set_up_link(db: Session) -> str | None:
    """Return the secret that opens the set-up page (`/set-up?link=`), or None when there is an administrator."""
    if queries.has_admin(db, DEFAULT_WORKSPACE):
        return None
    return _make(db, DEFAULT_WORKSPACE, "set_up", SET_UP_LINK_LASTS)


def check_set_up_link(db: Session, secret: str) -> OneTimeLink:
    """Return the link if it can still set up this installation. Raises NotSignedIn."""
    link = queries.find_link(db, secret, "set_up")
    if link is None or queries.has_admin(db, DEFAULT_WORKSPACE):
        raise _no_set_up()
    return link


def _no_set_up() -> NotSignedIn:
    return NotSignedIn(
        "The set-up link is not valid, was used already, or has expired.",
        remedy="Restart the platform; as long as there is no administrator, it prints a new link.",
        credential="link",
    )


def set_up(
    db: Session, secret: str, *, email: str, name: str, password_hash: str | None, address: str | None
) -> SignedIn:
    """Make the first administrator and sign them in; works once. Raises NotSignedIn, InvalidInput, AlreadyExists."""
    system = system_actor(DEFAULT_WORKSPACE, "the set-up page")
    lock_workspace(db, DEFAULT_WORKSPACE)
    if not queries.take_link(db, check_set_up_link(db, secret)):
        raise _no_set_up()
    user = enrol(db, system, email=email, role=Role.ADMIN, name=name, password_hash=password_hash)
    return open_session(db, user, by="set-up", address=address)
