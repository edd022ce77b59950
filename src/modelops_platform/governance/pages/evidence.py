"""Pages that answer "may this version go there?": the evidence of a version, and stored decisions."""

from typing import Annotated

from fastapi import Form, Query, Request
from fastapi import Path as PathParameter
from pydantic import Field
from starlette.responses import Response

from modelops_platform.core import clock
from modelops_platform.core.actor import Permission
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.registry import queries as registry
from modelops_platform.registry.tables import Version
from modelops_platform.web.forms import In, filled
from modelops_platform.web.render import redirect, render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..domain.decisions import Decision
from ..domain.facts import Kind
from ..domain.states import RequestState
from ..domain.targets import Target
from ..schemas import ApprovalIn, Name, Sentence
from ..schemas.findings import Day
from .shown import find_names, policy_link, proof_links, remedy_links, show_seats, waiver_links, ways_there

router = page_router()
Number = Annotated[int, PathParameter(ge=1, le=2**31 - 1)]


class EvidenceQuery(In):
    """Which target the evidence is looked at for."""

    to: Name = None


class AskForm(In):
    """Ask for approval from the evidence page."""

    to: str = Field(min_length=1, max_length=250)
    message: Sentence
    due: Day = None
    apply: bool = False
    deployment: Name = None


@router.get("/models/{name}/versions/{number}/evidence", openapi_extra=needs(Permission.VIEW))
def show_evidence(
    request: Request,
    db: ReadDb,
    actor: CurrentActor,
    name: str,
    number: Number,
    wanted: Annotated[EvidenceQuery, Query()],
) -> Response:
    header = registry.get_version_header(db, actor, name, number)
    version = header.version
    policies = queries.policies_in_force(db, actor.workspace_id)
    targets = queries.guarded_targets(db, actor, policies, Kind(version.model.kind))
    target = queries.find_target(db, actor, wanted.to) if wanted.to else targets[0]
    decision = queries.judge(db, version, target)
    requests = [
        row
        for row in queries.page_requests(db, actor, model_id=version.model_id, limit=100).items
        if row.version_id == version.id and (row.action, row.environment_id) == target.key
    ]
    open_request = next((row for row in requests if queries.state_of(row) is RequestState.OPEN), None)
    records = queries.page_evidence(db, actor, version.model, version=version, limit=20)
    names = find_names(db, [decision] if decision else [], *(piece.added_by for piece in records.items))
    return render(
        request,
        "governance/evidence.html",
        records=records,
        names=names,
        now=clock.now(),
        header=header,
        version=version,
        target=target,
        targets=targets,
        decision=decision,
        seats=show_seats(decision, names) if decision else [],
        links=_links(request, decision, version, target, open_request.id if open_request else None),
        policy_url=policy_link(request, decision) if decision else None,
        proofs=proof_links(request, decision, name, number) if decision else {},
        waivers=waiver_links(request, actor, policies, decision, version) if decision else {},
        mode=queries.enforcement_mode(db, actor.workspace_id),
        ways=ways_there(request, db, actor, version, target),
        open_request=open_request,
        requests=[(row, queries.state_of(row)) for row in requests],
        decisions=queries.page_decisions(db, actor, version_ids=[version.id], limit=20).items,
        refusal=registry.why_not(actor, Permission.REQUEST_APPROVAL, version.model),
    )


def _links(
    request: Request, decision: Decision | None, version: Version, target: Target, request_id: str | None
) -> dict[str, str]:
    return remedy_links(request, decision, version, target, request_id=request_id) if decision else {}


@router.post("/models/{name}/versions/{number}/evidence", openapi_extra=needs(Permission.REQUEST_APPROVAL))
def request_approval(
    request: Request,
    db: WriteDb,
    actor: CurrentActor,
    name: str,
    number: Number,
    wanted: Annotated[AskForm, Form()],
) -> Response:
    asked = filled(ApprovalIn, model=name, version=number, **wanted.model_dump())
    made = service.request_approval(db, actor, asked)
    return redirect(request, "show_approval", id=made.id, toast="You asked for approval.")


@router.get("/decisions/{id}", openapi_extra=needs(Permission.VIEW))
def show_decision(request: Request, db: ReadDb, actor: CurrentActor, id: str) -> Response:
    kept = queries.get_decision(db, actor, id)
    decision = Decision.from_dict(kept.decision)
    target = queries.target_of(kept, queries.protected_environments(db, actor))
    names = find_names(db, [decision], kept.asked_by)
    return render(
        request,
        "governance/decision.html",
        kept=kept,
        decision=decision,
        target=target,
        seats=show_seats(decision, names),
        asked_by="The platform" if kept.asked_by == "system" else names.get(kept.asked_by, "Somebody who left"),
        policy_url=policy_link(request, decision),
        proofs=proof_links(request, decision, kept.model.name, kept.version.number),
    )
