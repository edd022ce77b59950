"""Reads of legal holds; who sees a model sees what holds it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, desc, exists, false, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from modelops_platform.artifacts.tables import BlobHold
from modelops_platform.core.actor import Actor
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound
from modelops_platform.identity.queries import granted

from ..tables import LegalHold, Model, Version
from .models import get_model, get_model_by_id


def list_holds(
    db: Session, actor: Actor, *, lifted: bool = False, cursor: str | None = None, limit: int = 50
) -> Page[LegalHold]:
    """Return a page of the holds on models that the actor sees, the newest first."""
    visible = exists().where(Model.id == LegalHold.model_id, granted(Model, actor))
    wanted = select(LegalHold).where(LegalHold.workspace_id == actor.workspace_id, visible)
    if not lifted:
        wanted = wanted.where(LegalHold.lifted_at.is_(None))
    shown = wanted.options(joinedload(LegalHold.model), joinedload(LegalHold.version))
    return paginate(db, shown, desc(LegalHold.id), cursor=cursor, limit=limit)


def get_hold(db: Session, actor: Actor, hold_id: str) -> LegalHold:
    """Return a hold. Raises NotFound, also for one on a model that the actor does not see."""
    visible = exists().where(Model.id == LegalHold.model_id, granted(Model, actor))
    found = db.scalars(
        select(LegalHold)
        .where(LegalHold.id == hold_id, LegalHold.workspace_id == actor.workspace_id, visible)
        .options(joinedload(LegalHold.model), joinedload(LegalHold.version))
    ).one_or_none()
    if found is None:
        raise NotFound(
            f"There is no legal hold {hold_id[:80]!r}.", remedy="List the holds.", field="hold_id", value=hold_id[:80]
        )
    return found


def get_held(db: Session, actor: Actor, reference: str, number: int | None) -> tuple[Model, Version | None]:
    """Return a model, by name or an archived one by id, and the version that is meant. Raises NotFound."""
    try:
        model = get_model(db, actor, reference)
    except NotFound:
        model = get_model_by_id(db, actor, reference)
    if number is None:
        return model, None
    version = db.scalars(select(Version).where(Version.model_id == model.id, Version.number == number)).one_or_none()
    if version is None:
        raise NotFound(
            f"{model.name} has no version {number}.", remedy="List its versions.", field="version", value=number
        )
    return model, version


def holds_on(db: Session, model_id: str, version_id: str | None = None) -> Sequence[LegalHold]:
    """Return what holds a model with all it has, or one of its versions: holds on that, or on the whole model."""
    here = select(LegalHold).where(LegalHold.model_id == model_id, LegalHold.lifted_at.is_(None))
    if version_id is not None:
        here = here.where(or_(LegalHold.version_id.is_(None), LegalHold.version_id == version_id))
    shown = here.options(joinedload(LegalHold.model), joinedload(LegalHold.version))
    return db.scalars(shown.order_by(LegalHold.id)).all()


def purgeable_versions(workspace_id: str, left_before: Mapping[str | None, datetime]) -> Select[Version]:
    """Return the versions that keep files although they left the inventory long ago, and that no legal hold keeps.

    A version leaves by itself or with its model.

    Args:
        left_before: By unit, before when they must have left; under None that of all units that are not named.
    """
    named = [unit_id for unit_id in left_before if unit_id is not None]
    rules = [
        and_(Model.unit_id.not_in(named) if unit_id is None else Model.unit_id == unit_id, _left_before(before))
        for unit_id, before in left_before.items()
    ]
    held = exists().where(
        LegalHold.model_id == Version.model_id,
        LegalHold.lifted_at.is_(None),
        or_(LegalHold.version_id.is_(None), LegalHold.version_id == Version.id),
    )
    keeps = exists().where(BlobHold.holder_kind == Version.object_kind, BlobHold.holder_id == Version.id)
    return (
        select(Version)
        .join(Version.model)
        .options(contains_eager(Version.model))
        .where(Version.workspace_id == workspace_id, or_(false(), *rules), keeps, ~held)
    )


def _left_before(before: datetime) -> ColumnElement[bool]:
    return or_(Version.archived_at < before, and_(Version.archived_at.is_(None), Model.archived_at < before))
