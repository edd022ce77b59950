"""Verbs of identity: users, units, grants, tokens."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind, Permission, system_actor
from modelops_platform.core.actor import Grant as Held
from modelops_platform.core.db import DEFAULT_WORKSPACE
from modelops_platform.core.errors import AlreadyExists, InvalidInput
from modelops_platform.events import service as events

from . import queries
from .domain import Role, Scope
from .tables import Grant, Token, Unit, UnitAncestor, User, Workspace

TOKEN_PREFIX = "mop_"


def to_actor(
    rows: Sequence[Row[Any]],
    scope: Scope | None = None,
    *,
    token_id: str | None = None,
    address: str | None = None,
    request_id: str | None = None,
) -> Actor:
    """Make the actor of sign-in rows: a user with every grant, units expanded to all below them."""
    user: User = rows[0][0]
    units: dict[tuple[Role, str, str], set[str]] = {}
    allows: dict[tuple[Role, str, str], frozenset[Permission]] = {}
    for role, kind, object_id, unit_id, permissions in queries.roles_held(rows, scope):
        key = (role, kind, object_id)
        allows[key] = permissions
        units.setdefault(key, set()).update([unit_id] if unit_id else [])
    return Actor(
        id=user.id,
        kind=ActorKind(user.kind),
        name=user.name,
        workspace_id=user.workspace_id,
        unit_id=user.unit_id,
        grants=tuple(
            Held(role.value, kind, object_id, allows[role, kind, object_id], frozenset(reached))
            for (role, kind, object_id), reached in units.items()
        ),
        token_id=token_id,
        address=address,
        request_id=request_id,
    )


ROOT_UNIT = "Organisation"


def ensure_workspace(db: Session, enforcement: str) -> Workspace:
    """Return the workspace, made with its root unit when the database is new."""
    workspace = db.get(Workspace, DEFAULT_WORKSPACE)
    if workspace is None:
        workspace = Workspace(id=DEFAULT_WORKSPACE, name="default", enforcement=enforcement)
        db.add(workspace)
        db.flush()
        system = system_actor(workspace.id)
        events.record(db, system, "workspace.created", workspace, enforcement=enforcement)
        create_unit(db, system, ROOT_UNIT)
    return workspace


def create_unit(db: Session, actor: Actor, name: str, parent_id: str | None = None) -> Unit:
    """Add a unit to the tree. Raises NotAllowed, NotFound (parent), AlreadyExists."""
    parent = queries.get_unit(db, actor, parent_id) if parent_id else None
    actor.must(Permission.MANAGE_USERS, parent)
    unit = Unit(workspace_id=actor.workspace_id, name=name, parent_id=parent_id)
    try:
        with db.begin_nested():
            db.add(unit)
    except IntegrityError:
        raise AlreadyExists(f"There is already a unit named {name!r}.", remedy="Choose another name.", field="name", value=name) from None
    above = db.scalars(select(UnitAncestor.ancestor_id).where(UnitAncestor.unit_id == parent_id)).all() if parent_id else []
    db.execute(insert(UnitAncestor), [{"ancestor_id": a, "unit_id": unit.id} for a in [*above, unit.id]])
    events.record(db, actor, "unit.created", unit, parent=parent_id)
    return unit


def create_user(
    db: Session,
    actor: Actor,
    *,
    email: str,
    name: str,
    kind: ActorKind = ActorKind.PERSON,
    unit_id: str | None = None,
    password_hash: str | None = None,
) -> User:
    """Add a person or a service account. Raises NotAllowed, NotFound (unit), AlreadyExists."""
    unit = queries.get_unit(db, actor, unit_id) if unit_id else None
    actor.must(Permission.MANAGE_USERS, unit)
    user = User(
        workspace_id=actor.workspace_id,
        email=email.lower(),
        name=name,
        kind=kind.value,
        unit_id=unit_id,
        password_hash=password_hash,
    )
    try:
        with db.begin_nested():
            db.add(user)
    except IntegrityError:
        raise AlreadyExists(
            f"There is already a user with the address {email!r}.", remedy="Grant a role to that user.", field="email", value=email
        ) from None
    events.record(db, actor, "user.created", user, kind_of_user=kind.value, personal={"email": user.email, "name": name})
    return user


def grant_role(db: Session, actor: Actor, user: User, role: Role, object_kind: str, object_id: str) -> Grant:
    """Give a user a role on an object. Raises NotAllowed, AlreadyExists, InvalidInput."""
    actor.must(Permission.MANAGE_USERS, _granted_object(db, actor, object_kind, object_id))
    if (role is Role.SERVICE) != (user.kind == ActorKind.SERVICE):
        raise InvalidInput(
            f"The role {role.value!r} does not fit a {user.kind} account.",
            remedy="Give `service` to service accounts and the other roles to people.",
            field="role",
            value=role.value,
        )
    grant = Grant(
        workspace_id=actor.workspace_id,
        user_id=user.id,
        role=role.value,
        object_kind=object_kind,
        object_id=object_id,
        granted_by=actor.id,
    )
    try:
        with db.begin_nested():
            db.add(grant)
    except IntegrityError:
        raise AlreadyExists(f"{user.name} already is {role.value} there.", remedy="Nothing needs to be done.") from None
    events.record(db, actor, "role.granted", user, role=role.value, on={"kind": object_kind, "id": object_id})
    return grant


def _granted_object(db: Session, actor: Actor, object_kind: str, object_id: str) -> Unit | None:
    return queries.get_unit(db, actor, object_id) if object_kind == "unit" else None


def create_token(
    db: Session, actor: Actor, user: User, name: str, *, scope: Scope = Scope.ALL, expires_at: datetime | None = None
) -> tuple[Token, str]:
    """Make a token for a user, oneself unless one manages users; the secret is told once. Raises NotAllowed."""
    if actor.id != user.id:
        actor.must(Permission.MANAGE_USERS)
    if expires_at is not None and expires_at <= clock.now():
        raise InvalidInput(
            f"The token would expire at {expires_at.isoformat()}, which is past.", remedy="Name a later time.", field="expires_at"
        )
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = Token(
        workspace_id=actor.workspace_id,
        user_id=user.id,
        name=name,
        digest=queries.digest_of(secret),
        scope=scope.value,
        expires_at=expires_at,
    )
    db.add(token)
    events.record(db, actor, "token.created", token, user=user.id, scope=scope.value)
    return token, secret
