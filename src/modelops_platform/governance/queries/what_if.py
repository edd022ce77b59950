"""Reads of questions about drafts, and of what they found."""

from collections.abc import Collection

from sqlalchemy import desc, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from modelops_platform.core.actor import Actor
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound
from modelops_platform.identity.queries import granted
from modelops_platform.identity.tables import Unit
from modelops_platform.registry.tables import Model

from ..schemas import WhatIfCasePage
from ..tables import WhatIf, WhatIfCase


def page_what_ifs(db: Session, actor: Actor, *, cursor: str | None = None, limit: int = 50) -> Page[WhatIf]:
    """Return a page of questions, the newest first."""
    statement = select(WhatIf).where(WhatIf.workspace_id == actor.workspace_id)
    return paginate(db, statement, desc(WhatIf.id), cursor=cursor, limit=limit)


def get_what_if(db: Session, actor: Actor, what_if_id: str) -> WhatIf:
    """Return a question. Raises NotFound."""
    return get_any_what_if(db, actor.workspace_id, what_if_id)


def get_any_what_if(db: Session, workspace_id: str, what_if_id: str) -> WhatIf:
    """Return a question of the workspace, for its job. Raises NotFound."""
    found = db.scalars(select(WhatIf).where(WhatIf.workspace_id == workspace_id, WhatIf.id == what_if_id)).one_or_none()
    if found is None:
        raise NotFound(
            f"There is no question {what_if_id[:80]!r}.",
            remedy="Look at the list of questions.",
            field="what_if",
            value=what_if_id[:80],
        )
    return found


def unit_names(db: Session, ids: Collection[str]) -> dict[str, str]:
    """Return the names of units by id."""
    return {row.id: row.name for row in db.execute(select(Unit.id, Unit.name).where(Unit.id.in_(ids)))}


def page_what_if_cases(db: Session, actor: Actor, asked: WhatIf, wanted: WhatIfCasePage) -> Page[WhatIfCase]:
    """Return a page of the answers that would change, as far as the actor may see the models."""
    statement = (
        select(WhatIfCase)
        .join(WhatIfCase.model)
        .where(WhatIfCase.what_if_id == asked.id, granted(Model, actor))
        .options(contains_eager(WhatIfCase.model), joinedload(WhatIfCase.version))
    )
    if wanted.would is not None:
        statement = statement.where(WhatIfCase.would == wanted.would)
    if wanted.tier is not None:
        statement = statement.where(WhatIfCase.tier == wanted.tier)
    if wanted.unit is not None:
        statement = statement.join(Unit, Unit.id == WhatIfCase.unit_id).where(Unit.name == wanted.unit)
    return paginate(db, statement, WhatIfCase.tier, Model.name, WhatIfCase.id, cursor=wanted.cursor, limit=wanted.limit)
