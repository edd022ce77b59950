"""The leader's page, and the same as PDF."""

import functools
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import Response

from modelops_platform.core import clock
from modelops_platform.core.actor import Permission
from modelops_platform.events.domain import LogEntry, describe, people_in, tone, who
from modelops_platform.governance import queries as governance
from modelops_platform.identity import queries as identity
from modelops_platform.identity.queries import granted
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.jobs import queries as jobs
from modelops_platform.jobs.tables import Job
from modelops_platform.web.render import redirect, render, url_for
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from . import queries, service
from .domain import ATTENTION_WORDS, LIGHTS
from .schemas import PortfolioFilter

router = page_router()
SEE = needs(Permission.VIEW)
Wanted = Annotated[PortfolioFilter, Query()]


@router.get("/", openapi_extra=SEE)
def home(request: Request, db: ReadDb, actor: CurrentActor) -> Response:
    found = queries.get_home(db, actor)
    names = identity.names_of(db, people_in(found.changes))
    model_names = {model.id: model.name for model in found.models}
    return render(
        request,
        "reporting/home.html",
        home=found,
        changes=[_told(request, entry, names, model_names) for entry in found.changes],
        may_register=actor.may_somewhere(Permission.REGISTER_MODEL),
        is_new=actor.may(Permission.MANAGE_USERS) and not actor.preferences.skips_set_up and not found.has_any_model,
    )


def _told(request: Request, entry: LogEntry, names: Mapping[str, str], models: Mapping[str, str]) -> dict[str, Any]:
    """Return an event as a line of the story: who did what, when, and to which model."""
    model = models.get(entry.model_id or "")
    return {
        "at": entry.at,
        "who": who(entry, names),
        "text": describe(entry, names) + (f" of {model}" if model and entry.object_kind != "model" else ""),
        "tone": tone(entry.kind),
        "url": url_for(request.app, "show_activity", name=model) if model else None,
    }


@router.get("/portfolio", openapi_extra=SEE)
def show_portfolio(request: Request, db: ReadDb, actor: CurrentActor, wanted: Wanted) -> Response:
    found = queries.get_portfolio(db, actor, wanted)
    kept = {"at": request.query_params.get("at") or None, "unit": wanted.unit}
    link = functools.partial(_rows_url, request, kept)
    return render(
        request,
        "reporting/portfolio.html",
        portfolio=found,
        tally=found.tally,
        wanted=wanted,
        link=link,
        cells=_cells(found, link),
        facets=_facets(found, wanted),
        attention_words=ATTENTION_WORDS,
        lights=LIGHTS,
        today=clock.now().date().isoformat(),
        approvals_waiting=governance.count_open(db, actor),
        is_observing=governance.enforcement_mode(db, actor.workspace_id) == "observe",
    )


def _rows_url(request: Request, kept: dict[str, Any], **narrowed: Any) -> str:
    """Return the address of the rows that a number counts."""
    return f"{url_for(request.app, 'show_portfolio', **(kept | narrowed))}#rows"


def _cells(found: queries.Portfolio, link: Any) -> list[dict[str, Any]]:
    return [
        {"impact": i, "likelihood": j, "count": count, "url": link(impact=i, likelihood=j)}
        for (i, j), count in found.tally.by_cell.items()
    ]


def _facets(found: queries.Portfolio, wanted: PortfolioFilter) -> list[dict[str, Any]]:
    tiers = [("1", "Tier 1"), ("2", "Tier 2"), ("3", "Tier 3"), ("4", "Tier 4"), ("none", "Not assessed")]
    by_tier = {str(tier or "none"): count for tier, count in found.tally.by_tier.items()}
    groups = [
        ("Risk", "tier", tiers, by_tier),
        ("Health", "light", [(light, light.replace("_", " ").capitalize()) for light in LIGHTS], found.tally.by_light),
        (
            "State",
            "state",
            [(s, s.replace("_", " ").capitalize()) for s in sorted(found.tally.by_state)],
            found.tally.by_state,
        ),
        (
            "Unit",
            "unit",
            [(i, name) for i, name in found.units.items() if i in found.tally.by_unit],
            found.tally.by_unit,
        ),
    ]
    return [
        {
            "label": label,
            "name": name,
            "options": [
                {"value": value, "label": word, "count": counts[value], "active": getattr(wanted, name) == value}
                for value, word in options
                if counts.get(value)
            ],
        }
        for label, name, options, counts in groups
    ]


@router.post("/portfolio/reports", openapi_extra=SEE)
def make_report(request: Request, db: WriteDb, actor: CurrentActor, wanted: Wanted) -> Response:
    job = service.make_report(db, actor, wanted, base_url=str(request.base_url).rstrip("/"))
    return redirect(request, "show_report", job_id=job.id)


@router.get("/portfolio/reports/{job_id}", openapi_extra=SEE)
def show_report(request: Request, db: ReadDb, actor: CurrentActor, job_id: str) -> Response:
    return render(request, "reporting/made.html", job=jobs.get_job(db, actor, job_id, granted(Job, actor)))
