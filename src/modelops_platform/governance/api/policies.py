"""Policies, and how the gate works, as JSON."""

from modelops_platform.core.actor import Permission
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..schemas import EnforcementIn, EnforcementOut, PoliciesOut, PolicyIn, PolicyOut
from ..tables import PolicyVersion

policies = api_router("/policies", "governance")
enforcement = api_router("/workspace/enforcement", "governance")

ROUTERS = [policies, enforcement]


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
