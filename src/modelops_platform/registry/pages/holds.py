"""Forms of legal holds, which stand on the pages of what is held and of the storage."""

from typing import Annotated

from fastapi import Form, Request
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.render import redirect
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import WriteDb

from .. import queries, service
from ..schemas import HoldForm, LiftIn

router = page_router()


@router.post("/holds", openapi_extra=needs(Permission.PLACE_HOLD))
def place_hold(request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[HoldForm, Form()]) -> Response:
    asked = wanted.to_hold()
    hold = service.place_hold(db, actor, *queries.get_held(db, actor, asked.model, asked.version), asked.reason)
    return redirect(request, "show_storage", toast=f"{hold.name} is under legal hold.")


@router.post("/holds/{hold_id}/lift", openapi_extra=needs(Permission.PLACE_HOLD))
def lift_hold(
    request: Request, db: WriteDb, actor: CurrentActor, hold_id: str, wanted: Annotated[LiftIn, Form()]
) -> Response:
    hold = service.lift_hold(db, actor, hold_id, wanted.reason)
    return redirect(request, "show_storage", toast=f"The hold on {hold.name} is lifted.")
