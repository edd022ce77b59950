"""Delivering: following the places of the log, and sending each message until it is taken or given up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission, system_actor
from modelops_platform.core.db import add_unless_taken, count_changed
from modelops_platform.core.errors import InvalidInput, PlatformError, Unavailable
from modelops_platform.core.ids import new_id
from modelops_platform.core.logging import get_logger
from modelops_platform.core.outgoing import Limits, Outgoing, outgoing_of
from modelops_platform.core.portions import leave_the_rest, portion
from modelops_platform.events.domain import LogEntry
from modelops_platform.events.queries import to_entry
from modelops_platform.events.tables import Event, EventPlace
from modelops_platform.identity import queries as identity
from modelops_platform.identity.service import to_actor
from modelops_platform.jobs import service as jobs
from modelops_platform.jobs.handlers import Task
from modelops_platform.jobs.tables import Job

from ..tables import EventFollower, Webhook, WebhookDelivery
from .keeping import secret_of
from .messages import DeliveryState, Telling, Told, WebhookStatus, headers_of, message_of

FOLLOWER = "webhooks"
DELIVER = "notifications.deliver_webhook"
PLACES_AT_ONCE = 500
TRIES = 4  # one, and three more
WAITS = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=10))
LIMITS = Limits(seconds=30, connect_seconds=5, answer_bytes=100_000)
SHOWN_ANSWER = 2_000
KEPT = timedelta(days=90)

_tellings: dict[str, Telling] = {}


def register(tellings: Mapping[str, Telling]) -> None:
    """Tell webhooks of more kinds of events; called by the job process, as often as it likes."""
    _tellings.update(tellings)


def follow(db: Session) -> dict[str, int]:
    """Make a message for each webhook of each event that got its place in the log since the last time.

    The follower's row is locked, so that two processes do not follow at once; a message exists once for each webhook,
    event and meaning, however often this runs.
    """
    newest = db.scalar(select(func.max(EventPlace.place))) or 0
    statement = select(EventFollower).where(EventFollower.name == FOLLOWER).with_for_update()
    follower = db.scalars(statement).one_or_none()
    if follower is None:
        follower = EventFollower(name=FOLLOWER, place=0)
        db.add(follower)
    last = min(newest, follower.place + PLACES_AT_ONCE)
    made = 0
    webhooks = db.scalars(select(Webhook).where(Webhook.status == WebhookStatus.ACTIVE)).all()
    if webhooks and last > follower.place:
        made, last = _tell(db, webhooks, follower.place, last)
    follower.place = last if webhooks else newest
    if follower.place < newest:
        leave_the_rest()
    return {"place": follower.place, "made": made}


def _tell(db: Session, webhooks: Sequence[Webhook], after: int, last: int) -> tuple[int, int]:
    """Return how many messages were made, and up to which place of the log."""
    found = db.execute(
        select(Event, EventPlace.place)
        .join(EventPlace, EventPlace.event_id == Event.id)
        .where(EventPlace.place > after, EventPlace.place <= last, Event.kind.in_(_tellings))
        .order_by(EventPlace.place)
    ).all()
    owners = {webhook.owner_id: _actor(db, webhook.owner_id) for webhook in webhooks} if found else {}
    made = told = 0
    for event, place in portion(found):
        told = place
        entry = to_entry(event, place)
        for meant in _meaning(db, entry):
            for webhook in webhooks:
                owner = owners[webhook.owner_id]
                if event.workspace_id == webhook.workspace_id and owner and _wants(webhook, owner, entry, meant):
                    made += _enqueue(db, webhook, entry, meant)
    return made, last if not found or told == found[-1][1] else told


def _actor(db: Session, user_id: str) -> Actor | None:
    """Return a webhook's maker with the rights of now, None when the account is out of use."""
    rows = identity.list_grants(db, user_id)
    return to_actor(rows) if rows and rows[0].disabled_at is None else None


def _meaning(db: Session, entry: LogEntry) -> list[Told]:
    """Return what an event means; what its room cannot tell any more means nothing."""
    try:
        with db.begin_nested():
            return list(_tellings[entry.kind](db, entry))
    except (PlatformError, LookupError, TypeError, ValueError) as error:  # one bad event does not stop the others
        get_logger().warning("webhook.not_told", event_id=entry.id, kind=entry.kind, exc_info=error)
        return []


def _wants(webhook: Webhook, owner: Actor, entry: LogEntry, told: Told) -> bool:
    return (
        [told.entity.value, told.action.value] in webhook.events
        and entry.at >= webhook.active_from
        and owner.may(Permission.VIEW, entry)
    )


def _enqueue(db: Session, webhook: Webhook, entry: LogEntry, told: Told) -> int:
    row = {
        "id": new_id(),
        "webhook_id": webhook.id,
        "event_id": entry.id,
        "entity": told.entity.value,
        "action": told.action.value,
        "data": dict(told.data),
        "happened_at": entry.at,
        "state": DeliveryState.WAITING.value,
        "attempts": 0,
        "created_at": clock.now(),
    }
    if not add_unless_taken(db, WebhookDelivery, row):
        return 0
    _ask(db, webhook, str(row["id"]), None)
    return 1


def _ask(db: Session, webhook: Webhook, delivery_id: str, run_at: datetime | None) -> None:
    title = f"Deliver to the webhook {webhook.name}"
    jobs.enqueue(
        db, system_actor(webhook.workspace_id), DELIVER, {"delivery_id": delivery_id}, title=title, run_at=run_at
    )


def forget_old(db: Session) -> int:
    """Delete the record of deliveries that ended long ago, and say how many."""
    ended = delete(WebhookDelivery).where(
        WebhookDelivery.created_at < clock.now() - KEPT, WebhookDelivery.state != DeliveryState.WAITING
    )
    return count_changed(db, ended)


@dataclass(frozen=True, slots=True)
class Message:
    """A message ready to be sent."""

    url: str
    body: bytes
    delivery_id: str
    secret: str | None
    outgoing: Outgoing


@dataclass(frozen=True, slots=True)
class Outcome:
    """How sending a message went."""

    status: int | None = None
    answer: str | None = None
    error: str | None = None
    may_help: bool = True  # whether another try may

    @property
    def is_taken(self) -> bool:
        """Whether the other side says that it has it."""
        return self.status is not None and 200 <= self.status < 300


def send(message: Message) -> Outcome:
    """Send a message once; nothing is raised."""
    headers = headers_of(message.body, message.delivery_id, clock.now(), message.secret)
    try:
        answer = message.outgoing.post(message.url, message.body, headers=headers, limits=LIMITS)
    except Unavailable as error:
        return Outcome(error=error.message)
    except InvalidInput as error:  # refused before it was sent
        return Outcome(error=error.message, may_help=False)
    text = answer.body[:SHOWN_ANSWER].decode("utf-8", "replace").replace("\x00", "")
    error_text = None if answer.ok else f"It answered {answer.status}."
    may_help = answer.status in (408, 429) or answer.status >= 500
    return Outcome(answer.status, text, error_text, may_help)


def prepare(db: Session, job: Job) -> Message | Outcome | None:
    """Return the message of a delivery, how it went when it cannot be sent, None when it is done or gone."""
    found = db.get(WebhookDelivery, str(job.args.get("delivery_id")))
    webhook = db.get(Webhook, found.webhook_id) if found else None
    if found is None or webhook is None or found.state != DeliveryState.WAITING:
        return None
    if webhook.status != WebhookStatus.ACTIVE:
        return Outcome(error="The webhook was disabled.", may_help=False)
    try:
        secret = secret_of(db, webhook)
    except InvalidInput as error:
        return Outcome(error=error.message, may_help=False)
    body = message_of(found.entity, found.action, found.happened_at, found.data)
    return Message(webhook.url, body, found.id, secret, outgoing_of(db.info["settings"]))


def work(_task: Task, prepared: Message | Outcome | None) -> Outcome | None:
    """Send the message."""
    return send(prepared) if isinstance(prepared, Message) else prepared


def finish(db: Session, job: Job, outcome: Outcome | None) -> dict[str, Any]:
    """Note how it went, and try again later where that may help."""
    found = db.get(WebhookDelivery, str(job.args.get("delivery_id")))
    webhook = db.get(Webhook, found.webhook_id) if found else None
    if outcome is None or found is None or webhook is None or found.state != DeliveryState.WAITING:
        return {"state": "gone"}
    found.attempts += 1
    found.response_status, found.response_body, found.error = outcome.status, outcome.answer, outcome.error
    found.tried_at = clock.now()
    if outcome.is_taken:
        found.state = DeliveryState.DELIVERED.value
    elif outcome.may_help and found.attempts < TRIES:
        _ask(db, webhook, found.id, clock.now() + WAITS[found.attempts - 1])
    else:
        found.state = DeliveryState.FAILED.value
    return {"state": found.state, "attempts": found.attempts, "status": outcome.status}


def get_test_message(db: Session, webhook: Webhook, told: Told) -> Message:
    """Return an example message for a webhook. Raises InvalidInput when its secret cannot be read."""
    body = message_of(told.entity, told.action, clock.now(), told.data)
    return Message(webhook.url, body, new_id(), secret_of(db, webhook), outgoing_of(db.info["settings"]))
