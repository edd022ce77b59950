"""Asking for a role, and answering."""

from typing import Annotated

from fastapi import Form, Query, Request
from starlette.responses import PlainTextResponse, Response

from modelops_platform.core.actor import Permission
from modelops_platform.identity import queries as identity
from modelops_platform.identity import service
from modelops_platform.identity.domain import PERMISSIONS, ROLE_WORDS, Role
from modelops_platform.identity.schemas import AccessIn
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.render import redirect, render
from modelops_platform.web.routing import page_router, signed_in
from modelops_platform.web.session import ReadDb, WriteDb

from ..queries.access import target_of
from ..schemas.access import AccessFilter, AskIn, DeclineIn, GrantAccessIn

router = page_router()
_ANSWER = needs(Permission.MANAGE_USERS)
_ROLES = [(role.value, f"{role.value.capitalize()}: {ROLE_WORDS[role]}") for role in Role if role is not Role.SERVICE]


@router.get("/request-access", openapi_extra=signed_in())
def show_request_access(
    request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[AskIn, Query()]
) -> Response:
    """Show the form for asking, and what one asked for; the page never says whether a thing exists."""
    fitting = [role for role in Role if wanted.permission in PERMISSIONS[role] and role is not Role.SERVICE]
    return render(
        request,
        "operations/request_access.html",
        about=wanted.about[:300],
        role=min(fitting, key=lambda role: len(PERMISSIONS[role]), default=None),
        roles=_ROLES,
        mine=identity.list_own_access_requests(db, actor),
    )


@router.post("/request-access", openapi_extra=signed_in())
def request_access(request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[AccessIn, Form()]) -> Response:
    """Pass the request on to those who manage rights."""
    service.ask_for_access(db, actor, wanted)
    return redirect(request, "show_request_access", toast="Asked. You are told here when somebody answers.")


@router.get("/access-requests", openapi_extra=_ANSWER)
def list_access_requests(
    request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[AccessFilter, Query()]
) -> Response:
    """Show who asks for which role, and why."""
    is_open = wanted.state == "open"
    page = identity.page_access_requests(db, actor, is_open=is_open, cursor=wanted.cursor, limit=wanted.limit)
    people = {one.user_id for one in page.items} | {one.decided_by for one in page.items if one.decided_by}
    return render(
        request,
        "operations/access_requests.html",
        page=page,
        wanted=wanted,
        names=identity.names_of(db, people),
        units=[(unit.id, unit.name) for unit in identity.list_units(db, actor)],
        roles=_ROLES,
    )


@router.get("/access-request-count", openapi_extra=_ANSWER)
def count_access_requests(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    """Return how many wait for one's answer, for the side bar."""
    return PlainTextResponse(str(identity.count_access_requests(db, actor) or ""))


@router.post("/access-requests/{request_id}/grant", openapi_extra=_ANSWER)
def grant_access(
    request: Request, db: WriteDb, actor: CurrentActor, request_id: str, wanted: Annotated[GrantAccessIn, Form()]
) -> Response:
    """Give a role, as narrow as it fits."""
    target = target_of(db, actor, unit_id=wanted.unit_id, model=wanted.model)
    answered = service.grant_access(db, actor, request_id, wanted.role, *target)
    name = identity.names_of(db, {answered.user_id}).get(answered.user_id, "They")
    return redirect(request, "list_access_requests", toast=f"{name} now is {wanted.role.value}.")


@router.post("/access-requests/{request_id}/decline", openapi_extra=_ANSWER)
def decline_access(
    request: Request, db: WriteDb, actor: CurrentActor, request_id: str, wanted: Annotated[DeclineIn, Form()]
) -> Response:
    """Say no, and why."""
    service.decline_access(db, actor, request_id, wanted.reason)
    return redirect(request, "list_access_requests", toast="Declined. They are told why.")
