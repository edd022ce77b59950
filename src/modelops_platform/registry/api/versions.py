"""JSON routes of versions."""

from typing import Annotated

from fastapi import Path as PathParameter
from fastapi import Query

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageIn, PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..schemas import VersionDetailOut, VersionIn, VersionOut
from ..tables import Version

router = api_router("/models/{name}/versions", "versions")
Number = Annotated[int, PathParameter(ge=1, le=2**31 - 1)]


@router.post(
    "",
    name="api_add_version",
    status_code=201,
    response_model=VersionDetailOut,
    openapi_extra=needs(Permission.ADD_VERSION),
)
def add_version(db: WriteDb, actor: CurrentActor, name: str, wanted: VersionIn) -> Version:
    """Freeze a new version; the platform gives the number. Files are stored first and named here by digest."""
    return service.add_version(db, actor, queries.get_model(db, actor, name), wanted)


@router.get("", name="api_list_versions", response_model=PageOut[VersionOut], openapi_extra=needs(Permission.VIEW))
def list_versions(db: ReadDb, actor: CurrentActor, name: str, page: Annotated[PageIn, Query()]) -> Page[Version]:
    """List a model's versions, the newest first."""
    return queries.list_versions(db, queries.get_model(db, actor, name), cursor=page.cursor, limit=page.limit)


@router.get("/{number}", name="api_get_version", response_model=VersionDetailOut, openapi_extra=needs(Permission.VIEW))
def get_version(db: ReadDb, actor: CurrentActor, name: str, number: Number) -> Version:
    """Return one version with its manifest."""
    return queries.get_version(db, actor, name, number)
