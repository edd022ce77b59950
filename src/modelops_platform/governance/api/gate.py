"""The gate and its stored answers as JSON."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.registry import queries as registry
from modelops_platform.web.forms import PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..domain.decisions import Decision
from ..domain.printing import as_junit
from ..schemas import (
    DecisionOut,
    DecisionPage,
    FormatIn,
    GateFormat,
    GateIn,
    GateOut,
    GateQuery,
)
from ..tables import DecisionRecord
from .shared import model_id

gate = api_router("/gate", "governance")
decisions = api_router("/decisions", "governance")

ROUTERS = [gate, decisions]


@gate.post("", name="api_ask_gate", response_model=GateOut, openapi_extra=needs(Permission.DEPLOY))
def ask_gate(db: WriteDb, actor: CurrentActor, wanted: GateIn, how: Annotated[FormatIn, Query()]) -> Response:
    """Ask whether a version may go somewhere; the answer is stored, and nothing moves. A no is an answer: 200."""
    version = registry.get_version(db, actor, wanted.model, wanted.version)
    target = queries.find_target(db, actor, wanted.target)
    return _print(service.ask(db, actor, version, target), wanted, how.format)


@gate.get("", name="api_show_gate", response_model=GateOut, openapi_extra=needs(Permission.VIEW))
def show_gate(db: ReadDb, actor: CurrentActor, wanted: Annotated[GateQuery, Query()]) -> Response:
    """Ask the same question without leaving a trace, for those who only look."""
    version = registry.get_version(db, actor, wanted.model, wanted.version)
    target = queries.find_target(db, actor, wanted.target)
    return _print(queries.answer(db, version, target), wanted, wanted.format)


def _print(decision: Decision, wanted: GateIn, how: GateFormat) -> Response:
    """Print a decision as the caller reads it; the header tells every reader allow from deny."""
    headers = {"x-decision": decision.outcome.value}
    if decision.lacks_only_approvals:
        headers["x-missing"] = "approvals"
    match how:
        case GateFormat.TEXT:
            return Response(f"{decision.as_text()}\n", headers=headers, media_type="text/plain")
        case GateFormat.JUNIT:
            version = f"v{wanted.version}"
            report = as_junit(decision, model=wanted.model, version=version, target=wanted.target)
            return Response(report, headers=headers, media_type="application/xml")
        case GateFormat.JSON:
            body = GateOut.model_validate(decision.to_dict()).model_dump_json()
            return Response(body, headers=headers, media_type="application/json")


@decisions.get("", name="api_list_decisions", response_model=PageOut[DecisionOut], openapi_extra=needs(Permission.VIEW))
def list_decisions(db: ReadDb, actor: CurrentActor, wanted: Annotated[DecisionPage, Query()]) -> Page[DecisionRecord]:
    """List the stored decisions, the newest first."""
    return queries.page_decisions(
        db,
        actor,
        model_id=model_id(db, actor, wanted.model),
        outcome=wanted.outcome,
        cursor=wanted.cursor,
        limit=wanted.limit,
    )


@decisions.get("/{id}", name="api_get_decision", response_model=DecisionOut, openapi_extra=needs(Permission.VIEW))
def get_decision(db: ReadDb, actor: CurrentActor, id: str) -> DecisionRecord:
    """Return one stored decision, as it was given."""
    return queries.get_decision(db, actor, id)
