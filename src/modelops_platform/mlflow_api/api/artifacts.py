"""Files of runs and logged models: the artifact proxy, listings, and downloads by run."""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from modelops_platform.artifacts import queries as stored_files
from modelops_platform.artifacts import service as artifacts
from modelops_platform.artifacts import transfer
from modelops_platform.artifacts.store import ObjectStore, Received, Store, open_store, store_of
from modelops_platform.artifacts.tables import DirectUpload
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import Database
from modelops_platform.core.errors import InvalidInput, NotFound, TooLarge
from modelops_platform.registry import queries as registry
from modelops_platform.tracking import queries, service
from modelops_platform.tracking.domain.described import describe, is_description
from modelops_platform.tracking.domain.places import checked_path, path_of
from modelops_platform.tracking.queries import Listed, StoredFile

from ..envelope import NotOffered
from ..reading import Reader, missing_parameter
from ..routes import LARGEST_MESSAGE, Family, read_body
from ..wire import EMPTY, Message, Text
from .runs import OfRun

family = Family()
READ, LOG, DOWNLOAD = Permission.VIEW, Permission.LOG_RUNS, Permission.DOWNLOAD_FILE
LARGEST_FROM_PAGE = 10_000_000
Found = Callable[[Session, Actor], StoredFile]


def listed(files: list[Listed]) -> list[dict[str, Any]]:
    """Return a folder's lines in the protocol's shape."""
    return [
        {"path": one.name, "is_dir": True}
        if one.is_folder
        else {"path": one.name, "is_dir": False, "file_size": one.size}
        for one in files
    ]


def done() -> Response:
    """Return the answer that says no more than that it is done."""
    return Response(EMPTY, media_type="application/json")


# ---- the proxy ------------------------------------------------------------------------------------------------------


@family.stream("PUT", "/mlflow-artifacts/artifacts/{path:path}", permission=LOG)
async def upload(request: Request) -> Response:
    """Store the body under the path."""
    await put(request, request.path_params["path"])
    return done()


async def put(request: Request, path: str) -> None:
    """Store the request's body under the path: the right to do so is looked at before and after it has arrived."""
    path = await run_in_threadpool(_check, request, path)
    received = await transfer.take_in(request)
    await run_in_threadpool(_put, request, path, received)


def _check(request: Request, path: str) -> str:
    database: Database = request.app.state.database
    with database.read() as db:
        return service.check_may_put(db, request.state.actor, path)


def _put(request: Request, path: str, received: Received) -> None:
    described = None
    if is_description(path, received.size):
        described = describe(path, b"".join(open_store(request.app.state.settings).read(received)))
    database: Database = request.app.state.database
    with database.write() as db:
        service.put_artifact(db, request.state.actor, path, received, described)


@family.stream("GET", "/mlflow-artifacts/artifacts/{path:path}", permission=DOWNLOAD)
async def download(request: Request) -> Response:
    """Send a file, or the part of it that `Range` asks for."""
    path = request.path_params["path"]
    return await run_in_threadpool(send, request, lambda db, actor: get_file(db, actor, path))


def get_file(db: Session, actor: Actor, path: str) -> StoredFile:
    """Return a file by its path: below an experiment, or of a version that no client made. Raises as tracking does."""
    files = registry.find_version_files(db, actor, checked_path(path))
    if files is None:
        return queries.get_file(db, actor, path)
    found = next((file for file in files if file.path == checked_path(path)), None)
    if found is None:
        raise NotFound(f"No such artifact: {path[:200]!r}.", field="path", value=path[:200])
    return found


def get_file_at(db: Session, actor: Actor, root_uri: str, path: str) -> StoredFile:
    """Return a file below an artifact address. Raises NotFound, InvalidInput, NotAllowed."""
    root = path_of(root_uri)
    if root is None:
        raise NotFound("The artifacts are kept elsewhere.", remedy=f"Ask {root_uri[:200]}.", field="path")
    return get_file(db, actor, f"{root}/{checked_path(path)}")


def send(request: Request, find: Found) -> Response:
    """Answer with a file that the caller may see by its path; each block is checked before it is sent.

    What the scan calls dangerous (a model pickled with its own code is) goes only to those who may put files there
    themselves, and that they took it is recorded.
    """
    database: Database = request.app.state.database
    actor: Actor = request.state.actor
    with database.read() as db:
        file = find(db, actor)
        own = queries.find_own_place(db, actor, file.path)
        stored, is_dangerous = artifacts.get_for_reader(db, file.sha256, knowingly=own is not None)
    if is_dangerous and own is not None:
        with database.write() as db:
            artifacts.note_opened(db, actor, file.sha256, name=file.path, unit_id=own.unit_id)
    return transfer.send(request, stored, file.path)


@family.stream("DELETE", "/mlflow-artifacts/artifacts/{path:path}", permission=LOG)
async def delete(request: Request) -> Response:
    """Delete a file, or a folder with all below it."""
    path = request.path_params["path"]
    return await run_in_threadpool(changed, request, lambda db, actor: service.delete_artifacts(db, actor, path))


def changed(request: Request, change: Callable[[Session, Actor], object]) -> Response:
    """Change something in a transaction of its own, and say that it is done."""
    database: Database = request.app.state.database
    with database.write() as db:
        change(db, request.state.actor)
    return done()


class Folder(Message, kw_only=True):
    """Names a folder."""

    path: str = ""


@family.get("/mlflow-artifacts/artifacts", permission=READ)
def list_artifacts(db: Session, actor: Actor, wanted: Folder) -> dict[str, Any]:
    """List a folder by base names; one that is not there, or is a file, has nothing in it."""
    of_version = registry.find_version_files(db, actor, wanted.path.strip("/"))
    if of_version is not None:
        files = folder_of(of_version, checked_path(wanted.path.removesuffix("/")))
    else:
        files = queries.list_folder(db, actor, wanted.path)
    return {"files": listed(files)} if files else {}


def folder_of(files: list[StoredFile], path: str) -> list[Listed]:
    """Return what stands in a folder of a manifest."""
    found: dict[str, Listed] = {}
    for file in files:
        if file.path.startswith(f"{path}/"):
            name, slash, _ = file.path[len(path) + 1 :].partition("/")
            found[name] = Listed(name, bool(slash), 0 if slash else file.size)
    return [found[name] for name in sorted(found)]


# ---- what only object stores can do ---------------------------------------------------------------------------------


class Part(Message, kw_only=True):
    """A part that a client has put into the bucket."""

    part_number: int
    etag: str = ""
    url: str = ""


class InParts(Message, kw_only=True):
    """A file that a client sends in parts: the folder from the address, and its name, maybe with a local folder."""

    folder: str = ""
    path: Text
    num_parts: int = 0
    upload_id: str = ""
    parts: list[Part] = []

    @property
    def place(self) -> str:
        """Where the file is to be."""
        return f"{self.folder.rstrip('/')}/{PurePosixPath(self.path).name}"


@family.post("/mlflow-artifacts/mpu/create/{folder:path}", permission=LOG, writes=True)
def begin_in_parts(db: Session, actor: Actor, wanted: InParts) -> dict[str, Any]:
    """Give the addresses in the bucket to which the client may put the parts."""
    path = service.check_may_put(db, actor, wanted.place)
    store = _bucket(store_of(db))
    upload = artifacts.begin_direct(db, actor, path, wanted.num_parts)
    urls = store.invite(upload.id, upload.parts, artifacts.SIGNED_SECONDS)
    credentials = [{"url": url, "part_number": number, "headers": {}} for number, url in enumerate(urls, 1)]
    return {"upload_id": upload.id, "credentials": credentials}


def _bucket(store: Store) -> ObjectStore:
    """Return the store, if it is a bucket; otherwise say in the words that clients know that files come whole."""
    if not isinstance(store, ObjectStore):
        raise NotOffered(
            "Multipart upload is not supported by a file store: every file is checked while it arrives, so send it in "
            "one request."
        )
    return store


_in_parts = Reader(InParts)


async def _read_in_parts(request: Request) -> InParts:
    return _in_parts.read_body(await read_body(request, LARGEST_MESSAGE), request.path_params)


@family.stream("POST", "/mlflow-artifacts/mpu/complete/{folder:path}", permission=LOG)
async def complete_in_parts(request: Request) -> Response:
    """Make the parts one file: they are read, checked and stored like any other before the path names them."""
    wanted = await _read_in_parts(request)
    return await run_in_threadpool(_complete, request, wanted)


def _complete(request: Request, wanted: InParts) -> Response:
    upload = _under_way(request, wanted)
    there = _bucket(open_store(request.app.state.settings)).list_direct(upload.id)
    told = {part.part_number: part.etag for part in wanted.parts}
    parts = artifacts.check_direct(request.app.state.settings, upload, there, told)
    _put(request, upload.path, transfer.join(request, parts))
    return _end(request, upload.id)


@family.stream("POST", "/mlflow-artifacts/mpu/abort/{folder:path}", permission=LOG)
async def abort_in_parts(request: Request) -> Response:
    """Give up a file that came in parts."""
    wanted = await _read_in_parts(request)
    return await run_in_threadpool(lambda: _end(request, _under_way(request, wanted).id))


def _under_way(request: Request, wanted: InParts) -> DirectUpload:
    path = _check(request, wanted.place)
    _bucket(open_store(request.app.state.settings))
    database: Database = request.app.state.database
    with database.read() as db:
        return stored_files.get_direct_upload(db, request.state.actor, wanted.upload_id, path)


def _end(request: Request, upload_id: str) -> Response:
    answer = changed(request, lambda db, _actor: artifacts.end_direct(db, upload_id))
    transfer.drop(request, upload_id)
    return answer


class Presigned(Message, kw_only=True):
    """A file that a client would fetch from the store itself."""

    path: Text


@family.get("/mlflow-artifacts/presigned/{path:path}", permission=READ)
def presign(db: Session, actor: Actor, wanted: Presigned) -> None:
    """Say that files come from here, because each block is checked on its way out."""
    queries.get_file(db, actor, wanted.path)
    raise NotOffered("Presigned addresses are not supported: every file is checked while it is sent, so fetch it here.")


class PresignedOfRun(OfRun, kw_only=True):
    """A file of a run that a client would send to, or fetch from, the store itself."""

    path: str = ""


@family.post("artifacts/presigned-upload-url", permission=LOG)
@family.post("artifacts/presigned-download-url", permission=READ)
def presign_for_run(db: Session, actor: Actor, wanted: PresignedOfRun) -> None:
    """Refuse: the files of runs come and go through the platform."""
    queries.get_head(db, actor, wanted.run)
    raise InvalidInput(
        "Presigned addresses are not offered for runs whose artifacts are proxied.",
        remedy="Use the artifact proxy.",
        field="run_id",
    )


# ---- by run ---------------------------------------------------------------------------------------------------------


class RunFolder(OfRun, kw_only=True):
    """Names a folder of a run."""

    path: str | None = None
    page_token: str | None = None


@family.get("artifacts/list", permission=READ)
def list_run_artifacts(db: Session, actor: Actor, wanted: RunFolder) -> dict[str, Any]:
    """List a folder of a run, with paths from the run's root."""
    uri, files = queries.list_run_artifacts(db, actor, wanted.run, wanted.path)
    return {"root_uri": uri, "files": listed(files)} if files else {"root_uri": uri}


def asked(request: Request, *names: str) -> str:
    """Return the first of these parameters of a query. Raises InvalidInput when there is none."""
    found = next((value for name in names if (value := request.query_params.get(name))), None)
    if found is None:
        raise missing_parameter(names[0])
    return found


@family.stream("GET", "/get-artifact", permission=DOWNLOAD, is_bare=True)
async def download_of_run(request: Request) -> Response:
    """Send a file of a run."""
    run_id, path = asked(request, "run_id", "run_uuid"), asked(request, "path")
    return await run_in_threadpool(send, request, lambda db, actor: queries.get_file_of_run(db, actor, run_id, path))


@family.stream("POST", "/mlflow/upload-artifact", permission=LOG)
async def upload_of_run(request: Request) -> Response:
    """Store the body as a file of a run."""
    run_id, path = asked(request, "run_uuid", "run_id"), asked(request, "path")
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > LARGEST_FROM_PAGE:
        raise TooLarge(
            f"The body has {length or 'an unknown number of'} bytes; at most {LARGEST_FROM_PAGE:,} are taken here.",
            remedy="Use the artifact proxy.",
            field="body",
        )
    root = await run_in_threadpool(_root_of, request, run_id)
    await put(request, f"{root}/{path}")
    return done()


def _root_of(request: Request, run_id: str) -> str:
    database: Database = request.app.state.database
    with database.read() as db:
        return queries.get_run_root(db, request.state.actor, run_id)
