"""JSON routes of the log, and its export."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from fastapi import Query, Request
from starlette.responses import Response, StreamingResponse

from modelops_platform.core import clock
from modelops_platform.core.actor import Permission
from modelops_platform.events.proof.exports import key_shape
from modelops_platform.events.proof.seals import to_pem
from modelops_platform.events.queries import public_keys
from modelops_platform.events.verifying import export_log
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.described import answers
from modelops_platform.web.forms import PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb

from ..queries import audit as queries
from ..schemas.audit import EventFilter, EventOut, ExportFilter, KeysOut, LogOut, ProofOut, ReportOut, WholeExport
from ..verification import log_of, one_at_a_time, verify_installation

router = api_router("", "events")
log = api_router("/audit", "audit")
ROUTERS = (router, log)
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
    "/events/{event_id}/proof",
    name="api_get_event_proof",
    response_model=ProofOut,
    openapi_extra=needs(Permission.VIEW_AUDIT),
)
def get_event_proof(db: ReadDb, actor: CurrentActor, event_id: str) -> dict[str, Any]:
    """Return the proof that an event stands in the log, to be checked with the public key alone."""
    return queries.get_proof(db, actor, event_id)


@router.get(
    "/events.jsonl",
    name="api_export_events_jsonl",
    response_class=Response,
    responses=answers("application/jsonl"),
    openapi_extra=needs(Permission.VIEW_AUDIT),
)
def export_jsonl(request: Request, actor: CurrentActor, wanted: Annotated[ExportFilter, Query()]) -> Response:
    """Export the events that the filter leaves, one JSON object a line, with content, digests and places."""
    told = queries.export_events(request.app.state.database, actor, wanted, proofs=wanted.proofs)
    return _file("jsonl", "application/jsonl", (_line(one) for one in told))


def _line(told: queries.Told) -> str:
    shape: dict[str, Any] = {
        "place": told.entry.place,
        "content": told.content,
        "sha256": told.sha256,
        "hmac": told.hmac,
        "personal": {"salt": told.salt, "data": told.entry.personal} if told.salt else None,
    }
    if told.proof is not None:
        shape["proof"] = msgspec.to_builtins(told.proof)
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


@log.get("", name="api_get_log", response_model=LogOut, openapi_extra=needs(Permission.VIEW_AUDIT))
def get_log(db: ReadDb, actor: CurrentActor) -> dict[str, Any]:
    """Return where the log stands: its newest seal, and what waits for the next."""
    state = queries.state_of_log(db)
    return {"seal": state.seal, "tail": state.tail, "key": key_shape(state.keys[0]), "sink": state.sink}


@log.get("/keys", name="api_list_log_keys", response_model=KeysOut, openapi_extra=needs(Permission.VIEW))
def list_keys(db: ReadDb, actor: CurrentActor) -> dict[str, Any]:
    """Return the public keys that sign the log, or did; the one in use first."""
    return {"items": [key_shape(key) for key in public_keys(db.info["keys"])]}


@log.get(
    "/keys.pem",
    name="api_download_log_keys",
    response_class=Response,
    responses=answers("application/x-pem-file"),
    openapi_extra=needs(Permission.VIEW),
)
def download_keys(db: ReadDb, actor: CurrentActor) -> Response:
    """Return the same public keys as a PEM file: what `modelops audit verify --public-key` takes."""
    pems = "".join(to_pem(key) for key in public_keys(db.info["keys"]))
    headers = {"content-disposition": 'attachment; filename="modelops-log-keys.pem"'}
    return Response(pems, media_type="application/x-pem-file", headers=headers)


@log.post("/verify", name="api_verify_log", response_model=ReportOut, openapi_extra=needs(Permission.VIEW_AUDIT))
def verify_log(db: ReadDb, actor: CurrentActor) -> dict[str, Any]:
    """Check every event, seal and signature now, and say what is wrong; takes seconds for a million events.

    One check runs at a time; meanwhile the answer is 429 with `Retry-After`.
    """
    actor.must(Permission.VIEW_AUDIT)  # on the workspace: the log is one
    with one_at_a_time():
        return verify_installation(db.info["settings"]).to_shape()


@log.get(
    "/export",
    name="api_export_log",
    response_class=Response,
    responses=answers("application/jsonl"),
    openapi_extra=needs(Permission.VIEW_AUDIT),
)
def export_whole_log(db: ReadDb, actor: CurrentActor, wanted: Annotated[WholeExport, Query()]) -> Response:
    """Export the whole log with its seals, for anyone to check with the public key alone."""
    actor.must(Permission.VIEW_AUDIT)
    source, keys = log_of(db.info["settings"]), public_keys(db.info["keys"])
    lines = export_log(source, keys=keys, personal=wanted.personal, made_at=clock.now())
    return _file("jsonl", "application/jsonl", lines, what="log")


def _file(ending: str, kind: str, lines: Iterator[str] | Iterator[bytes], what: str = "events") -> Response:
    name = f"{what}-{clock.now():%Y-%m-%d}.{ending}"
    return StreamingResponse(lines, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})
