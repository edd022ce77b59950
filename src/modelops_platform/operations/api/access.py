"""JSON routes of asking for a role, and of answering."""

from typing import Annotated

from fastapi import Query

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity import queries as identity
from modelops_platform.identity import service
from modelops_platform.identity.schemas import AccessIn
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.identity.tables import AccessRequest
from modelops_platform.web.forms import PageOut
from modelops_platform.web.routing import api_router, signed_in
from modelops_platform.web.session import ReadDb, WriteDb

from ..queries.access import target_of
from ..schemas.access import AccessFilter, AccessRequestOut, DeclineIn, GrantAccessIn

router = api_router("/access-requests", "identity")
_ANSWER = needs(Permission.MANAGE_USERS)


@router.post("", name="api_request_access", status_code=201, response_model=AccessRequestOut, openapi_extra=signed_in())
def request_access(db: WriteDb, actor: CurrentActor, wanted: AccessIn) -> AccessRequest:
    """Ask those who manage rights where you are at home for a role; the answer never says whether a thing exists."""
    return service.ask_for_access(db, actor, wanted)


@router.get("", name="api_list_access_requests", response_model=PageOut[AccessRequestOut], openapi_extra=_ANSWER)
def list_access_requests(
    db: ReadDb, actor: CurrentActor, wanted: Annotated[AccessFilter, Query()]
) -> Page[AccessRequest]:
    """List the requests that you may answer, the newest first."""
    is_open = wanted.state == "open"
    return identity.page_access_requests(db, actor, is_open=is_open, cursor=wanted.cursor, limit=wanted.limit)


@router.post("/{request_id}/grant", name="api_grant_access", response_model=AccessRequestOut, openapi_extra=_ANSWER)
def grant_access(db: WriteDb, actor: CurrentActor, request_id: str, wanted: GrantAccessIn) -> AccessRequest:
    """Give a role, as narrow as it fits."""
    target = target_of(db, actor, unit_id=wanted.unit_id, model=wanted.model)
    return service.grant_access(db, actor, request_id, wanted.role, *target)


@router.post("/{request_id}/decline", name="api_decline_access", response_model=AccessRequestOut, openapi_extra=_ANSWER)
def decline_access(db: WriteDb, actor: CurrentActor, request_id: str, wanted: DeclineIn) -> AccessRequest:
    """Say no, and why."""
    return service.decline_access(db, actor, request_id, wanted.reason)
