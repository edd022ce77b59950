"""JSON routes of models and their tags."""

from typing import Annotated

from fastapi import Query

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageIn, PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import IfMatch, ReadDb, WriteDb

from .. import queries, service
from ..schemas import ModelIn, ModelOut, ModelPage, ModelPatch, TagIn, ValidatorIn
from ..tables import Model

router = api_router("/models", "models")
archived = api_router("/archived-models", "models")


@router.post(
    "",
    name="api_register_model",
    status_code=201,
    response_model=ModelOut,
    openapi_extra=needs(Permission.REGISTER_MODEL),
)
def register_model(db: WriteDb, actor: CurrentActor, wanted: ModelIn) -> queries.ShownModel:
    """Add a model to the inventory."""
    return service.add_model(db, actor, wanted)


@router.get("", name="api_list_models", response_model=PageOut[ModelOut], openapi_extra=needs(Permission.VIEW))
def list_models(db: ReadDb, actor: CurrentActor, wanted: Annotated[ModelPage, Query()]) -> Page[Model]:
    """List the models you may see, narrowed by text and facets."""
    return queries.list_models(db, actor, wanted, sort=wanted.sort, cursor=wanted.cursor, limit=wanted.limit)


@router.get("/{name}", name="api_get_model", response_model=ModelOut, openapi_extra=needs(Permission.VIEW))
def get_model(db: ReadDb, actor: CurrentActor, name: str) -> queries.ShownModel:
    """Return one model; its `ETag` is what an edit sends as `If-Match`."""
    return queries.get_shown(db, actor, name)


@router.patch("/{name}", name="api_edit_model", response_model=ModelOut, openapi_extra=needs(Permission.EDIT_MODEL))
def edit_model(db: WriteDb, actor: CurrentActor, if_match: IfMatch, name: str, wanted: ModelPatch) -> Model:
    """Change what the body names; the rest stays. Send `If-Match` to be refused (412) when it changed meanwhile."""
    return service.edit_model(db, actor, name, wanted, if_match)


@router.post(
    "/{name}/archive", name="api_archive_model", response_model=ModelOut, openapi_extra=needs(Permission.ARCHIVE_MODEL)
)
def archive_model(db: WriteDb, actor: CurrentActor, name: str) -> Model:
    """Take a model out of the inventory. Its history stays and its name is free; there is no other deletion."""
    return service.archive_model(db, actor, name)


@router.post(
    "/{name}/name-validator",
    name="api_name_validator",
    response_model=ModelOut,
    openapi_extra=needs(Permission.NAME_VALIDATOR),
)
def name_validator(db: WriteDb, actor: CurrentActor, name: str, wanted: ValidatorIn) -> Model:
    """Name who checks a model independently: neither its owner or a maker, nor named by one of them."""
    return service.name_validator(db, actor, name, wanted.validator)


@router.put(
    "/{name}/tags/{key}", name="api_set_tag", response_model=ModelOut, openapi_extra=needs(Permission.EDIT_MODEL)
)
def set_tag(db: WriteDb, actor: CurrentActor, name: str, key: str, wanted: TagIn) -> queries.ShownModel:
    """Put a tag on a model, or give it another value."""
    return service.set_tag(db, actor, name, key, wanted.value)


@router.delete(
    "/{name}/tags/{key}", name="api_remove_tag", response_model=ModelOut, openapi_extra=needs(Permission.EDIT_MODEL)
)
def remove_tag(db: WriteDb, actor: CurrentActor, name: str, key: str) -> queries.ShownModel:
    """Take a tag off a model."""
    return service.remove_tag(db, actor, name, key)


@archived.get(
    "", name="api_list_archived_models", response_model=PageOut[ModelOut], openapi_extra=needs(Permission.VIEW)
)
def list_archived_models(db: ReadDb, actor: CurrentActor, page: Annotated[PageIn, Query()]) -> Page[Model]:
    """List archived models, the last archived first."""
    return queries.list_archived_models(db, actor, cursor=page.cursor, limit=page.limit)


@archived.get(
    "/{model_id}", name="api_get_archived_model", response_model=ModelOut, openapi_extra=needs(Permission.VIEW)
)
def get_archived_model(db: ReadDb, actor: CurrentActor, model_id: str) -> Model:
    """Return one archived model by its id; names are for the living."""
    return queries.get_archived_model(db, actor, model_id)


@archived.post(
    "/{model_id}/restore",
    name="api_restore_model",
    response_model=ModelOut,
    openapi_extra=needs(Permission.ARCHIVE_MODEL),
)
def restore_model(db: WriteDb, actor: CurrentActor, model_id: str) -> Model:
    """Bring an archived model back; a conflict when a living model has taken its name."""
    return service.restore_model(db, actor, model_id)
