"""Roles on workspaces, units, models and whatever else entry points register."""

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import AlreadyExists, InvalidInput
from modelops_platform.events import service as events

from .. import queries
from ..domain import Role
from ..tables import Grant, User, Workspace
from .rights import must_give, must_leave_an_admin


def grant_role(db: Session, actor: Actor, user: User, role: Role, object_kind: str, object_id: str) -> Grant:
    """Give a user a role on an object.

    Raises NotFound (object), NotAllowed, InvalidInput (role does not fit the account), AlreadyExists.
    """
    thing = queries.get_granted_object(db, actor, object_kind, object_id)
    must_give(actor, user, role, None if isinstance(thing, Workspace) else thing)
    _check_fit(user, role)
    grant = Grant(
        workspace_id=actor.workspace_id,
        user_id=user.id,
        role=role.value,
        object_kind=object_kind,
        object_id=object_id,
        granted_by=actor.id,
    )
    taken = AlreadyExists(
        f"{user.name} already is {role.value} there.",
        remedy="Nothing needs to be done.",
        field="role",
        value=role.value,
    )
    with conflicts_as(db, taken):
        db.add(grant)
    events.record(db, actor, "role.granted", user, role=role.value, on=_told(object_kind, object_id, thing.name))
    return grant


def _check_fit(user: User, role: Role) -> None:
    if (role is Role.SERVICE) != (user.kind == ActorKind.SERVICE):
        raise InvalidInput(
            f"The role {role.value!r} does not fit a {user.kind} account.",
            remedy="Give `service` to service accounts and the other roles to people.",
            field="role",
            value=role.value,
        )
    if user.disabled_at is not None:
        raise InvalidInput(
            f"{user.name} is disabled.", remedy="Enable the account first.", field="user_id", value=user.id
        )


def revoke_grant(db: Session, actor: Actor, grant_id: str) -> None:
    """Take a role away; it acts at once. Raises NotFound, NotAllowed, TransitionRefused (the last administrator)."""
    grant = queries.get_grant(db, actor, grant_id)
    user = queries.get_user(db, actor, grant.user_id)
    thing = queries.find_granted_object(db, actor.workspace_id, grant.object_kind, grant.object_id)
    on_workspace = thing is None or isinstance(thing, Workspace)  # what is gone is everybody's
    actor.must(Permission.MANAGE_USERS, None if on_workspace else thing)
    if grant.role == Role.ADMIN and grant.object_kind == "workspace" and user.disabled_at is None:
        must_leave_an_admin(db, actor, user)
    db.delete(grant)
    told = _told(grant.object_kind, grant.object_id, thing.name if thing else None)
    events.record(db, actor, "role.revoked", user, role=grant.role, on=told)


def _told(kind: str, object_id: str, name: str | None) -> dict[str, str | None]:
    return {"kind": kind, "id": object_id, "name": "the workspace" if kind == "workspace" else name}
