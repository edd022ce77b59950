"""The first steps of an installation, and the sample data switch."""

from typing import Annotated

from fastapi import Form, Request
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.governance import queries as governance
from modelops_platform.identity import service as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.render import redirect, render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import service
from ..queries.welcome import get_set_up
from ..schemas.welcome import OrganisationIn

router = page_router()
_ADMIN = needs(Permission.MANAGE_USERS)
_MLFLOW = "/api/2.0/mlflow/"


@router.get("/welcome", openapi_extra=_ADMIN)
def show_welcome(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    """Show what is done of the set-up, and what comes next."""
    return render(
        request,
        "operations/welcome.html",
        state=get_set_up(db, actor),
        policies=governance.policies_in_force(db, actor.workspace_id),
        server=str(request.base_url).rstrip("/"),
        has_mlflow=any(path.startswith(_MLFLOW) for path, _names in request.app.state.paths.values()),
        skipped=actor.preferences.skips_set_up,
    )


@router.post("/welcome/organisation", openapi_extra=_ADMIN)
def name_organisation(
    request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[OrganisationIn, Form()]
) -> Response:
    """Name the organisation and its first units."""
    service.name_organisation(db, actor, wanted)
    return redirect(request, "show_welcome", toast=f"Named {wanted.name}.")


@router.post("/welcome/skip", openapi_extra=_ADMIN)
def skip_set_up(request: Request, db: WriteDb, actor: CurrentActor) -> Response:
    """Leave it for later: the start page does not offer it any more."""
    identity.skip_set_up(db, actor, skip=True)
    return redirect(request, "home", toast="Left for later. It stays under Administer.")


@router.post("/welcome/resume", openapi_extra=_ADMIN)
def resume_set_up(request: Request, db: WriteDb, actor: CurrentActor) -> Response:
    """Take it up again."""
    identity.skip_set_up(db, actor, skip=False)
    return redirect(request, "show_welcome")


@router.post("/welcome/add-samples", openapi_extra=_ADMIN)
def add_samples(request: Request, db: WriteDb, actor: CurrentActor) -> Response:
    """Bring sample data into an empty installation."""
    service.add_samples(db, actor)
    return redirect(request, "show_welcome", toast="The sample data is on its way.")


@router.post("/welcome/remove-samples", openapi_extra=_ADMIN)
def remove_samples(request: Request, db: WriteDb, actor: CurrentActor) -> Response:
    """Take the sample data out again."""
    service.remove_samples(db, actor)
    return redirect(request, "show_welcome", toast="The sample data is being taken out.")
