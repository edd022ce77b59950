"""Approvals as JSON."""

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
    ApprovalIn,
    ApprovalOut,
    ApprovalPage,
    CommentIn,
    VoteIn,
)
from ..tables import ApprovalRequest
from .shared import model_id

approvals = api_router("/approvals", "governance")

ROUTERS = [approvals]


@approvals.post(
    "",
    name="api_request_approval",
    status_code=201,
    response_model=ApprovalOut,
    openapi_extra=needs(Permission.REQUEST_APPROVAL),
)
def request_approval(db: WriteDb, actor: CurrentActor, wanted: ApprovalIn) -> ApprovalRequest:
    """Ask others to approve a version for an environment, alias or stage."""
    return service.request_approval(db, actor, wanted)


@approvals.get("", name="api_list_approvals", response_model=PageOut[ApprovalOut], openapi_extra=needs(Permission.VIEW))
def list_approvals(db: ReadDb, actor: CurrentActor, wanted: Annotated[ApprovalPage, Query()]) -> Page[ApprovalRequest]:
    """List approval requests, the newest first."""
    return queries.page_requests(
        db,
        actor,
        states=[wanted.state.value] if wanted.state else (),
        model_id=model_id(db, actor, wanted.model),
        cursor=wanted.cursor,
        limit=wanted.limit,
    )


@approvals.get("/{id}", name="api_get_approval", response_model=ApprovalOut, openapi_extra=needs(Permission.VIEW))
def get_approval(db: ReadDb, actor: CurrentActor, id: str) -> ApprovalRequest:
    """Return one request with its votes."""
    return queries.get_request(db, actor, id)


@approvals.post(
    "/{id}/votes", name="api_vote", status_code=201, response_model=ApprovalOut, openapi_extra=needs(Permission.VOTE)
)
def vote(db: WriteDb, actor: CurrentActor, id: str, wanted: VoteIn) -> ApprovalRequest:
    """Approve or reject, with a sentence; only a vote that counts is taken."""
    return service.vote(db, actor, id, wanted)


@approvals.post(
    "/{id}/withdraw",
    name="api_withdraw_approval",
    response_model=ApprovalOut,
    openapi_extra=needs(Permission.REQUEST_APPROVAL),
)
def withdraw_approval(db: WriteDb, actor: CurrentActor, id: str) -> ApprovalRequest:
    """Take a request back."""
    return service.withdraw_request(db, actor, id)


@approvals.post(
    "/{id}/comments",
    name="api_comment_on_approval",
    status_code=201,
    response_model=ApprovalOut,
    openapi_extra=needs(Permission.VOTE),
)
def comment_on(db: WriteDb, actor: CurrentActor, id: str, wanted: CommentIn) -> ApprovalRequest:
    """Say something about a request, also after it was decided."""
    return service.comment_on(db, actor, id, wanted)
