"""Reads of data set records."""

from collections.abc import Sequence

from sqlalchemy import Select, desc, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from modelops_platform.core.actor import Actor
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound
from modelops_platform.identity.queries import granted

from ..tables import DataSet, Model, Version
from .models import visible_to


def data_sets_visible_to(actor: Actor) -> Select[DataSet]:
    """Return the living data set records this actor may see, as a statement to narrow further."""
    return (
        select(DataSet)
        .options(joinedload(DataSet.unit))
        .where(DataSet.workspace_id == actor.workspace_id, DataSet.archived_at.is_(None), granted(DataSet, actor))
    )


def list_data_sets(db: Session, actor: Actor, *, cursor: str | None = None, limit: int = 50) -> Page[DataSet]:
    """Return a page of data set records by name."""
    return paginate(db, data_sets_visible_to(actor), DataSet.name, DataSet.id, cursor=cursor, limit=limit)


def get_data_set(db: Session, actor: Actor, name: str) -> DataSet:
    """Return the data set record with this name. Raises NotFound."""
    found = db.scalars(data_sets_visible_to(actor).where(DataSet.name == name)).one_or_none()
    if found is None:
        raise _not_found(name)
    return found


def get_data_set_by_id(db: Session, actor: Actor, data_set_id: str) -> DataSet:
    """Return the data set record with this id. Raises NotFound."""
    found = db.scalars(data_sets_visible_to(actor).where(DataSet.id == data_set_id)).one_or_none()
    if found is None:
        raise _not_found(data_set_id)
    return found


def get_archived_data_set(db: Session, actor: Actor, data_set_id: str) -> DataSet:
    """Return the archived data set record with this id. Raises NotFound, also when the actor may not see its unit."""
    archived = select(DataSet).options(joinedload(DataSet.unit))
    archived = archived.where(DataSet.workspace_id == actor.workspace_id, granted(DataSet, actor))
    found = db.scalars(archived.where(DataSet.id == data_set_id, DataSet.archived_at.is_not(None))).one_or_none()
    if found is None:
        raise _not_found(data_set_id)
    return found


def find_data_set(db: Session, actor: Actor, reference: str) -> DataSet | None:
    """Return the data set record with this name or id, if the actor sees one."""
    return db.scalars(
        data_sets_visible_to(actor).where(or_(DataSet.name == reference, DataSet.id == reference)).limit(1)
    ).one_or_none()


def _not_found(asked: str) -> NotFound:
    return NotFound(
        f"There is no data set {asked[:80]!r}.",
        remedy="Look at the list of data sets.",
        field="data_set",
        value=asked[:80],
    )


def list_versions_of(db: Session, actor: Actor, data_set: DataSet, *, limit: int = 200) -> Sequence[Version]:
    """Return the versions trained on this data that the actor may see, the newest first."""
    models = visible_to(actor).with_only_columns(Model.id)
    return db.scalars(
        select(Version)
        .join(Version.model)
        .options(contains_eager(Version.model))
        .where(Version.data_set_id == data_set.id, Version.model_id.in_(models))
        .order_by(desc(Version.id))
        .limit(limit)
    ).all()
