"""Pages of the log."""

import json
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.events.domain import tone
from modelops_platform.events.proof.seals import fingerprint
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.jobs import service as jobs
from modelops_platform.web.render import redirect, render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from ..queries import audit as queries
from ..schemas.audit import EventFilter
from ..verification import VERIFY

router = page_router("/audit")
log = page_router("/log")
ROUTERS = (router, log)


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
    return render(
        request,
        "operations/audit_event.html",
        told=told,
        entry=told.entry,
        pretty=pretty,
        proof=queries.find_proof(db, event_id),
    )


@log.get("", openapi_extra=needs(Permission.VIEW_AUDIT))
def show_log(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    """Show where the log stands, and what came of verifying it."""
    running, last = queries.last_verification(db, actor)
    return render(
        request,
        "operations/log.html",
        log=queries.state_of_log(db),
        fingerprint=fingerprint,
        running=running,
        last=last,
        may_verify=actor.may(Permission.VIEW_AUDIT),
    )


@log.post("/verify", openapi_extra=needs(Permission.VIEW_AUDIT))
def verify_log(request: Request, db: WriteDb, actor: CurrentActor) -> Response:
    """Have the log verified by a job, and show how far it is."""
    actor.must(Permission.VIEW_AUDIT)
    jobs.enqueue(db, actor, VERIFY, {}, title="Verify the log", key=VERIFY)
    return redirect(request, "show_log")
