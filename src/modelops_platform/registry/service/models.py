"""Verbs on models."""

from typing import Any

from sqlalchemy import bindparam, delete, insert, update
from sqlalchemy.orm import Session

from modelops_platform.artifacts import service as artifacts
from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import add_unless_taken, conflicts_as, table_of
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotFound, TransitionRefused
from modelops_platform.core.ids import new_id
from modelops_platform.core.revisions import must_match
from modelops_platform.events import service as events
from modelops_platform.identity.tables import User
from modelops_platform.tracking import service as tracking

from .. import queries
from ..domain.fields import FieldType, Value, read_values
from ..domain.kinds import ModelKind
from ..domain.names import checked_name, checked_tag, skeleton
from ..queries import ShownModel
from ..schemas import ModelIn, ModelPatch
from ..tables import Model, ModelSummary, ModelTag, UseCase
from .holds import check_not_held
from .records import facts_of, keep_record
from .references import home_of, person_of, unit_of, use_case_of
from .standings import begin_standing, note_standing
from .summaries import mark_look_alikes, note_tags, rebuild_summary, tags_of, text_of
from .validators import check_apart


def register_model(db: Session, actor: Actor, wanted: ModelIn) -> Model:
    """Add a model to the inventory, and return it to be worked on. Raises as `add_model`."""
    return queries.get_model(db, actor, add_model(db, actor, wanted).name)


def add_model(db: Session, actor: Actor, wanted: ModelIn) -> ShownModel:
    """Add a model to the inventory. Raises InvalidInput, NotAllowed, AlreadyExists."""
    unit = unit_of(db, actor, wanted.unit) if wanted.unit else home_of(actor)
    actor.must(Permission.REGISTER_MODEL, unit)
    name = checked_name(wanted.name)
    row = {
        "id": new_id(),
        "workspace_id": actor.workspace_id,
        "unit_id": unit.unit_id,
        "use_case_id": _id_of(use_case_of(db, actor, wanted.use_case)),
        "name": name,
        "skeleton": skeleton(name),
        "kind": wanted.kind.value,
        "purpose": wanted.purpose,
        "owner_id": _id_of(person_of(db, actor, wanted.owner, "owner")) or actor.id,
        "developer_id": _id_of(person_of(db, actor, wanted.developer, "developer")),
        "validator_id": _id_of(person_of(db, actor, wanted.validator, "validator")),
        "eu_class": wanted.eu_class,
        "affects_people": wanted.affects_people,
        "fields": _field_values(db, actor, wanted.kind, wanted.fields, {}),
        "created_by": actor.id,
    }
    check_apart(row)
    tags = sorted((checked_tag(key), value) for key, value in wanted.tags.items())
    _insert(db, row, tags)
    mark_look_alikes(db, actor.workspace_id, skeleton(name))
    model = queries.get_shown(db, actor, name)
    begin_standing(db, model)
    events.record(
        db, actor, "model.registered", model, kind_of_model=model.kind, purpose=model.purpose, owner=model.owner.id
    )
    return model


# Frequent from pipelines: the ORM would spend most of its time on working out what to write.
_ADD_SUMMARY, _ADD_TAG = insert(table_of(ModelSummary)), insert(table_of(ModelTag))


def _insert(db: Session, row: dict[str, Any], tags: list[tuple[str, str]]) -> None:
    db.flush()
    if not add_unless_taken(db, Model, row):
        raise _taken(row["name"])
    text = text_of(row["name"], row["purpose"], row["fields"], tags)
    connection = db.connection()
    connection.execute(_ADD_SUMMARY, {"model_id": row["id"], "tags": [list(tag) for tag in tags], "search_text": text})
    if tags:
        connection.execute(_ADD_TAG, [{"model_id": row["id"], "key": key, "value": value} for key, value in tags])


def _id_of(thing: User | UseCase | None) -> str | None:
    return None if thing is None else thing.id


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(
        f"There is already a model named {name!r}.", remedy="Choose another name.", field="name", value=name
    )


def _field_values(
    db: Session, actor: Actor, kind: ModelKind, given: dict[str, Any], kept: dict[str, Value]
) -> dict[str, Value]:
    """Check field values by their definitions, and turn people into their ids."""
    definitions = queries.definitions_for(db, actor.workspace_id, kind)
    values = read_values(definitions, given, kept)
    for definition in definitions:
        if definition.type is FieldType.PERSON and given.get(definition.key):
            person = person_of(db, actor, str(values[definition.key]), f"fields.{definition.key}")
            assert person is not None, "a reference was given"
            values[definition.key] = person.id
    return values


_PLAIN = ("purpose", "affects_people", "eu_class")


def edit_model(db: Session, actor: Actor, name: str, wanted: ModelPatch, if_match: str | None = None) -> Model:
    """Change what the patch names. Raises NotFound, NotAllowed, InvalidInput, AlreadyExists, Stale."""
    model = queries.get_model(db, actor, name, to_change=True)
    actor.must(Permission.EDIT_MODEL, model)
    must_match(model, if_match)
    before, old_skeleton = facts_of(model), model.skeleton
    given = wanted.model_dump(exclude_unset=True)
    for key in _PLAIN:
        if key in given and (given[key] is not None or key == "eu_class"):
            setattr(model, key, given[key])
    _edit_people_and_places(db, actor, model, given)
    kind = ModelKind(given.get("kind") or model.kind)
    _check_kind(model, kind)
    kept = model.fields if kind == model.kind else _custom_values(db, actor, kind, model.fields)
    model.kind, model.fields = kind.value, _field_values(db, actor, kind, given.get("fields") or {}, kept)
    _rename(db, model, given.get("name"))
    if model.name != before["name"]:
        tracking.rename_frozen(db, model.id, model.name)
    if model.kind != before["kind"]:
        note_standing(db, model.id)
    now = facts_of(model)
    changes = {key: [before[key], now[key]] for key in now if before[key] != now[key] and key != "validator_named_by"}
    if not changes:
        return model
    if changes.keys() & {"owner_id", "developer_id", "validator_id"}:
        check_apart(now)
    keep_record(db, model, before)
    rebuild_summary(db, model)
    if model.skeleton != old_skeleton:
        mark_look_alikes(db, model.workspace_id, old_skeleton)
        mark_look_alikes(db, model.workspace_id, model.skeleton)
    events.record(db, actor, "model.edited", model, changes=changes)
    return queries.get_model(db, actor, model.name)


def _check_kind(model: Model, kind: ModelKind) -> None:
    """Raise InvalidInput for a prompt with versions that becomes a model, or the reverse: other rules hold for them."""
    if model.last_version and kind != model.kind and ModelKind.PROMPT in (kind, model.kind):
        raise InvalidInput(
            f"{model.name!r} has versions, so it stays what it is: a {model.kind.replace('_', ' ')} entry.",
            remedy="Register another name.",
            field="kind",
            value=kind.value,
        )


def _edit_people_and_places(db: Session, actor: Actor, model: Model, given: dict[str, Any]) -> None:
    if given.get("unit"):
        unit = unit_of(db, actor, given["unit"])
        if unit.id != model.unit_id:
            actor.must(Permission.REGISTER_MODEL, unit)
            model.unit, model.unit_id = unit, unit.id
            artifacts.move_holds(db, model.id, unit.id)
    if given.get("owner"):
        owner = person_of(db, actor, given["owner"], "owner")
        assert owner is not None, "a reference was given"
        model.owner, model.owner_id = owner, owner.id
    before = model.validator_id
    for role in ("developer", "validator"):
        if role in given:
            person = person_of(db, actor, given[role], role)
            setattr(model, role, person)
            setattr(model, f"{role}_id", person.id if person else None)
    if model.validator_id != before:
        model.validator_named_by = None  # whoever edits the record proposes
    if "use_case" in given:
        use_case = use_case_of(db, actor, given["use_case"])
        model.use_case, model.use_case_id = use_case, use_case.id if use_case else None


def _custom_values(db: Session, actor: Actor, kind: ModelKind, kept: dict[str, Value]) -> dict[str, Value]:
    """Return what stays when the kind changes: values of fields that the new kind has too."""
    keys = {definition.key for definition in queries.definitions_for(db, actor.workspace_id, kind)}
    return {key: value for key, value in kept.items() if key in keys}


def _rename(db: Session, model: Model, wanted: str | None) -> None:
    name = checked_name(wanted) if wanted else model.name
    with conflicts_as(db, _taken(name)):
        model.name, model.skeleton = name, skeleton(name)


def archive_model(db: Session, actor: Actor, name: str) -> Model:
    """Take a model out of the inventory; its history stays, its name is free. Raises TransitionRefused while live."""
    model = queries.get_model(db, actor, name, to_change=True)
    actor.must(Permission.ARCHIVE_MODEL, model)
    if live := [environment["name"] for environment in model.summary.live_environments]:
        raise TransitionRefused(
            f"{model.name!r} is live in {', '.join(live)}.", remedy="Deactivate it there first.", environments=live
        )
    check_not_held(db, model)
    model.archived_at = clock.now()
    mark_look_alikes(db, model.workspace_id, model.skeleton)
    note_standing(db, model.id, in_inventory=False)
    events.record(db, actor, "model.archived", model)
    return model


def restore_model(db: Session, actor: Actor, model_id: str) -> Model:
    """Bring an archived model back. Raises AlreadyExists when a living model has taken its name."""
    model = queries.get_archived_model(db, actor, model_id)
    actor.must(Permission.ARCHIVE_MODEL, model)
    name = model.name
    taken = AlreadyExists(
        f"Another model is named {name!r} now.",
        remedy="Rename or archive that model first, then restore this one.",
        field="name",
        value=name,
    )
    with conflicts_as(db, taken):
        model.archived_at = None
    mark_look_alikes(db, model.workspace_id, model.skeleton)
    note_standing(db, model.id)
    events.record(db, actor, "model.restored", model)
    return queries.get_model(db, actor, model.name)


_THIS_TAG = (ModelTag.model_id == bindparam("model"), ModelTag.key == bindparam("tag"))
_SET_TAG = update(table_of(ModelTag)).where(*_THIS_TAG).values(value=bindparam("to"))
_REMOVE_TAG = delete(table_of(ModelTag)).where(*_THIS_TAG)


def set_tag(db: Session, actor: Actor, name: str, key: str, value: str) -> ShownModel:
    """Put a tag on a model, or give it another value. Raises NotFound, NotAllowed, InvalidInput."""
    model = queries.get_shown(db, actor, name, to_change=True)
    actor.must(Permission.EDIT_MODEL, model)
    key = checked_tag(key)
    tags = tags_of(db, model.id)
    if tags.get(key) == value:
        return model
    if key in tags:
        db.connection().execute(_SET_TAG, {"model": model.id, "tag": key, "to": value})
    else:
        db.connection().execute(_ADD_TAG, {"model_id": model.id, "key": key, "value": value})
    note_tags(db, model, tags | {key: value})
    events.record(db, actor, "model.tagged", model, tag=key, value=value)
    return model


def remove_tag(db: Session, actor: Actor, name: str, key: str) -> ShownModel:
    """Take a tag off a model. Raises NotFound, NotAllowed."""
    model = queries.get_shown(db, actor, name, to_change=True)
    actor.must(Permission.EDIT_MODEL, model)
    tags = tags_of(db, model.id)
    if key not in tags:
        raise NotFound(
            f"{model.name!r} has no tag {key[:80]!r}.", remedy="Nothing needs to be done.", field="tag", value=key[:80]
        )
    db.connection().execute(_REMOVE_TAG, {"model": model.id, "tag": key})
    del tags[key]
    note_tags(db, model, tags)
    events.record(db, actor, "model.untagged", model, tag=key)
    return model
