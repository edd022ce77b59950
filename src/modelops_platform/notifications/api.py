"""JSON routes of the notification centre."""

from typing import Annotated

from fastapi import Query

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageIn, PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from . import queries, service
from .domain import Topic
from .schemas import DeliveryOut, NotificationFilter, NotificationOut, TopicsIn, TopicsOut, WebhookOut
from .tables import Webhook, WebhookDelivery
from .webhooks import keeping

router = api_router("/notifications", "notifications")
topics = api_router("/notification-topics", "notifications")
hooks = api_router("/webhooks", "webhooks")
ROUTERS = (router, topics, hooks)
_OWN = needs(Permission.MANAGE_OWN_ACCOUNT)


@router.get(
    "", name="api_list_notifications", response_model=PageOut[NotificationOut], openapi_extra=needs(Permission.VIEW)
)
def list_notifications(
    db: ReadDb, actor: CurrentActor, wanted: Annotated[NotificationFilter, Query()]
) -> Page[queries.Told]:
    """List what happened that concerns you, the newest first."""
    return queries.list_notifications(db, actor, wanted)


@router.post("/{notification_id}/read", name="api_mark_read", response_model=NotificationOut, openapi_extra=_OWN)
def mark_read(db: WriteDb, actor: CurrentActor, notification_id: str) -> queries.Told:
    """Count a notification as read."""
    return service.mark_read(db, actor, notification_id)


@router.post("/{notification_id}/unread", name="api_mark_unread", response_model=NotificationOut, openapi_extra=_OWN)
def mark_unread(db: WriteDb, actor: CurrentActor, notification_id: str) -> queries.Told:
    """Count a notification as not read."""
    return service.mark_read(db, actor, notification_id, is_read=False)


@topics.get("", name="api_get_topics", response_model=TopicsOut, openapi_extra=_OWN)
def get_topics(db: ReadDb, actor: CurrentActor) -> TopicsOut:
    """Return what you hear of."""
    muted = queries.muted_topics(db, actor.id)
    return TopicsOut(topics=[topic for topic in Topic if topic.value not in muted])


@topics.put("", name="api_choose_topics", response_model=TopicsOut, openapi_extra=_OWN)
def choose_topics(db: WriteDb, actor: CurrentActor, wanted: TopicsIn) -> TopicsOut:
    """Hear of these topics from now on, and of no others."""
    service.choose_topics(db, actor, wanted.topics)
    return TopicsOut(topics=[topic for topic in Topic if topic in wanted.topics])


@hooks.get(
    "", name="api_list_webhooks", response_model=PageOut[WebhookOut], openapi_extra=needs(Permission.MANAGE_WEBHOOKS)
)
def list_webhooks(db: ReadDb, actor: CurrentActor, wanted: Annotated[PageIn, Query()]) -> Page[Webhook]:
    """List your webhooks, the newest first; whoever manages people sees all."""
    return keeping.page_webhooks(db, actor, cursor=wanted.cursor, limit=wanted.limit)


@hooks.get(
    "/{webhook_id}/deliveries",
    name="api_list_deliveries",
    response_model=PageOut[DeliveryOut],
    openapi_extra=needs(Permission.MANAGE_WEBHOOKS),
)
def list_deliveries(
    db: ReadDb, actor: CurrentActor, webhook_id: str, wanted: Annotated[PageIn, Query()]
) -> Page[WebhookDelivery]:
    """List the messages to a webhook with how sending them went, the newest first."""
    return keeping.page_deliveries(db, actor, webhook_id, cursor=wanted.cursor, limit=wanted.limit)
