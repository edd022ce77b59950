"""Plans of policies, what drafts would change, and how models stand, as JSON."""

from typing import Annotated, Any

from fastapi import Query

from modelops_platform.core.actor import Permission
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageIn, PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..schemas import (
    ComplianceCountsOut,
    ComplianceOut,
    CompliancePage,
    PlanIn,
    PlanOut,
    WhatIfCaseOut,
    WhatIfCasePage,
    WhatIfIn,
    WhatIfOut,
)
from ..tables import ComplianceInterval, WhatIf, WhatIfCase

plans = api_router("/policy-plans", "governance")
what_ifs = api_router("/what-ifs", "governance")
compliance = api_router("/compliance", "governance")
counts = api_router("/compliance-counts", "governance")

ROUTERS = [plans, what_ifs, compliance, counts]


@plans.post("", name="api_plan_policies", response_model=PlanOut, openapi_extra=needs(Permission.VIEW))
def plan_policies(db: ReadDb, actor: CurrentActor, wanted: PlanIn) -> dict[str, object]:
    """Read policies and say what publishing them would change; an error names its line and key. Nothing is written."""
    return {"items": queries.plan_policies(db, actor, wanted.documents)}


@what_ifs.post(
    "",
    name="api_ask_what_if",
    status_code=201,
    response_model=WhatIfOut,
    openapi_extra=needs(Permission.MANAGE_POLICIES),
)
def ask_what_if(db: WriteDb, actor: CurrentActor, wanted: WhatIfIn) -> WhatIf:
    """Ask which models would newly fail or pass under drafts of policies; a job works it out."""
    return service.ask_what_if(db, actor, wanted)


@what_ifs.get("", name="api_list_what_ifs", response_model=PageOut[WhatIfOut], openapi_extra=needs(Permission.VIEW))
def list_what_ifs(db: ReadDb, actor: CurrentActor, page: Annotated[PageIn, Query()]) -> object:
    """List the questions asked about drafts, the newest first."""
    return queries.page_what_ifs(db, actor, cursor=page.cursor, limit=page.limit)


@what_ifs.get("/{id}", name="api_get_what_if", response_model=WhatIfOut, openapi_extra=needs(Permission.VIEW))
def get_what_if(db: ReadDb, actor: CurrentActor, id: str) -> WhatIf:
    """Return one question, with the counts once it is answered."""
    return queries.get_what_if(db, actor, id)


@what_ifs.get(
    "/{id}/cases",
    name="api_list_what_if_cases",
    response_model=PageOut[WhatIfCaseOut],
    openapi_extra=needs(Permission.VIEW),
)
def list_what_if_cases(
    db: ReadDb, actor: CurrentActor, id: str, wanted: Annotated[WhatIfCasePage, Query()]
) -> dict[str, object]:
    """List the versions whose answer would change."""
    asked = queries.get_what_if(db, actor, id)
    page = queries.page_what_if_cases(db, actor, asked, wanted)
    return {"items": [_case(row) for row in page.items], "next": page.next}


@compliance.get(
    "", name="api_list_compliance", response_model=PageOut[ComplianceOut], openapi_extra=needs(Permission.VIEW)
)
def list_compliance(db: ReadDb, actor: CurrentActor, wanted: Annotated[CompliancePage, Query()]) -> dict[str, object]:
    """List how each model stands towards each protected environment, now or as it was at a moment."""
    page = queries.page_compliance(
        db, actor, queries.narrow(db, actor, wanted), cursor=wanted.cursor, limit=wanted.limit
    )
    return {"items": [_standing(row) for row in page.items], "next": page.next}


@counts.get("", name="api_count_compliance", response_model=ComplianceCountsOut, openapi_extra=needs(Permission.VIEW))
def count_compliance(db: ReadDb, actor: CurrentActor, wanted: Annotated[CompliancePage, Query()]) -> dict[str, object]:
    """Count how many models stand how, in all, by tier, by unit, and by the requirement that is in the way."""
    found = queries.count_compliance(db, actor, queries.narrow(db, actor, wanted))
    return {
        "total": found.total,
        "met": found.met,
        "unmet": found.unmet,
        "live_unmet": found.live_unmet,
        "by_tier": [_group(group, "tier") for group in found.by_tier],
        "by_unit": [_group(group, "unit") for group in found.by_unit],
        "by_requirement": [{"requirement": id, "unmet": number} for id, number in found.by_requirement],
    }


def _group(group: Any, kind: str) -> dict[str, object]:
    return {
        kind: int(group.key) if kind == "tier" else group.key,
        "total": group.total,
        "met": group.met,
        "unmet": group.unmet,
        "live_unmet": group.live_unmet,
    }


def _standing(row: ComplianceInterval) -> dict[str, object]:
    names = ("id", "environment", "is_live", "tier", "outcome", "unmet", "policy_id", "policy_version", "facts_digest")
    return {
        **{name: getattr(row, name) for name in names},
        "model": row.model.name,
        "version": row.version.number,
        "from_at": row.from_at,
        "to_at": row.to_at,
    }


def _case(row: WhatIfCase) -> dict[str, object]:
    names = ("id", "environment", "unit_id", "tier", "would", "unmet", "policy")
    return {**{name: getattr(row, name) for name in names}, "model": row.model.name, "version": row.version.number}
