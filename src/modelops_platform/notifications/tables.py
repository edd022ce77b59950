"""What people were told, what they do not want to hear of, and how far the log was read."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from modelops_platform.core.db import Base, Id, InWorkspace, utc_now
from modelops_platform.events.tables import Event

_UNREAD = text("read_at IS NULL")


class Notification(InWorkspace, Base):
    """One event, told to one person. Its words are made from the event when it is read, as far as they may see it."""

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("user_id", "event_id"),
        Index(None, "user_id", "id"),
        Index("ix_notifications_unread", "user_id", sqlite_where=_UNREAD, postgresql_where=_UNREAD),
    )

    id: Mapped[Id]
    user_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    event_id: Mapped[str] = mapped_column(String(36), ForeignKey("events.id"))
    topic: Mapped[str] = mapped_column(String(20))
    unit_id: Mapped[str | None] = mapped_column(String(36))
    model_id: Mapped[str | None] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    read_at: Mapped[datetime | None]

    event: Mapped[Event] = relationship(lazy="raise")


class MutedTopic(Base):
    """A topic that a person does not want to hear of."""

    __tablename__ = "muted_topics"

    user_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"), primary_key=True)
    topic: Mapped[str] = mapped_column(String(20), primary_key=True)


class EventFollower(Base):
    """How far somebody who follows the log has read: the last place that was dealt with."""

    __tablename__ = "event_followers"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    place: Mapped[int]


class Webhook(InWorkspace, Base):
    """An address of another system that is told of what its maker may see. The secret is encrypted."""

    __tablename__ = "webhooks"
    object_kind: ClassVar[str] = "webhook"

    id: Mapped[Id]
    owner_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(63))
    description: Mapped[str | None] = mapped_column(Text)
    url: Mapped[str] = mapped_column(String(2000))
    events: Mapped[list[Any]]
    """Pairs of what and what happened to it."""
    status: Mapped[str] = mapped_column(String(10))
    secret: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    active_from: Mapped[datetime]


class WebhookDelivery(Base):
    """One message to one webhook, and how sending it went."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (UniqueConstraint("webhook_id", "event_id", "entity", "action"),)

    id: Mapped[Id]
    webhook_id: Mapped[str] = mapped_column(String(36), ForeignKey("webhooks.id"))
    event_id: Mapped[str] = mapped_column(String(36), ForeignKey("events.id"))
    entity: Mapped[str] = mapped_column(String(30))
    action: Mapped[str] = mapped_column(String(20))
    data: Mapped[dict[str, Any]]
    happened_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12))
    attempts: Mapped[int]
    response_status: Mapped[int | None]
    response_body: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    tried_at: Mapped[datetime | None]
