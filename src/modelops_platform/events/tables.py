"""The log. A row of `events` is never updated; what may be erased stands beside it."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from modelops_platform.core.db import Base, Id, utc_now

_OF_MODELS = text("model_id IS NOT NULL")


class Event(Base):
    """Something that happened: who did what to which thing, as the very text that was hashed.

    Its indexes are few, because every write of the platform adds a row here.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index(None, "object_kind", "object_id", "id"),
        Index(None, "model_id", "id", sqlite_where=_OF_MODELS, postgresql_where=_OF_MODELS),
        Index(None, "kind", "id"),
        Index(None, "actor_id", "id"),
    )

    id: Mapped[Id]
    workspace_id: Mapped[str] = mapped_column(String(36), ForeignKey("workspaces.id"))
    kind: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime]
    actor_id: Mapped[str] = mapped_column(String(36))
    actor_kind: Mapped[str] = mapped_column(String(10))
    object_kind: Mapped[str] = mapped_column(String(40))
    object_id: Mapped[str] = mapped_column(String(36))
    unit_id: Mapped[str | None] = mapped_column(String(36))
    model_id: Mapped[str | None] = mapped_column(String(36))
    content: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    hmac: Mapped[str] = mapped_column(String(64))


class EventPersonal(Base):
    """Personal data of an event; only its salted hash stands in the event, so this row can be erased."""

    __tablename__ = "event_personal"

    event_id: Mapped[str] = mapped_column(String(36), ForeignKey("events.id"), primary_key=True)
    salt: Mapped[str] = mapped_column(String(32))
    data: Mapped[dict[str, Any]]


class UnplacedEvent(Base):
    """An event that has no place in the log yet; the sequencer takes it away."""

    __tablename__ = "unplaced_events"

    event_id: Mapped[str] = mapped_column(String(36), ForeignKey("events.id"), primary_key=True)


class EventPlace(Base):
    """The place of an event in the log; webhooks, automations and the seal follow it."""

    __tablename__ = "event_places"

    place: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    event_id: Mapped[str] = mapped_column(String(36), ForeignKey("events.id"), unique=True)
    at: Mapped[datetime] = mapped_column(default=utc_now)


class LogSeal(Base):
    """A signed statement about a stretch of the log, as the very text that was signed; never updated."""

    __tablename__ = "log_seals"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    first_place: Mapped[int] = mapped_column(Integer, unique=True)
    last_place: Mapped[int] = mapped_column(Integer, unique=True)
    content: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(128))


class Refusal(Base):
    """Repeats of one refusal within a minute, counted here because only the first makes an event."""

    __tablename__ = "refusals"
    __table_args__ = (UniqueConstraint("kind", "actor_id", "address", "minute"),)

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(60))
    actor_id: Mapped[str] = mapped_column(String(36))
    address: Mapped[str] = mapped_column(String(64))
    minute: Mapped[str] = mapped_column(String(16))
    event_id: Mapped[str] = mapped_column(String(36), ForeignKey("events.id"))
    count: Mapped[int]
