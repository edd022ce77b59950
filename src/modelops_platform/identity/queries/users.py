"""Reads about accounts and people."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    Select,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound

from ..tables import (
    BrowserSession,
    Grant,
    Preference,
    Token,
    User,
)
from .grants import granted, grants_visible_to


def get_user(db: Session, actor: Actor, user_id: str) -> User:
    """Return a user of the actor's workspace. Raises NotFound."""
    user = db.scalars(select(User).where(User.id == user_id, User.workspace_id == actor.workspace_id)).one_or_none()
    if user is None:
        raise _no_user(user_id)
    return user


def find_user_by_email(db: Session, workspace_id: str, email: str) -> User | None:
    """Return the user with this address, if there is one."""
    return db.scalars(
        select(User).where(User.workspace_id == workspace_id, User.email == email.strip().lower())
    ).one_or_none()


def get_user_by_email(db: Session, actor: Actor, email: str) -> User:
    """Return the user with this address. Raises NotFound."""
    user = find_user_by_email(db, actor.workspace_id, email)
    if user is None:
        raise NotFound(
            f"There is no user with the address {email[:80]!r}.",
            remedy="Look at the list of users.",
            field="email",
            value=email[:80],
        )
    return user


def names_of(db: Session, user_ids: set[str]) -> dict[str, str]:
    """Return display names by user id, for pages that show who did something."""
    if not user_ids:
        return {}
    found = db.execute(select(User.id, User.name).where(User.id.in_(user_ids))).all()
    return {row.id: row.name for row in found}


def list_people(db: Session, actor: Actor, *, q: str | None = None, limit: int = 200) -> Sequence[User]:
    """Return those who may be named as owner, validator or head: people whose account is in use, by name."""
    people = select(User).where(
        User.workspace_id == actor.workspace_id, User.kind == ActorKind.PERSON, User.disabled_at.is_(None)
    )
    if q:
        people = people.where(or_(User.name.icontains(q, autoescape=True), User.email.icontains(q, autoescape=True)))
    return db.scalars(people.order_by(User.name, User.id).limit(limit)).all()


def users_visible_to(actor: Actor) -> Select[User]:
    """Return the accounts whose rights this actor may look into, as a statement to narrow further."""
    return select(User).where(User.workspace_id == actor.workspace_id, granted(User, actor, Permission.VIEW_AUDIT))


def list_users(
    db: Session,
    actor: Actor,
    *,
    q: str | None = None,
    kind: str | None = None,
    state: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[User]:
    """Return a page of accounts by name. State: `enabled`, `disabled`."""
    users = users_visible_to(actor)
    if q:
        users = users.where(or_(User.name.icontains(q, autoescape=True), User.email.icontains(q, autoescape=True)))
    if kind:
        users = users.where(User.kind == kind)
    if state:
        users = users.where(User.disabled_at.is_(None) if state == "enabled" else User.disabled_at.is_not(None))
    return paginate(db, users, User.name, User.id, cursor=cursor, limit=limit)


def count_users(db: Session, actor: Actor) -> dict[tuple[str, bool], int]:
    """Count the visible accounts by kind and whether they are disabled."""
    disabled = User.disabled_at.is_not(None)
    counted = users_visible_to(actor).with_only_columns(User.kind, disabled, func.count()).group_by(User.kind, disabled)
    return {(kind, bool(off)): count for kind, off, count in db.execute(counted)}


def roles_of(db: Session, actor: Actor) -> dict[str, list[str]]:
    """Return the roles, each once, of every account by the grants that the actor may see."""
    roles: dict[str, list[str]] = {}
    seen = grants_visible_to(actor).with_only_columns(Grant.user_id, Grant.role).distinct().order_by(Grant.role)
    for user_id, role in db.execute(seen):
        roles.setdefault(user_id, []).append(role)
    return roles


def last_seen(db: Session, user_id: str) -> datetime | None:
    """Return when the account was last used, by browser or token."""
    by_browser = db.scalar(select(func.max(BrowserSession.last_used_at)).where(BrowserSession.user_id == user_id))
    by_token = db.scalar(select(func.max(Token.last_used_at)).where(Token.user_id == user_id))
    return max((at for at in (by_browser, by_token) if at is not None), default=None)


def get_visible_user(db: Session, actor: Actor, user_id: str) -> User:
    """Return an account that the actor may look into. Raises NotFound."""
    user = db.scalars(users_visible_to(actor).where(User.id == user_id)).one_or_none()
    if user is None:
        raise _no_user(user_id)
    return user


def _no_user(user_id: str) -> NotFound:
    return NotFound(
        f"There is no user {user_id[:80]!r}.", remedy="Look at the list of users.", field="user", value=user_id[:80]
    )


def find_preferences(db: Session, user_id: str) -> Preference | None:
    """Return what a person chose about their pages, if they ever did."""
    return db.get(Preference, user_id)
