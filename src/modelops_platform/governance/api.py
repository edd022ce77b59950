"""JSON routes of governance."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session
from starlette.responses import Response

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.registry import queries as registry
from modelops_platform.web.forms import PageIn, PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from . import queries, service
from .defaults import default_questionnaire_text
from .domain.decisions import Decision
from .domain.documents import read_yaml
from .domain.printing import as_junit
from .schemas import (
    ApprovalIn,
    ApprovalOut,
    ApprovalPage,
    AssessmentIn,
    AssessmentOut,
    DecisionOut,
    DecisionPage,
    EnforcementIn,
    EnforcementOut,
    FormatIn,
    GateFormat,
    GateIn,
    GateOut,
    GateQuery,
    PoliciesOut,
    PolicyIn,
    PolicyOut,
    VoteIn,
)
from .tables import ApprovalRequest, DecisionRecord, PolicyVersion, RiskAssessment

gate = api_router("/gate", "governance")
assessments = api_router("/models/{name}/assessments", "governance")
questionnaire = api_router("/questionnaire", "governance")
decisions = api_router("/decisions", "governance")
approvals = api_router("/approvals", "governance")
policies = api_router("/policies", "governance")
enforcement = api_router("/workspace/enforcement", "governance")

ROUTERS: list[APIRouter] = [gate, assessments, questionnaire, decisions, approvals, policies, enforcement]


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


@assessments.post(
    "",
    name="api_assess_model",
    status_code=201,
    response_model=AssessmentOut,
    openapi_extra=needs(Permission.ASSESS_RISK),
)
def assess_model(db: WriteDb, actor: CurrentActor, name: str, wanted: AssessmentIn) -> RiskAssessment:
    """Answer the risk questionnaire for a model; the answers before end now."""
    return service.assess_model(db, actor, name, wanted)


@assessments.post(
    "/{assessment_id}/confirm",
    name="api_confirm_assessment",
    response_model=AssessmentOut,
    openapi_extra=needs(Permission.ASSESS_RISK),
)
def confirm_assessment(db: WriteDb, actor: CurrentActor, name: str, assessment_id: str) -> RiskAssessment:
    """Bring a proposed tier into force: as somebody independent who watches over risk there."""
    return service.confirm_assessment(db, actor, name, assessment_id)


@assessments.get(
    "", name="api_list_assessments", response_model=PageOut[AssessmentOut], openapi_extra=needs(Permission.VIEW)
)
def list_assessments(
    db: ReadDb, actor: CurrentActor, name: str, page: Annotated[PageIn, Query()]
) -> Page[RiskAssessment]:
    """List the assessments of a model, the newest first; the one without an end is in force."""
    model = registry.get_model(db, actor, name)
    return queries.page_assessments(db, model.id, cursor=page.cursor, limit=page.limit)


@questionnaire.get("", name="api_get_questionnaire", response_model=dict, openapi_extra=needs(Permission.VIEW))
def get_questionnaire(db: ReadDb, actor: CurrentActor) -> object:
    """Return the risk questionnaire: blocks, questions with their answers, cut-offs, facts and floors."""
    return read_yaml(default_questionnaire_text())


@decisions.get("", name="api_list_decisions", response_model=PageOut[DecisionOut], openapi_extra=needs(Permission.VIEW))
def list_decisions(db: ReadDb, actor: CurrentActor, wanted: Annotated[DecisionPage, Query()]) -> Page[DecisionRecord]:
    """List the stored decisions, the newest first."""
    return queries.page_decisions(
        db,
        actor,
        model_id=_model_id(db, actor, wanted.model),
        outcome=wanted.outcome,
        cursor=wanted.cursor,
        limit=wanted.limit,
    )


@decisions.get("/{id}", name="api_get_decision", response_model=DecisionOut, openapi_extra=needs(Permission.VIEW))
def get_decision(db: ReadDb, actor: CurrentActor, id: str) -> DecisionRecord:
    """Return one stored decision, as it was given."""
    return queries.get_decision(db, actor, id)


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
        model_id=_model_id(db, actor, wanted.model),
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


@policies.get("", name="api_list_policies", response_model=PoliciesOut, openapi_extra=needs(Permission.VIEW))
def list_policies(db: ReadDb, actor: CurrentActor) -> dict[str, list[PolicyVersion]]:
    """List the latest version of every policy."""
    return {"items": queries.list_policies(db, actor)}


@policies.post(
    "",
    name="api_publish_policy",
    status_code=201,
    response_model=PolicyOut,
    openapi_extra=needs(Permission.MANAGE_POLICIES),
)
def publish_policy(db: WriteDb, actor: CurrentActor, wanted: PolicyIn) -> PolicyVersion:
    """Publish a version of a policy; it is never changed afterwards."""
    return service.publish_policy(db, actor, wanted)


@policies.get("/{id}", name="api_get_policy", response_model=PolicyOut, openapi_extra=needs(Permission.VIEW))
def get_policy(db: ReadDb, actor: CurrentActor, id: str) -> PolicyVersion:
    """Return the latest version of a policy."""
    return queries.get_policy(db, actor, id)


@policies.get(
    "/{id}/versions", name="api_list_policy_versions", response_model=PoliciesOut, openapi_extra=needs(Permission.VIEW)
)
def list_policy_versions(db: ReadDb, actor: CurrentActor, id: str) -> dict[str, object]:
    """List every version of a policy, the newest first."""
    return {"items": queries.list_policy_versions(db, actor, id)}


@policies.get(
    "/{id}/versions/{number}",
    name="api_get_policy_version",
    response_model=PolicyOut,
    openapi_extra=needs(Permission.VIEW),
)
def get_policy_version(db: ReadDb, actor: CurrentActor, id: str, number: int) -> PolicyVersion:
    """Return one version of a policy."""
    return queries.get_policy(db, actor, id, number)


@enforcement.get("", name="api_get_enforcement", response_model=EnforcementOut, openapi_extra=needs(Permission.VIEW))
def get_enforcement(db: ReadDb, actor: CurrentActor) -> dict[str, str]:
    """Say whether the gate enforces or only observes."""
    return {"mode": queries.enforcement_mode(db, actor.workspace_id)}


@enforcement.put(
    "", name="api_set_enforcement", response_model=EnforcementOut, openapi_extra=needs(Permission.SET_ENFORCEMENT)
)
def set_enforcement(db: WriteDb, actor: CurrentActor, wanted: EnforcementIn) -> dict[str, str]:
    """Let the gate enforce, or only observe, from now on."""
    return {"mode": service.set_enforcement(db, actor, wanted)}


def _model_id(db: Session, actor: Actor, name: str | None) -> str | None:
    return registry.get_model(db, actor, name).id if name else None
