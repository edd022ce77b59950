"""The inventory as a file: exactly the rows that the same filter shows."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.described import answers
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb

from .. import queries
from ..exports import as_csv, as_json
from ..schemas import ModelExport

router = api_router("/exports", "exports")


@router.get(
    "/models",
    name="api_export_models",
    response_class=Response,
    responses=answers("text/csv", "application/json"),
    openapi_extra=needs(Permission.VIEW),
)
def export_models(db: ReadDb, actor: CurrentActor, wanted: Annotated[ModelExport, Query()]) -> Response:
    """Return all models that match, as CSV or JSON."""
    models = queries.export_models(db, actor, wanted, sort=wanted.sort)
    write, kind = (as_csv, "text/csv") if wanted.format == "csv" else (as_json, "application/json")
    return Response(
        write(models),
        media_type=f"{kind}; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="models.{wanted.format}"'},
    )
