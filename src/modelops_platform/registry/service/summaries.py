"""The summary row: what the rooms above tell about a model, and the registry's own part, which can be rebuilt."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.db import table_of

from ..domain.search import search_text
from ..queries import ShownModel
from ..tables import Alias, Model, ModelEnvironment, ModelSummary, ModelTag, Version
from .standings import COUNTED, note_standing

TOLD = frozenset(
    {
        "tier",
        "impact",
        "likelihood",
        "state",
        "light",
        "light_at",
        "sparkline",
        "live_environments",
        "approvals_waiting",
        "open_findings",
        "next_review",
    }
)


def summarise(db: Session, model_id: str, **values: Any) -> None:
    """Write what a room above knows about a model, in the transaction of its own change.

    Raises ValueError for a value that the summary does not have, or a model that does not exist.
    """
    if unknown := set(values) - TOLD:
        raise ValueError(f"a summary has no {sorted(unknown)}; it has {sorted(TOLD)}")
    if not _write(db, ModelSummary.model_id == model_id, values):
        raise ValueError(f"there is no model {model_id}")
    if "live_environments" in values:
        db.execute(delete(ModelEnvironment).where(ModelEnvironment.model_id == model_id))
        names = {environment["name"] for environment in values["live_environments"]}
        if names:
            db.execute(insert(ModelEnvironment), [{"model_id": model_id, "name": name} for name in sorted(names)])
    if COUNTED & set(values):
        note_standing(db, model_id)


_TAGS = select(ModelTag.key, ModelTag.value).where(ModelTag.model_id == bindparam("model")).order_by(ModelTag.key)
_KEEP_TAGS = (
    update(table_of(ModelSummary))
    .where(ModelSummary.model_id == bindparam("model"))
    .values(tags=bindparam("all_tags"), search_text=bindparam("text"))
)
_TOUCH = update(table_of(Model)).where(Model.id == bindparam("model")).values(updated_at=bindparam("at"))


def tags_of(db: Session, model_id: str) -> dict[str, str]:
    """Return the model's tags as they stand now; what was read with the lock may be older than it."""
    return {row.key: row.value for row in db.connection().execute(_TAGS, {"model": model_id})}


def note_tags(db: Session, model: ShownModel, tags: Mapping[str, str]) -> None:
    """Bring the summary in line with the tags of a locked model, and note that something hanging on it changed.

    The model's own revision stays.
    """
    kept, at = [list(tag) for tag in sorted(tags.items())], clock.now()
    text = text_of(model.name, model.purpose, model.fields, sorted(tags.items()))
    connection = db.connection()
    connection.execute(_KEEP_TAGS, {"model": model.id, "all_tags": kept, "text": text})
    connection.execute(_TOUCH, {"model": model.id, "at": at})
    model.summary.tags, model.updated_at = kept, at


def rebuild_summary(db: Session, model: Model) -> None:
    """Make the registry's own part of the summary anew from tags, aliases, versions and the model itself."""
    db.flush()
    tags = tags_of(db, model.id)
    aliases = db.execute(
        select(Alias.name, Alias.version_number)
        .where(Alias.model_id == model.id, Alias.to_at.is_(None))
        .order_by(Alias.name)
    ).all()
    last = db.scalar(select(func.max(Version.created_at)).where(Version.model_id == model.id))
    values = {
        "tags": [list(tag) for tag in tags.items()],
        "aliases": [list(alias) for alias in aliases],
        "last_version_at": last,
        "search_text": text_of(model.name, model.purpose, model.fields, tags.items()),
    }
    _write(db, ModelSummary.model_id == model.id, values)


def _write(db: Session, which: ColumnElement[bool], values: dict[str, Any]) -> int:
    """Write without regard to what was read before: another transaction may have changed the row meanwhile."""
    changed = db.execute(
        update(ModelSummary).where(which).values(**values), execution_options={"synchronize_session": "fetch"}
    )
    return changed.rowcount  # type: ignore[attr-defined, no-any-return]


def text_of(name: str, purpose: str, fields: Mapping[str, Any], tags: Iterable[tuple[str, str]]) -> str:
    """Return the text that free words find a model by."""
    values = [value for value in fields.values() if isinstance(value, str)]
    return search_text(name, purpose, *(part for tag in tags for part in tag), *values)


_ALIKE = (
    select(Model.id, ModelSummary.has_look_alikes)
    .join(Model.summary)
    .where(Model.workspace_id == bindparam("workspace"), Model.skeleton == bindparam("skeleton"))
    .where(Model.archived_at.is_(None))
)


def mark_look_alikes(db: Session, workspace_id: str, skeleton: str) -> None:
    """Mark the living models that share this skeleton, when there are several."""
    db.flush()
    living = db.connection().execute(_ALIKE, {"workspace": workspace_id, "skeleton": skeleton}).all()
    several = len(living) > 1
    wrong = [model_id for model_id, marked in living if marked != several]
    if wrong:
        _write(db, ModelSummary.model_id.in_(wrong), {"has_look_alikes": several})


def rebuild_summaries(db: Session, workspace_id: str, *, after: str = "", limit: int = 25) -> str | None:
    """Rebuild a batch of summaries in order of id, and return the last id done, or None at the end."""
    models = db.scalars(
        select(Model).where(Model.workspace_id == workspace_id, Model.id > after).order_by(Model.id).limit(limit)
    ).all()
    for model in models:
        rebuild_summary(db, model)
        mark_look_alikes(db, workspace_id, model.skeleton)
    return models[-1].id if len(models) == limit else None
