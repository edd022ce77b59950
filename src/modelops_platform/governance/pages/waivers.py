"""Pages of waivers and of changes in an emergency."""

from typing import Annotated

from fastapi import Form, Query, Request
from pydantic import Field
from starlette.responses import Response

from modelops_platform.core import clock
from modelops_platform.core.actor import Permission
from modelops_platform.deployments import queries as deployments
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.registry import queries as registry
from modelops_platform.web.forms import In, filled
from modelops_platform.web.render import redirect, render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..defaults import exception_rules
from ..domain.exceptions import Approver, EmergencyState, WaiverState, why_not_decide, why_not_support
from ..domain.facts import Kind
from ..schemas import (
    EmergencyAnswerIn,
    EmergencyIn,
    EmergencyPage,
    Name,
    RenewalIn,
    RevocationIn,
    Sentence,
    WaiverAnswerIn,
    WaiverIn,
    WaiverPage,
)
from ..tables import Waiver
from .shown import policy_link, remedy_links, requirement_titles

router = page_router()
ASK = needs(Permission.REQUEST_WAIVER)
DECIDE = needs(Permission.DECIDE_WAIVER)


class YesOrNo(In):
    """An answer as two buttons send it, with its sentence."""

    answer: Annotated[str, Field(pattern="^(yes|no)$")]
    sentence: Sentence

    @property
    def is_yes(self) -> bool:
        """Whether the button said yes."""
        return self.answer == "yes"


class AboutQuery(In):
    """What a waiver or an emergency change is to be about."""

    model: Annotated[str, Field(min_length=1, max_length=250)]
    finding: Name = None
    requirement: Name = None
    version: Name = None


@router.get("/waivers", openapi_extra=needs(Permission.VIEW))
def list_waivers(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[WaiverPage, Query()]) -> Response:
    model = registry.get_model(db, actor, wanted.model) if wanted.model else None
    page = queries.page_waivers(
        db,
        actor,
        everything=wanted.all,
        model_id=model.id if model else None,
        cursor=wanted.cursor,
        limit=wanted.limit,
    )
    return render(
        request,
        "governance/waivers.html",
        page=page,
        shows_all=wanted.all,
        names=identity.names_of(db, {row.asked_by for row in page.items}),
        soon=max(exception_rules().notice_days),
        now=clock.now(),
        titles=requirement_titles(queries.policies_in_force(db, actor.workspace_id)),
        emergencies=queries.page_emergencies(db, actor, limit=20).items,
    )


@router.get("/request-waiver", openapi_extra=ASK)
def show_request_waiver(
    request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[AboutQuery, Query()]
) -> Response:
    model = registry.get_model(db, actor, wanted.model)
    rule = exception_rules().of(queries.find_tier_in_force(db, model)[0])
    policies = queries.policies_in_force(db, actor.workspace_id)
    requirements = {one.id: one.title for policy in policies for one in policy.requirements if one.is_waivable}
    finding = queries.get_finding(db, actor, wanted.finding) if wanted.finding else None
    return render(
        request,
        "governance/request_waiver.html",
        model=model,
        finding=finding,
        requirement=wanted.requirement,
        version=wanted.version,
        requirements=sorted(requirements.items(), key=lambda one: one[1]),
        environments=[(one.name, one.name) for one in deployments.list_environments(db, actor)],
        rule=rule,
        latest=exception_rules().latest_end(rule.tier, clock.now()),
    )


@router.post("/request-waiver", openapi_extra=ASK)
def request_waiver(request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[WaiverIn, Form()]) -> Response:
    made = service.request_waiver(db, actor, wanted)
    return redirect(request, "show_waiver", id=made.id, toast="You asked for a waiver.")


@router.get("/waivers/{id}", openapi_extra=needs(Permission.VIEW))
def show_waiver(request: Request, db: ReadDb, actor: CurrentActor, id: str) -> Response:
    waiver = queries.get_waiver(db, actor, id)
    people = {waiver.asked_by, waiver.ended_by, *(said.person_id for said in waiver.answers)}
    deciders = queries.find_deciders(db, waiver) if waiver.state == WaiverState.REQUESTED else []
    return render(
        request,
        "governance/waiver.html",
        titles=requirement_titles(queries.policies_in_force(db, actor.workspace_id)),
        waiver=waiver,
        state=waiver.state_now,
        refusal=_why_not_decide(db, actor, waiver),
        renew_refusal=registry.why_not(actor, Permission.REQUEST_WAIVER, waiver.model),
        revoke_refusal=registry.why_not(actor, Permission.DECIDE_WAIVER, waiver.model),
        renewals_left=exception_rules().of(queries.find_tier_in_force(db, waiver.model)[0]).renewals - waiver.renewals,
        hanging=queries.find_hanging(db, waiver),
        names={**identity.names_of(db, {one for one in people if one} | set(deciders)), "system": "The platform"},
        deciders=deciders,
        has_answered=any(said.person_id == actor.id for said in waiver.answers),
    )


def _why_not_decide(db: ReadDb, actor: CurrentActor, waiver: Waiver) -> str | None:
    decider = queries.decider_of(db, actor, waiver.model, without=waiver.asked_by)
    seats = [Approver(seat) for seat in waiver.seats]
    may = registry.why_not(actor, Permission.DECIDE_WAIVER, waiver.model)
    return why_not_decide(seats, decider, queries.waiver_case(db, waiver)) or may


@router.post("/waivers/{id}/answers", openapi_extra=DECIDE)
def answer_waiver(
    request: Request, db: WriteDb, actor: CurrentActor, id: str, wanted: Annotated[YesOrNo, Form()]
) -> Response:
    said = filled(WaiverAnswerIn, agree=wanted.is_yes, sentence=wanted.sentence)
    waiver = service.answer_waiver(db, actor, id, said)
    return redirect(request, "show_waiver", id=id, toast=f"The waiver is {waiver.state_now.value}.")


@router.post("/waivers/{id}/revoke", openapi_extra=DECIDE)
def revoke_waiver(
    request: Request, db: WriteDb, actor: CurrentActor, id: str, wanted: Annotated[RevocationIn, Form()]
) -> Response:
    service.revoke_waiver(db, actor, id, wanted)
    return redirect(request, "show_waiver", id=id, toast="You revoked the waiver.")


@router.post("/waivers/{id}/renew", openapi_extra=ASK)
def renew_waiver(
    request: Request, db: WriteDb, actor: CurrentActor, id: str, wanted: Annotated[RenewalIn, Form()]
) -> Response:
    made = service.renew_waiver(db, actor, id, wanted)
    return redirect(request, "show_waiver", id=made.id, toast="You asked for a renewal.")


# ---- emergencies ----------------------------------------------------------------------------------------------------


@router.get("/emergencies", openapi_extra=needs(Permission.VIEW))
def list_emergencies(
    request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[EmergencyPage, Query()]
) -> Response:
    model = registry.get_model(db, actor, wanted.model) if wanted.model else None
    page = queries.page_emergencies(
        db, actor, model_id=model.id if model else None, cursor=wanted.cursor, limit=wanted.limit
    )
    return render(
        request,
        "governance/emergencies.html",
        page=page,
        names=identity.names_of(db, {row.asked_by for row in page.items}),
    )


@router.get("/request-emergency", openapi_extra=needs(Permission.REQUEST_APPROVAL))
def show_request_emergency(
    request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[AboutQuery, Query()]
) -> Response:
    model = registry.get_model(db, actor, wanted.model)
    policies = queries.policies_in_force(db, actor.workspace_id)
    targets = queries.guarded_targets(db, actor, policies, Kind(model.kind))
    return render(
        request,
        "governance/request_emergency.html",
        model=model,
        version=wanted.version or model.last_version,
        targets=[(one.text, one.text.replace(":", " ")) for one in targets],
        rule=exception_rules().of(queries.find_tier_in_force(db, model)[0]),
    )


@router.post("/request-emergency", openapi_extra=needs(Permission.REQUEST_APPROVAL))
def request_emergency(
    request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[EmergencyIn, Form()]
) -> Response:
    made = service.request_emergency(db, actor, wanted)
    return redirect(request, "show_emergency", id=made.id, toast="You asked for an emergency change.")


@router.get("/emergencies/{id}", openapi_extra=needs(Permission.VIEW))
def show_emergency(request: Request, db: ReadDb, actor: CurrentActor, id: str) -> Response:
    emergency = queries.get_emergency(db, actor, id)
    target = queries.target_of(emergency, queries.protected_environments(db, actor))
    decider = queries.decider_of(db, actor, emergency.model, without=emergency.asked_by)
    supporters = queries.find_supporters(db, emergency) if emergency.state == EmergencyState.REQUESTED else []
    people = {emergency.asked_by, *(said.person_id for said in emergency.answers), *supporters}
    decision = service.retrospective(db, actor, emergency)
    return render(
        request,
        "governance/emergency.html",
        emergency=emergency,
        target=target,
        decision=decision,
        links=remedy_links(request, decision, emergency.version, target) if decision else {},
        policy_url=policy_link(request, decision) if decision else None,
        mode=queries.enforcement_mode(db, actor.workspace_id),
        refusal=why_not_support(decider, queries.emergency_case(emergency))
        or registry.why_not(actor, Permission.VOTE, emergency.model),
        has_answered=any(said.person_id == actor.id for said in emergency.answers),
        agreed=sum(said.is_agreed for said in emergency.answers),
        names=identity.names_of(db, people),
        supporters=supporters,
        now=clock.now(),
    )


@router.post("/emergencies/{id}/answers", openapi_extra=needs(Permission.VOTE))
def answer_emergency(
    request: Request, db: WriteDb, actor: CurrentActor, id: str, wanted: Annotated[YesOrNo, Form()]
) -> Response:
    said = filled(EmergencyAnswerIn, agree=wanted.is_yes, sentence=wanted.sentence)
    emergency = service.answer_emergency(db, actor, id, said)
    return redirect(request, "show_emergency", id=id, toast=f"The emergency change is {emergency.state}.")
