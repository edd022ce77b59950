"""Waivers and emergency changes as JSON."""

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
    EmergencyAnswerIn,
    EmergencyIn,
    EmergencyOut,
    EmergencyPage,
    RenewalIn,
    RevocationIn,
    WaiverAnswerIn,
    WaiverIn,
    WaiverOut,
    WaiverPage,
)
from ..tables import EmergencyChange, Waiver
from .shared import model_id

waivers = api_router("/waivers", "governance")
emergencies = api_router("/emergencies", "governance")

ROUTERS = [waivers, emergencies]
ASK = needs(Permission.REQUEST_WAIVER)
DECIDE = needs(Permission.DECIDE_WAIVER)


@waivers.post("", name="api_request_waiver", status_code=201, response_model=WaiverOut, openapi_extra=ASK)
def request_waiver(db: WriteDb, actor: CurrentActor, wanted: WaiverIn) -> Waiver:
    """Ask for leave to go on without a requirement, or with a finding."""
    return service.request_waiver(db, actor, wanted)


@waivers.get("", name="api_list_waivers", response_model=PageOut[WaiverOut], openapi_extra=needs(Permission.VIEW))
def list_waivers(db: ReadDb, actor: CurrentActor, wanted: Annotated[WaiverPage, Query()]) -> Page[Waiver]:
    """List waivers, the first to end on top; by default those asked for or in force."""
    about = model_id(db, actor, wanted.model)
    return queries.page_waivers(
        db, actor, everything=wanted.all, model_id=about, cursor=wanted.cursor, limit=wanted.limit
    )


@waivers.get("/{id}", name="api_get_waiver", response_model=WaiverOut, openapi_extra=needs(Permission.VIEW))
def get_waiver(db: ReadDb, actor: CurrentActor, id: str) -> Waiver:
    """Return a waiver with what was said about it."""
    return queries.get_waiver(db, actor, id)


@waivers.post("/{id}/answers", name="api_answer_waiver", response_model=WaiverOut, openapi_extra=DECIDE)
def answer_waiver(db: WriteDb, actor: CurrentActor, id: str, wanted: WaiverAnswerIn) -> Waiver:
    """Agree to a waiver, or deny it."""
    return service.answer_waiver(db, actor, id, wanted)


@waivers.post("/{id}/revoke", name="api_revoke_waiver", response_model=WaiverOut, openapi_extra=DECIDE)
def revoke_waiver(db: WriteDb, actor: CurrentActor, id: str, wanted: RevocationIn) -> Waiver:
    """End a waiver now."""
    return service.revoke_waiver(db, actor, id, wanted)


@waivers.post("/{id}/renew", name="api_renew_waiver", status_code=201, response_model=WaiverOut, openapi_extra=ASK)
def renew_waiver(db: WriteDb, actor: CurrentActor, id: str, wanted: RenewalIn) -> Waiver:
    """Ask for a waiver once more, as often as its tier allows."""
    return service.renew_waiver(db, actor, id, wanted)


@emergencies.post(
    "",
    name="api_request_emergency",
    status_code=201,
    response_model=EmergencyOut,
    openapi_extra=needs(Permission.REQUEST_APPROVAL),
)
def request_emergency(db: WriteDb, actor: CurrentActor, wanted: EmergencyIn) -> EmergencyChange:
    """Ask for a change that cannot wait for the full gate."""
    return service.request_emergency(db, actor, wanted)


@emergencies.get(
    "", name="api_list_emergencies", response_model=PageOut[EmergencyOut], openapi_extra=needs(Permission.VIEW)
)
def list_emergencies(
    db: ReadDb, actor: CurrentActor, wanted: Annotated[EmergencyPage, Query()]
) -> Page[EmergencyChange]:
    """List emergency changes, the newest first."""
    about = model_id(db, actor, wanted.model)
    return queries.page_emergencies(db, actor, model_id=about, cursor=wanted.cursor, limit=wanted.limit)


@emergencies.get("/{id}", name="api_get_emergency", response_model=EmergencyOut, openapi_extra=needs(Permission.VIEW))
def get_emergency(db: ReadDb, actor: CurrentActor, id: str) -> EmergencyChange:
    """Return an emergency change with what was said about it."""
    return queries.get_emergency(db, actor, id)


@emergencies.post(
    "/{id}/answers", name="api_answer_emergency", response_model=EmergencyOut, openapi_extra=needs(Permission.VOTE)
)
def answer_emergency(db: WriteDb, actor: CurrentActor, id: str, wanted: EmergencyAnswerIn) -> EmergencyChange:
    """Agree to an emergency change, or not."""
    return service.answer_emergency(db, actor, id, wanted)
