"""JSON routes of versions."""

from typing import Annotated

from fastapi import Path as PathParameter
from fastapi import Query

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..schemas import VersionDetailOut, VersionIn, VersionOut, VersionPage
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
def list_versions(db: ReadDb, actor: CurrentActor, name: str, wanted: Annotated[VersionPage, Query()]) -> Page[Version]:
    """List a model's versions, the newest first; with `archived` those that were taken out of use."""
    model = queries.get_model(db, actor, name)
    return queries.list_versions(db, model, archived=wanted.archived, cursor=wanted.cursor, limit=wanted.limit)


@router.get("/{number}", name="api_get_version", response_model=VersionDetailOut, openapi_extra=needs(Permission.VIEW))
def get_version(db: ReadDb, actor: CurrentActor, name: str, number: Number) -> Version:
    """Return one version with its manifest, also one that was archived."""
    return queries.get_version(db, actor, name, number, archived=True)


@router.post(
    "/{number}/archive",
    name="api_archive_version",
    response_model=VersionDetailOut,
    openapi_extra=needs(Permission.ARCHIVE_MODEL),
)
def archive_version(db: WriteDb, actor: CurrentActor, name: str, number: Number) -> Version:
    """Take a version out of use: its aliases end, its record and files stay. There is no other deletion.

    Refused (409) for what was ever deployed, is under legal hold, or is named by an alias that a policy guards.
    """
    return service.archive_version(db, actor, name, number)


@router.post(
    "/{number}/restore",
    name="api_restore_version",
    response_model=VersionDetailOut,
    openapi_extra=needs(Permission.ARCHIVE_MODEL),
)
def restore_version(db: WriteDb, actor: CurrentActor, name: str, number: Number) -> Version:
    """Bring an archived version back, without the aliases that named it; a conflict when its files were removed."""
    return service.restore_version(db, actor, name, number)
