"""JSON routes of the storage."""

from modelops_platform.artifacts import queries as artifacts
from modelops_platform.artifacts import service
from modelops_platform.artifacts.tables import RetentionRule
from modelops_platform.core import clock
from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.jobs.tables import Job
from modelops_platform.registry.service import unit_named
from modelops_platform.web.forms import PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from ..schemas.jobs import JobOut
from ..schemas.storage import CollectIn, RuleIn, RuleOut, StorageOut

router = api_router("/storage", "storage")
rules = api_router("/retention-rules", "storage")
ROUTERS = [router, rules]


@router.get("", name="api_get_storage", response_model=StorageOut, openapi_extra=needs(Permission.VIEW_STORAGE))
def get_storage(db: ReadDb) -> dict[str, object]:
    """Tell how much is stored, how much of it nothing uses, and what goes at the next collection."""
    now = clock.now()
    return {"figures": artifacts.figures(db, now), "due": artifacts.list_due(db, now)}


@router.post(
    "/collect",
    name="api_collect",
    status_code=202,
    response_model=JobOut,
    openapi_extra=needs(Permission.MANAGE_STORAGE),
)
def collect(db: WriteDb, actor: CurrentActor, wanted: CollectIn) -> Job:
    """Look through the storage for what nothing uses and no row names; unless `dry`, remove it."""
    return service.begin_collection(db, actor, is_dry=wanted.dry)


@rules.get("", name="api_list_rules", response_model=PageOut[RuleOut], openapi_extra=needs(Permission.VIEW_STORAGE))
def list_rules(db: ReadDb, actor: CurrentActor) -> Page[RetentionRule]:
    """List the rules of retention in force."""
    return Page(artifacts.list_rules(db, actor.workspace_id))


@rules.post(
    "", name="api_set_rule", status_code=201, response_model=RuleOut, openapi_extra=needs(Permission.MANAGE_STORAGE)
)
def set_rule(db: WriteDb, actor: CurrentActor, wanted: RuleIn) -> RetentionRule:
    """Say how long something is kept, for one unit or for all that have no rule of their own."""
    unit_id = unit_named(db, actor, wanted.unit)
    return service.set_rule(db, actor, what=wanted.what, days=wanted.days, unit_id=unit_id)


@rules.delete("/{rule_id}", name="api_end_rule", status_code=204, openapi_extra=needs(Permission.MANAGE_STORAGE))
def end_rule(db: WriteDb, actor: CurrentActor, rule_id: str) -> None:
    """Take a rule out of force."""
    service.end_rule(db, actor, rule_id)
