"""What the server says about itself."""

from typing import Any

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from modelops_platform.artifacts.store import ObjectStore, store_of
from modelops_platform.core.actor import Actor, Permission

from ..routes import Family
from ..wire import Message

EMULATED = "3.17.2"  # the MLflow whose protocol is spoken; its tracer sends spans from 3.4 on
family = Family()


class Nothing(Message, kw_only=True):
    """A request that says no more than its address."""


@family.stream("GET", "/health", permission=None, is_bare=True)
async def health(_request: Request) -> Response:
    """Say that the process answers."""
    return PlainTextResponse("OK")


@family.stream("GET", "/version", permission=None, is_bare=True)
async def version(_request: Request) -> Response:
    """Say which MLflow's protocol is spoken."""
    return PlainTextResponse(EMULATED)


@family.get("server-info", version="3.0", permission=Permission.VIEW)
def server_info(db: Session, _actor: Actor, _wanted: Nothing) -> dict[str, Any]:
    """Say what is offered beside the plain protocol."""
    return {
        "store_type": "SqlStore",
        "workspaces_enabled": False,
        "trace_archival_enabled": False,
        "multipart_uploads_enabled": isinstance(store_of(db), ObjectStore),
        "multipart_downloads_enabled": False,
        "presigned_upload_run_id_supported": False,
        "presigned_upload_model_id_supported": False,
        "features_enabled": {"gateway": False},
    }
