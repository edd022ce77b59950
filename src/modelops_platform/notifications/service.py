"""Following the log, and what people do with what they are told.

Which events concern whom is known by the rooms that write them: each lists its `NOTICES` beside its job handlers,
and the job process registers them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select, tuple_, update
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind
from modelops_platform.core.errors import NotFound, PlatformError
from modelops_platform.core.ids import new_id
from modelops_platform.core.logging import get_logger
from modelops_platform.core.portions import leave_the_rest, portion
from modelops_platform.events.domain import LogEntry
from modelops_platform.events.queries import to_entry
from modelops_platform.events.tables import Event, EventPlace
from modelops_platform.identity.service import must_own_account
from modelops_platform.identity.tables import User
from modelops_platform.web.frame import ThingPage

from . import queries
from .domain import Topic
from .tables import EventFollower, MutedTopic, Notification

FOLLOWER = "notifications"
PLACES_AT_ONCE = 1_000
_CHANGED_AT_ONCE = 500
Recipients = Callable[[Session, LogEntry], Iterable[str | None]]


@dataclass(frozen=True, slots=True)
class Notice:
    """Whom a kind of event concerns, and why.

    Args:
        to: Returns the ids of those to tell; who is no person or out of use is left out anyway.
        is_personal: It is about the person and not about a thing that they might lose sight of.
        tells_actor: It is also told to whoever did it: for what ends long after it was begun.
    """

    topic: Topic
    to: Recipients
    is_personal: bool = False
    tells_actor: bool = False


Notices = Mapping[str, Sequence[Notice]]
_notices: dict[str, list[Notice]] = {}


def register(notices: Notices) -> None:
    """Tell people of more kinds of events; called by the entry points, as often as they like."""
    for kind, added in notices.items():
        known = _notices.setdefault(kind, [])
        known.extend(notice for notice in added if notice not in known)


def follow(db: Session) -> dict[str, int]:
    """Tell people of what has got its place in the log since the last time: each of each event once.

    The follower's row is locked, so that two processes do not follow at once.
    """
    follower = db.scalars(
        select(EventFollower).where(EventFollower.name == FOLLOWER).with_for_update()
    ).one_or_none() or EventFollower(name=FOLLOWER, place=0)
    newest = db.scalar(select(func.max(EventPlace.place))) or 0
    last = min(newest, follower.place + PLACES_AT_ONCE)
    made = 0
    if last > follower.place:
        found = _events_between(db, follower.place, last)
        told, made = _tell(db, found)
        follower.place = last if told == len(found) else (found[told - 1][0].place or follower.place)
        db.add(follower)
    if last < newest:
        leave_the_rest()
    return {"place": follower.place, "made": made}


def _events_between(db: Session, after: int, last: int) -> list[tuple[LogEntry, str]]:
    """Return the events that concern anybody, with their workspace, in the order of the log."""
    found = db.execute(
        select(Event, EventPlace.place)
        .join(EventPlace, EventPlace.event_id == Event.id)
        .where(EventPlace.place > after, EventPlace.place <= last, Event.kind.in_(_notices))
        .order_by(EventPlace.place)
    )
    return [(to_entry(event, place), event.workspace_id) for event, place in found]


def _tell(db: Session, events: Sequence[tuple[LogEntry, str]]) -> tuple[int, int]:
    """Return of how many events people were told, which may not be all, and how many notifications that made."""
    told = 0
    rows: dict[tuple[str, str], dict[str, object]] = {}
    for entry, workspace_id in portion(events):
        told += 1
        for notice in _notices[entry.kind]:
            for user_id in _recipients(db, notice, entry):
                row: dict[str, object] = {
                    "id": new_id(),
                    "workspace_id": workspace_id,
                    "user_id": user_id,
                    "event_id": entry.id,
                    "topic": notice.topic.value,
                    "unit_id": None if notice.is_personal else entry.unit_id,
                    "model_id": None if notice.is_personal else entry.model_id,
                    "created_at": clock.now(),
                }
                rows.setdefault((user_id, entry.id), row)
    wanted = _wanted(db, rows)
    if wanted:
        db.execute(insert(Notification), wanted)
    return told, len(wanted)


def _recipients(db: Session, notice: Notice, entry: LogEntry) -> set[str]:
    """Return whom one event concerns; what its room cannot tell any more concerns nobody."""
    try:
        with db.begin_nested():
            found = {user_id for user_id in notice.to(db, entry) if user_id}
    except (PlatformError, LookupError, TypeError, ValueError) as error:  # one bad event does not stop the others
        get_logger().warning("notification.not_made", event_id=entry.id, kind=entry.kind, exc_info=error)
        return set()
    return found if notice.tells_actor else found - {entry.actor_id}


def _wanted(db: Session, rows: Mapping[tuple[str, str], dict[str, object]]) -> list[dict[str, object]]:
    """Leave out those who are no people in use, what they do not want to hear of, and what they were told already."""
    if not rows:
        return []
    users = {user_id for user_id, _ in rows}
    people = select(User.id).where(User.id.in_(users), User.kind == ActorKind.PERSON, User.disabled_at.is_(None))
    in_use = set(db.scalars(people))
    silent = select(MutedTopic.user_id, MutedTopic.topic).where(MutedTopic.user_id.in_(users))
    muted = {(user_id, topic) for user_id, topic in db.execute(silent)}
    pair = tuple_(Notification.user_id, Notification.event_id)
    known = select(Notification.user_id, Notification.event_id).where(pair.in_(list(rows)))
    told = {(user_id, event_id) for user_id, event_id in db.execute(known)}
    return [
        row
        for (user_id, event_id), row in rows.items()
        if user_id in in_use and (user_id, row["topic"]) not in muted and (user_id, event_id) not in told
    ]


# ---- what people do -------------------------------------------------------------------------------------------------


def mark_read(db: Session, actor: Actor, notification_id: str, *, is_read: bool = True) -> queries.Told:
    """Note that the person has read it, or has not. Raises NotFound, NotAllowed for a token that is too narrow."""
    must_own_account(actor)
    told = queries.get_notification(db, actor, notification_id)
    if (told.read_at is not None) is not is_read:
        told.notification.read_at = clock.now() if is_read else None
    return told


def find_place(
    db: Session, actor: Actor, told: queries.Told, pages: Mapping[str, ThingPage]
) -> tuple[str, dict[str, str]] | None:
    """Return route and parameters of the page of what it is about, or of its model; None when neither is there now."""
    page = pages.get(told.entry.kind) or pages.get(told.object_kind)
    if page is not None and _is_there(db, actor, page, told.object_id):
        return page.route, {page.parameter: told.object_id} if page.parameter else {}
    name = queries.find_model_name(db, actor, told.model_id)
    return ("show_model", {"name": name}) if name else None


def _is_there(db: Session, actor: Actor, page: ThingPage, id: str) -> bool:
    try:
        return page.get is None or page.get(db, actor, id) is not None
    except NotFound:
        return False


def mark_all_read(db: Session, actor: Actor) -> int:
    """Note that the person has read everything, and return how much that was."""
    must_own_account(actor)
    unread = queries.visible_to(actor).where(Notification.read_at.is_(None)).with_only_columns(Notification.id)
    ids = db.scalars(unread).all()
    for start in range(0, len(ids), _CHANGED_AT_ONCE):
        some = Notification.id.in_(ids[start : start + _CHANGED_AT_ONCE])
        db.execute(update(Notification).where(some).values(read_at=clock.now()))
    return len(ids)


def choose_topics(db: Session, actor: Actor, topics: Iterable[Topic]) -> None:
    """Hear of these topics from now on, and of no others."""
    must_own_account(actor)
    db.execute(delete(MutedTopic).where(MutedTopic.user_id == actor.id))
    muted = set(Topic) - set(topics)
    if muted:
        db.execute(insert(MutedTopic), [{"user_id": actor.id, "topic": topic.value} for topic in sorted(muted)])
