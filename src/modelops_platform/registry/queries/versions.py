"""Reads of versions."""

from sqlalchemy import Select, desc, exists, func, or_, outerjoin, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload, with_expression
from sqlalchemy.orm.interfaces import ORMOption

from modelops_platform.artifacts.tables import Blob
from modelops_platform.core.actor import Actor
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound
from modelops_platform.identity.queries import granted

from ..tables import Model, Version, VersionFile


def with_damage() -> ORMOption:
    """Have versions say whether stored bytes that they name are known to be missing or wrong."""
    stored = outerjoin(VersionFile, Blob, Blob.sha256 == VersionFile.sha256)
    damaged = or_(Blob.sha256.is_(None), Blob.damaged_at.is_not(None))
    wrong = exists().select_from(stored).where(VersionFile.version_id == Version.id, damaged)
    return with_expression(Version.is_damaged, wrong.correlate(Version))


def visible_versions(actor: Actor) -> Select[Version]:
    """Return the versions of the living models this actor may see; `.model` and its summary come along."""
    return _with_archived(actor).where(Version.archived_at.is_(None))


def _with_archived(actor: Actor) -> Select[Version]:
    return (
        select(Version)
        .join(Version.model)
        .options(contains_eager(Version.model).joinedload(Model.summary))
        .where(Model.workspace_id == actor.workspace_id, Model.archived_at.is_(None), granted(Model, actor))
    )


def get_version(db: Session, actor: Actor, model_name: str, number: int, *, archived: bool = False) -> Version:
    """Return one version of a living model, with its files. Raises NotFound.

    Args:
        archived: Whether a version that was archived is meant, too.
    """
    versions = _with_archived(actor) if archived else visible_versions(actor)
    return _one(db, versions.where(Model.name == model_name, Version.number == number), f"{model_name[:80]} v{number}")


def get_version_by_id(db: Session, actor: Actor, version_id: str) -> Version:
    """Return a version, of an archived model too, with its files. Raises NotFound."""
    statement = (
        select(Version)
        .join(Version.model)
        .options(contains_eager(Version.model).joinedload(Model.summary))
        .where(Version.id == version_id, Model.workspace_id == actor.workspace_id, granted(Model, actor))
    )
    return _one(db, statement, version_id)


def _one(db: Session, statement: Select[Version], asked: str) -> Version:
    loaded = statement.options(selectinload(Version.files), joinedload(Version.data_set), with_damage())
    version = db.scalars(loaded).one_or_none()
    if version is None:
        raise NotFound(
            f"There is no version {asked!r}.", remedy="Look at the model's versions.", field="version", value=asked
        )
    return version


def list_versions(
    db: Session, model: Model, *, archived: bool = False, cursor: str | None = None, limit: int = 50
) -> Page[Version]:
    """Return a page of a model's versions, or of those that were archived, the newest first."""
    in_use = Version.archived_at.is_not(None) if archived else Version.archived_at.is_(None)
    statement = select(Version).where(Version.model_id == model.id, in_use).options(with_damage())
    return paginate(db, statement, desc(Version.number), cursor=cursor, limit=limit)


def count_archived_versions(db: Session, model: Model) -> int:
    """Count the versions of a model that were archived."""
    archived = select(func.count()).where(Version.model_id == model.id, Version.archived_at.is_not(None))
    return db.scalar(archived) or 0
