"""Pages of policies and of the gate's mode."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Form, Query, Request
from pydantic import Field
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import In
from modelops_platform.web.render import redirect, render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..domain.policies import Policy
from ..domain.words import describe_check, describe_scope
from ..schemas import EnforcementIn, PolicyIn
from ..tables import PolicyVersion

router = page_router()


class PolicyQuery(In):
    """Which version of a policy to show."""

    version: int | None = Field(default=None, ge=1, le=1_000_000)


@dataclass(frozen=True, slots=True)
class ShownPolicy:
    """A policy as people read it."""

    row: PolicyVersion
    policy: Policy
    scope: str
    checks: dict[str, str]


def _show(row: PolicyVersion) -> ShownPolicy:
    policy = queries.parse(row.document)
    checks = {requirement.id: describe_check(requirement.check) for requirement in policy.requirements}
    return ShownPolicy(row, policy, describe_scope(policy.scope), checks)


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
    request: Request, db: ReadDb, actor: CurrentActor, id: str, wanted: Annotated[PolicyQuery, Query()]
) -> Response:
    rows = queries.list_policy_versions(db, actor, id)
    row = queries.get_policy(db, actor, id, wanted.version)
    return render(
        request,
        "governance/policy.html",
        shown=_show(row),
        rows=rows,
        names=identity.names_of(db, {row.published_by for row in rows if row.published_by}),
        mode=queries.enforcement_mode(db, actor.workspace_id),
        refusal=None
        if actor.may(Permission.MANAGE_POLICIES)
        else "Only risk officers and administrators publish policies.",
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
