"""Reads that a request signs in by: tokens, sessions and links, with all grants of their person."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Row,
    Select,
    and_,
    bindparam,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import count_changed
from modelops_platform.core.errors import NotFound
from modelops_platform.core.statements import Prepared

from ..tables import (
    BrowserSession,
    Grant,
    OneTimeLink,
    Preference,
    Token,
    UnitAncestor,
    User,
)
from .grants import granted
from .users import get_visible_user


def digest_of(secret: str) -> str:
    """Return what is kept of a token, cookie or link."""
    return hashlib.sha256(secret.encode()).hexdigest()


# Every request signs in, so these are made once and go to the driver.
_WITH_GRANTS: Select[*tuple[Any, ...]] = (
    select(User.id, User.kind, User.name, User.workspace_id, User.unit_id, User.disabled_at)
    .add_columns(Grant.role, Grant.object_kind, Grant.object_id, UnitAncestor.unit_id.label("reached_id"))
    .outerjoin(Grant, Grant.user_id == User.id)
    .outerjoin(UnitAncestor, and_(Grant.object_kind == "unit", UnitAncestor.ancestor_id == Grant.object_id))
)

_BY_TOKEN = Prepared(
    _WITH_GRANTS.join(Token, Token.user_id == User.id)
    .add_columns(Token.id.label("token_id"), Token.scope, Token.expires_at, Token.revoked_at, Token.last_used_at)
    .where(Token.digest == bindparam("digest"))
)

_BY_SESSION = Prepared(
    _WITH_GRANTS.join(BrowserSession, BrowserSession.user_id == User.id)
    .add_columns(BrowserSession.id.label("session_id"), BrowserSession.last_used_at, BrowserSession.ended_at)
    .add_columns(BrowserSession.ends_at)
    .outerjoin(Preference, Preference.user_id == User.id)
    .add_columns(Preference.theme, Preference.density, Preference.time_zone, Preference.has_shortcuts)
    .add_columns(Preference.set_up_skipped_at)
    .where(BrowserSession.digest == bindparam("digest"))
)


def find_by_token(db: Session, secret: str) -> Sequence[Any]:
    """Return the token's user with all grants, one row each; nothing for an unknown token."""
    return _BY_TOKEN.all(db.connection(), digest=digest_of(secret))


def find_by_session(db: Session, secret: str) -> Sequence[Any]:
    """Return the session's user with all grants, one row each; nothing for an unknown cookie."""
    return _BY_SESSION.all(db.connection(), digest=digest_of(secret))


def find_proof(db: Session, cookie: str | None) -> datetime | None:
    """Return when the person of a session last typed their password; None where the session hangs on none."""
    if not cookie:
        return None
    return db.scalars(select(BrowserSession.proved_at).where(BrowserSession.digest == digest_of(cookie))).one_or_none()


def list_grants(db: Session, user_id: str) -> Sequence[Row[Any]]:
    """Return a user with all grants, in the shape that `to_actor` takes."""
    return db.execute(_WITH_GRANTS.where(User.id == user_id)).all()


def list_tokens(db: Session, actor: Actor, user_id: str) -> Sequence[Token]:
    """Return the tokens of a user, oneself or one whose rights one may look into, the newest first. Raises NotFound."""
    if user_id != actor.id:
        get_visible_user(db, actor, user_id)
    return db.scalars(select(Token).where(Token.user_id == user_id).order_by(Token.id.desc())).all()


def get_token(db: Session, actor: Actor, token_id: str) -> Token:
    """Return a token of oneself or of somebody whose rights one may look into. Raises NotFound."""
    seen = or_(Token.user_id == actor.id, granted(User, actor, Permission.VIEW_AUDIT))
    found = select(Token).join(User, User.id == Token.user_id).where(Token.workspace_id == actor.workspace_id, seen)
    token = db.scalars(found.where(Token.id == token_id)).one_or_none()
    if token is None:
        raise NotFound(
            f"There is no token {token_id[:80]!r}.",
            remedy="Look at the list of tokens.",
            field="token",
            value=token_id[:80],
        )
    return token


def find_link(db: Session, secret: str, purpose: str) -> OneTimeLink | None:
    """Return the link with this secret if it can still be used; looking does not use it."""
    return db.scalars(
        select(OneTimeLink).where(
            OneTimeLink.digest == digest_of(secret),
            OneTimeLink.purpose == purpose,
            OneTimeLink.used_at.is_(None),
            OneTimeLink.expires_at > clock.now(),
        )
    ).one_or_none()


def take_link(db: Session, link: OneTimeLink) -> bool:
    """Use the link up, and say whether nobody else was quicker."""
    unused = update(OneTimeLink).where(OneTimeLink.id == link.id, OneTimeLink.used_at.is_(None))
    return count_changed(db, unused.values(used_at=clock.now())) == 1


def is_alive(at: datetime, *, ends: datetime | None, revoked: datetime | None) -> bool:
    """Say whether a credential may be used at this time."""
    return revoked is None and (ends is None or at < ends)
