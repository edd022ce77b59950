"""Verbs as clients of the MLflow protocol know them: the same models and versions, and the same rules."""

import re
from collections.abc import Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from modelops_platform.artifacts import service as artifacts
from modelops_platform.core import gates
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import count_changed
from modelops_platform.core.errors import InvalidInput
from modelops_platform.core.ids import new_id
from modelops_platform.events import service as events
from modelops_platform.tracking import service as tracking
from modelops_platform.tracking.domain.limits import checked_key

from .. import queries
from ..domain.kinds import DigestState, ModelKind
from ..domain.protocol import (
    ACTIVE_STAGES,
    IS_PROMPT,
    UNIT,
    Stage,
    checked_description,
    checked_tag_value,
)
from ..domain.versions import manifest_digest
from ..schemas import ModelIn, ModelPatch
from ..tables import Model, Version, VersionFile, VersionTag
from .aliases import remove_alias, set_alias
from .models import archive_model, edit_model, register_model, remove_tag, set_tag
from .records import keep_text
from .retention import PURGE
from .sources import Found, described, figures, find_source
from .summaries import rebuild_summary
from .versions import next_number, note_change

Pairs = Sequence[tuple[str, str]]
_ALIAS = re.compile(r"[\w\-]{1,255}")


def _checked(tags: Pairs) -> dict[str, str]:
    found: dict[str, str] = {}
    for position, (key, value) in enumerate(tags):
        found[checked_key(key, "Tag key", f"tags[{position}].key")] = checked_tag_value(key, value)
    return found


# ---- models ---------------------------------------------------------------------------------------------------------


def register_named(db: Session, actor: Actor, name: str, description: str = "", tags: Pairs = ()) -> Model:
    """Add a model, or a prompt if it is tagged as one. Raises InvalidInput, NotAllowed, AlreadyExists."""
    given = _checked(tags)
    if name in (".", ".."):
        raise InvalidInput(f"Registered model name cannot be {name!r}.", field="name", value=name)
    kind = ModelKind.PROMPT if is_true(given.get(IS_PROMPT)) else ModelKind.ML
    purpose, unit = checked_description(description), given.get(UNIT) or None
    return register_model(
        db, actor, ModelIn.model_construct(name=name, kind=kind, purpose=purpose, unit=unit, tags=given)
    )


def is_true(value: str | None) -> bool:
    """Say whether a tag's value means yes."""
    return value is not None and value.lower() == "true"


def describe_model(db: Session, actor: Actor, name: str, description: str) -> None:
    """Say what a model is for. Raises NotFound, NotAllowed, InvalidInput."""
    edit_model(db, actor, name, ModelPatch.model_construct({"purpose"}, purpose=checked_description(description)))


def rename_model(db: Session, actor: Actor, name: str, new_name: str) -> str:
    """Give a model another name, and return it; what hangs on it moves along. Raises as `edit_model`."""
    return edit_model(db, actor, name, ModelPatch.model_construct({"name"}, name=new_name)).name


def delete_model(db: Session, actor: Actor, name: str) -> None:
    """Take a model out of the inventory; its history stays, its name is free. Raises Conflict if ever deployed."""
    model = queries.get_model(db, actor, name, to_change=True)
    actor.must(Permission.ARCHIVE_MODEL, model)
    for version in db.scalars(select(Version).where(Version.model_id == model.id, Version.archived_at.is_(None))):
        gates.check(db, gates.Transition(PURGE, version, actor))
    archive_model(db, actor, name)


def put_tag(db: Session, actor: Actor, name: str, key: str, value: str) -> None:
    """Put a tag on a model; two of them mean something: what makes it a prompt, and the unit that it belongs to.

    Raises NotFound, NotAllowed, InvalidInput.
    """
    checked_key(key, "Tag key")
    checked_tag_value(key, value)
    if key == IS_PROMPT:
        _become(db, actor, name, ModelKind.PROMPT if is_true(value) else ModelKind.ML)
    elif key == UNIT:
        edit_model(db, actor, name, ModelPatch.model_construct({"unit"}, unit=value))
    set_tag(db, actor, name, key, value)


def drop_tag(db: Session, actor: Actor, name: str, key: str) -> None:
    """Take a tag off a model; one that is not there is fine. Raises as `edit_model`."""
    model = queries.get_model(db, actor, name)
    if key == IS_PROMPT:
        _become(db, actor, name, ModelKind.ML)
    if key in model.tags:
        remove_tag(db, actor, name, key)
    else:
        actor.must(Permission.EDIT_MODEL, model)


def _become(db: Session, actor: Actor, name: str, kind: ModelKind) -> None:
    """Make a prompt of a model, or the reverse; what is no prompt stays the kind of model that it is."""
    model = queries.get_model(db, actor, name)
    if (model.kind == ModelKind.PROMPT) is not (kind is ModelKind.PROMPT):
        edit_model(db, actor, name, ModelPatch.model_construct({"kind"}, kind=kind))


def put_alias(db: Session, actor: Actor, name: str, alias: str, number: int) -> None:
    """Let an alias name a version. Raises NotFound, NotAllowed, InvalidInput, TransitionRefused."""
    if not _ALIAS.fullmatch(alias):
        raise InvalidInput(
            f"Invalid alias name: '{alias[:80]}'. It may only hold letters, digits, underscores and dashes.",
            field="alias",
            value=alias[:80],
        )
    set_alias(db, actor, queries.get_model(db, actor, name), alias, number)


def drop_alias(db: Session, actor: Actor, name: str, alias: str) -> None:
    """End an alias; one that is not there is fine. Raises NotFound for the model, NotAllowed."""
    model = queries.get_model(db, actor, name)
    if queries.find_alias(db, model.id, alias) is not None:
        remove_alias(db, actor, model, alias)
    else:
        actor.must(Permission.SET_ALIAS, model)


# ---- versions -------------------------------------------------------------------------------------------------------


def add_logged_version(
    db: Session,
    actor: Actor,
    name: str,
    source: str,
    *,
    run_id: str | None = None,
    logged_model_id: str | None = None,
    description: str = "",
    run_link: str | None = None,
    tags: Pairs = (),
) -> Version:
    """Add the version that a source is: its manifest is frozen, its files say what it takes, gives and needs.

    Raises NotFound, NotAllowed, InvalidInput.
    """
    given, description = _checked(tags), checked_description(description)
    model = queries.get_model(db, actor, name, to_change=True)
    actor.must(Permission.ADD_VERSION, model)
    if (model.kind == ModelKind.PROMPT) is not is_true(given.get(IS_PROMPT)):
        raise InvalidInput(
            f"{model.name!r} is a {'prompt' if model.kind == ModelKind.PROMPT else 'model'}; a version of the other "
            "sort does not belong to it.",
            remedy="Register another name.",
            field="name",
            value=model.name,
        )
    if model.kind == ModelKind.PROMPT:
        found = Found(source[:200])
    else:
        found = find_source(db, actor, source, run_id=run_id, model_id=logged_model_id)
        if found.copied is not None:  # by number, whatever alias, stage or `latest` named it
            source = f"models:/{found.copied.model.name}/{found.copied.number}"
    version = _made(db, actor, model, found, source)
    version.description, version.run_link = description, run_link or None
    _keep(db, actor, version, found)
    db.add(version)
    db.flush()
    if given:
        rows = [{"version_id": version.id, "key": key, "value": value} for key, value in given.items()]
        db.execute(insert(VersionTag), rows)
    rebuild_summary(db, model)
    events.record(
        db,
        actor,
        "version.added",
        version,
        number=version.number,
        manifest=version.manifest_digest,
        digest_state=version.digest_state,
        files=len(version.files),
        data_set=None,
        source=version.source,
    )
    return version


def _made(db: Session, actor: Actor, model: Model, found: Found, source: str) -> Version:
    metrics, parameters = figures(db, found)
    said = described(found)
    copied = found.copied
    told = {"run": found.run_id, "location": source[:2000]}
    return Version(
        id=new_id(),
        workspace_id=model.workspace_id,
        model=model,
        model_id=model.id,
        number=next_number(db, model),
        signature=copied.signature if copied else said["signature"],
        metrics=copied.metrics if copied else metrics,
        parameters=copied.parameters if copied else parameters,
        environment=copied.environment if copied else said["environment"],
        source={key: value for key, value in told.items() if value is not None},
        data_set_id=copied.data_set_id if copied else None,
        run_id=found.run_id,
        logged_model_id=found.logged_model_id,
        source_uri=source,
        storage_uri=found.storage_uri,
        developer_id=model.developer_id,
        created_by=actor.id,
    )


def _keep(db: Session, actor: Actor, version: Version, found: Found) -> None:
    """Freeze the manifest, take hold of its files, and keep the folder as it is from now on."""
    files = {path: (file.sha256, file.size) for path, file in found.files.items()}
    if found.copied is not None:
        files = {file.path: (file.sha256, file.size) for file in found.copied.files}
    version.files = [VersionFile(path=path, sha256=files[path][0], size=files[path][1]) for path in sorted(files)]
    version.manifest_digest = manifest_digest((file.path, file.sha256, file.size) for file in version.files)
    version.recorded_digest_state = (DigestState.VERIFIED if files else DigestState.UNVERIFIED).value
    if files:
        artifacts.keep_blobs(db, actor, version, {sha256: path for path, (sha256, _size) in files.items()})
    if found.path is not None:
        tracking.freeze_folder(
            db,
            version.workspace_id,
            found.path,
            version_id=version.id,
            model_id=version.model_id,
            model_name=version.model.name,
            version_number=version.number,
        )


def _to_change(db: Session, actor: Actor, name: str, number: int, permission: Permission) -> Version:
    queries.get_model(db, actor, name, to_change=True)
    version = queries.get_version(db, actor, name, number)
    actor.must(permission, version.model)
    return version


def describe_version(db: Session, actor: Actor, name: str, number: int, description: str) -> None:
    """Say something else of a version. Raises NotFound, NotAllowed, InvalidInput."""
    description = checked_description(description)
    version = _to_change(db, actor, name, number, Permission.ADD_VERSION)
    before = version.description
    if before == description:
        return
    keep_text(db, version, before)
    version.description = description
    note_change(db, version)
    events.record(db, actor, "version.described", version, number=number, description=[before, description])


def put_version_tag(db: Session, actor: Actor, name: str, number: int, key: str, value: str) -> None:
    """Put a tag on a version. Raises NotFound, NotAllowed, InvalidInput."""
    checked_key(key, "Tag key")
    checked_tag_value(key, value)
    version = _to_change(db, actor, name, number, Permission.ADD_VERSION)
    _must_stay(key)
    tag = db.get(VersionTag, (version.id, key))
    if tag is None:
        db.add(VersionTag(version_id=version.id, key=key, value=value))
    elif tag.value == value:
        return
    else:
        tag.value = value
    note_change(db, version)
    events.record(db, actor, "version.tagged", version, number=number, tag=key, value=value[:1000])


def drop_version_tag(db: Session, actor: Actor, name: str, number: int, key: str) -> None:
    """Take a tag off a version; one that is not there is fine. Raises NotFound, NotAllowed, InvalidInput."""
    version = _to_change(db, actor, name, number, Permission.ADD_VERSION)
    _must_stay(key)
    if count_changed(db, delete(VersionTag).where(VersionTag.version_id == version.id, VersionTag.key == key)):
        note_change(db, version)
        events.record(db, actor, "version.untagged", version, number=number, tag=key)


def _must_stay(key: str) -> None:
    if key == IS_PROMPT:
        raise InvalidInput("What a version is does not change.", remedy="Register another name.", field="key")


def set_stage(db: Session, actor: Actor, name: str, number: int, stage: Stage, *, archive_others: bool = False) -> None:
    """Move a version to a stage, if the gate agrees; maybe the others there are archived.

    Raises NotFound, NotAllowed, InvalidInput, TransitionRefused.
    """
    if archive_others and stage not in ACTIVE_STAGES:
        raise InvalidInput(
            f"Model version transition cannot archive existing model versions because '{stage}' is not an Active "
            f"stage. Valid stages are {', '.join(ACTIVE_STAGES)}.",
            field="archive_existing_versions",
        )
    version = _to_change(db, actor, name, number, Permission.SET_ALIAS)
    before = version.stage or Stage.NONE
    if before != stage:
        decision = gates.check(db, gates.Transition("stage.set", version, actor, {"stage": stage.value}))
        version.stage = None if stage is Stage.NONE else stage.value
        note_change(db, version)
        events.record(
            db, actor, "stage.set", version, number=number, stage=stage.value, before=str(before), decision=decision
        )
    if archive_others:
        _archive_others(db, actor, version, stage)


def _archive_others(db: Session, actor: Actor, version: Version, stage: Stage) -> None:
    others = select(Version).where(
        Version.model_id == version.model_id,
        Version.stage == stage.value,
        Version.id != version.id,
        Version.archived_at.is_(None),
    )
    for other in db.scalars(others.order_by(Version.number)).all():
        set_committed_value(other, "model", version.model)
        other.stage = Stage.ARCHIVED.value
        note_change(db, other)
        events.record(
            db, actor, "stage.set", other, number=other.number, stage=Stage.ARCHIVED.value, before=stage.value
        )
