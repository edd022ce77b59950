"""Reads of aliases."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import desc, or_, select
from sqlalchemy.orm import Session

from ..tables import Alias


def list_aliases(db: Session, model_id: str) -> Sequence[Alias]:
    """Return what the model's aliases name now."""
    return db.scalars(select(Alias).where(Alias.model_id == model_id, Alias.to_at.is_(None)).order_by(Alias.name)).all()


def find_alias(db: Session, model_id: str, name: str, at: datetime | None = None) -> Alias | None:
    """Return the interval in which the alias named a version at that time, by default now."""
    statement = select(Alias).where(Alias.model_id == model_id, Alias.name == name)
    if at is None:
        statement = statement.where(Alias.to_at.is_(None))
    else:
        statement = statement.where(Alias.from_at <= at, or_(Alias.to_at.is_(None), Alias.to_at > at))
    return db.scalars(statement).one_or_none()


def alias_history(db: Session, model_id: str) -> Sequence[Alias]:
    """Return every interval of every alias of the model, the newest first."""
    return db.scalars(
        select(Alias).where(Alias.model_id == model_id).order_by(desc(Alias.from_at), desc(Alias.id)).limit(500)
    ).all()
