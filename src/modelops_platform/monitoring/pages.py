"""Pages of monitoring."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Form, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import PlainTextResponse, Response

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.revisions import etag
from modelops_platform.deployments import queries as deployments
from modelops_platform.events import queries as events
from modelops_platform.identity import queries as identity
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.registry import queries as registry
from modelops_platform.registry.schemas import ModelFilter, Sort
from modelops_platform.registry.tables import Model
from modelops_platform.web.render import redirect, render
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from . import queries, service
from .domain.alerts import story_of
from .domain.charts import chart_of
from .domain.lights import WORST_FIRST, Light
from .domain.limits import MEASURE_WORDS, Bad
from .domain.times import RANGES, choose_range
from .schemas import (
    AcknowledgeIn,
    AlertFilter,
    AlertPage,
    EnabledForm,
    ModelsPage,
    MonitorForm,
    NewMonitorForm,
    RangeChoice,
    SeriesPage,
)
from .tables import Monitor

router = page_router()
_VIEW = needs(Permission.VIEW)
_MANAGE = needs(Permission.MANAGE_MONITORS)
CHARTS_ON_A_TAB = 12
ALERTS_AT_TOP = 20
MARKS_SHOWN = 50
_FACETS = ("light", "unit", "environment", "tier", "kind")
_CHOICES = {
    "measures": list(MEASURE_WORDS.items()),
    "sides": [(Bad.ABOVE.value, "above the limits"), (Bad.BELOW.value, "below the limits")],
}


@dataclass(frozen=True, slots=True)
class Activation:
    """A version going live, as a mark on a time axis."""

    at: datetime
    label: str


@router.get("/monitoring", openapi_extra=_VIEW)
def show_monitoring(
    request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[ModelsPage, Query()]
) -> Response:
    """Show how every model does: open alerts first, then the models, the worst first."""
    narrowed = ModelFilter.model_validate(wanted.model_dump(exclude={"cursor", "limit"}))
    page = registry.list_models(db, actor, narrowed, sort=Sort.LIGHT, cursor=wanted.cursor, limit=wanted.limit)
    total, facets = registry.count_facets(db, actor, narrowed)
    return render(
        request,
        "monitoring/models.html",
        page=page,
        total=total,
        facets=[facet for name in _FACETS for facet in facets if facet.name == name],
        lights=queries.lights_of_models(db, [model.id for model in page.items]),
        alerts=queries.list_alerts(db, actor, AlertFilter(state="open"), limit=ALERTS_AT_TOP),
        waiting=queries.count_waiting(db, actor),
    )


@router.get("/monitoring/count", openapi_extra=_VIEW)
def count_alerts(db: ReadDb, actor: CurrentActor) -> Response:
    """Return how many open alerts nobody has answered, for the side bar; nothing when there is none."""
    return PlainTextResponse(str(queries.count_waiting(db, actor) or ""))


@router.get("/models/{name}/monitoring", openapi_extra=_VIEW)
def show_model_monitoring(
    request: Request, db: ReadDb, actor: CurrentActor, name: str, chosen: Annotated[RangeChoice, Query()]
) -> Response:
    """Show a model's series: their lights and latest figures as a table, then their charts."""
    header = registry.get_header(db, actor, name)
    shown = choose_range(chosen.range, chosen.first, chosen.last, clock.now())
    health = queries.get_health(db, actor, name)
    monitors = sorted(health.monitors, key=_by_urgency)
    drawn = [monitor for monitor in monitors if monitor.is_enabled][:CHARTS_ON_A_TAB]
    points = queries.shown_points(db, [monitor.id for monitor in drawn], shown.since, shown.until)
    marks = _marks(db, actor, header.model)
    return render(
        request,
        "monitoring/tab.html",
        header=header,
        health=health,
        monitors=monitors,
        charts=[
            (monitor, chart_of(monitor.name, monitor.unit, points[monitor.id], monitor.limits, marks=marks))
            for monitor in drawn
        ],
        shown=shown,
        ranges=list(RANGES),
        measure_words=MEASURE_WORDS,
        refusal=_refusal(actor, header.model),
        is_replay=any(monitor.standing.latest and monitor.standing.latest.source == "replay" for monitor in monitors),
        server=str(request.base_url).rstrip("/"),
    )


def _by_urgency(monitor: Monitor) -> tuple[bool, int, str]:
    return (not monitor.is_judged, WORST_FIRST.index(monitor.light_now), monitor.name)


def _marks(db: Session, actor: Actor, model: Model) -> list[Activation]:
    """Return when which version of the model went live where, as far as the actor may see it."""
    return [
        Activation(revision.from_at, f"v{revision.version.number} live in {revision.deployment.environment.name}")
        for revision in deployments.list_story_of(db, actor, model.id, limit=MARKS_SHOWN)
    ]


def _refusal(actor: Actor, model: Model) -> str | None:
    """Return why the actor may not set monitors of the model, and who can; none when they may."""
    if actor.may(Permission.MANAGE_MONITORS, model):
        return None
    return f"Your role in {model.unit.name} does not allow it. Ask {model.owner.name}, who owns the model."


@router.get("/models/{name}/monitoring/{monitor}", openapi_extra=_VIEW)
def show_monitor(
    request: Request,
    db: ReadDb,
    actor: CurrentActor,
    name: str,
    monitor: str,
    chosen: Annotated[SeriesPage, Query()],
) -> Response:
    """Show one series: its light and limits, its chart, and its points one by one."""
    header = registry.get_header(db, actor, name)
    found = queries.get_monitor(db, actor, name, monitor)
    shown = choose_range(chosen.range, chosen.first, chosen.last, clock.now())
    plotted = queries.shown_points(db, [found.id], shown.since, shown.until)[found.id]
    page = queries.list_points(
        db, found, since=shown.since, until=shown.until, cursor=chosen.cursor, limit=chosen.limit
    )
    return render(
        request,
        "monitoring/series.html",
        header=header,
        monitor=found,
        chart=chart_of(found.name, found.unit, plotted, found.limits, marks=_marks(db, actor, header.model)),
        page=page,
        shown=shown,
        ranges=list(RANGES),
        limits=queries.list_limits(db, found),
        alerts=queries.list_alerts_of(db, found),
        measure_words=MEASURE_WORDS,
        refusal=_refusal(actor, header.model),
    )


@router.get("/points/{point_id}", openapi_extra=_VIEW)
def show_point(request: Request, db: ReadDb, actor: CurrentActor, point_id: str) -> Response:
    """Show one figure: value, time, who posted it, and what it was judged by."""
    return render(request, "monitoring/point.html", point=queries.get_point(db, actor, point_id))


@router.get("/models/{name}/watch", openapi_extra=_MANAGE)
def show_new_monitor(request: Request, db: ReadDb, actor: CurrentActor, name: str) -> Response:
    """Show the form for a new monitor."""
    header = registry.get_header(db, actor, name)
    return render(
        request,
        "monitoring/new.html",
        header=header,
        deployments=deployments.list_deployments_of(db, actor, header.model.id),
        environments=deployments.list_environments(db, actor),
        choices=_CHOICES,
    )


@router.post("/models/{name}/watch", openapi_extra=_MANAGE)
def create_monitor(
    request: Request, db: WriteDb, actor: CurrentActor, name: str, wanted: Annotated[NewMonitorForm, Form()]
) -> Response:
    """Watch a series of a model and show it."""
    monitor = service.create_monitor(db, actor, name, wanted)
    return redirect(request, "show_monitor", name=name, monitor=monitor.name, toast=f"{monitor.name} is watched.")


@router.get("/models/{name}/monitoring/{monitor}/edit", openapi_extra=_MANAGE)
def show_edit_monitor(request: Request, db: ReadDb, actor: CurrentActor, name: str, monitor: str) -> Response:
    """Show the form of a monitor."""
    header = registry.get_header(db, actor, name)
    found = queries.get_monitor(db, actor, name, monitor)
    return render(request, "monitoring/edit.html", header=header, monitor=found, seen=etag(found), choices=_CHOICES)


@router.post("/models/{name}/monitoring/{monitor}/edit", openapi_extra=_MANAGE)
def edit_monitor(
    request: Request,
    db: WriteDb,
    actor: CurrentActor,
    name: str,
    monitor: str,
    wanted: Annotated[MonitorForm, Form()],
) -> Response:
    """Change a monitor and show it."""
    found = service.edit_monitor(db, actor, name, monitor, wanted.as_patch(), wanted.seen)
    return redirect(request, "show_monitor", name=name, monitor=found.name, toast=f"{found.name} is changed.")


@router.post("/models/{name}/monitoring/{monitor}/enabled", openapi_extra=_MANAGE)
def switch_monitor(
    request: Request,
    db: WriteDb,
    actor: CurrentActor,
    name: str,
    monitor: str,
    wanted: Annotated[EnabledForm, Form()],
) -> Response:
    """Take a monitor out of its model's light, or put it back."""
    found = service.edit_monitor(db, actor, name, monitor, wanted.as_patch())
    words = f"{found.name} is watched again." if found.is_enabled else f"{found.name} no longer counts."
    return redirect(request, "show_monitor", name=name, monitor=found.name, toast=words)


@router.get("/alerts", openapi_extra=_VIEW)
def list_alerts(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[AlertPage, Query()]) -> Response:
    """Show alerts, the last raised first."""
    counts = queries.count_alerts(db, actor, wanted)
    return render(
        request,
        "monitoring/alerts.html",
        page=queries.list_alerts(db, actor, wanted, cursor=wanted.cursor, limit=wanted.limit),
        facets=_alert_facets(counts, wanted),
        is_narrowed=bool(wanted.state or wanted.light or wanted.model or wanted.acknowledged is not None),
    )


def _alert_facets(counts: dict[tuple[bool, Light], int], wanted: AlertFilter) -> list[dict[str, Any]]:
    states: Counter[str] = Counter()
    lights: Counter[Light] = Counter()
    for (is_open, light), count in counts.items():
        state = "open" if is_open else "closed"
        if wanted.light in (None, light):
            states[state] += count
        if wanted.state in (None, state):
            lights[light] += count
    return [
        _facet(
            "State", "state", [(state, state.capitalize(), states[state]) for state in ("open", "closed")], wanted.state
        ),
        _facet("Light", "light", [(light.value, _words(light), lights[light]) for light in WORST_FIRST], wanted.light),
    ]


def _facet(label: str, name: str, options: list[tuple[str, str, int]], active: str | None) -> dict[str, Any]:
    shown = [
        {"value": value, "label": words, "count": count, "active": value == active}
        for value, words, count in options
        if count or value == active
    ]
    return {"label": label, "name": name, "options": shown}


def _words(light: Light) -> str:
    return light.value.replace("_", " ").capitalize()


@router.get("/alerts/{alert_id}", openapi_extra=_VIEW)
def show_alert(request: Request, db: ReadDb, actor: CurrentActor, alert_id: str) -> Response:
    """Show one alert, and ask for a sentence about it while nobody has said one."""
    alert = queries.get_alert(db, actor, alert_id)
    entries = events.activity_of(db, alert.object_kind, alert.id)
    may = actor.may(Permission.MANAGE_MONITORS, alert)
    return render(
        request,
        "monitoring/alert.html",
        alert=alert,
        story=story_of(entries, identity.names_of(db, {entry.actor_id for entry in entries})),
        refusal=None if may else "Your role does not allow it. Ask somebody who builds the model, or risk.",
    )


@router.post("/alerts/{alert_id}/acknowledge", openapi_extra=_MANAGE)
def acknowledge_alert(
    request: Request, db: WriteDb, actor: CurrentActor, alert_id: str, wanted: Annotated[AcknowledgeIn, Form()]
) -> Response:
    """Take a sentence about an alert and show it."""
    alert = service.acknowledge_alert(db, actor, alert_id, wanted)
    return redirect(request, "show_alert", alert_id=alert.id, toast="Acknowledged.")
