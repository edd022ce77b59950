"""Inference routes: the Open Inference Protocol, and MLflow's scoring protocol."""

from typing import Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from modelops_platform import __version__
from modelops_platform.core.actor import Permission
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.serving.protocols.open_inference import DATATYPES, describe_model
from modelops_platform.web.routing import Route
from modelops_platform.web.session import ReadDb

from .. import answering, service

protocol = APIRouter(prefix="/v2", tags=["inference"], route_class=Route)
invocations = APIRouter(prefix="/deployments", tags=["inference"], route_class=Route)

_SCORE = needs(Permission.SCORE)
_ANY = {"schema": {"type": "object"}}
_TENSOR = {
    "type": "object",
    "required": ["name", "shape", "datatype", "data"],
    "properties": {
        "name": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1, "maxItems": 2},
        "datatype": {"enum": list(DATATYPES)},
        "data": {"type": "array"},
    },
}
_QUESTION = {
    "schema": {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"},
            "inputs": {"type": "array", "items": _TENSOR, "minItems": 1},
            "outputs": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
        },
    }
}
_CSV = {"schema": {"type": "string", "format": "binary"}}
_INFER: dict[str, Any] = {"requestBody": {"required": True, "content": {"application/json": _QUESTION}}}
_INVOKE: dict[str, Any] = {"requestBody": {"required": True, "content": {"application/json": _ANY, "text/csv": _CSV}}}


@protocol.get("", name="api_describe_server", openapi_extra=_SCORE)
def describe_server(db: ReadDb) -> Response:
    """Say which server this is."""
    return _json({"name": "modelops", "version": __version__, "extensions": []})


@protocol.get("/health/live", name="api_server_is_live", openapi_extra=_SCORE)
def server_is_live(db: ReadDb) -> Response:
    """Say that the server answers."""
    return _json({"live": True})


@protocol.get("/health/ready", name="api_server_is_ready", openapi_extra=_SCORE)
def server_is_ready(db: ReadDb) -> Response:
    """Say that questions can be asked: whoever is told so was signed in by the database."""
    return _json({"ready": True})


@protocol.get("/models/{deployment}", name="api_describe_deployment", openapi_extra=_SCORE)
def describe_deployment(db: ReadDb, actor: CurrentActor, deployment: str) -> Response:
    """Say what a deployment takes and gives, as the signature of its live version tells it."""
    found = service.find_answering(db, actor, deployment)
    return _json(describe_model(found.deployment, found.version, found.format.value, found.signature))


@protocol.get("/models/{deployment}/ready", name="api_deployment_is_ready", openapi_extra=_SCORE)
def deployment_is_ready(db: ReadDb, actor: CurrentActor, deployment: str) -> Response:
    """Say that a deployment answers; 409 says why it does not."""
    return _json({"name": service.find_answering(db, actor, deployment).deployment, "ready": True})


@protocol.post("/models/{deployment}/infer", name="api_infer", openapi_extra=_SCORE | _INFER)
async def infer(request: Request, deployment: str) -> Response:
    """Answer tensors by the version that is live. Each call starts a model worker: half a second or more."""
    return await answering.infer(request, deployment)


@invocations.post("/{deployment}/invocations", name="api_invoke", openapi_extra=_SCORE | _INVOKE)
async def invoke(request: Request, deployment: str) -> Response:
    """Answer a table as MLflow's scoring servers do: dataframe_split, dataframe_records, instances, inputs, or CSV."""
    return await answering.invoke(request, deployment)


def _json(told: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(told), media_type="application/json")
