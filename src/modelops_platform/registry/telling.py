"""What events of the inventory mean to webhooks, in the words of the MLflow protocol."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.events.domain import LogEntry
from modelops_platform.notifications.webhooks.messages import Action, Entity, Telling, Told

from .domain.kinds import ModelKind
from .queries.prompts import TEXT
from .tables import Model, ModelTag, Version, VersionTag


def _model_of(db: Session, entry: LogEntry) -> Model:
    """Return the model that an event is about, archived or not. Raises LookupError."""
    model = db.get(Model, entry.model_id) if entry.model_id else None
    if model is None:
        raise LookupError(f"no model {entry.model_id}")
    return model


def _tags(db: Session, table: Any, column: Any, id_: str) -> dict[str, str]:
    found = db.execute(select(table.key, table.value).where(column == id_))
    return {row[0]: row[1] for row in found}


def _registered(db: Session, entry: LogEntry) -> Iterator[Told]:
    model = _model_of(db, entry)
    is_prompt = model.kind == ModelKind.PROMPT
    tags = _tags(db, ModelTag, ModelTag.model_id, model.id)
    data = {"name": model.name, "tags": tags, "description": model.purpose or None}
    yield Told(Entity.PROMPT if is_prompt else Entity.REGISTERED_MODEL, Action.CREATED, data)


def _added(db: Session, entry: LogEntry) -> Iterator[Told]:
    model, version = _model_of(db, entry), db.get(Version, entry.object_id)
    if version is None:
        raise LookupError(f"no version {entry.object_id}")
    tags = _tags(db, VersionTag, VersionTag.version_id, version.id)
    data: dict[str, Any] = {"name": model.name, "version": str(version.number)}
    if model.kind == ModelKind.PROMPT:
        data["template"] = tags.pop(TEXT, "")
        entity = Entity.PROMPT_VERSION
    else:
        data |= {"source": version.source_uri or "", "run_id": version.run_id}
        entity = Entity.MODEL_VERSION
    yield Told(entity, Action.CREATED, {**data, "tags": tags, "description": version.description or None})


def _version_tag(db: Session, entry: LogEntry) -> Iterator[Told]:
    model = _model_of(db, entry)
    entity = Entity.PROMPT_VERSION_TAG if model.kind == ModelKind.PROMPT else Entity.MODEL_VERSION_TAG
    data = {"name": model.name, "version": str(entry.data["number"]), "key": entry.data["tag"]}
    if entry.kind == "version.tagged":
        yield Told(entity, Action.SET, {**data, "value": entry.data["value"]})
    else:
        yield Told(entity, Action.DELETED, data)


def _model_tag(db: Session, entry: LogEntry) -> Iterator[Told]:
    """Tags of prompts; the protocol knows no event for those of models."""
    model = _model_of(db, entry)
    if model.kind != ModelKind.PROMPT:
        return
    data = {"name": model.name, "key": entry.data["tag"]}
    if entry.kind == "model.tagged":
        yield Told(Entity.PROMPT_TAG, Action.SET, {**data, "value": entry.data["value"]})
    else:
        yield Told(Entity.PROMPT_TAG, Action.DELETED, data)


def _alias(db: Session, entry: LogEntry) -> Iterator[Told]:
    model = _model_of(db, entry)
    entity = Entity.PROMPT_ALIAS if model.kind == ModelKind.PROMPT else Entity.MODEL_VERSION_ALIAS
    data = {"name": model.name, "alias": entry.data["alias"]}
    if entry.kind == "alias.set":
        yield Told(entity, Action.CREATED, {**data, "version": str(entry.data["number"])})
    else:
        yield Told(entity, Action.DELETED, data)


WEBHOOKS: Mapping[str, Telling] = {
    "model.registered": _registered,
    "version.added": _added,
    "version.tagged": _version_tag,
    "version.untagged": _version_tag,
    "model.tagged": _model_tag,
    "model.untagged": _model_tag,
    "alias.set": _alias,
    "alias.removed": _alias,
}
