"""The notification centre."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from fastapi import Form, Query, Request
from starlette.responses import PlainTextResponse, Response

from modelops_platform.core.actor import Permission
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageIn
from modelops_platform.web.render import redirect, redirect_to, render, undo, url_for
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from . import queries, service
from .domain import TOPIC_WORDS
from .schemas import NotificationFilter, TopicsIn
from .webhooks import keeping

router = page_router()
_OWN = needs(Permission.MANAGE_OWN_ACCOUNT)
_SEE = needs(Permission.VIEW)


@router.get("/notifications", openapi_extra=_SEE)
def list_notifications(
    request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[NotificationFilter, Query()]
) -> Response:
    """Show what happened that concerns one, the newest first."""
    counts, unread = queries.count_by_topic(db, actor), queries.count_unread(db, actor)
    states = [("unread", "Unread", unread), ("read", "Read", sum(counts.values()) - unread)]
    facets = [
        ("State", "state", states),
        ("About", "topic", [(topic.value, words[0], counts.get(topic, 0)) for topic, words in TOPIC_WORDS.items()]),
    ]
    return render(
        request,
        "notifications/list.html",
        page=queries.list_notifications(db, actor, wanted),
        wanted=wanted,
        unread=unread,
        facets=[
            {
                "label": label,
                "name": name,
                "options": [
                    {"value": value, "label": word, "count": count, "active": getattr(wanted, name) == value}
                    for value, word, count in options
                    if count or getattr(wanted, name) == value
                ],
            }
            for label, name, options in facets
        ],
        labels={topic.value: words[0] for topic, words in TOPIC_WORDS.items()},
    )


@router.get("/notification-count", openapi_extra=_SEE)
def count_notifications(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    """Return how much one has not read, for the bell; nothing when there is nothing."""
    count = queries.count_unread(db, actor)
    return PlainTextResponse("" if not count else "99+" if count > 99 else str(count))


@router.post("/notifications/{notification_id}/open", openapi_extra=_OWN)
def open_notification(request: Request, db: WriteDb, actor: CurrentActor, notification_id: str) -> Response:
    """Go to what it is about, and count it as read."""
    told = service.mark_read(db, actor, notification_id)
    place = service.find_place(db, actor, told, request.app.state.thing_pages)
    if place is None:
        return redirect(request, "list_notifications", toast="What it was about is archived, or out of your sight.")
    route, parameters = place
    return redirect_to(request, url_for(request.app, route, **parameters))


@router.post("/notifications/{notification_id}/read", openapi_extra=_OWN)
def mark_read(request: Request, db: WriteDb, actor: CurrentActor, notification_id: str) -> Response:
    """Count it as read."""
    service.mark_read(db, actor, notification_id)
    back = undo(request, "mark_unread", notification_id=notification_id)
    return redirect(request, "list_notifications", toast="Marked as read.", undo=back)


@router.post("/notifications/{notification_id}/unread", openapi_extra=_OWN)
def mark_unread(request: Request, db: WriteDb, actor: CurrentActor, notification_id: str) -> Response:
    """Count it as not read."""
    service.mark_read(db, actor, notification_id, is_read=False)
    return redirect(request, "list_notifications", toast="Marked as unread.")


@router.post("/read-all-notifications", openapi_extra=_OWN)
def mark_all_read(request: Request, db: WriteDb, actor: CurrentActor) -> Response:
    """Count everything as read."""
    service.mark_all_read(db, actor)
    return redirect(request, "list_notifications", toast="Marked all as read.")


@router.get("/notification-settings", openapi_extra=_OWN)
def show_notification_settings(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    """Show what one may hear of."""
    muted = queries.muted_topics(db, actor.id)
    return render(request, "notifications/settings.html", topics=TOPIC_WORDS, muted=muted)


@router.post("/notification-settings", openapi_extra=_OWN)
def choose_topics(request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[TopicsIn, Form()]) -> Response:
    """Keep what one wants to hear of."""
    service.choose_topics(db, actor, wanted.topics)
    return redirect(request, "list_notifications", toast="Saved what you hear of.")


@router.get("/webhooks", openapi_extra=needs(Permission.MANAGE_WEBHOOKS))
def list_webhooks(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[PageIn, Query()]) -> Response:
    """Show the addresses that are told of what happens."""
    page = keeping.page_webhooks(db, actor, cursor=wanted.cursor, limit=wanted.limit)
    names = identity.names_of(db, {hook.owner_id for hook in page.items})
    return render(request, "notifications/webhooks.html", page=page, names=names, tell=_in_words)


@router.get("/webhooks/{webhook_id}", openapi_extra=needs(Permission.MANAGE_WEBHOOKS))
def show_webhook(
    request: Request, db: ReadDb, actor: CurrentActor, webhook_id: str, wanted: Annotated[PageIn, Query()]
) -> Response:
    """Show a webhook, and how sending each message went."""
    hook = keeping.get_webhook(db, actor, webhook_id)
    page = keeping.page_deliveries(db, actor, hook.id, cursor=wanted.cursor, limit=wanted.limit)
    owner = identity.names_of(db, {hook.owner_id}).get(hook.owner_id)
    return render(request, "notifications/webhook.html", hook=hook, page=page, owner=owner, tell=_in_words)


def _in_words(events: Iterable[Sequence[str]]) -> str:
    return ", ".join(f"{entity.replace('_', ' ').lower()} {action.lower()}" for entity, action in events)
