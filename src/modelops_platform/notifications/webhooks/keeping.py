"""Webhooks as their makers keep them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, delete, desc, func, select
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.addresses import OutgoingRefused, parse_target, special
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import InvalidInput, NotFound
from modelops_platform.core.ids import new_id
from modelops_platform.core.outgoing import outgoing_of
from modelops_platform.events import service as events

from ..tables import Webhook, WebhookDelivery
from .messages import (
    LONGEST_DESCRIPTION,
    LONGEST_SECRET,
    Action,
    Entity,
    WebhookStatus,
    checked_events,
    checked_name,
)
from .secrets import seal, unseal

MOST_OF_ONE = 100


@dataclass(frozen=True, slots=True)
class WebhookChange:
    """What somebody wants a webhook to be; None leaves it as it is."""

    name: str | None = None
    description: str | None = None
    url: str | None = None
    events: Sequence[tuple[Entity, Action]] | None = None
    secret: str | None = None
    status: WebhookStatus | None = None


def visible_to(actor: Actor) -> Select[Webhook]:
    """Return the webhooks that the actor made; whoever manages the whole workspace sees all."""
    statement = select(Webhook).where(Webhook.workspace_id == actor.workspace_id)
    if actor.may(Permission.MANAGE_USERS):
        return statement
    return statement.where(Webhook.owner_id == actor.id)


def get_webhook(db: Session, actor: Actor, webhook_id: str) -> Webhook:
    """Return a webhook. Raises NotFound, also for one of somebody else."""
    found = db.scalars(visible_to(actor).where(Webhook.id == webhook_id[:100])).one_or_none()
    if found is None:
        raise NotFound(f"Webhook with ID {webhook_id[:80]} not found.", field="webhook_id", value=webhook_id[:80])
    return found


def list_webhooks(db: Session, actor: Actor, *, after: str | None, limit: int) -> Sequence[Webhook]:
    """Return webhooks, the newest first, behind the one with this id."""
    statement = visible_to(actor).order_by(desc(Webhook.id)).limit(limit)
    return db.scalars(statement.where(Webhook.id < after) if after else statement).all()


def page_webhooks(db: Session, actor: Actor, *, cursor: str | None, limit: int) -> Page[Webhook]:
    """Return a page of webhooks, the newest first."""
    return paginate(db, visible_to(actor), desc(Webhook.id), cursor=cursor, limit=limit)


def page_deliveries(
    db: Session, actor: Actor, webhook_id: str, *, cursor: str | None, limit: int
) -> Page[WebhookDelivery]:
    """Return a page of the messages to a webhook with how they went, the newest first. Raises NotFound."""
    webhook = get_webhook(db, actor, webhook_id)
    found = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook.id)
    return paginate(db, found, desc(WebhookDelivery.id), cursor=cursor, limit=limit)


def create_webhook(db: Session, actor: Actor, wanted: WebhookChange) -> Webhook:
    """Make a webhook; it is told of what its maker may see. Raises NotAllowed, InvalidInput."""
    if not actor.may_somewhere(Permission.MANAGE_WEBHOOKS):
        actor.must(Permission.MANAGE_WEBHOOKS)
    mine = select(func.count()).select_from(Webhook).where(Webhook.owner_id == actor.id)
    if (db.scalar(mine) or 0) >= MOST_OF_ONE:
        raise InvalidInput(f"You have {MOST_OF_ONE} webhooks already.", remedy="Delete some.", field="name")
    now = clock.now()
    webhook = Webhook(
        id=new_id(),
        workspace_id=actor.workspace_id,
        owner_id=actor.id,
        name=checked_name(wanted.name or ""),
        url="",
        events=checked_events(wanted.events or ()),
        status=(wanted.status or WebhookStatus.ACTIVE).value,
        created_at=now,
        updated_at=now,
        active_from=now,
    )
    _change(db, webhook, wanted)
    db.add(webhook)
    events.record(db, actor, "webhook.created", webhook, origin=parse_target(webhook.url).origin)
    return webhook


def update_webhook(db: Session, actor: Actor, webhook_id: str, wanted: WebhookChange) -> Webhook:
    """Change a webhook. Raises NotFound, InvalidInput."""
    webhook = get_webhook(db, actor, webhook_id)
    was_active = webhook.status == WebhookStatus.ACTIVE
    _change(db, webhook, wanted)
    webhook.updated_at = clock.now()
    if webhook.status == WebhookStatus.ACTIVE and not was_active:
        webhook.active_from = webhook.updated_at  # what happened meanwhile is not told
    changed = [name for name in WebhookChange.__slots__ if getattr(wanted, name) is not None]
    events.record(db, actor, "webhook.edited", webhook, changed=changed, origin=parse_target(webhook.url).origin)
    return webhook


def _change(db: Session, webhook: Webhook, wanted: WebhookChange) -> None:
    if wanted.name is not None:
        webhook.name = checked_name(wanted.name)
    if wanted.description is not None:
        if len(wanted.description) > LONGEST_DESCRIPTION:
            raise InvalidInput(
                f"'description' exceeds the maximum length of {LONGEST_DESCRIPTION} characters.", field="description"
            )
        webhook.description = wanted.description
    if wanted.url is not None:
        webhook.url = _checked_url(db, wanted.url)
    if wanted.events is not None:
        webhook.events = checked_events(wanted.events)
    if wanted.status is not None:
        webhook.status = wanted.status.value
    if wanted.secret:
        if len(wanted.secret) > LONGEST_SECRET:
            raise InvalidInput(f"'secret' exceeds the maximum length of {LONGEST_SECRET} characters.", field="secret")
        webhook.secret = seal(db.info["keys"], wanted.secret, webhook.id)
    if not webhook.url:
        raise InvalidInput("Missing value for required parameter 'url'.", field="url")


def _checked_url(db: Session, url: str) -> str:
    """Return an address that may be called as far as it is written there; its name is looked up at each delivery."""
    target, outgoing = parse_target(url), outgoing_of(db.info["settings"])
    if outgoing.allows_plain(url):
        return url
    if target.scheme != "https":
        raise OutgoingRefused(f"{target.origin} is not https.", remedy="Give an https address.", field="url")
    words = special(target.literal) if target.literal else None
    if words or target.host == "localhost":
        raise OutgoingRefused(
            f"{target.origin} is {words or 'this machine'}; webhooks go to public addresses.",
            remedy="If it is yours, let an operator allow it.",
            field="url",
        )
    return url


def delete_webhook(db: Session, actor: Actor, webhook_id: str) -> None:
    """Delete a webhook with the record of its deliveries. Raises NotFound."""
    webhook = get_webhook(db, actor, webhook_id)
    events.record(db, actor, "webhook.deleted", webhook, origin=parse_target(webhook.url).origin)
    db.execute(delete(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook.id))
    db.delete(webhook)
    db.flush()


def secret_of(db: Session, webhook: Webhook) -> str | None:
    """Return the secret of a webhook, None when it has none. Raises InvalidInput when it cannot be read any more."""
    if webhook.secret is None:
        return None
    keys: Any = db.info["keys"]
    found = unseal(keys, webhook.secret, webhook.id)
    if found is None:
        raise InvalidInput(
            "The secret of the webhook was kept with another key.", remedy="Set the secret anew.", field="secret"
        )
    return found
