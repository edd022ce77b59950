"""Reads about the tree of units."""

from collections.abc import Sequence

from sqlalchemy import (
    bindparam,
    func,
    select,
)
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor
from modelops_platform.core.errors import NotFound

from ..tables import (
    Unit,
    User,
)


def list_units(db: Session, actor: Actor) -> Sequence[Unit]:
    """Return all units of the workspace by name; the tree itself is no secret inside a workspace."""
    return db.scalars(select(Unit).where(Unit.workspace_id == actor.workspace_id).order_by(Unit.name)).all()


_UNIT = select(Unit).where(Unit.id == bindparam("wanted"), Unit.workspace_id == bindparam("workspace"))


def get_unit(db: Session, actor: Actor, unit_id: str) -> Unit:
    """Return a unit. Raises NotFound."""
    unit = db.scalars(_UNIT, {"wanted": unit_id, "workspace": actor.workspace_id}).one_or_none()
    if unit is None:
        raise NotFound(
            f"There is no unit {unit_id[:80]!r}.", remedy="Look at the list of units.", field="unit", value=unit_id[:80]
        )
    return unit


def find_unit_by_name(db: Session, workspace_id: str, name: str) -> Unit | None:
    """Return the unit with this name, if there is one."""
    return db.scalars(select(Unit).where(Unit.workspace_id == workspace_id, Unit.name == name)).one_or_none()


def find_root_unit(db: Session, workspace_id: str) -> Unit | None:
    """Return the oldest unit without a parent: home of those who have no other."""
    top = select(Unit).where(Unit.workspace_id == workspace_id, Unit.parent_id.is_(None))
    return db.scalars(top.order_by(Unit.created_at, Unit.id).limit(1)).first()


def count_members(db: Session, actor: Actor) -> dict[str, int]:
    """Count the people in use by home unit."""
    members = (
        select(User.unit_id, func.count())
        .where(User.workspace_id == actor.workspace_id, User.disabled_at.is_(None), User.unit_id.is_not(None))
        .group_by(User.unit_id)
    )
    return {unit_id: count for unit_id, count in db.execute(members) if unit_id is not None}
