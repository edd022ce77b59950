"""Pages of policies and of the gate's mode."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Form, Query, Request
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.render import redirect, render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..domain.policies import Policy, Requirement
from ..domain.words import describe_condition, describe_scope
from ..schemas import DraftForm, EnforcementIn, PolicyIn
from ..tables import PolicyVersion
from .editors import EditorKind, EditorQuery, VersionQuery, open_draft, show_editor, why_not_publish

router = page_router()
NEW_POLICY = """id: my-policy
version: 1
title: What it is called
applies_to:
  kinds: [llm]
  tiers: [1, 2]
  environments: [protected]
  actions: [alias:champion, deployment:activate]
requirements:
  - id: tier-assessed
    title: Risk tier assessed within a year
    check: tier_assessed
    max_age_days: 366
    remedy: Answer the risk questionnaire of the model.
  - id: approvals
    title: Approved by the owner and an independent validator
    check: approvals
    roles: [owner, validator]
    never: [author, committers]
    remedy: Ask the people who hold the roles still wanted.
"""


@dataclass(frozen=True, slots=True)
class Demand:
    """A requirement as people read it: when it is met, and when it is asked at all."""

    requirement: Requirement
    met_when: str
    asked_when: str | None


@dataclass(frozen=True, slots=True)
class ShownPolicy:
    """A policy as people read it."""

    row: PolicyVersion
    policy: Policy
    scope: str
    demands: list[Demand]


def _show(row: PolicyVersion) -> ShownPolicy:
    policy = queries.parse(row.document)
    demands = [_demand(requirement) for requirement in policy.requirements]
    return ShownPolicy(row, policy, describe_scope(policy.scope), demands)


def _demand(requirement: Requirement) -> Demand:
    when = describe_condition(requirement.when) if requirement.when is not None else None
    return Demand(requirement, requirement.check.demand, when)


@router.get("/policies", openapi_extra=needs(Permission.VIEW))
def list_policies(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    rows = queries.list_policies(db, actor)
    return render(
        request,
        "governance/policies.html",
        policies=[_show(row) for row in rows],
        names=identity.names_of(db, {row.published_by for row in rows if row.published_by}),
        mode=queries.enforcement_mode(db, actor.workspace_id),
    )


@router.get("/policies/{id}", openapi_extra=needs(Permission.VIEW))
def show_policy(
    request: Request, db: ReadDb, actor: CurrentActor, id: str, wanted: Annotated[VersionQuery, Query()]
) -> Response:
    rows = queries.list_policy_versions(db, actor, id)
    row = queries.get_policy(db, actor, id, wanted.version)
    return render(
        request,
        "governance/policy.html",
        row=row,
        shown=_show(row),
        rows=rows,
        names=identity.names_of(db, {row.published_by for row in rows if row.published_by}),
        mode=queries.enforcement_mode(db, actor.workspace_id),
        refusal=why_not_publish(actor, "policies"),
    )


EDITOR = EditorKind(
    thing="policy",
    things="policies",
    lead="Nothing is in force until it is published. Whoever publishes a version cannot approve under it for 24 hours.",
    template="governance/policy_editor.html",
    home="list_policies",
    preview="preview_policy",
    publish="publish_policy",
    new=NEW_POLICY,
)


@router.get("/policy-editor", openapi_extra=needs(Permission.VIEW))
def edit_policy(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[EditorQuery, Query()]) -> Response:
    row = queries.get_policy(db, actor, wanted.id) if wanted.id else None
    return _show_editor(request, db, actor, open_draft(EDITOR, row))


@router.post("/policy-editor", openapi_extra=needs(Permission.VIEW))
def preview_policy(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[DraftForm, Form()]) -> Response:
    return _show_editor(request, db, actor, wanted)


def _show_editor(request: Request, db: ReadDb, actor: CurrentActor, draft: DraftForm) -> Response:
    (planned,) = queries.plan_policies(db, actor, [draft.document])
    policy = planned.policy
    return show_editor(
        request,
        actor,
        EDITOR,
        draft,
        row=queries.get_policy(db, actor, planned.current.id) if planned.current else None,
        problem=planned.problem,
        planned=planned,
        demanded=[] if policy is None else [_demand(requirement) for requirement in policy.requirements],
        scope=describe_scope(policy.scope) if policy else None,
    )


@router.post("/policies", openapi_extra=needs(Permission.MANAGE_POLICIES))
def publish_policy(request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[PolicyIn, Form()]) -> Response:
    made = service.publish_policy(db, actor, wanted)
    return redirect(request, "show_policy", id=made.policy_id, toast=f"Published {made.name}.")


@router.get("/enforcement", openapi_extra=needs(Permission.VIEW))
def show_enforcement(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    changes = queries.list_enforcement_changes(db, actor.workspace_id)
    return render(
        request,
        "governance/enforcement.html",
        mode=queries.enforcement_mode(db, actor.workspace_id),
        changes=changes,
        names=identity.names_of(db, {change.changed_by for change in changes}),
        refusal=None if actor.may(Permission.SET_ENFORCEMENT) else "Only administrators of the workspace change this.",
    )


@router.post("/enforcement", openapi_extra=needs(Permission.SET_ENFORCEMENT))
def set_enforcement(
    request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[EnforcementIn, Form()]
) -> Response:
    mode = service.set_enforcement(db, actor, wanted)
    said = "The gate enforces." if mode == "enforce" else "The gate only observes."
    return redirect(request, "show_enforcement", toast=said)
