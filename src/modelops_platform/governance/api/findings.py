"""Findings as JSON."""

from typing import Annotated

from fastapi import Query

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..schemas import (
    DueAnswerIn,
    DueMoveIn,
    FindingIn,
    FindingOut,
    FindingPage,
    FindingWithHistoryOut,
    RatingIn,
    Step,
    StepIn,
)
from ..tables import Finding
from .shared import model_id

findings = api_router("/findings", "governance")

ROUTERS = [findings]
WORK = needs(Permission.WORK_ON_FINDING)


@findings.post(
    "",
    name="api_raise_finding",
    status_code=201,
    response_model=FindingWithHistoryOut,
    openapi_extra=needs(Permission.RAISE_FINDING),
)
def raise_finding(db: WriteDb, actor: CurrentActor, wanted: FindingIn) -> Finding:
    """Raise a finding about a model or one of its versions."""
    return service.raise_finding(db, actor, wanted)


@findings.get("", name="api_list_findings", response_model=PageOut[FindingOut], openapi_extra=needs(Permission.VIEW))
def list_findings(db: ReadDb, actor: CurrentActor, wanted: Annotated[FindingPage, Query()]) -> Page[Finding]:
    """List findings, what is due first on top; by default those under way."""
    asked = queries.FindingFilter(
        state=wanted.state,
        everything=wanted.all,
        severity=wanted.severity,
        is_overdue=wanted.overdue,
        owner_id=actor.id if wanted.mine else None,
        model_id=model_id(db, actor, wanted.model),
    )
    return queries.page_findings(db, actor, asked, cursor=wanted.cursor, limit=wanted.limit)


@findings.get(
    "/{id}", name="api_get_finding", response_model=FindingWithHistoryOut, openapi_extra=needs(Permission.VIEW)
)
def get_finding(db: ReadDb, actor: CurrentActor, id: str) -> Finding:
    """Return a finding with its history."""
    return queries.get_finding(db, actor, id)


@findings.post("/{id}/steps/{step}", name="api_take_step", response_model=FindingWithHistoryOut, openapi_extra=WORK)
def take_step(db: WriteDb, actor: CurrentActor, id: str, step: Step, wanted: StepIn) -> Finding:
    """Move a finding on; who may is told by its state, its owner, and the function that raised it."""
    return service.take_step(db, actor, id, step, wanted)


@findings.post("/{id}/rate", name="api_rate_finding", response_model=FindingWithHistoryOut, openapi_extra=WORK)
def rate_finding(db: WriteDb, actor: CurrentActor, id: str, wanted: RatingIn) -> Finding:
    """Change how bad a finding is."""
    return service.rate_finding(db, actor, id, wanted)


@findings.post("/{id}/due-date", name="api_ask_due_move", response_model=FindingWithHistoryOut, openapi_extra=WORK)
def ask_due_move(db: WriteDb, actor: CurrentActor, id: str, wanted: DueMoveIn) -> Finding:
    """Ask for another due date; somebody else decides."""
    return service.ask_due_move(db, actor, id, wanted)


@findings.post(
    "/{id}/due-date/answer", name="api_answer_due_move", response_model=FindingWithHistoryOut, openapi_extra=WORK
)
def answer_due_move(db: WriteDb, actor: CurrentActor, id: str, wanted: DueAnswerIn) -> Finding:
    """Agree to another due date, or not."""
    return service.answer_due_move(db, actor, id, wanted)
