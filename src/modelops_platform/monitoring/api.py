"""JSON routes of monitoring."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.described import answers
from modelops_platform.web.forms import PageIn, PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import IfMatch, ReadDb, WriteDb

from . import queries, service
from .exports import csv_lines
from .schemas import (
    AcknowledgeIn,
    AlertOut,
    AlertPage,
    HealthOut,
    LimitsOut,
    MonitorIn,
    MonitorOut,
    MonitorPatch,
    PointDetail,
    PointFilter,
    PointOut,
    PointPage,
    PointsIn,
    PointsTaken,
)
from .tables import Alert, Monitor, MonitorLimits, Point

router = api_router("/models/{name}", "monitoring")
points = api_router("/points", "monitoring")
alerts = api_router("/alerts", "monitoring")
ROUTERS: list[APIRouter] = [router, points, alerts]

_VIEW = needs(Permission.VIEW)
_MANAGE = needs(Permission.MANAGE_MONITORS)


@router.post(
    "/metrics",
    name="api_post_points",
    status_code=201,
    response_model=PointsTaken,
    openapi_extra=needs(Permission.POST_METRICS),
)
def post_points(db: WriteDb, actor: CurrentActor, name: str, wanted: PointsIn) -> PointsTaken:
    """Post figures, for any number of the model's series at once; sending the same again changes nothing."""
    return service.post_points(db, actor, name, wanted)


@router.get("/health", name="api_get_health", response_model=HealthOut, openapi_extra=_VIEW)
def get_health(db: ReadDb, actor: CurrentActor, name: str) -> queries.Health:
    """Return how a model does: its light at this moment, the series behind it, and open alerts."""
    return queries.get_health(db, actor, name)


@router.get("/monitors", name="api_list_monitors", response_model=PageOut[MonitorOut], openapi_extra=_VIEW)
def list_monitors(db: ReadDb, actor: CurrentActor, name: str, page: Annotated[PageIn, Query()]) -> Page[Monitor]:
    """List a model's series by name, with their limits and lights."""
    return queries.list_monitors(db, actor, name, cursor=page.cursor, limit=page.limit)


@router.post("/monitors", name="api_create_monitor", status_code=201, response_model=MonitorOut, openapi_extra=_MANAGE)
def create_monitor(db: WriteDb, actor: CurrentActor, name: str, wanted: MonitorIn) -> Monitor:
    """Watch a series of a model."""
    return service.create_monitor(db, actor, name, wanted)


@router.get("/monitors/{monitor}", name="api_get_monitor", response_model=MonitorOut, openapi_extra=_VIEW)
def get_monitor(db: ReadDb, actor: CurrentActor, name: str, monitor: str) -> Monitor:
    """Return one series, by its name or id; its `ETag` is what an edit sends as `If-Match`."""
    return queries.get_monitor(db, actor, name, monitor)


@router.patch("/monitors/{monitor}", name="api_edit_monitor", response_model=MonitorOut, openapi_extra=_MANAGE)
def edit_monitor(
    db: WriteDb, actor: CurrentActor, if_match: IfMatch, name: str, monitor: str, wanted: MonitorPatch
) -> Monitor:
    """Change what the body names. New limits hold from now on; earlier points keep what was said of them."""
    return service.edit_monitor(db, actor, name, monitor, wanted, if_match)


@router.get(
    "/monitors/{monitor}/limits", name="api_list_limits", response_model=PageOut[LimitsOut], openapi_extra=_VIEW
)
def list_limits(db: ReadDb, actor: CurrentActor, name: str, monitor: str) -> dict[str, Sequence[MonitorLimits]]:
    """List the limits that were in force over time, the newest first."""
    return {"items": queries.list_limits(db, queries.get_monitor(db, actor, name, monitor))}


@router.get("/monitors/{monitor}/points", name="api_list_points", response_model=PageOut[PointOut], openapi_extra=_VIEW)
def list_points(
    db: ReadDb, actor: CurrentActor, name: str, monitor: str, wanted: Annotated[PointPage, Query()]
) -> Page[Point]:
    """List a series' points, the latest first, corrected ones too; `since` and `until` bound their times."""
    found = queries.get_monitor(db, actor, name, monitor)
    return queries.list_points(
        db, found, since=wanted.since, until=wanted.until, cursor=wanted.cursor, limit=wanted.limit
    )


@router.get(
    "/monitors/{monitor}/points.csv",
    name="api_export_points",
    response_class=Response,
    responses=answers("text/csv"),
    openapi_extra=_VIEW,
)
def export_points(
    request: Request,
    db: ReadDb,
    actor: CurrentActor,
    name: str,
    monitor: str,
    wanted: Annotated[PointFilter, Query()],
) -> Response:
    """Export a series' points as a table for people."""
    found = queries.get_monitor(db, actor, name, monitor)
    lines = csv_lines(queries.export_points(request.app.state.database, found.id, wanted.since, wanted.until))
    name = f"points-{found.id}.csv"  # names of series may hold what a header may not
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


@points.get("/{point_id}", name="api_get_point", response_model=PointDetail, openapi_extra=_VIEW)
def get_point(db: ReadDb, actor: CurrentActor, point_id: str) -> Point:
    """Return one point: value, time, who posted it, and the limits it was judged by."""
    return queries.get_point(db, actor, point_id)


@alerts.get("", name="api_list_alerts", response_model=PageOut[AlertOut], openapi_extra=_VIEW)
def list_alerts(db: ReadDb, actor: CurrentActor, wanted: Annotated[AlertPage, Query()]) -> Page[Alert]:
    """List alerts, the last raised first."""
    return queries.list_alerts(db, actor, wanted, cursor=wanted.cursor, limit=wanted.limit)


@alerts.get("/{alert_id}", name="api_get_alert", response_model=AlertOut, openapi_extra=_VIEW)
def get_alert(db: ReadDb, actor: CurrentActor, alert_id: str) -> Alert:
    """Return one alert."""
    return queries.get_alert(db, actor, alert_id)


@alerts.post("/{alert_id}/acknowledge", name="api_acknowledge_alert", response_model=AlertOut, openapi_extra=_MANAGE)
def acknowledge_alert(db: WriteDb, actor: CurrentActor, alert_id: str, wanted: AcknowledgeIn) -> Alert:
    """Say about an open alert what it is and what is done about it."""
    return service.acknowledge_alert(db, actor, alert_id, wanted)
