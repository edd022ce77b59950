"""JSON routes of kinds and of the workspace's own fields."""

from typing import Any

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..domain.kinds import KIND_WORDS
from ..schemas import FieldIn, FieldOut, KindOut
from ..tables import CustomField

router = api_router("/fields", "fields")
kinds = api_router("/kinds", "fields")


@router.get("", name="api_list_fields", response_model=PageOut[FieldOut], openapi_extra=needs(Permission.VIEW))
def list_fields(db: ReadDb, actor: CurrentActor) -> Page[CustomField]:
    """List the workspace's own fields, archived ones too."""
    return Page(queries.list_custom_fields(db, actor.workspace_id, archived=True))


@router.post(
    "", name="api_add_field", status_code=201, response_model=FieldOut, openapi_extra=needs(Permission.MANAGE_FIELDS)
)
def add_field(db: WriteDb, actor: CurrentActor, wanted: FieldIn) -> CustomField:
    """Ask the workspace's models for one more field."""
    return service.add_field(db, actor, wanted)


@router.post(
    "/{key}/archive", name="api_archive_field", response_model=FieldOut, openapi_extra=needs(Permission.MANAGE_FIELDS)
)
def archive_field(db: WriteDb, actor: CurrentActor, key: str) -> CustomField:
    """Stop asking for a field; values given before stay."""
    return service.archive_field(db, actor, key)


@router.post(
    "/{key}/restore", name="api_restore_field", response_model=FieldOut, openapi_extra=needs(Permission.MANAGE_FIELDS)
)
def restore_field(db: WriteDb, actor: CurrentActor, key: str) -> CustomField:
    """Ask for an archived field again."""
    return service.restore_field(db, actor, key)


@kinds.get("", name="api_list_kinds", response_model=PageOut[KindOut], openapi_extra=needs(Permission.VIEW))
def list_kinds(db: ReadDb, actor: CurrentActor) -> Page[dict[str, Any]]:
    """List the kinds of models, each with all the fields it is asked for."""
    found = queries.definitions_by_kind(db, actor.workspace_id)
    return Page([{"kind": kind, "label": KIND_WORDS[kind], "fields": fields} for kind, fields in found.items()])
