"""Webhooks. The secret is written and never read back."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.notifications.tables import Webhook
from modelops_platform.notifications.webhooks import delivering, keeping
from modelops_platform.notifications.webhooks.keeping import WebhookChange
from modelops_platform.notifications.webhooks.messages import (
    EXAMPLES,
    Action,
    Entity,
    Told,
    WebhookStatus,
    checked_events,
)
from modelops_platform.tracking.domain.tokens import decode_token, encode_token

from ..reading import Reader
from ..routes import Family, read_body
from ..wire import Int64, Message, Reply, Text, printed
from .experiments import checked_limit

family = Family()
MANAGE = Permission.MANAGE_WEBHOOKS
MOST_WEBHOOKS, LARGEST_TEST = 1_000, 100_000


class WebhookEvent(Message, kw_only=True):
    """What happened to what sort of thing."""

    entity: Entity
    action: Action


class WebhookReply(Reply, kw_only=True):
    """A webhook as it is answered."""

    webhook_id: str
    name: str
    url: str
    events: list[dict[str, str]]
    status: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str | None = None


def shown(webhook: Webhook) -> WebhookReply:
    """Return a webhook in the protocol's shape."""
    return WebhookReply(
        webhook_id=webhook.id,
        name=webhook.name,
        url=webhook.url,
        events=[{"entity": entity, "action": action} for entity, action in webhook.events],
        status=webhook.status,
        creation_timestamp=_ms(webhook.created_at),
        last_updated_timestamp=_ms(webhook.updated_at),
        description=webhook.description or None,
    )


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _pairs(events: Sequence[WebhookEvent]) -> list[tuple[Entity, Action]]:
    return [(event.entity, event.action) for event in events]


class CreateWebhook(Message, kw_only=True):
    """A webhook to make."""

    name: Text
    url: Text
    events: list[WebhookEvent]
    description: str | None = None
    secret: str | None = None
    status: WebhookStatus | None = None


@family.post("webhooks", permission=MANAGE, writes=True)
def create_webhook(db: Session, actor: Actor, wanted: CreateWebhook) -> dict[str, Any]:
    """Make a webhook."""
    change = WebhookChange(
        wanted.name, wanted.description, wanted.url, _pairs(wanted.events), wanted.secret, wanted.status
    )
    return {"webhook": shown(keeping.create_webhook(db, actor, change))}


class ListWebhooks(Message, kw_only=True):
    """A page of webhooks."""

    max_results: Int64 = 100
    page_token: str | None = None


@family.get("webhooks", permission=MANAGE)
def list_webhooks(db: Session, actor: Actor, wanted: ListWebhooks) -> dict[str, Any]:
    """Return a page of webhooks, the newest first."""
    limit = checked_limit(wanted.max_results, MOST_WEBHOOKS)
    after = str(decode_token(wanted.page_token, "webhooks", 1)[0]) if wanted.page_token else None
    found = keeping.list_webhooks(db, actor, after=after, limit=limit + 1)
    answer: dict[str, Any] = {"webhooks": [shown(webhook) for webhook in found[:limit]]} if found else {}
    if len(found) > limit:
        answer["next_page_token"] = encode_token([found[limit - 1].id], "webhooks")
    return answer


class WebhookById(Message, kw_only=True):
    """Names a webhook."""

    webhook_id: Text


@family.get("webhooks/{webhook_id}", permission=MANAGE)
def get_webhook(db: Session, actor: Actor, wanted: WebhookById) -> dict[str, Any]:
    """Return a webhook."""
    return {"webhook": shown(keeping.get_webhook(db, actor, wanted.webhook_id))}


class UpdateWebhook(Message, kw_only=True):
    """What changes in a webhook."""

    webhook_id: Text
    name: str | None = None
    description: str | None = None
    url: str | None = None
    events: list[WebhookEvent] = []
    secret: str | None = None
    status: WebhookStatus | None = None


@family.on("PATCH", "webhooks/{webhook_id}", permission=MANAGE, writes=True)
def update_webhook(db: Session, actor: Actor, wanted: UpdateWebhook) -> dict[str, Any]:
    """Change a webhook."""
    events = _pairs(wanted.events) if wanted.events else None
    change = WebhookChange(wanted.name, wanted.description, wanted.url, events, wanted.secret, wanted.status)
    return {"webhook": shown(keeping.update_webhook(db, actor, wanted.webhook_id, change))}


@family.on("DELETE", "webhooks/{webhook_id}", permission=MANAGE, writes=True)
def delete_webhook(db: Session, actor: Actor, wanted: WebhookById) -> None:
    """Delete a webhook."""
    keeping.delete_webhook(db, actor, wanted.webhook_id)


class TestWebhook(Message, kw_only=True):
    """What an example message to a webhook tells of; by default the first thing that the webhook wants."""

    webhook_id: Text
    event: WebhookEvent | None = None


_READER = Reader(TestWebhook)


@family.stream("POST", "webhooks/{webhook_id}/test", permission=MANAGE)
async def test_webhook(request: Request) -> Response:
    """Send an example message to a webhook, once, and say how it went."""
    wanted = _READER.read_body(await read_body(request, LARGEST_TEST), request.path_params)
    database, actor = request.app.state.database, request.state.actor

    def test() -> bytes:
        with database.read() as db:
            message = _example(db, actor, wanted)
        return printed({"result": _result(delivering.send(message))})

    return Response(await asyncio.to_thread(test), media_type="application/json")


def _example(db: Session, actor: Actor, wanted: TestWebhook) -> delivering.Message:
    webhook = keeping.get_webhook(db, actor, wanted.webhook_id)
    if wanted.event is not None:
        checked_events(_pairs([wanted.event]))
        pair = (wanted.event.entity, wanted.event.action)
    else:
        entity, action = webhook.events[0]
        pair = (Entity(entity), Action(action))
    return delivering.get_test_message(db, webhook, Told(*pair, EXAMPLES[pair]))


def _result(outcome: delivering.Outcome) -> dict[str, Any]:
    result: dict[str, Any] = {"success": outcome.is_taken}
    if outcome.status is not None:
        result["response_status"] = outcome.status
    if outcome.answer is not None:
        result["response_body"] = outcome.answer
    if outcome.error is not None:
        result["error_message"] = outcome.error
    return result
