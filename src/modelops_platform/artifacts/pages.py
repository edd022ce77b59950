"""Pages of stored files: what you uploaded, and downloads."""

from typing import Annotated

from fastapi import Form as FormBody
from fastapi import Query, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import Response

from modelops_platform.core.actor import Permission
from modelops_platform.core.errors import InvalidInput
from modelops_platform.identity.domain import own_path
from modelops_platform.identity.signin import CurrentActor, needs
from modelops_platform.web.forms import In, PageIn
from modelops_platform.web.render import redirect, render
from modelops_platform.web.requests import check_form
from modelops_platform.web.routing import page_router
from modelops_platform.web.session import ReadDb, WriteDb

from . import queries, service, showing, transfer
from .domain import Form

router = page_router()
MOST_FILES = 100


@router.get("/files", openapi_extra=needs(Permission.UPLOAD_FILE))
def list_uploads(request: Request, db: ReadDb, actor: CurrentActor, wanted: Annotated[PageIn, Query()]) -> Response:
    """Show what the caller uploaded."""
    page = queries.list_uploads(db, actor, cursor=wanted.cursor, limit=wanted.limit)
    waiting = queries.list_unfinished(db, actor).items
    return render(request, "artifacts/uploads.html", page=page, waiting=waiting)


@router.post("/files", openapi_extra=needs(Permission.UPLOAD_FILE))
async def upload_files(request: Request) -> Response:
    """Store the files of a form, for browsers without JavaScript."""
    async with request.form(max_files=MOST_FILES, max_fields=10) as form:
        check_form(form)
        files = [file for file in form.getlist("file") if isinstance(file, UploadFile) and file.filename]
        if not files:
            raise InvalidInput("No file was chosen.", remedy="Choose one or more files.", field="file")
        for file in files:
            await run_in_threadpool(transfer.store_part, request, file.file, file.filename or "file")
        going = own_path(str(form.get("next") or ""))
    words = files[0].filename if len(files) == 1 else f"{len(files)} files"
    return _led_to(redirect(request, "list_uploads", toast=f"Stored {words}."), going)


class GiveUpForm(In):
    """Where to go afterwards."""

    next: str = Field(default="", max_length=2000)


@router.post("/uploads/{upload_id}/give-up", openapi_extra=needs(Permission.UPLOAD_FILE))
def give_up_upload(
    request: Request, db: WriteDb, actor: CurrentActor, upload_id: str, wanted: Annotated[GiveUpForm, FormBody()]
) -> Response:
    """Give up an upload in parts; an hourly job deletes what had arrived."""
    upload = service.cancel_upload(db, actor, upload_id)
    return _led_to(redirect(request, "list_uploads", toast=f"Gave up {upload.name}."), own_path(wanted.next))


def _led_to(response: Response, going: str | None) -> Response:
    """Lead a redirect to another page of ours, when one is named."""
    if going is not None:
        response.headers["hx-redirect" if "hx-redirect" in response.headers else "location"] = going
    return response


@router.get("/files/{sha256}", openapi_extra=needs(Permission.DOWNLOAD_FILE))
def download_file(request: Request, db: ReadDb, actor: CurrentActor, sha256: str, name: str = "") -> Response:
    """Send a file to be saved."""
    blob, hold = service.get_download(db, actor, sha256)
    return transfer.send(request, queries.get_stored(db, blob.sha256), name or hold.name)


@router.post("/files/{sha256}/open", openapi_extra=needs(Permission.OPEN_QUARANTINED))
async def open_quarantined(request: Request, sha256: str) -> Response:
    """Send a dangerous file to somebody who may look into it; that they did is recorded."""
    return await run_in_threadpool(transfer.open_quarantined, request, sha256)


@router.get("/files/{sha256}/show", openapi_extra=needs(Permission.DOWNLOAD_FILE))
async def show_file(request: Request, sha256: str, name: str = "") -> Response:
    """Show what a file holds, as far as it can be told without running it."""
    return await run_in_threadpool(_show_file, request, sha256, name)


def _show_file(request: Request, sha256: str, name: str) -> Response:
    database, actor = request.app.state.database, request.state.actor
    with database.read() as db:
        name = name or queries.name_of(db, actor, sha256)
    return render(request, "artifacts/show.html", view=showing.show_file(database, actor, sha256, name[:1024]))


@router.get("/files/{sha256}/picture", openapi_extra=needs(Permission.DOWNLOAD_FILE))
def show_picture(request: Request, db: ReadDb, actor: CurrentActor, sha256: str, form: Form) -> Response:
    """Send the picture of a preview: a PNG of our own making, never a byte of the file itself."""
    blob, _hold = service.get_download(db, actor, sha256)
    picture = queries.find_picture(db, blob.sha256, form)
    if picture is None:
        raise queries.no_file(sha256)
    return Response(picture, headers={"content-security-policy": "default-src 'none'; sandbox"}, media_type="image/png")
