"""JSON routes of stored files."""

from typing import Annotated, Any

from fastapi import Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.core.cursors import Page
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import PageIn, PageOut
from modelops_platform.web.render import url_for
from modelops_platform.web.routing import api_router
from modelops_platform.web.session import ReadDb, WriteDb

from . import queries, service, transfer
from .headers import part_of
from .queries import Upload
from .schemas import BeginIn, FileOut, FileReport, UploadOut, UploadState
from .tables import Blob, PartialUpload

router = api_router("/files", "files")
uploads = api_router("/uploads", "files")
ROUTERS = [router, uploads]

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


@router.delete("/{sha256}", name="api_forget_upload", status_code=204, openapi_extra=needs(Permission.UPLOAD_FILE))
def forget_upload(db: WriteDb, actor: CurrentActor, sha256: str) -> None:
    """Let go of a file that you uploaded. What a version or a data set holds is not deleted; the answer names them."""
    service.forget_upload(db, actor, sha256)


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


# ---- files that are sent in parts -----------------------------------------------------------------------------------

Offset = Annotated[str | None, Header(max_length=40, description="Bytes before this part, 0 for the first one.")]


@uploads.post(
    "",
    name="api_begin_upload",
    status_code=201,
    response_model=UploadState,
    openapi_extra=needs(Permission.UPLOAD_FILE),
)
def begin_upload(request: Request, db: WriteDb, actor: CurrentActor, wanted: BeginIn) -> Response:
    """Begin to send a file in parts: any process takes them, and a broken connection or a restart loses none.

    Send the bytes by PATCH with `Upload-Offset`; ask HEAD how far it is.
    """
    upload = service.begin_upload(db, actor, name=wanted.name, size=wanted.size, expected=wanted.sha256)
    response = _state(upload, 201)
    response.headers["location"] = url_for(request.app, "api_get_upload", upload_id=upload.id)
    return response


@uploads.get(
    "", name="api_list_unfinished", response_model=PageOut[UploadState], openapi_extra=needs(Permission.UPLOAD_FILE)
)
def list_unfinished(db: ReadDb, actor: CurrentActor, wanted: Annotated[PageIn, Query()]) -> Page[PartialUpload]:
    """List your uploads in parts that wait for more bytes, the newest first."""
    return queries.list_unfinished(db, actor, cursor=wanted.cursor, limit=wanted.limit)


@uploads.get(
    "/{upload_id}", name="api_get_upload", response_model=UploadState, openapi_extra=needs(Permission.UPLOAD_FILE)
)
def get_upload(db: ReadDb, actor: CurrentActor, upload_id: str) -> Response:
    """Tell how far an upload is, in the body and in `Upload-Offset`."""
    return _state(queries.get_upload(db, actor, upload_id))


uploads.head("/{upload_id}", include_in_schema=False, openapi_extra=needs(Permission.UPLOAD_FILE))(get_upload)


@uploads.patch(
    "/{upload_id}",
    name="api_send_part",
    response_model=UploadState,
    openapi_extra=needs(Permission.UPLOAD_FILE) | _BODY,
)
async def send_part(request: Request, upload_id: str, upload_offset: Offset = None) -> Response:
    """Store the body as the next part. The last one makes the file, as one request with all of it does.

    A part at another offset than the next is refused with 409 and the right one. After a failure at the very end,
    an empty part there makes the file.
    """
    return _state(await transfer.append(request, upload_id, part_of(request.headers)))


uploads.put("/{upload_id}", include_in_schema=False, openapi_extra=needs(Permission.UPLOAD_FILE))(send_part)


@uploads.delete("/{upload_id}", name="api_cancel_upload", status_code=204, openapi_extra=needs(Permission.UPLOAD_FILE))
async def cancel_upload(request: Request, upload_id: str) -> Response:
    """Give an upload up; the bytes that have arrived are deleted."""
    await run_in_threadpool(transfer.cancel, request, upload_id)
    return Response(status_code=204)


def _state(upload: PartialUpload, status: int = 200) -> Response:
    shown = UploadState.model_validate(upload)
    headers = {"upload-offset": str(upload.received), "upload-length": str(upload.size)}
    return Response(shown.model_dump_json(), status, headers, media_type="application/json")
