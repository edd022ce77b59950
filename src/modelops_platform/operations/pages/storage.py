"""The page of the storage: how much, what goes next, by which rules, and what is held."""

from typing import Annotated

from fastapi import Form, Request
from starlette.responses import Response

from modelops_platform.artifacts import service
from modelops_platform.artifacts.domain import Kept
from modelops_platform.core.actor import Permission
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.registry.service import unit_named
from modelops_platform.web.render import redirect, render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from ..queries import storage as queries
from ..schemas.storage import CollectIn, RuleIn

router = page_router()


@router.get("/storage", openapi_extra=needs(Permission.VIEW_STORAGE))
def show_storage(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    storage = queries.get_storage(db, actor)
    return render(
        request,
        "operations/storage.html",
        storage=storage,
        kinds=[(kind.value, kind.words.capitalize()) for kind in Kept],
        units=[("", "All units without a rule of their own"), *((id, name) for id, name in storage.units.items())],
        may_manage=actor.may(Permission.MANAGE_STORAGE),
        may_hold=actor.may_somewhere(Permission.PLACE_HOLD),
    )


@router.post("/storage/collect", openapi_extra=needs(Permission.MANAGE_STORAGE))
def collect_storage(
    request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[CollectIn, Form()]
) -> Response:
    job = service.begin_collection(db, actor, is_dry=wanted.dry)
    return redirect(request, "show_storage", toast=f"Begun: {job.title}.")


@router.post("/storage/rules", openapi_extra=needs(Permission.MANAGE_STORAGE))
def set_storage_rule(request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[RuleIn, Form()]) -> Response:
    unit_id = unit_named(db, actor, wanted.unit)
    rule = service.set_rule(db, actor, what=wanted.what, days=wanted.days, unit_id=unit_id)
    return redirect(request, "show_storage", toast=f"In force: {rule.name}.")


@router.post("/storage/rules/{rule_id}/end", openapi_extra=needs(Permission.MANAGE_STORAGE))
def end_storage_rule(request: Request, db: WriteDb, actor: CurrentActor, rule_id: str) -> Response:
    rule = service.end_rule(db, actor, rule_id)
    return redirect(request, "show_storage", toast=f"No longer in force: {rule.name}.")
