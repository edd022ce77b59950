"""JSON routes of use cases."""

from typing import Annotated

from fastapi import Query

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageIn, PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import IfMatch, ReadDb, WriteDb

from .. import queries, service
from ..schemas import UseCaseIn, UseCaseOut, UseCasePatch
from ..tables import UseCase

router = api_router("/use-cases", "use cases")
archived = api_router("/archived-use-cases", "use cases")


@router.post(
    "",
    name="api_create_use_case",
    status_code=201,
    response_model=UseCaseOut,
    openapi_extra=needs(Permission.MANAGE_USE_CASES),
)
def create_use_case(db: WriteDb, actor: CurrentActor, wanted: UseCaseIn) -> UseCase:
    """Add a use case: a purpose that models serve."""
    return service.create_use_case(db, actor, wanted)


@router.get("", name="api_list_use_cases", response_model=PageOut[UseCaseOut], openapi_extra=needs(Permission.VIEW))
def list_use_cases(db: ReadDb, actor: CurrentActor, page: Annotated[PageIn, Query()]) -> Page[UseCase]:
    """List use cases by name."""
    return queries.list_use_cases(db, actor, cursor=page.cursor, limit=page.limit)


@router.get("/{name}", name="api_get_use_case", response_model=UseCaseOut, openapi_extra=needs(Permission.VIEW))
def get_use_case(db: ReadDb, actor: CurrentActor, name: str) -> UseCase:
    """Return one use case."""
    return queries.get_use_case(db, actor, name)


@router.patch(
    "/{name}", name="api_edit_use_case", response_model=UseCaseOut, openapi_extra=needs(Permission.MANAGE_USE_CASES)
)
def edit_use_case(db: WriteDb, actor: CurrentActor, if_match: IfMatch, name: str, wanted: UseCasePatch) -> UseCase:
    """Change what the body names; the rest stays."""
    return service.edit_use_case(db, actor, name, wanted, if_match)


@router.post(
    "/{name}/archive",
    name="api_archive_use_case",
    response_model=UseCaseOut,
    openapi_extra=needs(Permission.MANAGE_USE_CASES),
)
def archive_use_case(db: WriteDb, actor: CurrentActor, name: str) -> UseCase:
    """Take a use case out of the lists; its models stay."""
    return service.archive_use_case(db, actor, name)


@archived.post(
    "/{use_case_id}/restore",
    name="api_restore_use_case",
    response_model=UseCaseOut,
    openapi_extra=needs(Permission.MANAGE_USE_CASES),
)
def restore_use_case(db: WriteDb, actor: CurrentActor, use_case_id: str) -> UseCase:
    """Bring an archived use case back."""
    return service.restore_use_case(db, actor, use_case_id)
