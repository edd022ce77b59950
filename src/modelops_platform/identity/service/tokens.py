"""API tokens: told once, kept as a hash."""

import secrets
from datetime import datetime

from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.core.errors import InvalidInput, NotAllowed
from modelops_platform.events import service as events

from .. import queries
from ..domain import Scope, checked_label
from ..tables import Token, User
from .rights import must_outrank, must_own_account

PREFIX = "mop_"  # lets scanners recognise a leaked token


def create_token(
    db: Session, actor: Actor, user: User, name: str, *, scope: Scope = Scope.ALL, expires_at: datetime | None = None
) -> tuple[Token, str]:
    """Make a token for oneself, or for a service account that one manages; the secret is told once.

    Nobody makes a token for another person, who would then answer for what it does; the system may.
    Only a token for everything makes tokens, and none that last longer than itself.
    Raises NotAllowed, InvalidInput.
    """
    if actor.id != user.id:
        actor.must(Permission.MANAGE_USERS, user)
        must_outrank(db, actor, user)
        if user.kind == ActorKind.PERSON and actor.kind is not ActorKind.SYSTEM:
            raise NotAllowed(
                f"{actor.name} may not make a token for {user.name}.",
                remedy="People make their own tokens, on their profile; a program needs a service account.",
            )
    else:
        must_own_account(actor)
    _check_end(db, actor, expires_at)
    if user.disabled_at is not None:
        raise InvalidInput(
            f"{user.name} is disabled.", remedy="Enable the account first.", field="user_id", value=user.id
        )
    secret = PREFIX + secrets.token_urlsafe(32)
    token = Token(
        workspace_id=actor.workspace_id,
        user_id=user.id,
        name=checked_label(name),
        digest=queries.digest_of(secret),
        scope=scope.value,
        expires_at=expires_at,
    )
    db.add(token)
    ends = expires_at.isoformat() if expires_at else None
    events.record(db, actor, "token.created", token, user=user.id, scope=scope.value, expires_at=ends)
    return token, secret


def _check_end(db: Session, actor: Actor, expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at <= clock.now():
        raise InvalidInput(
            f"The token would expire at {expires_at.isoformat()}, which is past.",
            remedy="Name a later time.",
            field="expires_at",
            value=expires_at.isoformat(),
        )
    if actor.token_id is None:
        return
    used = db.get_one(Token, actor.token_id)
    if used.expires_at is not None and (expires_at is None or expires_at > used.expires_at):
        raise NotAllowed(
            f"A token may not make one that lasts longer than itself, until {used.expires_at.isoformat()}.",
            remedy="Name an earlier expiry, or make the token on your profile.",
        )


def create_token_for(db: Session, actor: Actor, email: str, name: str, *, scope: Scope = Scope.ALL) -> str:
    """Make a token for the user with this address and return its secret. Raises NotFound, NotAllowed."""
    return create_token(db, actor, queries.get_user_by_email(db, actor, email), name, scope=scope)[1]


def revoke_token(db: Session, actor: Actor, token_id: str) -> Token:
    """End a token at once, one's own or that of somebody one manages. Raises NotFound, NotAllowed."""
    token = queries.get_token(db, actor, token_id)
    if token.user_id != actor.id:
        user = queries.get_user(db, actor, token.user_id)
        actor.must(Permission.MANAGE_USERS, user)
        must_outrank(db, actor, user)
    else:
        must_own_account(actor)
    if token.revoked_at is None:
        token.revoked_at = clock.now()
        events.record(db, actor, "token.revoked", token, user=token.user_id)
    return token
