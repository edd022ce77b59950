"""Verbs on the workspace's own fields."""

from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import AlreadyExists, InvalidInput
from modelops_platform.events import service as events

from .. import queries
from ..domain.fields import FieldType
from ..kinds import kind_fields
from ..schemas import FieldIn
from ..tables import CustomField


def add_field(db: Session, actor: Actor, wanted: FieldIn) -> CustomField:
    """Ask the workspace's models for one more field. Raises NotAllowed, InvalidInput, AlreadyExists.

    A key is never used for another meaning: an archived field keeps it and can be restored.
    """
    actor.must(Permission.MANAGE_FIELDS)
    if any(definition.key == wanted.key for fields in kind_fields().values() for definition in fields):
        raise _taken(wanted.key, "A kind of model brings along a field with this key.")
    if (wanted.type is FieldType.CHOICE) != bool(wanted.choices):
        raise InvalidInput(
            f"A field of type {wanted.type.value} has {len(wanted.choices)} choices.",
            remedy="Give choices, one a line, to a field of type choice, and to no other.",
            field="choices",
        )
    field = CustomField(
        workspace_id=actor.workspace_id,
        key=wanted.key,
        label=wanted.label,
        type=wanted.type.value,
        choices=list(dict.fromkeys(wanted.choices)),
        kinds=[kind.value for kind in dict.fromkeys(wanted.kinds)],
        hint=wanted.hint,
        is_required=wanted.is_required,
    )
    with conflicts_as(db, _taken(wanted.key, f"There is or was a field {wanted.key!r}.")):
        db.add(field)
    events.record(db, actor, "field.added", field, key=field.key, type=field.type, is_required=field.is_required)
    return field


def _taken(key: str, message: str) -> AlreadyExists:
    return AlreadyExists(message, remedy="Choose another key, or restore the archived field.", field="key", value=key)


def archive_field(db: Session, actor: Actor, key: str) -> CustomField:
    """Stop asking for a field; values given before stay. Raises NotFound, NotAllowed."""
    return _set_archived(db, actor, key, archived=True)


def restore_field(db: Session, actor: Actor, key: str) -> CustomField:
    """Ask for an archived field again. Raises NotFound, NotAllowed."""
    return _set_archived(db, actor, key, archived=False)


def _set_archived(db: Session, actor: Actor, key: str, *, archived: bool) -> CustomField:
    actor.must(Permission.MANAGE_FIELDS)
    field = queries.get_custom_field(db, actor, key)
    if (field.archived_at is not None) != archived:
        field.archived_at = clock.now() if archived else None
        events.record(db, actor, "field.archived" if archived else "field.restored", field, key=key)
    return field
