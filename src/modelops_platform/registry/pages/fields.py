"""The administrator's page of the workspace's own fields."""

from typing import Annotated

from fastapi import Form, Request
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.render import redirect, render, undo
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..domain.fields import FieldType
from ..domain.kinds import KIND_WORDS
from ..schemas import FieldIn

router = page_router("/administration/fields")
TYPE_WORDS = {
    FieldType.TEXT: "Text",
    FieldType.NUMBER: "Number",
    FieldType.DATE: "Date",
    FieldType.CHOICE: "Choice",
    FieldType.PERSON: "Person",
    FieldType.LINK: "Link",
    FieldType.YES_NO: "Yes or no",
}


@router.get("", openapi_extra=needs(Permission.MANAGE_FIELDS))
def list_fields(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    fields = queries.list_custom_fields(db, actor.workspace_id, archived=True)
    return render(request, "registry/fields.html", fields=fields, kind_words=KIND_WORDS, type_words=TYPE_WORDS)


@router.post("", openapi_extra=needs(Permission.MANAGE_FIELDS))
def add_field(request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[FieldIn, Form()]) -> Response:
    field = service.add_field(db, actor, wanted)
    return redirect(request, "list_fields", toast=f"Models are asked for {field.label} from now on.")


@router.post("/{key}/archive", openapi_extra=needs(Permission.MANAGE_FIELDS))
def archive_field(request: Request, db: WriteDb, actor: CurrentActor, key: str) -> Response:
    service.archive_field(db, actor, key)
    back = undo(request, "restore_field", key=key)
    return redirect(request, "list_fields", toast=f"Models are not asked for {key} any more.", undo=back)


@router.post("/{key}/restore", openapi_extra=needs(Permission.MANAGE_FIELDS))
def restore_field(request: Request, db: WriteDb, actor: CurrentActor, key: str) -> Response:
    service.restore_field(db, actor, key)
    return redirect(request, "list_fields", toast=f"Models are asked for {key} again.")
