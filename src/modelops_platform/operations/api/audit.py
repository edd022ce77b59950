"""JSON routes of the log, and its export."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import Response, StreamingResponse

from modelops_platform.core import clock
from modelops_platform.core.actor import Permission
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.described import answers
from modelops_platform.web.forms import PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb

from ..queries import audit as queries
from ..schemas.audit import EventFilter, EventOut

router = api_router("", "events")
_COLUMNS = [
    "place",
    "id",
    "at",
    "kind",
    "who",
    "words",
    "actor_kind",
    "actor_id",
    "object_kind",
    "object_id",
    "object_name",
    "address",
    "sha256",
]


@router.get(
    "/events", name="api_list_events", response_model=PageOut[EventOut], openapi_extra=needs(Permission.VIEW_AUDIT)
)
def list_events(db: ReadDb, actor: CurrentActor, wanted: Annotated[EventFilter, Query()]) -> dict[str, Any]:
    """List what happened, the newest first."""
    page = queries.list_events(db, actor, wanted)
    return {"items": [queries.to_shape(told) for told in page.items], "next": page.next}


@router.get(
    "/events/{event_id}", name="api_get_event", response_model=EventOut, openapi_extra=needs(Permission.VIEW_AUDIT)
)
def get_event(db: ReadDb, actor: CurrentActor, event_id: str) -> dict[str, Any]:
    """Return one event with the exact text that was hashed."""
    return queries.to_shape(queries.get_event(db, actor, event_id))


@router.get(
    "/events.jsonl",
    name="api_export_events_jsonl",
    response_class=Response,
    responses=answers("application/jsonl"),
    openapi_extra=needs(Permission.VIEW_AUDIT),
)
def export_jsonl(request: Request, actor: CurrentActor, wanted: Annotated[EventFilter, Query()]) -> Response:
    """Export the events that the filter leaves, one JSON object a line, with content, digests and places."""
    told = queries.export_events(request.app.state.database, actor, wanted)
    return _file("jsonl", "application/jsonl", (_line(one) for one in told))


def _line(told: queries.Told) -> str:
    shape = {
        "place": told.entry.place,
        "content": told.content,
        "sha256": told.sha256,
        "hmac": told.hmac,
        "personal": {"salt": told.salt, "data": told.entry.personal} if told.salt else None,
    }
    return json.dumps(shape, ensure_ascii=False, separators=(",", ":")) + "\n"


@router.get(
    "/events.csv",
    name="api_export_events_csv",
    response_class=Response,
    responses=answers("text/csv"),
    openapi_extra=needs(Permission.VIEW_AUDIT),
)
def export_csv(request: Request, actor: CurrentActor, wanted: Annotated[EventFilter, Query()]) -> Response:
    """Export the events that the filter leaves as a table for people."""
    told = queries.export_events(request.app.state.database, actor, wanted)
    return _file("csv", "text/csv; charset=utf-8", _table(told))


def _table(events: Iterator[queries.Told]) -> Iterator[str]:
    yield "\ufeff" + _row(_COLUMNS)  # the mark lets spreadsheets read UTF-8
    for told in events:
        entry = told.entry
        who, name = told.who, told.object_name
        what = (entry.actor_kind, entry.actor_id, entry.object_kind, entry.object_id, name)
        address = entry.personal.get("address")
        yield _row(
            [entry.place, entry.id, entry.at.isoformat(), entry.kind, who, told.words, *what, address, told.sha256]
        )


def _row(values: Iterator[Any] | list[Any]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(["" if value is None else _harmless(str(value)) for value in values])
    return line.getvalue()


def _harmless(text: str) -> str:
    """Keep a spreadsheet from running a name that looks like a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _file(ending: str, kind: str, lines: Iterator[str]) -> Response:
    name = f"events-{clock.now():%Y-%m-%d}.{ending}"
    return StreamingResponse(lines, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})
