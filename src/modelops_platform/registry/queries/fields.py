"""Reads of the fields that models are asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor
from modelops_platform.core.db import table_of
from modelops_platform.core.errors import NotFound

from ..domain.fields import Definition, FieldType, Value
from ..domain.kinds import ModelKind
from ..kinds import kind_fields
from ..tables import CustomField, Model

_ALL_FIELDS = (
    select(CustomField)
    .where(CustomField.workspace_id == bindparam("workspace"))
    .order_by(CustomField.label, CustomField.id)
)
_FIELDS = _ALL_FIELDS.where(CustomField.archived_at.is_(None))
_OWN = _FIELDS.with_only_columns(*table_of(CustomField).c)  # read by every form and every registration


def list_custom_fields(db: Session, workspace_id: str, *, archived: bool = False) -> Sequence[CustomField]:
    """Return the workspace's own fields by label, also archived ones if wanted."""
    return db.scalars(_ALL_FIELDS if archived else _FIELDS, {"workspace": workspace_id}).all()


def get_custom_field(db: Session, actor: Actor, key: str) -> CustomField:
    """Return one of the workspace's own fields, archived or not. Raises NotFound."""
    found = db.scalars(
        select(CustomField).where(CustomField.workspace_id == actor.workspace_id, CustomField.key == key)
    ).one_or_none()
    if found is None:
        raise NotFound(
            f"There is no field {key[:60]!r}.", remedy="Look at the list of fields.", field="key", value=key[:60]
        )
    return found


def definitions_by_kind(db: Session, workspace_id: str) -> dict[ModelKind, list[Definition]]:
    """Return every field that models of each kind have: the kind's, then the workspace's own."""
    own = _own_fields(db, workspace_id)
    return {kind: _of_kind(kind, own) for kind in kind_fields()}


def definitions_for(db: Session, workspace_id: str, kind: ModelKind) -> list[Definition]:
    """Return every field that models of this kind have."""
    return _of_kind(kind, _own_fields(db, workspace_id))


def _own_fields(db: Session, workspace_id: str) -> Sequence[Row[Any]]:
    return db.connection().execute(_OWN, {"workspace": workspace_id}).all()


def _of_kind(kind: ModelKind, own: Sequence[Row[Any]]) -> list[Definition]:
    return [*kind_fields()[kind], *(_definition(row) for row in own if not row.kinds or kind.value in row.kinds)]


@dataclass(frozen=True, slots=True)
class DescribedFields:
    """A model's field values with what describes them."""

    definitions: list[Definition]
    values: dict[str, Value]

    @property
    def people(self) -> set[str]:
        """Ids of the people that fields name."""
        named = (self.values.get(one.key) for one in self.definitions if one.type is FieldType.PERSON)
        return {str(value) for value in named if value}

    def shown(self, names: Mapping[str, str]) -> list[tuple[Definition, Value | None]]:
        """Return each field with its value as people read it; nothing given is None."""
        return [(definition, self._shown(definition, names)) for definition in self.definitions]

    def _shown(self, definition: Definition, names: Mapping[str, str]) -> Value | None:
        value = self.values.get(definition.key)
        if value is not None and definition.type is FieldType.PERSON:
            return names.get(str(value), "somebody who left")
        if isinstance(value, bool):
            return "Yes" if value else "No"
        return value


def describe_fields(db: Session, model: Model) -> DescribedFields:
    """Return the model's fields: those asked for now, and values of archived ones that it still has."""
    asked = definitions_for(db, model.workspace_id, ModelKind(model.kind))
    missing = set(model.fields) - {definition.key for definition in asked}
    if missing:
        rows = list_custom_fields(db, model.workspace_id, archived=True)
        asked += [_definition(row) for row in rows if row.key in missing]
    return DescribedFields(asked, model.fields)


def _definition(row: CustomField | Row[Any]) -> Definition:
    return Definition(
        key=row.key,
        label=row.label,
        type=FieldType(row.type),
        choices=tuple(row.choices),
        hint=row.hint,
        is_required=row.is_required,
        is_custom=True,
    )
