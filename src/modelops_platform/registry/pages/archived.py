"""Pages of what was taken out of the inventory."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageIn
from modelops_platform.web.render import redirect, render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..domain.kinds import KIND_WORDS

router = page_router("/archived-models")


@router.get("", openapi_extra=needs(Permission.VIEW))
def list_archived_models(
    request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[PageIn, Query()]
) -> Response:
    page = queries.list_archived_models(db, actor, cursor=wanted.cursor, limit=wanted.limit)
    refusals = {model.id: queries.why_not(actor, Permission.ARCHIVE_MODEL, model) for model in page.items}
    return render(request, "registry/archived.html", page=page, refusals=refusals, kind_words=KIND_WORDS)


@router.post("/{model_id}/restore", openapi_extra=needs(Permission.ARCHIVE_MODEL))
def restore_model(request: Request, db: WriteDb, actor: CurrentActor, model_id: str) -> Response:
    model = service.restore_model(db, actor, model_id)
    return redirect(request, "show_model", name=model.name, toast=f"Restored {model.name}.")
