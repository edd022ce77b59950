"""Verbs on data set records."""

from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import AlreadyExists
from modelops_platform.core.ids import new_id
from modelops_platform.events import service as events

from .. import queries
from ..domain.names import checked_name
from ..schemas import DataSetIn
from ..tables import DataSet
from .files import hold_file
from .references import unit_of


def create_data_set(db: Session, actor: Actor, wanted: DataSetIn) -> DataSet:
    """Record a data set. Raises InvalidInput (also when its file is not stored), NotAllowed, AlreadyExists."""
    unit = unit_of(db, actor, wanted.unit)
    actor.must(Permission.MANAGE_DATA_SETS, unit)
    data_set = DataSet(
        id=new_id(),
        workspace_id=actor.workspace_id,
        unit=unit,
        unit_id=unit.id,
        name=checked_name(wanted.name),
        description=wanted.description,
        licence=wanted.licence,
        source=wanted.source,
        digest=wanted.digest,
        file_name=wanted.file_name,
        size=wanted.size,
        rows=wanted.rows,
        columns=[column.model_dump() for column in wanted.columns],
        created_by=actor.id,
    )
    if wanted.file_name:
        data_set.size = hold_file(db, actor, wanted.digest, data_set, name=wanted.file_name, field="digest")
    taken = AlreadyExists(
        f"There is already a data set named {data_set.name!r}.",
        remedy="Choose another name, such as one with the period of the data in it.",
        field="name",
        value=data_set.name,
    )
    with conflicts_as(db, taken):
        db.add(data_set)
    events.record(
        db,
        actor,
        "data_set.recorded",
        data_set,
        digest=data_set.digest,
        rows=data_set.rows,
        held=bool(data_set.file_name),
    )
    return data_set


def archive_data_set(db: Session, actor: Actor, name: str) -> DataSet:
    """Take a record out of the lists and free its name; versions keep naming it. Raises NotFound, NotAllowed."""
    data_set = queries.get_data_set(db, actor, name)
    actor.must(Permission.MANAGE_DATA_SETS, data_set)
    data_set.archived_at = clock.now()
    events.record(db, actor, "data_set.archived", data_set)
    return data_set


def restore_data_set(db: Session, actor: Actor, data_set_id: str) -> DataSet:
    """Bring an archived record back. Raises NotFound, NotAllowed; AlreadyExists when its name is taken."""
    data_set = queries.get_archived_data_set(db, actor, data_set_id)
    actor.must(Permission.MANAGE_DATA_SETS, data_set)
    name = data_set.name
    taken = AlreadyExists(
        f"Another data set is named {name!r} now.",
        remedy="Archive that record first, then restore this one.",
        field="name",
        value=name,
    )
    with conflicts_as(db, taken):
        data_set.archived_at = None
    events.record(db, actor, "data_set.restored", data_set)
    return data_set
