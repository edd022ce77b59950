"""What waits for whoever asks, and who votes in whose place."""

from typing import Annotated

from fastapi import Form, Request
from pydantic import Field
from starlette.responses import PlainTextResponse, Response

from modelops_platform.core import clock
from modelops_platform.core.actor import ActorKind, Permission
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import In, filled
from modelops_platform.web.render import redirect, render, url_for
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..domain.work import WORK_WORDS, WorkKind
from ..schemas import DelegationIn, Sentence

router = page_router()
Day = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]


@router.get("/work", openapi_extra=needs(Permission.VIEW))
def show_work(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    items = queries.list_work(db, actor)
    groups = [
        (kind, *WORK_WORDS[kind], [(one, url_for(request.app, one.route, **dict(one.parameters))) for one in found])
        for kind in WorkKind
        if (found := [item for item in items if item.kind is kind])
    ]
    return render(
        request,
        "governance/work.html",
        groups=groups,
        count=sum(item.is_mine_to_do for item in items),
        overdue=sum(item.is_overdue(clock.now().date()) for item in items),
        today=clock.now().date(),
        places=queries.list_delegated_to(db, actor),
    )


@router.get("/work-count", openapi_extra=needs(Permission.VIEW))
def count_work(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    count = queries.count_work(db, actor)
    return PlainTextResponse(str(count) if count else "")


class DelegationForm(In):
    """A delegation as its form sends it: whole days, in UTC."""

    delegate: Annotated[str, Field(min_length=1, max_length=250)]
    first: Day
    last: Day
    reason: Sentence

    def wanted(self) -> DelegationIn:
        """Return the delegation from the beginning of the first day to the end of the last."""
        return filled(
            DelegationIn,
            delegate=self.delegate,
            from_at=f"{self.first}T00:00:00Z",
            to_at=f"{self.last}T23:59:59Z",
            reason=self.reason,
        )


@router.get("/delegations", openapi_extra=needs(Permission.VIEW))
def list_delegations(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    people = identity.list_people(db, actor)
    return render(
        request,
        "governance/delegations.html",
        delegations=queries.list_delegations(db, actor),
        people=[(user.id, user.name) for user in people if user.id != actor.id and user.kind == ActorKind.PERSON],
        now=clock.now(),
        me=actor.id,
        refusal=None if actor.may_somewhere(Permission.VOTE) else "You vote nowhere, so there is nothing to delegate.",
    )


@router.post("/delegations", openapi_extra=needs(Permission.VOTE))
def delegate_votes(
    request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[DelegationForm, Form()]
) -> Response:
    made = service.delegate_votes(db, actor, wanted.wanted())
    return redirect(request, "list_delegations", toast=f"{made.delegate.name} votes in your place.")


@router.post("/delegations/{id}/end", openapi_extra=needs(Permission.VOTE))
def end_delegation(request: Request, db: WriteDb, actor: CurrentActor, id: str) -> Response:
    service.end_delegation(db, actor, id)
    return redirect(request, "list_delegations", toast="The delegation has ended.")
