"""JSON routes about the platform itself: health, telemetry, the API's own description."""

import msgspec
from fastapi import APIRouter, Request
from prometheus_client import generate_latest
from sqlalchemy import text
from starlette.responses import Response

from modelops_platform.artifacts.store import store_of
from modelops_platform.core.actor import Permission
from modelops_platform.core.errors import Unavailable
from modelops_platform.core.schema import is_current
from modelops_platform.core.trouble import full
from modelops_platform.identity.signin import needs
from modelops_platform.web.described import describe
from modelops_platform.web.edge import telemetry
from modelops_platform.web.routing import Route, public
from modelops_platform.web.session import ReadDb

health = APIRouter(route_class=Route, tags=["operations"])
router = APIRouter(route_class=Route, tags=["operations"])


@health.get("/healthz", openapi_extra=public(), include_in_schema=False)
async def healthz() -> Response:
    """Say that the process answers."""
    return Response(b'{"status":"ok"}', media_type="application/json")


@health.get("/readyz", openapi_extra=public(), include_in_schema=False)
def readyz(request: Request, db: ReadDb) -> Response:
    """Say whether requests can be served: database, migrations, file store; and what can only be read."""
    db.execute(text("SELECT 1"))
    if not is_current(db):
        raise Unavailable("Migrations are pending.", remedy="Run `modelops db upgrade`.")
    store_of(db).check()
    told = {"status": "ready", "problems": full(request.app.state.settings.home)}
    return Response(msgspec.json.encode(told), media_type="application/json")


@health.get("/metrics", openapi_extra=needs(Permission.READ_TELEMETRY), include_in_schema=False)
def metrics(db: ReadDb) -> Response:
    """Return counts and timings for Prometheus."""
    return Response(generate_latest(telemetry), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/api/openapi.json", openapi_extra=needs(Permission.VIEW), include_in_schema=False)
def openapi(request: Request, db: ReadDb) -> Response:
    """Return the description of the JSON API."""
    return Response(msgspec.json.encode(describe(request.app)), media_type="application/json")
