"""Pages over the whole portfolio: how every model stands, and what drafts of policies would change."""

from functools import partial
from typing import Annotated, Any

from fastapi import Form, Query, Request
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageIn, filled
from modelops_platform.web.render import redirect, render, url_for
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from .. import queries, service
from ..schemas import CompliancePage, WhatIfCasePage, WhatIfForm, WhatIfIn
from .shown import requirement_titles

router = page_router()
Facets = list[dict[str, Any]]


@router.get("/compliance", openapi_extra=needs(Permission.VIEW))
def show_compliance(
    request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[CompliancePage, Query()]
) -> Response:
    narrowed = queries.narrow(db, actor, wanted)
    counts = queries.count_compliance(db, actor, narrowed)
    titles = requirement_titles(queries.policies_in_force(db, actor.workspace_id))
    kept = {name: value for name, value in request.query_params.items() if name != "cursor"}
    link = partial(_rows_url, request, kept)
    return render(
        request,
        "governance/compliance.html",
        counts=counts,
        page=queries.page_compliance(db, actor, narrowed, cursor=wanted.cursor, limit=wanted.limit),
        titles=titles,
        facets=_facets(counts, wanted, titles),
        link=link,
        wanted=wanted,
        is_narrowed=bool(kept),
    )


def _rows_url(request: Request, kept: dict[str, Any], **narrowed: Any) -> str:
    """Return the address of the rows that a number counts."""
    wanted = {name: value for name, value in (kept | narrowed).items() if value is not None}
    return f"{url_for(request.app, 'show_compliance', **wanted)}#results"


def _facets(counts: queries.Counts, wanted: CompliancePage, titles: dict[str, str]) -> Facets:
    outcomes = [("deny", "Not met", counts.unmet), ("allow", "Met", counts.met)]
    return [
        {
            "label": "Outcome",
            "name": "outcome",
            "options": [_option(*one, wanted.outcome) for one in outcomes if one[2]],
        },
        {
            "label": "Tier",
            "name": "tier",
            "options": [_option(one.key, one.label, one.total, wanted.tier) for one in counts.by_tier],
        },
        {
            "label": "Unit",
            "name": "unit",
            "options": [_option(one.key, one.label, one.total, wanted.unit) for one in counts.by_unit[:8]],
        },
        {
            "label": "Missing",
            "name": "requirement",
            "options": [
                _option(id, titles.get(id, id), number, wanted.requirement) for id, number in counts.by_requirement[:12]
            ],
        },
    ]


def _option(value: str, label: str, count: int, chosen: object) -> dict[str, Any]:
    return {"value": value, "label": label, "count": count, "active": chosen is not None and str(chosen) == value}


@router.get("/what-ifs", openapi_extra=needs(Permission.VIEW))
def list_what_ifs(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[PageIn, Query()]) -> Response:
    page = queries.page_what_ifs(db, actor, cursor=wanted.cursor, limit=wanted.limit)
    names = identity.names_of(db, {row.asked_by for row in page.items})
    return render(request, "governance/what_ifs.html", page=page, names=names)


@router.get("/what-ifs/{id}", openapi_extra=needs(Permission.VIEW))
def show_what_if(
    request: Request, db: ReadDb, actor: CurrentActor, id: str, wanted: Annotated[WhatIfCasePage, Query()]
) -> Response:
    asked = queries.get_what_if(db, actor, id)
    page = queries.page_what_if_cases(db, actor, asked, wanted)
    drafts = [queries.parse(document) for document in asked.documents]
    return render(
        request,
        "governance/what_if.html",
        asked=asked,
        page=page,
        wanted=wanted,
        drafts=drafts,
        titles=requirement_titles([*queries.policies_in_force(db, actor.workspace_id), *drafts]),
        names=identity.names_of(db, {asked.asked_by}),
    )


@router.post("/what-ifs", openapi_extra=needs(Permission.MANAGE_POLICIES))
def ask_what_if(request: Request, db: WriteDb, actor: CurrentActor, wanted: Annotated[WhatIfForm, Form()]) -> Response:
    asked = filled(WhatIfIn, documents=[wanted.document])
    made = service.ask_what_if(db, actor, asked)
    return redirect(request, "show_what_if", id=made.id, toast="It is being worked out.")
