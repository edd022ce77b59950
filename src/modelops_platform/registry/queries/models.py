"""Reads of models."""

from collections.abc import Iterable
from typing import Any, Protocol

from sqlalchemy import BindParameter, Select, String, bindparam, desc, select
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.interfaces import ORMOption

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound
from modelops_platform.identity.queries import granted
from modelops_platform.identity.tables import Unit, User

from ..domain.kinds import ModelKind
from ..tables import Model, UseCase


def of_workspace(workspace_id: str | BindParameter[str]) -> Select[Model]:
    """Return all models of a workspace, whoever asks."""
    return select(Model).where(Model.workspace_id == workspace_id)


def living(models: Select[Model]) -> Select[Model]:
    """Leave archived models out."""
    return models.where(Model.archived_at.is_(None))


def everything_visible(actor: Actor) -> Select[Model]:
    """Return the models this actor may see, archived ones too."""
    return of_workspace(actor.workspace_id).where(granted(Model, actor))


def visible_to(actor: Actor) -> Select[Model]:
    """Return the living models this actor may see, as a statement to narrow further. Prompts are none."""
    return living(everything_visible(actor)).where(Model.kind != ModelKind.PROMPT)


def prompts_visible_to(actor: Actor) -> Select[Model]:
    """Return the living prompts this actor may see, as a statement to narrow further."""
    return living(everything_visible(actor)).where(Model.kind == ModelKind.PROMPT)


_PERSON = (User.id, User.name, User.kind)
WITH_NAMES: tuple[ORMOption, ...] = (
    joinedload(Model.summary),
    joinedload(Model.unit).load_only(Unit.id, Unit.name),
    joinedload(Model.use_case).load_only(UseCase.id, UseCase.name),
    joinedload(Model.owner).load_only(*_PERSON),
    joinedload(Model.developer).load_only(*_PERSON),
    joinedload(Model.validator).load_only(*_PERSON),
)
"""Loads with a model what every page and answer shows of it: its summary, and names instead of ids."""

# `visible_to` for those who see the whole workspace, where `granted` adds nothing; built once, because building it
# costs more than running it.
_BY_NAME = (
    living(of_workspace(bindparam("workspace", type_=String)))
    .where(Model.name == bindparam("wanted"))
    .options(*WITH_NAMES)
)
_BY_NAME_TO_CHANGE = _BY_NAME.with_for_update(of=Model)


def get_model(db: Session, actor: Actor, name: str, *, to_change: bool = False) -> Model:
    """Return the living model with this name. Raises NotFound, also when the actor may not see it.

    With `to_change` whoever wants to change the same model waits until this transaction ends.
    """
    if actor.covers_workspace(Permission.VIEW):
        by_name = _BY_NAME_TO_CHANGE if to_change else _BY_NAME
        found = db.scalars(by_name, {"workspace": actor.workspace_id, "wanted": name}).one_or_none()
        return _found(db, actor, found, name)
    statement = living(everything_visible(actor)).where(Model.name == name)
    return _one(db, actor, statement.with_for_update(of=Model) if to_change else statement, name)


def get_model_by_id(db: Session, actor: Actor, model_id: str) -> Model:
    """Return the model with this id, living or archived. Raises NotFound."""
    return _one(db, actor, everything_visible(actor).where(Model.id == model_id), model_id)


def get_archived_model(db: Session, actor: Actor, model_id: str) -> Model:
    """Return the archived model with this id. Raises NotFound."""
    return _one(
        db, actor, everything_visible(actor).where(Model.id == model_id, Model.archived_at.is_not(None)), model_id
    )


def _one(db: Session, actor: Actor, statement: Select[Model], asked: str) -> Model:
    return _found(db, actor, db.scalars(statement.options(*WITH_NAMES)).one_or_none(), asked)


def _found(db: Session, actor: Actor, model: Model | None, asked: str) -> Model:
    if model is None:
        raise no_model(asked)
    note_similar_names(db, actor, [model])
    return model


def no_model(asked: str) -> NotFound:
    """Return the error about a model that is not there, or not for the actor."""
    return NotFound(
        f"There is no model {asked[:80]!r}.", remedy="Search the list of models.", field="model", value=asked[:80]
    )


def list_archived_models(db: Session, actor: Actor, *, cursor: str | None = None, limit: int = 50) -> Page[Model]:
    """Return a page of archived models, the last archived first."""
    statement = everything_visible(actor).where(Model.archived_at.is_not(None)).options(*WITH_NAMES)
    return paginate(db, statement, desc(Model.archived_at), desc(Model.id), cursor=cursor, limit=limit)


class Similar(Protocol):
    """A model as a query has found it, that may look like another."""

    @property
    def id(self) -> str: ...
    @property
    def skeleton(self) -> str: ...
    @property
    def summary(self) -> Any: ...
    def note_similar(self, names: list[str]) -> None: ...


def note_similar_names(db: Session, actor: Actor, models: Iterable[Similar]) -> None:
    """Note on each model the other living models that a reader could take for it; only what the actor may see."""
    models = list(models)
    marked = [model for model in models if model.summary.has_look_alikes]
    for model in models:
        model.note_similar([])
    if not marked:
        return
    found = db.execute(
        visible_to(actor)
        .with_only_columns(Model.id, Model.name, Model.skeleton)
        .where(Model.skeleton.in_({model.skeleton for model in marked}))
        .order_by(Model.name)
    ).all()
    for model in marked:
        model.note_similar([name for other, name, form in found if form == model.skeleton and other != model.id])
