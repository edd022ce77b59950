"""Reads of one's own notifications. What one may no longer see is not there: not in the list, not in the count."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, desc, func, or_, select, true
from sqlalchemy.orm import Session, joinedload

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound
from modelops_platform.events.domain import LogEntry, describe, people_in, who
from modelops_platform.events.queries import to_entry
from modelops_platform.identity.queries import GRANTED_KINDS, granted, names_of

from .schemas import NotificationFilter
from .tables import MutedTopic, Notification


@dataclass(frozen=True, slots=True)
class Told:
    """A notification with its words."""

    notification: Notification
    entry: LogEntry
    words: str

    @property
    def id(self) -> str:
        """The notification's id; so are the next ones what the API shows."""
        return self.notification.id

    @property
    def topic(self) -> str:
        """Why the person was told."""
        return self.notification.topic

    @property
    def object_kind(self) -> str:
        """What sort of thing it is about."""
        return self.entry.object_kind

    @property
    def object_id(self) -> str:
        """The id of what it is about."""
        return self.entry.object_id

    @property
    def model_id(self) -> str | None:
        """The model that it hangs on, if any."""
        return self.notification.model_id

    @property
    def created_at(self) -> datetime:
        """When the event happened."""
        return self.entry.at

    @property
    def read_at(self) -> datetime | None:
        """When the person has read it."""
        return self.notification.read_at


def visible_to(actor: Actor) -> Select[Notification]:
    """Return the actor's own notifications about what they may see now, as a statement to narrow further."""
    return select(Notification).where(
        Notification.workspace_id == actor.workspace_id, Notification.user_id == actor.id, _in_sight(actor)
    )


def _in_sight(actor: Actor) -> ColumnElement[bool]:
    """Return the condition that the actor may still see what it is about; a model counts where it is now."""
    if actor.covers_workspace(Permission.VIEW):
        return true()
    has_no_model = Notification.model_id.is_(None)
    conditions = [
        and_(has_no_model, Notification.unit_id.is_(None)),
        and_(has_no_model, granted(Notification, actor)),
    ]
    models = GRANTED_KINDS.get("model")
    if models is not None:
        conditions.append(Notification.model_id.in_(select(models.id).where(granted(models, actor))))
    return or_(*conditions)


def list_notifications(db: Session, actor: Actor, wanted: NotificationFilter) -> Page[Told]:
    """Return a page of the actor's notifications, the newest first."""
    statement = visible_to(actor)
    if wanted.state is not None:
        unread = Notification.read_at.is_(None)
        statement = statement.where(unread if wanted.state == "unread" else ~unread)
    if wanted.topic is not None:
        statement = statement.where(Notification.topic == wanted.topic.value)
    statement = statement.options(joinedload(Notification.event))
    page = paginate(db, statement, desc(Notification.id), cursor=wanted.cursor, limit=wanted.limit)
    return Page(_tell(db, page.items), page.next)


def _tell(db: Session, notifications: Sequence[Notification]) -> list[Told]:
    entries = [to_entry(one.event, None) for one in notifications]
    names = names_of(db, people_in(entries))
    return [
        Told(one, entry, f"{who(entry, names)} {describe(entry, names)}")
        for one, entry in zip(notifications, entries, strict=True)
    ]


def count_unread(db: Session, actor: Actor) -> int:
    """Count what the actor has not read."""
    unread = visible_to(actor).where(Notification.read_at.is_(None))
    return db.scalar(unread.with_only_columns(func.count(), maintain_column_froms=True)) or 0


def count_by_topic(db: Session, actor: Actor) -> dict[str, int]:
    """Count all of the actor's notifications by topic."""
    counted = visible_to(actor).with_only_columns(Notification.topic, func.count(), maintain_column_froms=True)
    return {row.topic: row[1] for row in db.execute(counted.group_by(Notification.topic))}


def get_notification(db: Session, actor: Actor, notification_id: str) -> Told:
    """Return one of the actor's notifications. Raises NotFound, also when they may no longer see what it is about."""
    statement = visible_to(actor).where(Notification.id == notification_id).options(joinedload(Notification.event))
    found = db.scalars(statement).one_or_none()
    if found is None:
        raise NotFound(
            f"There is no notification {notification_id[:80]!r}.",
            remedy="Look at the list of notifications.",
            field="notification",
            value=notification_id[:80],
        )
    return _tell(db, [found])[0]


def find_model_name(db: Session, actor: Actor, model_id: str | None) -> str | None:
    """Return what the living model is called now, if the actor may see it."""
    models = GRANTED_KINDS.get("model")
    if models is None or model_id is None:
        return None
    name: str | None = db.scalar(
        select(models.name).where(models.id == model_id, models.archived_at.is_(None), granted(models, actor))
    )
    return name


def muted_topics(db: Session, user_id: str) -> set[str]:
    """Return the topics that the person does not want to hear of."""
    return set(db.scalars(select(MutedTopic.topic).where(MutedTopic.user_id == user_id)))
