"""Reads about people, units and rights; `granted` bounds every query of the rooms above."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, false, or_, select, true
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.core.errors import NotFound

from .domain import Role, Scope, allowed
from .tables import BrowserSession, Grant, Token, Unit, UnitAncestor, User


def granted(entity: Any, actor: Actor, permission: Permission = Permission.VIEW) -> ColumnElement[bool]:
    """Return the condition that bounds rows of `entity` to those the actor holds the permission on.

    `entity` has `unit_id`, and is a model (`object_kind == "model"`) or may carry `model_id`.
    """
    if actor.kind is ActorKind.SYSTEM or actor.covers_workspace(permission):
        return true()
    roles = {grant.role for grant in actor.grants if permission in grant.permissions}
    if not roles:
        return false()
    mine = and_(Grant.user_id == actor.id, Grant.role.in_(roles))
    units = (
        select(UnitAncestor.unit_id)
        .join(Grant, and_(Grant.object_kind == "unit", Grant.object_id == UnitAncestor.ancestor_id))
        .where(mine)
    )
    conditions = [entity.unit_id.in_(units)]
    model_id = entity.id if getattr(entity, "object_kind", None) == "model" else getattr(entity, "model_id", None)
    if model_id is not None:
        conditions.append(model_id.in_(select(Grant.object_id).where(mine, Grant.object_kind == "model")))
    return or_(*conditions)


def digest_of(secret: str) -> str:
    """Return what is kept of a token, cookie or link."""
    return hashlib.sha256(secret.encode()).hexdigest()


_WITH_GRANTS: Select[Any] = (
    select(User, Grant.role, Grant.object_kind, Grant.object_id, UnitAncestor.unit_id)
    .outerjoin(Grant, Grant.user_id == User.id)
    .outerjoin(UnitAncestor, and_(Grant.object_kind == "unit", UnitAncestor.ancestor_id == Grant.object_id))
)
_BY_TOKEN = _WITH_GRANTS.add_columns(Token).join(Token, Token.user_id == User.id)
_BY_SESSION = _WITH_GRANTS.add_columns(BrowserSession).join(BrowserSession, BrowserSession.user_id == User.id)


def find_by_token(db: Session, secret: str) -> Sequence[Row[Any]]:
    """Return the token's user with all grants, one row each; nothing for an unknown token."""
    return db.execute(_BY_TOKEN.where(Token.digest == digest_of(secret))).all()


def find_by_session(db: Session, secret: str) -> Sequence[Row[Any]]:
    """Return the session's user with all grants, one row each; nothing for an unknown cookie."""
    return db.execute(_BY_SESSION.where(BrowserSession.digest == digest_of(secret))).all()


def list_grants(db: Session, user_id: str) -> Sequence[Row[Any]]:
    """Return a user with all grants, in the shape that `to_actor` takes."""
    return db.execute(_WITH_GRANTS.where(User.id == user_id)).all()


def get_user(db: Session, actor: Actor, user_id: str) -> User:
    """Return a user of the actor's workspace. Raises NotFound."""
    user = db.scalars(select(User).where(User.id == user_id, User.workspace_id == actor.workspace_id)).one_or_none()
    if user is None:
        raise NotFound(f"There is no user {user_id!r}.", remedy="Look at the list of users.", field="user", value=user_id)
    return user


def find_user_by_email(db: Session, workspace_id: str, email: str) -> User | None:
    """Return the user with this address, if there is one."""
    return db.scalars(select(User).where(User.workspace_id == workspace_id, User.email == email.lower())).one_or_none()


def get_user_by_email(db: Session, actor: Actor, email: str) -> User:
    """Return the user with this address. Raises NotFound."""
    user = find_user_by_email(db, actor.workspace_id, email)
    if user is None:
        raise NotFound(f"There is no user with the address {email!r}.", remedy="Look at the list of users.", value=email)
    return user


def names_of(db: Session, user_ids: set[str]) -> dict[str, str]:
    """Return display names by user id, for pages that show who did something."""
    if not user_ids:
        return {}
    found = db.execute(select(User.id, User.name).where(User.id.in_(user_ids))).all()
    return {user_id: name for user_id, name in found}


def list_units(db: Session, actor: Actor) -> Sequence[Unit]:
    """Return all units of the workspace by name; the tree itself is no secret inside a workspace."""
    return db.scalars(select(Unit).where(Unit.workspace_id == actor.workspace_id).order_by(Unit.name)).all()


def get_unit(db: Session, actor: Actor, unit_id: str) -> Unit:
    """Return a unit. Raises NotFound."""
    unit = db.scalars(select(Unit).where(Unit.id == unit_id, Unit.workspace_id == actor.workspace_id)).one_or_none()
    if unit is None:
        raise NotFound(f"There is no unit {unit_id!r}.", remedy="Look at the list of units.", field="unit", value=unit_id)
    return unit


def find_unit_by_name(db: Session, workspace_id: str, name: str) -> Unit | None:
    """Return the unit with this name, if there is one."""
    return db.scalars(select(Unit).where(Unit.workspace_id == workspace_id, Unit.name == name)).one_or_none()


def roles_held(rows: Sequence[Row[Any]], scope: Scope | None) -> list[tuple[Role, str, str, str | None, frozenset[Permission]]]:
    """Return the grants of sign-in rows with what each allows through a credential of this scope."""
    return [
        (Role(role), kind, object_id, unit_id, allowed(Role(role), scope))
        for _user, role, kind, object_id, unit_id, *_rest in rows
        if role is not None
    ]


def is_alive(at: datetime, *, ends: datetime | None, revoked: datetime | None) -> bool:
    """Say whether a credential may be used at this time."""
    return revoked is None and (ends is None or at < ends)
