"""JSON routes of data set records."""

from typing import Annotated

from fastapi import Query

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageIn, PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..schemas import DataSetIn, DataSetOut
from ..tables import DataSet

router = api_router("/data-sets", "data sets")
archived = api_router("/archived-data-sets", "data sets")


@router.post(
    "",
    name="api_create_data_set",
    status_code=201,
    response_model=DataSetOut,
    openapi_extra=needs(Permission.MANAGE_DATA_SETS),
)
def create_data_set(db: WriteDb, actor: CurrentActor, wanted: DataSetIn) -> DataSet:
    """Record a data set; its file, if kept here, is stored first."""
    return service.create_data_set(db, actor, wanted)


@router.get("", name="api_list_data_sets", response_model=PageOut[DataSetOut], openapi_extra=needs(Permission.VIEW))
def list_data_sets(db: ReadDb, actor: CurrentActor, page: Annotated[PageIn, Query()]) -> Page[DataSet]:
    """List data set records by name."""
    return queries.list_data_sets(db, actor, cursor=page.cursor, limit=page.limit)


@router.get("/{name}", name="api_get_data_set", response_model=DataSetOut, openapi_extra=needs(Permission.VIEW))
def get_data_set(db: ReadDb, actor: CurrentActor, name: str) -> DataSet:
    """Return one data set record."""
    return queries.get_data_set(db, actor, name)


@router.post(
    "/{name}/archive",
    name="api_archive_data_set",
    response_model=DataSetOut,
    openapi_extra=needs(Permission.MANAGE_DATA_SETS),
)
def archive_data_set(db: WriteDb, actor: CurrentActor, name: str) -> DataSet:
    """Take a record out of the lists and free its name."""
    return service.archive_data_set(db, actor, name)


@archived.post(
    "/{data_set_id}/restore",
    name="api_restore_data_set",
    response_model=DataSetOut,
    openapi_extra=needs(Permission.MANAGE_DATA_SETS),
)
def restore_data_set(db: WriteDb, actor: CurrentActor, data_set_id: str) -> DataSet:
    """Bring an archived record back."""
    return service.restore_data_set(db, actor, data_set_id)
