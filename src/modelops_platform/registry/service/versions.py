"""Verbs on versions. A version is frozen when it is made; after that it can only be archived and restored."""

from pathlib import PurePosixPath

from sqlalchemy import update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from modelops_platform.artifacts import queries as artifacts_queries
from modelops_platform.artifacts.domain import clean_path
from modelops_platform.core import clock, gates
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import Conflict, InvalidInput
from modelops_platform.core.ids import new_id
from modelops_platform.events import service as events

from .. import queries
from ..domain.kinds import DigestState, ModelKind
from ..domain.versions import manifest_digest
from ..schemas import VersionIn
from ..tables import Alias, Model, Version, VersionFile
from .files import hold_file
from .holds import check_not_held
from .references import data_set_of
from .retention import ARCHIVE
from .summaries import rebuild_summary


def add_version(db: Session, actor: Actor, model: Model, wanted: VersionIn) -> Version:
    """Freeze a new version of the model. Raises NotAllowed, InvalidInput (unknown file, path, data set)."""
    actor.must(Permission.ADD_VERSION, model)
    if model.kind == ModelKind.PROMPT:
        raise InvalidInput(
            f"{model.name!r} is a prompt, whose versions are texts.",
            remedy="Register a text with an MLflow client, or a model under another name.",
            field="name",
            value=model.name,
        )
    paths = _checked_paths(wanted)
    version = Version(
        id=new_id(),
        workspace_id=model.workspace_id,
        model=model,
        model_id=model.id,
        number=next_number(db, model),
        description=wanted.description,
        signature=wanted.signature.model_dump(),
        metrics=[metric.model_dump() for metric in wanted.metrics],
        parameters=wanted.parameters,
        environment=wanted.environment.model_dump(exclude_none=True),
        source=wanted.source.model_dump(exclude_none=True),
        data_set=data_set_of(db, actor, wanted.data_set),
        developer_id=model.developer_id,
        created_by=actor.id,
    )
    _freeze(db, actor, version, paths)
    db.add(version)
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
        data_set=version.data_set_id,
        source=version.source,
    )
    return version


def archive_version(db: Session, actor: Actor, name: str, number: int) -> Version:
    """Take a version out of use: its number is not used again, its aliases end, its record and files stay.

    Raises NotFound, NotAllowed; Conflict for what is held or was ever deployed; TransitionRefused by the gate.
    """
    model = queries.get_model(db, actor, name, to_change=True)
    version = queries.get_version(db, actor, name, number)
    actor.must(Permission.ARCHIVE_MODEL, model)
    check_not_held(db, model, version)
    gates.check(db, gates.Transition(ARCHIVE, version, actor))
    at = clock.now()
    ended = update(Alias).where(Alias.version_id == version.id, Alias.to_at.is_(None))
    aliases = db.scalars(
        ended.values(to_at=at, ended_by=actor.id).returning(Alias.name),
        execution_options={"synchronize_session": False},
    ).all()
    version.archived_at = at
    note_change(db, version)
    rebuild_summary(db, model)
    manifest = version.manifest_digest
    events.record(db, actor, "version.archived", version, number=number, manifest=manifest, aliases=sorted(aliases))
    return version


def restore_version(db: Session, actor: Actor, name: str, number: int) -> Version:
    """Bring an archived version back; no alias names it then. One that is in use stays as it is.

    Raises NotFound, NotAllowed; Conflict when its files were let go of.
    """
    model = queries.get_model(db, actor, name, to_change=True)
    version = queries.get_version(db, actor, name, number, archived=True)
    actor.must(Permission.ARCHIVE_MODEL, model)
    if version.archived_at is None:
        return version
    if version.files and not artifacts_queries.holds_anything(db, version):
        raise Conflict(
            f"The files of {model.name} {version.name} were removed, as the rules of retention say.",
            remedy="Register a new version with the same files; the record names each by its SHA-256.",
            field="number",
            value=number,
        )
    version.archived_at = None
    note_change(db, version)
    rebuild_summary(db, model)
    events.record(db, actor, "version.restored", version, number=number, manifest=version.manifest_digest)
    return version


def note_change(db: Session, version: Version) -> None:
    """Note that something said of the version changed, so that what is shown of the model is made anew."""
    version.changed_at = clock.now()
    db.flush()
    db.execute(update(Model).where(Model.id == version.model_id).values(updated_at=clock.now()))


def next_number(db: Session, model: Model) -> int:
    """Take the model's next number; the row stays locked until the commit, so numbers have no gaps."""
    number = db.execute(
        update(Model)
        .where(Model.id == model.id)
        .values(last_version=Model.last_version + 1, updated_at=clock.now())
        .returning(Model.last_version),
        execution_options={"synchronize_session": False},
    ).scalar_one()
    set_committed_value(model, "last_version", number)
    return number


def _checked_paths(wanted: VersionIn) -> dict[str, str]:
    """Return digests by path. Raises InvalidInput for a path that is none, is given twice, or is file and folder."""
    paths = {clean_path(file.path, field=f"files.{n}.path"): file.sha256 for n, file in enumerate(wanted.files)}
    if len(paths) < len(wanted.files):
        raise InvalidInput("Two files have the same path.", remedy="Give each file a path of its own.", field="files")
    folders = {str(folder) for path in paths for folder in PurePosixPath(path).parents}
    if both := folders & set(paths):
        raise InvalidInput(
            f"{min(both)!r} is a file and a folder.", remedy="Rename one of them.", field="files", value=min(both)
        )
    return paths


def _freeze(db: Session, actor: Actor, version: Version, paths: dict[str, str]) -> None:
    """Take hold of the files, in order of digest so that two makers do not wait in a circle, and seal the manifest."""
    sizes: dict[str, int] = {}
    for path, sha256 in sorted(paths.items(), key=lambda line: line[::-1]):
        if sha256 not in sizes:
            sizes[sha256] = hold_file(db, actor, sha256, version, name=path, field="files")
    version.files = [VersionFile(path=path, sha256=paths[path], size=sizes[paths[path]]) for path in sorted(paths)]
    version.manifest_digest = manifest_digest((file.path, file.sha256, file.size) for file in version.files)
    version.recorded_digest_state = (DigestState.VERIFIED if paths else DigestState.UNVERIFIED).value
