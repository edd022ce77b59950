"""The organisation's tree."""

from typing import Any

from sqlalchemy import delete, insert, literal, select
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import AlreadyExists, InvalidInput
from modelops_platform.core.revisions import must_match
from modelops_platform.events import service as events

from .. import queries
from ..domain import checked_label
from ..schemas import UnitPatch
from ..tables import Unit, UnitAncestor
from .rights import lock_workspace


def create_unit(db: Session, actor: Actor, name: str, parent_id: str | None = None) -> Unit:
    """Add a unit to the tree. Raises NotAllowed, NotFound (parent), InvalidInput, AlreadyExists."""
    parent = queries.get_unit(db, actor, parent_id) if parent_id else None
    actor.must(Permission.MANAGE_USERS, parent)
    unit = Unit(workspace_id=actor.workspace_id, name=checked_label(name), parent_id=parent_id)
    _write_named(db, unit)
    db.execute(insert(UnitAncestor), {"ancestor_id": unit.id, "unit_id": unit.id})
    _hang_below(db, unit, parent_id)
    events.record(db, actor, "unit.created", unit, parent=parent_id)
    return unit


def ensure_unit(db: Session, actor: Actor, name: str) -> Unit:
    """Return the unit with this name, made below the root when it is missing."""
    found = queries.find_unit_by_name(db, actor.workspace_id, checked_label(name))
    root = queries.find_root_unit(db, actor.workspace_id)
    return found or create_unit(db, actor, name, root.id if root else None)


def edit_unit(db: Session, actor: Actor, unit_id: str, wanted: UnitPatch, *, if_match: str | None = None) -> Unit:
    """Rename, move or give a head. Raises NotFound, NotAllowed, Stale, InvalidInput, AlreadyExists."""
    unit = queries.get_unit(db, actor, unit_id)
    actor.must(Permission.MANAGE_USERS, unit)
    must_match(unit, if_match)
    changed: dict[str, Any] = {}
    if wanted.name is not None and wanted.name != unit.name:
        changed["name"] = {"from": unit.name, "to": checked_label(wanted.name)}
    if "parent_id" in wanted.model_fields_set and wanted.parent_id != unit.parent_id:
        changed["parent"] = {"from": unit.parent_id, "to": wanted.parent_id}
        _move(db, actor, unit, wanted.parent_id)
    if "head_id" in wanted.model_fields_set and wanted.head_id != unit.head_id:
        changed["head"] = {"from": unit.head_id, "to": wanted.head_id}
        unit.head_id = _checked_head(db, actor, wanted.head_id)
    if not changed:
        return unit
    unit.name = changed.get("name", {}).get("to", unit.name)
    _write_named(db, unit)
    events.record(db, actor, "unit.edited", unit, changed=changed)
    return unit


def _write_named(db: Session, unit: Unit) -> None:
    name = unit.name
    taken = AlreadyExists(
        f"There is already a unit named {name!r}.", remedy="Choose another name.", field="name", value=name
    )
    with conflicts_as(db, taken):
        db.add(unit)


def _checked_head(db: Session, actor: Actor, head_id: str | None) -> str | None:
    if head_id is None:
        return None
    head = queries.get_user(db, actor, head_id)
    if head.kind != ActorKind.PERSON or head.disabled_at is not None:
        raise InvalidInput(
            f"{head.name} cannot head a unit: a head is a person who may sign in.",
            remedy="Name another person.",
            field="head_id",
            value=head_id,
        )
    return head.id


def _move(db: Session, actor: Actor, unit: Unit, parent_id: str | None) -> None:
    """Hang the unit, with all below it, under another parent; both parents are concerned."""
    lock_workspace(db, actor.workspace_id)
    for concerned in (unit.parent_id, parent_id):
        actor.must(Permission.MANAGE_USERS, queries.get_unit(db, actor, concerned) if concerned else None)
    below = select(UnitAncestor.unit_id).where(UnitAncestor.ancestor_id == unit.id)
    if parent_id is not None and db.scalar(below.where(UnitAncestor.unit_id == parent_id)):
        raise InvalidInput(
            f"{unit.name} cannot be below itself.",
            remedy="Name a parent that is not the unit and not below it.",
            field="parent_id",
            value=parent_id,
        )
    moved = db.scalars(below).all()
    db.execute(delete(UnitAncestor).where(UnitAncestor.unit_id.in_(moved), UnitAncestor.ancestor_id.not_in(moved)))
    unit.parent_id = parent_id
    _hang_below(db, unit, parent_id)


def _hang_below(db: Session, unit: Unit, parent_id: str | None) -> None:
    """Put everything above the parent, and the parent, above everything below the unit."""
    if parent_id is None:
        return
    above = select(UnitAncestor.ancestor_id).where(UnitAncestor.unit_id == parent_id).subquery()
    below = select(UnitAncestor.unit_id).where(UnitAncestor.ancestor_id == unit.id).subquery()
    pairs = select(above.c.ancestor_id, below.c.unit_id).join(below, literal(True))
    db.execute(insert(UnitAncestor).from_select(["ancestor_id", "unit_id"], pairs))
