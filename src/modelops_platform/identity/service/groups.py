"""Roles by the company's groups: mapped by administrators, given and taken at each sign-in."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete, exists, insert, select
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind, Permission, system_actor
from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotAllowed
from modelops_platform.core.ids import new_id
from modelops_platform.events import service as events

from .. import queries
from ..claims import EVERYBODY
from ..domain import GrantSource, Role, checked_group, is_self_appointed, may_give
from ..tables import Grant, GroupMapping, User
from .rights import held_on, lock_workspace

PROVIDER = "the identity provider"


def add_group_mapping(
    db: Session, actor: Actor, group: str, role: Role, *, unit_id: str | None = None, is_home: bool = False
) -> GroupMapping:
    """Let members of a group get a role, on the unit or else on the workspace, from their next sign-in on.

    Raises NotFound (unit), NotAllowed, InvalidInput, AlreadyExists.
    """
    unit = queries.get_unit(db, actor, unit_id) if unit_id else None
    actor.must(Permission.MANAGE_USERS, unit)
    if actor.kind is not ActorKind.SYSTEM and not may_give(held_on(actor, unit), role, to_oneself=False):
        raise NotAllowed(
            f"{actor.name} may not give the role {role.value!r} here: it allows more than {actor.name} may do.",
            remedy="Ask another administrator to map it.",
            role=role.value,
        )
    if role is Role.SERVICE:
        raise InvalidInput("Groups are of people.", remedy="Choose another role.", field="role", value=role.value)
    if is_home and unit is None:
        raise InvalidInput("A home is a unit.", remedy="Name a unit, or leave it.", field="is_home", value=True)
    mapping = GroupMapping(
        workspace_id=actor.workspace_id,
        group_name=checked_group(group),
        role=role.value,
        on_kind="unit" if unit else "workspace",
        on_id=unit.id if unit else actor.workspace_id,
        is_home=is_home,
        created_by=actor.id,
    )
    taken = AlreadyExists(
        f"The group {group[:80]!r} has this role there already.",
        remedy="Nothing needs to be done.",
        field="group",
        value=group[:80],
    )
    with conflicts_as(db, taken):
        db.add(mapping)
    events.record(db, actor, "group_mapping.added", mapping, **_told(mapping))
    return mapping


def _told(mapping: GroupMapping) -> dict[str, Any]:
    on = {"kind": mapping.on_kind, "id": mapping.on_id}
    return {"group": mapping.group_name, "role": mapping.role, "on": on, "home": mapping.is_home}


def remove_group_mapping(db: Session, actor: Actor, mapping_id: str) -> None:
    """End a mapping. Raises NotFound, NotAllowed.

    Roles that only this mapping gave end now; those that another group may give too, at the next sign-in.
    """
    mapping = queries.get_group_mapping(db, actor, mapping_id)
    actor.must(Permission.MANAGE_USERS, mapping if mapping.on_kind == "unit" else None)
    db.delete(mapping)
    db.flush()
    same = (GroupMapping.role == mapping.role, GroupMapping.on_kind == mapping.on_kind)
    if not db.scalar(select(exists().where(*same, GroupMapping.on_id == mapping.on_id))):
        here = (Grant.object_kind == mapping.on_kind, Grant.object_id == mapping.on_id)
        given = select(Grant).where(Grant.source == GrantSource.GROUP, Grant.role == mapping.role, *here)
        _take(db, _spared(db, actor.workspace_id, db.scalars(given).all()))
    events.record(db, actor, "group_mapping.removed", mapping, **_told(mapping))


def apply_groups(db: Session, user: User, groups: Iterable[str]) -> None:
    """Give the roles that the groups bring, and take those that groups brought before and do no longer.

    Roles given by hand are left alone. Nobody gets a vote by a mapping of their own making, and the last
    administrator of the workspace stays one.
    """
    rows = queries.list_mappings_of(db, user.workspace_id, {*groups, EVERYBODY})
    wanted = {(m.role, m.on_kind, m.on_id) for m in rows if not is_self_appointed(Role(m.role), m.created_by, user.id)}
    held = db.scalars(select(Grant).where(Grant.user_id == user.id)).all()
    missing = wanted - {_what(grant) for grant in held}
    over = [grant for grant in held if grant.source == GrantSource.GROUP and _what(grant) not in wanted]
    taken = _spared(db, user.workspace_id, over)
    _take(db, taken)
    if missing:
        db.execute(insert(Grant), [_row(user, *what) for what in sorted(missing)])
    if missing or taken:
        added, removed = (sorted(map(list, some)) for some in (missing, map(_what, taken)))
        provider = system_actor(user.workspace_id, PROVIDER)
        events.record(db, provider, "groups.applied", user, added=added, removed=removed)


def _what(grant: Grant) -> tuple[str, str, str]:
    return grant.role, grant.object_kind, grant.object_id


def _row(user: User, role: str, kind: str, object_id: str) -> dict[str, object]:
    return {
        "id": new_id(),
        "workspace_id": user.workspace_id,
        "user_id": user.id,
        "role": role,
        "object_kind": kind,
        "object_id": object_id,
        "granted_by": system_actor(user.workspace_id).id,
        "created_at": clock.now(),
        "source": GrantSource.GROUP.value,
    }


def _spared(db: Session, workspace_id: str, grants: Sequence[Grant]) -> list[Grant]:
    """Leave out what would take the last administrator of the workspace: then nobody could mend the mapping."""
    admins = {g.id for g in grants if g.role == Role.ADMIN and g.object_kind == "workspace"}
    if not admins:
        return list(grants)
    lock_workspace(db, workspace_id)
    return (
        list(grants)
        if queries.has_admin_grant(db, workspace_id, besides=admins)
        else [grant for grant in grants if grant.id not in admins]
    )


def _take(db: Session, grants: Sequence[Grant]) -> None:
    if grants:
        db.execute(delete(Grant).where(Grant.id.in_([grant.id for grant in grants])))
