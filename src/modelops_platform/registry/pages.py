"""Pages of the inventory."""

from typing import Annotated

from fastapi import Form, Query, Request
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageIn
from modelops_platform.web.render import redirect, render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from . import queries, service
from .domain import ModelKind
from .schemas import ModelIn

router = page_router()


class ModelFilter(PageIn):
    """What the list of models is narrowed by."""

    q: str = ""


@router.get("/models", openapi_extra=needs(Permission.VIEW))
def list_models(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[ModelFilter, Query()]) -> Response:
    """Show the models that the actor may see."""
    page = queries.list_models(db, actor, cursor=wanted.cursor, limit=wanted.limit)
    return render(request, "registry/list.html", page=page)


@router.get("/models/{name}", openapi_extra=needs(Permission.VIEW))
def show_model(request: Request, db: ReadDb, actor: CurrentActor, name: str) -> Response:
    """Show one model."""
    return render(request, "registry/show.html", model=queries.get_model(db, actor, name))


@router.get("/register", openapi_extra=needs(Permission.REGISTER_MODEL))
def show_register(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    """Show the form for a new model."""
    return render(request, "registry/register.html", kinds=list(ModelKind), units=identity.list_units(db, actor))


@router.post("/register", openapi_extra=needs(Permission.REGISTER_MODEL))
def register_model(request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[ModelIn, Form()]) -> Response:
    """Take the form and show the new model."""
    model = service.register_model(db, actor, wanted)
    return redirect(request, "show_model", name=model.name, toast=f"Registered {model.name}.")
