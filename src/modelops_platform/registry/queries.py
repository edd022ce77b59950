"""Reads of the inventory; all start from what the actor may see."""

from sqlalchemy import Select, desc, select
from sqlalchemy.orm import Session, selectinload

from modelops_platform.core.actor import Actor
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound
from modelops_platform.identity.queries import granted

from .tables import Model


def visible_to(actor: Actor) -> Select[tuple[Model]]:
    """Return the living models this actor may see, as a statement to narrow further."""
    return select(Model).where(
        Model.workspace_id == actor.workspace_id, Model.archived_at.is_(None), granted(Model, actor)
    )


def get_model(db: Session, actor: Actor, name: str) -> Model:
    """Return the living model with this name. Raises NotFound, also when the actor may not see it."""
    model = db.scalars(visible_to(actor).where(Model.name == name)).one_or_none()
    if model is None:
        raise NotFound(f"There is no model {name[:80]!r}.", remedy="Search the list of models.", field="model", value=name[:80])
    return model


def list_models(db: Session, actor: Actor, *, cursor: str | None = None, limit: int = 50) -> Page[Model]:
    """Return a page of models, the last changed first."""
    statement = visible_to(actor).options(selectinload(Model.summary))
    return paginate(db, statement, desc(Model.updated_at), desc(Model.id), cursor=cursor, limit=limit)
