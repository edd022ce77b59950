"""Keeping what a record said before it is edited, so that what is judged as of a past moment is judged by it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from modelops_platform.core import clock

from ..tables import RECORDED, Model, ModelRecord, Version, VersionText


def facts_of(model: Model) -> dict[str, Any]:
    """Return what the record says now: what is judged by, and the name."""
    return {"name": model.name} | {key: getattr(model, key) for key in RECORDED}


def keep_record(db: Session, model: Model, before: Mapping[str, Any]) -> None:
    """Keep what the model's record said until now, where something that is judged by has changed."""
    if all(before[key] == getattr(model, key) for key in RECORDED):
        return
    last = db.scalar(select(func.max(ModelRecord.to_at)).where(ModelRecord.model_id == model.id))
    said = {key: before[key] for key in RECORDED}
    db.add(ModelRecord(model_id=model.id, from_at=last or model.created_at, to_at=_end(last, model.created_at), **said))


def keep_text(db: Session, version: Version, before: str) -> None:
    """Keep what was said of the version until now."""
    last = db.scalar(select(func.max(VersionText.to_at)).where(VersionText.version_id == version.id))
    since = last or version.created_at
    db.add(VersionText(version_id=version.id, description=before, from_at=since, to_at=_end(last, since)))


def _end(last: datetime | None, since: datetime) -> datetime:
    """Return this moment, though never one before the interval began: a clock may have been set back."""
    return max(clock.now(), last or since)
