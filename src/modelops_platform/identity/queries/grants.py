"""Reads about roles and what they are granted on; `granted` bounds every query of the rooms above."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    false,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session, aliased

from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import InvalidInput, NotFound

from ..domain import Role
from ..tables import (
    Grant,
    Unit,
    UnitAncestor,
    User,
    Workspace,
)

# What roles can be granted on; entry points add the tables of rooms above.
GRANTED_KINDS: dict[str, type[Any]] = {"workspace": Workspace, "unit": Unit}

_Mine = aliased(Grant)


def granted(entity: Any, actor: Actor, permission: Permission = Permission.VIEW) -> ColumnElement[bool]:
    """Return the condition that bounds rows of `entity` to those the actor holds the permission on.

    `entity` has `unit_id`, and is a model or an experiment (`object_kind`), or may carry `model_id` or `experiment_id`.
    """
    if actor.kind is ActorKind.SYSTEM or actor.covers_workspace(permission):
        return true()
    roles = {grant.role for grant in actor.grants if permission in grant.permissions}
    if not roles:
        return false()
    conditions = [entity.unit_id.in_(units_with(actor, roles))]
    kind = getattr(entity, "object_kind", None)  # of the log it is a column, and so neither's
    for reached in ("model", "experiment"):
        is_one = isinstance(kind, str) and kind == reached
        reached_id = entity.id if is_one else getattr(entity, f"{reached}_id", None)
        if reached_id is not None:
            held = select(_Mine.object_id).where(_held_by(actor, roles), _Mine.object_kind == reached)
            conditions.append(reached_id.in_(held))
    return or_(*conditions)


def _held_by(actor: Actor, roles: set[str]) -> ColumnElement[bool]:
    return and_(_Mine.user_id == actor.id, _Mine.role.in_(roles))


def units_with(actor: Actor, roles: set[str]) -> Select[str]:
    """Return the ids of units where the actor holds one of the roles, with all below them."""
    on_unit = and_(_Mine.object_kind == "unit", _Mine.object_id == UnitAncestor.ancestor_id)
    return select(UnitAncestor.unit_id).join(_Mine, on_unit).where(_held_by(actor, roles))


def has_admin(db: Session, workspace_id: str, *, besides: str | None = None) -> bool:
    """Say whether somebody who may sign in administers the whole workspace, maybe not counting one."""
    admins = (
        select(User.id)
        .join(Grant, Grant.user_id == User.id)
        .where(
            Grant.role == Role.ADMIN.value,
            Grant.object_kind == "workspace",
            Grant.object_id == workspace_id,
            User.disabled_at.is_(None),
        )
    )
    return db.scalar((admins.where(User.id != besides) if besides else admins).limit(1)) is not None


def has_admin_grant(db: Session, workspace_id: str, *, besides: set[str]) -> bool:
    """Say whether the workspace has an administrator who may sign in by another grant than these."""
    admins = select(Grant.id).join(User, User.id == Grant.user_id).where(User.disabled_at.is_(None))
    of_workspace = (Grant.role == Role.ADMIN.value, Grant.object_kind == "workspace", Grant.object_id == workspace_id)
    return db.scalar(admins.where(*of_workspace, Grant.id.not_in(besides)).limit(1)) is not None


def find_granted_object(db: Session, workspace_id: str, kind: str, object_id: str) -> Any:
    """Return the object of a grant, or None when it is gone or of a kind nobody registered."""
    table = GRANTED_KINDS.get(kind)
    found = db.get(table, object_id) if table is not None else None
    return found if found is not None and getattr(found, "workspace_id", found.id) == workspace_id else None


def get_granted_object(db: Session, actor: Actor, kind: str, object_id: str) -> Any:
    """Return what a role shall be granted on. Raises InvalidInput (kind), NotFound, also when it is invisible."""
    table = GRANTED_KINDS.get(kind)
    if table is None:
        raise InvalidInput(
            f"Roles cannot be granted on a {kind[:40]!r}.",
            remedy=f"Name one of {', '.join(GRANTED_KINDS)}.",
            field="object_kind",
            value=kind[:40],
        )
    found = find_granted_object(db, actor.workspace_id, kind, object_id)
    is_open = kind in ("workspace", "unit")  # no secret inside a workspace
    if found is None or not (is_open or actor.may(Permission.VIEW, found)):
        raise NotFound(
            f"There is no {kind} {object_id[:80]!r}.", remedy="Check its id.", field="object_id", value=object_id[:80]
        )
    return found


def grants_visible_to(actor: Actor) -> Select[Grant]:
    """Return the grants of the actor, and those on objects whose rights the actor may look into."""
    here = select(Grant).where(Grant.workspace_id == actor.workspace_id)
    if actor.kind is ActorKind.SYSTEM or actor.covers_workspace(Permission.VIEW_AUDIT):
        return here
    conditions = [Grant.user_id == actor.id]
    roles = {grant.role for grant in actor.grants if Permission.VIEW_AUDIT in grant.permissions}
    if roles:
        conditions.append(and_(Grant.object_kind == "unit", Grant.object_id.in_(units_with(actor, roles))))
        for kind, table in GRANTED_KINDS.items():
            if kind not in ("workspace", "unit"):
                seen = select(table.id).where(granted(table, actor, Permission.VIEW_AUDIT))
                conditions.append(and_(Grant.object_kind == kind, Grant.object_id.in_(seen)))
    return here.where(or_(*conditions))


def page_grants(
    db: Session,
    actor: Actor,
    *,
    user_id: str | None = None,
    object_kind: str | None = None,
    object_id: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Grant]:
    """Return a page of the visible grants of a user or on an object, the oldest first."""
    grants = grants_visible_to(actor)
    if user_id:
        grants = grants.where(Grant.user_id == user_id)
    if object_kind:
        grants = grants.where(Grant.object_kind == object_kind)
    if object_id:
        grants = grants.where(Grant.object_id == object_id)
    return paginate(db, grants, Grant.id, cursor=cursor, limit=limit)


def list_grants_of(db: Session, user_id: str) -> Sequence[Grant]:
    """Return every grant of a user."""
    return db.scalars(select(Grant).where(Grant.user_id == user_id).order_by(Grant.id)).all()


def get_grant(db: Session, actor: Actor, grant_id: str) -> Grant:
    """Return a grant that the actor may see. Raises NotFound."""
    grant = db.scalars(grants_visible_to(actor).where(Grant.id == grant_id)).one_or_none()
    if grant is None:
        raise NotFound(
            f"There is no grant {grant_id[:80]!r}.",
            remedy="Look at the list of grants.",
            field="grant",
            value=grant_id[:80],
        )
    return grant


def names_of_objects(db: Session, grants: Iterable[Grant]) -> dict[tuple[str, str], str]:
    """Return the names of what the grants are on, one query a kind."""
    wanted: dict[str, set[str]] = {}
    for grant in grants:
        wanted.setdefault(grant.object_kind, set()).add(grant.object_id)
    names: dict[tuple[str, str], str] = {}
    for kind, ids in wanted.items():
        table = GRANTED_KINDS.get(kind)
        if kind == "workspace":
            names.update({(kind, object_id): "the workspace" for object_id in ids})
        elif table is not None:
            found = db.execute(select(table.id, table.name).where(table.id.in_(ids)))
            names.update({(kind, object_id): name for object_id, name in found})
    return names


def list_managers(db: Session, workspace_id: str, unit_id: str | None) -> Sequence[str]:
    """Return the ids of people in use who administer the workspace, or the unit or one above it."""
    reach = [and_(Grant.object_kind == "workspace", Grant.object_id == workspace_id)]
    if unit_id is not None:
        above = select(UnitAncestor.ancestor_id).where(UnitAncestor.unit_id == unit_id)
        reach.append(and_(Grant.object_kind == "unit", Grant.object_id.in_(above)))
    return db.scalars(
        select(User.id)
        .join(Grant, Grant.user_id == User.id)
        .where(User.kind == ActorKind.PERSON, User.disabled_at.is_(None), Grant.role == Role.ADMIN.value, or_(*reach))
        .distinct()
    ).all()
