"""JSON routes of the inventory."""

from typing import Annotated

from fastapi import Query

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageIn, PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from . import queries, service
from .schemas import ModelIn, ModelOut
from .tables import Model

router = api_router("/models", "models")


@router.post("", name="api_register_model", status_code=201, response_model=ModelOut, openapi_extra=needs(Permission.REGISTER_MODEL))
def register_model(db: WriteDb, actor: CurrentActor, wanted: ModelIn) -> Model:
    """Add a model to the inventory."""
    return service.register_model(db, actor, wanted)


@router.get("", name="api_list_models", response_model=PageOut[ModelOut], openapi_extra=needs(Permission.VIEW))
def list_models(db: ReadDb, actor: CurrentActor, page: Annotated[PageIn, Query()]) -> Page[Model]:
    """List the models you may see, the last changed first."""
    return queries.list_models(db, actor, cursor=page.cursor, limit=page.limit)


@router.get("/{name}", name="api_get_model", response_model=ModelOut, openapi_extra=needs(Permission.VIEW))
def get_model(db: ReadDb, actor: CurrentActor, name: str) -> Model:
    """Return one model."""
    return queries.get_model(db, actor, name)
