"""Reads of the log. What a caller may see is bounded by the rooms above, which know rights."""

import json

from sqlalchemy import ColumnElement, Select, desc, select
from sqlalchemy.orm import Session

from .domain import LogEntry
from .tables import Event, EventPersonal, EventPlace


def with_place(condition: ColumnElement[bool]) -> Select[Event, int, EventPersonal]:
    """Return events that meet the condition with their places and personal data; unplaced ones too."""
    return (
        select(Event, EventPlace.place, EventPersonal)
        .outerjoin(EventPlace, EventPlace.event_id == Event.id)
        .outerjoin(EventPersonal, EventPersonal.event_id == Event.id)
        .where(condition)
    )


def to_entry(event: Event, place: int | None, personal: EventPersonal | None = None) -> LogEntry:
    """Make an entry of what `with_place` selects."""
    content = json.loads(event.content)
    return LogEntry(
        id=event.id,
        at=event.at,
        kind=event.kind,
        actor_id=event.actor_id,
        actor_kind=event.actor_kind,
        object_kind=event.object_kind,
        object_id=event.object_id,
        object_name=content["object"].get("name"),
        unit_id=event.unit_id,
        model_id=event.model_id,
        data=content["data"],
        personal=personal.data if personal is not None else {},
        place=place,
    )


def activity_of(db: Session, object_kind: str, object_id: str, limit: int = 50) -> list[LogEntry]:
    """Return what happened to a thing, the newest first; to a model and everything that hangs on it.

    The caller has made sure that the actor may see the thing. Personal data is left out.
    """
    mine: ColumnElement[bool] = (Event.object_kind == object_kind) & (Event.object_id == object_id)
    if object_kind == "model":
        mine = Event.model_id == object_id
    placed = select(Event, EventPlace.place).outerjoin(EventPlace, EventPlace.event_id == Event.id).where(mine)
    return [to_entry(event, place) for event, place in db.execute(placed.order_by(desc(Event.id)).limit(limit))]
