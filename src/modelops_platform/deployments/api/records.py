"""JSON routes of environments, deployments and what is live."""

from typing import Annotated

from fastapi import Query

from modelops_platform.core import clock
from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageIn, PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import IfMatch, ReadDb, WriteDb

from .. import queries, service
from ..domain import read_moment
from ..schemas import (
    ActivationIn,
    DeploymentIn,
    DeploymentOut,
    DeploymentPage,
    DeploymentPatch,
    DigestIn,
    EndIn,
    EnvironmentIn,
    EnvironmentOut,
    EnvironmentPatch,
    LiveOut,
    LivePage,
    RevisionOut,
)
from ..tables import Deployment, Environment, Revision

environments = api_router("/environments", "environments")
router = api_router("/deployments", "deployments")
live = api_router("/live", "deployments")
ROUTERS = [environments, router, live]

_MANAGE = needs(Permission.MANAGE_ENVIRONMENTS)
_DEPLOY = needs(Permission.DEPLOY)
_VIEW = needs(Permission.VIEW)


@environments.get("", name="api_list_environments", response_model=PageOut[EnvironmentOut], openapi_extra=_VIEW)
def list_environments(db: ReadDb, actor: CurrentActor, with_retired: bool = False) -> Page[Environment]:
    """List the environments in the order of a release; there are few, so they come in one page."""
    return Page(queries.list_environments(db, actor, with_retired=with_retired))


@environments.post(
    "", name="api_create_environment", status_code=201, response_model=EnvironmentOut, openapi_extra=_MANAGE
)
def create_environment(db: WriteDb, actor: CurrentActor, wanted: EnvironmentIn) -> Environment:
    """Add an environment."""
    return service.create_environment(db, actor, wanted)


@environments.get("/{environment}", name="api_get_environment", response_model=EnvironmentOut, openapi_extra=_VIEW)
def get_environment(db: ReadDb, actor: CurrentActor, environment: str) -> Environment:
    """Return an environment, by name or id."""
    return queries.get_environment(db, actor, environment)


@environments.patch("/{environment}", name="api_edit_environment", response_model=EnvironmentOut, openapi_extra=_MANAGE)
def edit_environment(
    db: WriteDb, actor: CurrentActor, if_match: IfMatch, environment: str, wanted: EnvironmentPatch
) -> Environment:
    """Change an environment. Protection can be put on, never taken off."""
    return service.edit_environment(db, actor, environment, wanted, if_match)


@environments.post(
    "/{environment}/retire", name="api_retire_environment", response_model=EnvironmentOut, openapi_extra=_MANAGE
)
def retire_environment(db: WriteDb, actor: CurrentActor, environment: str) -> Environment:
    """Close an environment where nothing is live; its history stays."""
    return service.retire_environment(db, actor, environment)


@environments.post(
    "/{environment}/restore", name="api_restore_environment", response_model=EnvironmentOut, openapi_extra=_MANAGE
)
def restore_environment(db: WriteDb, actor: CurrentActor, environment: str) -> Environment:
    """Open a retired environment again."""
    return service.restore_environment(db, actor, environment)


@router.get("", name="api_list_deployments", response_model=PageOut[DeploymentOut], openapi_extra=_VIEW)
def list_deployments(db: ReadDb, actor: CurrentActor, wanted: Annotated[DeploymentPage, Query()]) -> Page[Deployment]:
    """List the deployments that there were at a moment, each with what it ran then."""
    at = read_moment(wanted.at, clock.now())
    return queries.list_deployments(db, actor, wanted, at=at, cursor=wanted.cursor, limit=wanted.limit)


@router.post("", name="api_create_deployment", status_code=201, response_model=DeploymentOut, openapi_extra=_DEPLOY)
def create_deployment(db: WriteDb, actor: CurrentActor, wanted: DeploymentIn) -> Deployment:
    """Record that a model answers somewhere; activate a version next."""
    return service.create_deployment(db, actor, wanted)


@router.get("/{deployment}", name="api_get_deployment", response_model=DeploymentOut, openapi_extra=_VIEW)
def get_deployment(db: ReadDb, actor: CurrentActor, deployment: str) -> Deployment:
    """Return a deployment by id, or a living one by name, with what it runs."""
    return queries.get_deployment(db, actor, deployment)


@router.patch("/{deployment}", name="api_edit_deployment", response_model=DeploymentOut, openapi_extra=_DEPLOY)
def edit_deployment(
    db: WriteDb, actor: CurrentActor, if_match: IfMatch, deployment: str, wanted: DeploymentPatch
) -> Deployment:
    """Change a deployment's record."""
    return service.edit_deployment(db, actor, deployment, wanted, if_match)


@router.post(
    "/{deployment}/archive", name="api_archive_deployment", response_model=DeploymentOut, openapi_extra=_DEPLOY
)
def archive_deployment(db: WriteDb, actor: CurrentActor, deployment: str) -> Deployment:
    """Put a deployment that runs nothing out of the lists; its history stays."""
    return service.archive_deployment(db, actor, deployment)


@router.get(
    "/{deployment}/revisions", name="api_list_revisions", response_model=PageOut[RevisionOut], openapi_extra=_VIEW
)
def list_revisions(
    db: ReadDb, actor: CurrentActor, deployment: str, page: Annotated[PageIn, Query()]
) -> Page[Revision]:
    """List what the deployment ran, the newest first; the interval without an end runs now."""
    found = queries.get_deployment(db, actor, deployment)
    return queries.list_revisions(db, found, cursor=page.cursor, limit=page.limit)


@router.post(
    "/{deployment}/revisions",
    name="api_activate",
    status_code=201,
    response_model=RevisionOut,
    openapi_extra=_DEPLOY,
)
def activate(db: WriteDb, actor: CurrentActor, deployment: str, wanted: ActivationIn) -> Revision:
    """Make a version live, if the policies agree; what ran before ends at the same moment."""
    return service.activate(db, actor, deployment, wanted)


@router.post("/{deployment}/end", name="api_end_revision", response_model=RevisionOut, openapi_extra=_DEPLOY)
def end_revision(db: WriteDb, actor: CurrentActor, deployment: str, wanted: EndIn) -> Revision:
    """Take the deployment out of service."""
    return service.end_revision(db, actor, deployment, wanted.reason)


@router.post("/{deployment}/report-digest", name="api_report_digest", response_model=RevisionOut, openapi_extra=_DEPLOY)
def report_digest(db: WriteDb, actor: CurrentActor, deployment: str, wanted: DigestIn) -> Revision:
    """Say what the serving side really runs: the manifest digest of the version that it loaded."""
    return service.report_digest(db, actor, deployment, wanted.digest)


@live.get("", name="api_list_live", response_model=PageOut[LiveOut], openapi_extra=_VIEW)
def list_live(db: ReadDb, actor: CurrentActor, wanted: Annotated[LivePage, Query()]) -> Page[Revision]:
    """Say what was live at a moment and who allowed it, also where it is archived since."""
    return queries.list_live(
        db,
        actor,
        at=read_moment(wanted.at, clock.now()),
        environment=wanted.environment,
        model=wanted.model,
        cursor=wanted.cursor,
        limit=wanted.limit,
    )
