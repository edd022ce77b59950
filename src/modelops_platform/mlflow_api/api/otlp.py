"""Spans from the MLflow client and from any OpenTelemetry exporter: OTLP over HTTP, protobuf or JSON."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.core.errors import InvalidInput
from modelops_platform.tracking import service
from modelops_platform.tracking.domain.otlp import ToldSpan, read_spans, unpack
from modelops_platform.web.joined import joined_writes

from ..reading import missing_parameter
from ..routes import Family, read_body

family = Family()
LARGEST = 16_000_000
PROTOBUF, JSON = "application/x-protobuf", "application/json"
_READING = ThreadPoolExecutor(4, thread_name_prefix="otlp")


@family.stream("POST", "/v1/traces", permission=Permission.LOG_RUNS, is_bare=True)
async def export_traces(request: Request) -> Response:
    """Keep spans in the experiment that the header names; the same spans again are harmless."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (PROTOBUF, JSON):
        raise InvalidInput(
            f"Invalid Content-Type {kind[:80]!r}.", remedy=f"Send {PROTOBUF} or {JSON}.", field="Content-Type"
        )
    experiment_id = request.headers.get("x-mlflow-experiment-id", "")
    if not experiment_id:
        raise missing_parameter("x-mlflow-experiment-id")
    actor, run_id = request.state.actor, request.headers.get("x-mlflow-run-id")
    encoding, body = request.headers.get("content-encoding", ""), await read_body(request, LARGEST)

    def read() -> list[ToldSpan]:
        return read_spans(unpack(body, encoding), is_json=kind == JSON)

    spans = await asyncio.get_running_loop().run_in_executor(_READING, read)

    def keep(db: Session) -> None:
        service.log_spans(db, actor, experiment_id, spans, run_id=run_id)

    await joined_writes(request.app.state.database).do(keep)
    return Response(b"{}" if kind == JSON else b"", media_type=kind)
