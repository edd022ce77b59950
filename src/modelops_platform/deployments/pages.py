"""Pages of release control."""

from itertools import groupby
from typing import Annotated

from fastapi import Form, Query, Request
from starlette.responses import Response

from modelops_platform.core import clock
from modelops_platform.core.actor import Permission
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.registry import queries as registry
from modelops_platform.web.forms import In, PageIn
from modelops_platform.web.render import redirect, render, undo
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from . import queries, service
from .domain import read_moment
from .schemas import (
    ActivationIn,
    DeploymentIn,
    DeploymentPage,
    DeploymentPatch,
    EndIn,
    EnvironmentIn,
    EnvironmentPatch,
    Reference,
)

router = page_router()
_DEPLOY = needs(Permission.DEPLOY)
_MANAGE = needs(Permission.MANAGE_ENVIRONMENTS)
_VIEW = needs(Permission.VIEW)


class ForModel(In):
    """Which model a new deployment is for, when that is already known."""

    model: Reference = None


class ForVersion(In):
    """Which version the form proposes."""

    version: int | None = None


@router.get("/deployments", openapi_extra=_VIEW)
def list_deployments(
    request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[DeploymentPage, Query()]
) -> Response:
    """Show what is live where, or was at a moment of the past."""
    at = read_moment(wanted.at, clock.now())
    page = queries.list_deployments(db, actor, wanted, at=at, cursor=wanted.cursor, limit=wanted.limit)
    total, facets = queries.count_deployments(db, actor, wanted, at=at)
    by_environment = [
        (environment, list(found)) for environment, found in groupby(page.items, key=lambda one: one.environment)
    ]
    return render(
        request,
        "deployments/list.html",
        at=at,
        wanted=wanted,
        page=page,
        total=total,
        facets=facets,
        by_environment=by_environment,
        may_deploy=actor.may_somewhere(Permission.DEPLOY),
    )


@router.get("/deploy", openapi_extra=_DEPLOY)
def show_new_deployment(
    request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[ForModel, Query()]
) -> Response:
    """Show the form for a new deployment."""
    environments = queries.list_environments(db, actor)
    return render(request, "deployments/new.html", environments=environments, model=wanted.model)


@router.post("/deployments", openapi_extra=_DEPLOY)
def create_deployment(
    request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[DeploymentIn, Form()]
) -> Response:
    deployment = service.create_deployment(db, actor, wanted)
    return redirect(
        request,
        "show_activation",
        deployment=deployment.name,
        toast=f"{deployment.name} is recorded. Choose what it runs.",
    )


@router.get("/deployments/{deployment}", openapi_extra=_VIEW)
def show_deployment(
    request: Request, db: ReadDb, actor: CurrentActor, deployment: str, page: Annotated[PageIn, Query()]
) -> Response:
    """Show a deployment: what it runs with the proof, what it ran, and how to speak with it."""
    found = queries.get_deployment(db, actor, deployment)
    revisions = queries.list_revisions(db, found, cursor=page.cursor, limit=page.limit)
    return render(
        request,
        "deployments/show.html",
        deployment=found,
        revisions=revisions,
        refusal=queries.why_not_deploy(actor, found),
    )


@router.get("/deployments/{deployment}/edit", openapi_extra=_DEPLOY)
def show_edit_deployment(request: Request, db: ReadDb, actor: CurrentActor, deployment: str) -> Response:
    return render(request, "deployments/edit.html", deployment=queries.get_deployment(db, actor, deployment))


@router.post("/deployments/{deployment}/edit", openapi_extra=_DEPLOY)
def edit_deployment(
    request: Request, db: WriteDb, actor: CurrentActor, deployment: str, wanted: Annotated[DeploymentPatch, Form()]
) -> Response:
    changed = service.edit_deployment(db, actor, deployment, wanted)
    return redirect(request, "show_deployment", deployment=changed.name, toast="The record is changed.")


@router.get("/deployments/{deployment}/activate", openapi_extra=_DEPLOY)
def show_activation(
    request: Request, db: ReadDb, actor: CurrentActor, deployment: str, wanted: Annotated[ForVersion, Query()]
) -> Response:
    """Show the form that makes a version live."""
    found = queries.get_deployment(db, actor, deployment)
    return render(
        request,
        "deployments/activate.html",
        deployment=found,
        versions=queries.list_versions_to_choose(db, found),
        version=wanted.version,
        refusal=queries.why_not_deploy(actor, found),
    )


@router.post("/deployments/{deployment}/activate", openapi_extra=_DEPLOY)
def activate(
    request: Request, db: WriteDb, actor: CurrentActor, deployment: str, wanted: Annotated[ActivationIn, Form()]
) -> Response:
    revision = service.activate(db, actor, deployment, wanted)
    toast = f"v{revision.version.number} is live."
    return redirect(request, "show_deployment", deployment=deployment, toast=toast)


@router.post("/deployments/{deployment}/end", openapi_extra=_DEPLOY)
def end_revision(
    request: Request, db: WriteDb, actor: CurrentActor, deployment: str, wanted: Annotated[EndIn, Form()]
) -> Response:
    service.end_revision(db, actor, deployment, wanted.reason)
    return redirect(request, "show_deployment", deployment=deployment, toast="It is out of service.")


@router.post("/deployments/{deployment}/archive", openapi_extra=_DEPLOY)
def archive_deployment(request: Request, db: WriteDb, actor: CurrentActor, deployment: str) -> Response:
    archived = service.archive_deployment(db, actor, deployment)
    return redirect(request, "show_deployment", deployment=archived.id, toast=f"{archived.name} is archived.")


@router.get("/models/{name}/deployments", openapi_extra=_VIEW)
def show_model_deployments(request: Request, db: ReadDb, actor: CurrentActor, name: str) -> Response:
    """Show where a model runs, and the story of what ran."""
    header = registry.get_header(db, actor, name)
    return render(
        request,
        "deployments/model.html",
        header=header,
        deployments=queries.list_deployments_of(db, actor, header.model.id),
        story=queries.list_story_of(db, actor, header.model.id),
        may_deploy=actor.may(Permission.DEPLOY, header.model),
    )


@router.get("/environments", openapi_extra=_VIEW)
def list_environments(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    """Show the environments and how they are guarded."""
    return render(
        request,
        "deployments/environments.html",
        environments=queries.list_environments(db, actor, with_retired=True),
        counts=queries.count_by_environment(db, actor),
        may_manage=actor.may(Permission.MANAGE_ENVIRONMENTS),
    )


@router.post("/environments", openapi_extra=_MANAGE)
def create_environment(
    request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[EnvironmentIn, Form()]
) -> Response:
    environment = service.create_environment(db, actor, wanted)
    return redirect(request, "list_environments", toast=f"{environment.name} is there.")


@router.post("/environments/{environment}/edit", openapi_extra=_MANAGE)
def edit_environment(
    request: Request, db: WriteDb, actor: CurrentActor, environment: str, wanted: Annotated[EnvironmentPatch, Form()]
) -> Response:
    changed = service.edit_environment(db, actor, environment, wanted)
    return redirect(request, "list_environments", toast=f"{changed.name} is changed.")


@router.post("/environments/{environment}/retire", openapi_extra=_MANAGE)
def retire_environment(request: Request, db: WriteDb, actor: CurrentActor, environment: str) -> Response:
    retired = service.retire_environment(db, actor, environment)
    back = undo(request, "restore_environment", environment=retired.id)
    return redirect(request, "list_environments", toast=f"{retired.name} is retired.", undo=back)


@router.post("/environments/{environment}/restore", openapi_extra=_MANAGE)
def restore_environment(request: Request, db: WriteDb, actor: CurrentActor, environment: str) -> Response:
    restored = service.restore_environment(db, actor, environment)
    return redirect(request, "list_environments", toast=f"{restored.name} is open again.")
