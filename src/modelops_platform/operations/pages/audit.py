"""Pages of the log."""

import json
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.events.domain import tone
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.render import render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb

from ..queries import audit as queries
from ..schemas.audit import EventFilter

router = page_router("/audit")


@router.get("", openapi_extra=needs(Permission.VIEW_AUDIT))
def list_events(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[EventFilter, Query()]) -> Response:
    """Show what happened, the newest first."""
    return render(
        request,
        "operations/audit.html",
        page=queries.list_events(db, actor, wanted),
        wanted=wanted,
        kinds=[(kind, kind) for kind in queries.list_kinds(db, actor)],
        object_kinds=[(kind, kind.replace("_", " ")) for kind in queries.list_object_kinds(db, actor)],
        tone=tone,
    )


@router.get("/{event_id}", openapi_extra=needs(Permission.VIEW_AUDIT))
def show_event(request: Request, db: ReadDb, actor: CurrentActor, event_id: str) -> Response:
    """Show one event: in words, and the exact text that was hashed."""
    told = queries.get_event(db, actor, event_id)
    pretty = json.dumps(json.loads(told.content), ensure_ascii=False, indent=2)
    return render(request, "operations/audit_event.html", told=told, entry=told.entry, pretty=pretty)
