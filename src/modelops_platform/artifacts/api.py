"""JSON routes of stored files."""

from typing import Annotated, Any

from fastapi import Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageIn, PageOut
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from . import queries, service, transfer
from .queries import Upload
from .schemas import FileOut, FileReport, UploadOut
from .tables import Blob

router = api_router("/files", "files")

_BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_BODY: dict[str, Any] = {"requestBody": {"required": True, "content": _BINARY}}
_SENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": _BINARY},
    206: {"description": "The part that `Range` asks for.", "content": _BINARY},
    416: {"description": "The part begins beyond the end."},
}
Name = Annotated[str, Query(max_length=1024, description="The file's path, a label only.")]


class UploadFilter(PageIn):
    """Which uploads."""

    unused: bool = False


@router.put(
    "",
    name="api_upload_file",
    status_code=201,
    response_model=FileOut,
    openapi_extra=needs(Permission.UPLOAD_FILE) | _BODY,
)
async def upload_file(request: Request, name: Name = "file") -> Response:
    """Store the body as a file, and have it scanned.

    `X-Content-SHA256` (hex) or `Content-Digest` is compared with what arrives. Equal files are stored once.
    """
    blob = await transfer.receive(request, name)
    shown = FileOut.model_validate(blob).model_copy(update={"name": name})
    return Response(shown.model_dump_json(), 201, media_type="application/json")


@router.get("", name="api_list_uploads", response_model=PageOut[UploadOut], openapi_extra=needs(Permission.UPLOAD_FILE))
def list_uploads(db: ReadDb, actor: CurrentActor, wanted: Annotated[UploadFilter, Query()]) -> Page[Upload]:
    """List what you uploaded, the newest first."""
    return queries.list_uploads(db, actor, unused=wanted.unused, cursor=wanted.cursor, limit=wanted.limit)


@router.get("/{sha256}", name="api_download_file", responses=_SENT, openapi_extra=needs(Permission.DOWNLOAD_FILE))
def download_file(request: Request, db: ReadDb, actor: CurrentActor, sha256: str, name: Name = "") -> Response:
    """Send a file or, with `Range`, a part of it; every block is checked against its digest before it is sent."""
    blob, hold = service.get_download(db, actor, sha256)
    return transfer.send(request, queries.get_stored(db, blob.sha256), name or hold.name)


router.head("/{sha256}", include_in_schema=False, openapi_extra=needs(Permission.DOWNLOAD_FILE))(download_file)


@router.get("/{sha256}/report", name="api_get_file", response_model=FileReport, openapi_extra=needs(Permission.VIEW))
def get_file(db: ReadDb, actor: CurrentActor, sha256: str) -> FileReport:
    """Return what is known about a file: size, format, the scan's verdict, and what keeps it."""
    blob = queries.get_blob(db, actor, sha256)
    holds = queries.list_holds(db, actor, sha256)
    shown = FileOut.model_validate(blob).model_dump() | {"name": holds[0].name}
    return FileReport(**shown, holders=[hold for hold in holds if hold.holder_kind != queries.UPLOAD])


@router.post(
    "/{sha256}/scan",
    name="api_scan_file",
    status_code=202,
    response_model=FileOut,
    openapi_extra=needs(Permission.UPLOAD_FILE),
)
def scan_file(db: WriteDb, actor: CurrentActor, sha256: str) -> Blob:
    """Have a file scanned again."""
    return service.scan_again(db, actor, sha256)


@router.post("/{sha256}/open", name="api_open_file", responses=_SENT, openapi_extra=needs(Permission.OPEN_QUARANTINED))
async def open_file(request: Request, sha256: str) -> Response:
    """Send a file that the scan calls dangerous; that you opened it is recorded."""
    return await run_in_threadpool(transfer.open_quarantined, request, sha256)
