"""Who may act on whom: the rules that keep rights from growing by themselves."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, ActorKind, Governed, Permission
from modelops_platform.core.errors import NotAllowed, TransitionRefused

from .. import queries
from ..domain import Role, may_give
from ..tables import User, Workspace


def register_object_kind(table: type[Any]) -> None:
    """Let roles be granted on the rows of a table above; called by the entry points.

    The table has `object_kind`, `id`, `workspace_id`, `unit_id` and `name`.
    """
    queries.GRANTED_KINDS[table.object_kind] = table


def held_on(actor: Actor, thing: Governed | None) -> frozenset[Permission]:
    """Return every permission that the actor holds on the thing (or on the workspace)."""
    if actor.kind is ActorKind.SYSTEM:
        return frozenset(Permission)
    return frozenset().union(*(grant.permissions for grant in actor.grants if grant.covers(thing)))


def must_give(actor: Actor, user: User, role: Role, thing: Governed | None) -> None:
    """Raise NotAllowed unless the actor may give the user this role on the thing."""
    actor.must(Permission.MANAGE_USERS, thing)
    if actor.kind is not ActorKind.SYSTEM and not may_give(held_on(actor, thing), role, to_oneself=actor.id == user.id):
        raise NotAllowed(
            f"{actor.name} may not give the role {role.value!r} here: it allows more than {actor.name} may do.",
            remedy="Ask another administrator to give it.",
            role=role.value,
        )


def must_own_account(actor: Actor) -> None:
    """Raise NotAllowed when the actor came with a token that is too narrow to touch its owner's account."""
    if not actor.may_somewhere(Permission.MANAGE_OWN_ACCOUNT):
        raise NotAllowed(
            "A token that may not do everything may not change the account it belongs to.",
            remedy="Use your profile, or a token for everything you may do.",
            permission=Permission.MANAGE_OWN_ACCOUNT.value,
        )


def must_outrank(db: Session, actor: Actor, user: User) -> None:
    """Raise NotAllowed unless the actor manages users on everything where the user holds a role.

    Without it, the administrator of a unit could take over a higher account that is at home there.
    """
    if actor.kind is ActorKind.SYSTEM or actor.may(Permission.MANAGE_USERS):
        return
    for grant in queries.list_grants_of(db, user.id):
        thing = queries.find_granted_object(db, actor.workspace_id, grant.object_kind, grant.object_id)
        if (
            thing is None
            or isinstance(thing, Workspace)
            or not may_give(held_on(actor, thing), Role(grant.role), to_oneself=False)
        ):
            raise NotAllowed(
                f"{user.name} holds roles that {actor.name} does not administer.",
                remedy="Ask an administrator of the workspace.",
            )


def must_leave_an_admin(db: Session, actor: Actor, without: User) -> None:
    """Raise TransitionRefused when nobody but this user administers the workspace.

    The workspace's row is locked first, so that two administrators cannot remove each other at once.
    """
    lock_workspace(db, actor.workspace_id)
    had, has = (queries.has_admin(db, actor.workspace_id, besides=one) for one in (None, without.id))
    if had and not has:
        raise TransitionRefused(
            f"{without.name} is the last administrator of the workspace.",
            remedy="Make somebody else an administrator of the workspace first.",
        )


def lock_workspace(db: Session, workspace_id: str) -> None:
    """Wait for others who change who may do what; rows that refer to the workspace are not held up."""
    db.execute(select(Workspace.id).where(Workspace.id == workspace_id).with_for_update(key_share=True)).one()
