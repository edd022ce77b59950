"""Pages of approvals: what waits, and one request with everything needed to decide."""

from typing import Annotated

from fastapi import Form, Query, Request
from starlette.responses import PlainTextResponse, Response

from modelops_platform.core.actor import Permission
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.registry import queries as registry
from modelops_platform.web.forms import PageIn
from modelops_platform.web.render import redirect, render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..domain.states import RequestState
from ..schemas import CommentIn, VoteIn
from .shown import find_names, policy_link, proof_links, remedy_links, show_seats, ways_there

router = page_router()
DECIDED = [state.value for state in RequestState if state is not RequestState.OPEN]


@router.get("/approvals", openapi_extra=needs(Permission.VIEW))
def list_approvals(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[PageIn, Query()]) -> Response:
    waiting = queries.list_waiting(db, actor)
    decided = queries.page_requests(db, actor, states=DECIDED, cursor=wanted.cursor, limit=wanted.limit)
    asked = {one.request.asked_by for one in waiting} | {row.asked_by for row in decided.items}
    return render(
        request,
        "governance/approvals.html",
        mine=[one for one in waiting if one.is_for_me],
        others=[one for one in waiting if not one.is_for_me],
        decided=[(row, queries.state_of(row)) for row in decided.items],
        next=decided.next,
        names=identity.names_of(db, asked),
    )


@router.get("/approvals-waiting", openapi_extra=needs(Permission.VIEW))
def count_approvals(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    count = queries.count_waiting_for(db, actor)
    return PlainTextResponse(str(count) if count else "")


@router.get("/approvals/{id}", openapi_extra=needs(Permission.VIEW))
def show_approval(request: Request, db: ReadDb, actor: CurrentActor, id: str) -> Response:
    row = queries.get_request(db, actor, id)
    target = queries.target_of(row, queries.protected_environments(db, actor))
    seen = queries.look_at(db, actor, row, target)
    live, changes = queries.find_changes(db, row.version, target)
    voters = [id for vote in row.votes for id in (vote.voter_id, vote.holder_id)]
    names = find_names(db, [seen.decision], row.asked_by, *voters, *(said.said_by for said in row.comments))
    return render(
        request,
        "governance/approval.html",
        row=row,
        state=seen.state,
        target=target,
        live=live,
        changes=changes,
        decision=seen.decision,
        seats=show_seats(seen.decision, names),
        ways=ways_there(request, db, actor, row.version, target) if seen.state is RequestState.GRANTED else [],
        links=remedy_links(request, seen.decision, row.version, target, request_id=row.id),
        policy_url=policy_link(request, seen.decision),
        proofs=proof_links(request, seen.decision, row.model.name, row.version.number),
        mode=queries.enforcement_mode(db, actor.workspace_id),
        refusal=seen.refusal,
        mine=seen.mine,
        places=seen.open_places,
        comment_refusal=None if actor.id == row.asked_by else registry.why_not(actor, Permission.VOTE, row.model),
        names=names,
        may_withdraw=actor.id in (row.asked_by, row.model.owner_id),
    )


@router.post("/approvals/{id}/votes", openapi_extra=needs(Permission.VOTE))
def vote(request: Request, db: WriteDb, actor: CurrentActor, id: str, wanted: Annotated[VoteIn, Form()]) -> Response:
    row = service.vote(db, actor, id, wanted)
    done = {"granted": "It is approved.", "rejected": "It is rejected."}.get(row.state, "Your vote is counted.")
    return redirect(request, "show_approval", id=id, toast=done)


@router.post("/approvals/{id}/comments", openapi_extra=needs(Permission.VOTE))
def comment_on(
    request: Request, db: WriteDb, actor: CurrentActor, id: str, wanted: Annotated[CommentIn, Form()]
) -> Response:
    service.comment_on(db, actor, id, wanted)
    return redirect(request, "show_approval", id=id, toast="Your comment is kept.")


@router.post("/approvals/{id}/withdraw", openapi_extra=needs(Permission.REQUEST_APPROVAL))
def withdraw_request(request: Request, db: WriteDb, actor: CurrentActor, id: str) -> Response:
    service.withdraw_request(db, actor, id)
    return redirect(request, "show_approval", id=id, toast="You took the request back.")
