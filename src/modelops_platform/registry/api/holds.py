"""JSON routes of legal holds."""

from typing import Annotated

from fastapi import Query

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageIn, PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..schemas import HoldIn, HoldOut, LiftIn
from ..tables import LegalHold

router = api_router("/holds", "holds")


class HoldPage(PageIn):
    """Which holds."""

    lifted: bool = False


@router.get("", name="api_list_holds", response_model=PageOut[HoldOut], openapi_extra=needs(Permission.VIEW))
def list_holds(db: ReadDb, actor: CurrentActor, wanted: Annotated[HoldPage, Query()]) -> Page[LegalHold]:
    """List the legal holds on what you see, the newest first; with `lifted` also those that have ended."""
    return queries.list_holds(db, actor, lifted=wanted.lifted, cursor=wanted.cursor, limit=wanted.limit)


@router.post(
    "", name="api_place_hold", status_code=201, response_model=HoldOut, openapi_extra=needs(Permission.PLACE_HOLD)
)
def place_hold(db: WriteDb, actor: CurrentActor, wanted: HoldIn) -> LegalHold:
    """Keep a model, or one version of it, from being deleted or purged until the hold is lifted."""
    return service.place_hold(db, actor, *queries.get_held(db, actor, wanted.model, wanted.version), wanted.reason)


@router.get("/{hold_id}", name="api_get_hold", response_model=HoldOut, openapi_extra=needs(Permission.VIEW))
def get_hold(db: ReadDb, actor: CurrentActor, hold_id: str) -> LegalHold:
    """Return a legal hold."""
    return queries.get_hold(db, actor, hold_id)


@router.post(
    "/{hold_id}/lift", name="api_lift_hold", response_model=HoldOut, openapi_extra=needs(Permission.PLACE_HOLD)
)
def lift_hold(db: WriteDb, actor: CurrentActor, hold_id: str, wanted: LiftIn) -> LegalHold:
    """End a legal hold, with the reason."""
    return service.lift_hold(db, actor, hold_id, wanted.reason)
