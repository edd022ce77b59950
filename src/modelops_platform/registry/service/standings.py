"""How a model stood over time: an interval ends and another begins whenever something that leaders count changes."""

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.db import table_of

from ..domain.kinds import ModelKind
from ..queries import ShownModel
from ..tables import Model, ModelSummary, SummaryInterval

_ADD_INTERVAL = insert(table_of(SummaryInterval))
COUNTED = frozenset({"tier", "impact", "likelihood", "state", "light", "live_environments"})


def note_standing(db: Session, model_id: str, *, in_inventory: bool = True) -> None:
    """Bring the open interval in line with the summary; a model out of the inventory has none, nor has a prompt."""
    db.flush()
    kind = db.scalar(select(Model.kind).where(Model.id == model_id))
    in_inventory = in_inventory and kind != ModelKind.PROMPT
    summary = db.execute(
        select(
            ModelSummary.tier,
            ModelSummary.impact,
            ModelSummary.likelihood,
            ModelSummary.state,
            ModelSummary.light,
            ModelSummary.live_environments,
        ).where(ModelSummary.model_id == model_id)
    ).one()
    standing = {**summary._mapping, "is_live": bool(summary.live_environments)}
    del standing["live_environments"]
    before = db.scalars(
        select(SummaryInterval).where(SummaryInterval.model_id == model_id, SummaryInterval.to_at.is_(None))
    ).one_or_none()
    if before is not None:
        if in_inventory and all(getattr(before, key) == value for key, value in standing.items()):
            return
        before.to_at = clock.now()
        db.flush()
    if in_inventory:
        db.add(SummaryInterval(model_id=model_id, from_at=clock.now(), **standing))


def begin_standing(db: Session, model: ShownModel) -> None:
    """Open the first interval of a model that has just been registered: there is nothing to compare with."""
    if model.kind == ModelKind.PROMPT:
        return
    standing = {"state": model.summary.state, "light": model.summary.light}
    row = {"model_id": model.id, "from_at": clock.now(), "is_live": False, **standing}
    db.connection().execute(_ADD_INTERVAL, row)
