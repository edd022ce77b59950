"""Reads of use cases."""

from collections.abc import Sequence

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, joinedload

from modelops_platform.core.actor import Actor
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound
from modelops_platform.identity.queries import granted

from ..tables import Model, UseCase
from .models import WITH_NAMES, visible_to


def use_cases_visible_to(actor: Actor) -> Select[UseCase]:
    """Return the living use cases of the actor's units, and those that models they may see belong to."""
    through_models = visible_to(actor).with_only_columns(Model.use_case_id)
    return (
        select(UseCase)
        .options(joinedload(UseCase.unit), joinedload(UseCase.owner))
        .where(
            UseCase.workspace_id == actor.workspace_id,
            UseCase.archived_at.is_(None),
            or_(granted(UseCase, actor), UseCase.id.in_(through_models)),
        )
    )


def list_use_cases(db: Session, actor: Actor, *, cursor: str | None = None, limit: int = 50) -> Page[UseCase]:
    """Return a page of use cases by name."""
    return paginate(db, use_cases_visible_to(actor), UseCase.name, UseCase.id, cursor=cursor, limit=limit)


def count_models_by_use_case(db: Session, actor: Actor, use_cases: Sequence[UseCase]) -> dict[str, int]:
    """Return how many living models that the actor may see serve each use case."""
    counted = db.execute(
        visible_to(actor)
        .with_only_columns(Model.use_case_id, func.count())
        .where(Model.use_case_id.in_([use_case.id for use_case in use_cases]))
        .group_by(Model.use_case_id)
    ).all()
    return {use_case_id: count for use_case_id, count in counted if use_case_id is not None}


def get_use_case(db: Session, actor: Actor, name: str) -> UseCase:
    """Return the use case with this name. Raises NotFound."""
    return _one(db, use_cases_visible_to(actor).where(UseCase.name == name), name)


def get_use_case_by_id(db: Session, actor: Actor, use_case_id: str) -> UseCase:
    """Return the use case with this id. Raises NotFound."""
    return _one(db, use_cases_visible_to(actor).where(UseCase.id == use_case_id), use_case_id)


def get_archived_use_case(db: Session, actor: Actor, use_case_id: str) -> UseCase:
    """Return the archived use case with this id. Raises NotFound, also when the actor may not see its unit."""
    archived = select(UseCase).options(joinedload(UseCase.unit), joinedload(UseCase.owner))
    archived = archived.where(UseCase.workspace_id == actor.workspace_id, granted(UseCase, actor))
    return _one(db, archived.where(UseCase.id == use_case_id, UseCase.archived_at.is_not(None)), use_case_id)


def find_use_case(db: Session, actor: Actor, reference: str) -> UseCase | None:
    """Return the use case with this name or id, if the actor sees one."""
    return db.scalars(
        use_cases_visible_to(actor).where(or_(UseCase.name == reference, UseCase.id == reference)).limit(1)
    ).one_or_none()


def _one(db: Session, statement: Select[UseCase], asked: str) -> UseCase:
    found = db.scalars(statement).one_or_none()
    if found is None:
        raise NotFound(
            f"There is no use case {asked[:80]!r}.",
            remedy="Look at the list of use cases.",
            field="use_case",
            value=asked[:80],
        )
    return found


def list_models_of(db: Session, actor: Actor, use_case: UseCase) -> Sequence[Model]:
    """Return the living models of a use case that the actor may see, by name."""
    return db.scalars(
        visible_to(actor).where(Model.use_case_id == use_case.id).options(*WITH_NAMES).order_by(Model.name).limit(500)
    ).all()
