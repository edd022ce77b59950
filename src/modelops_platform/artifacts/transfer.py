"""Files over HTTP: bodies that are stored while they arrive, and answers that are checked while they leave."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from modelops_platform.core.db import Database
from modelops_platform.core.errors import InvalidInput, PlatformError, Unavailable
from modelops_platform.web.errors import show_problem

from . import queries, service
from .domain import clean_path
from .headers import Part, RangeNotSatisfiable, Span, attachment, expected_digest, wanted_span
from .store import Damage, DirectPart, Incoming, Received, Spool, Store, Stored, open_store
from .tables import Blob, PartialUpload

_PIECE_BYTES = 1024**2
_THREADS = ThreadPoolExecutor(32, thread_name_prefix="files")  # a third of what the framework's way to a thread costs


async def receive(request: Request, name: str) -> Blob:
    """Store the request's body while it arrives, in memory that does not grow with it.

    The caller has been authorised before. Raises InvalidInput, TooLarge, Unavailable; nothing is left then, nor when
    the connection breaks off.
    """
    name = clean_path(name, field="name")
    received = await take_in(request)
    return await run_in_threadpool(_name, request, received, name)


async def take_in(request: Request) -> Received:
    """Store the request's body as `receive` does, without a row: the caller writes one, or the bytes go again."""
    expected = expected_digest(request.headers)
    for header in ("content-encoding", "content-range"):
        if request.headers.get(header, "identity") != "identity":
            raise InvalidInput(
                f"The header {header} is not taken here.", remedy="Send the file as it is.", field=header
            )
    with await run_in_threadpool(open_store(request.app.state.settings).begin) as incoming:
        try:
            await _take(request.stream(), incoming.write)
        except ClientDisconnect:
            words = "The connection broke off before the file had arrived."
            raise InvalidInput(words, remedy="Send it again.", field="body") from None
        return await run_in_threadpool(_keep, request, incoming, expected)


async def _take(chunks: AsyncIterator[bytes], write: Callable[[bytes], None]) -> None:
    """Write what the network brings, a megabyte in a thread while the next one arrives."""
    loop = asyncio.get_running_loop()
    writing: asyncio.Future[None] | None = None
    try:
        async for pieces in _together(chunks):
            if writing is not None:
                await writing
            writing = loop.run_in_executor(_THREADS, _write_each, write, pieces)
    finally:
        if writing is not None:
            await writing


def _write_each(write: Callable[[bytes], None], pieces: Sequence[bytes]) -> None:
    for piece in pieces:
        write(piece)


async def _together(chunks: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    """Gather what the network brings, so that one hop to a thread writes a megabyte, without a copy that joins it."""
    pieces: list[bytes] = []
    size = 0
    async for chunk in chunks:
        pieces.append(chunk)
        size += len(chunk)
        if size >= _PIECE_BYTES:
            yield pieces
            pieces, size = [], 0
    if size:
        yield pieces


async def append(request: Request, upload_id: str, part: Part) -> PartialUpload:
    """Store the body as the next part of an upload, and make the file when it is whole.

    What arrived before the connection broke off is kept, so that the sender goes on from there.
    Raises NotFound, Conflict, InvalidInput, Unavailable.
    """
    start = part.start
    upload = await run_in_threadpool(_next_part, request, upload_id, part)
    store = open_store(request.app.state.settings)
    if not upload.is_whole:
        with await run_in_threadpool(store.begin_part) as spool:

            def write(data: bytes) -> None:
                if start + spool.size + len(data) > upload.size:
                    raise service.beyond_the_end(upload, start + spool.size + len(data))
                spool.write(data)

            is_gone = False
            try:
                await _take(request.stream(), write)
            except ClientDisconnect:
                is_gone = True
            if spool.size:
                upload = await run_in_threadpool(_keep_part, request, upload_id, start, spool)
        if is_gone:
            words = "The connection broke off before the part had arrived."
            raise InvalidInput(words, remedy=f"Go on from offset {upload.received}.", field="body")
    if upload.is_whole and upload.sha256 is None:
        upload = await run_in_threadpool(_make_whole, request, upload)
    return upload


def _next_part(request: Request, upload_id: str, part: Part) -> PartialUpload:
    database: Database = request.app.state.database
    with database.read() as db:
        upload = queries.get_upload(db, request.state.actor, upload_id)
    if part.total is not None and part.total != upload.size:
        raise service.other_size(upload, part.total)
    if part.start != upload.received:
        raise service.misplaced(upload, part.start)
    return upload


def _keep_part(request: Request, upload_id: str, start: int, spool: Spool) -> PartialUpload:
    """Put the part in its place, then note it; a part that somebody else was quicker with is dropped."""
    database: Database = request.app.state.database
    store = open_store(request.app.state.settings)
    key = store.keep_part(upload_id, start, spool)
    try:
        with database.write() as db:
            return service.add_part(db, request.state.actor, upload_id, start=start, length=spool.size, key=key)
    except PlatformError:
        store.drop_part(key)
        raise


def _make_whole(request: Request, upload: PartialUpload) -> PartialUpload:
    """Read the parts into one file, whose digests are made on the way, and store it like any other."""
    database: Database = request.app.state.database
    store = open_store(request.app.state.settings)
    with database.read() as db:
        parts = queries.list_parts(db, upload.id)
    with store.begin() as incoming:
        for part in parts:
            for data in store.read_part(part.key, part.length):
                incoming.write(data)
        try:
            received = _keep(request, incoming, upload.expected)
        except InvalidInput:  # other bytes than announced: what was sent is of no use
            with database.write() as db:
                service.begin_anew(db, request.state.actor, upload.id)
            for part in parts:
                store.drop_part(part.key)
            raise
        with database.write() as db:
            finished = service.finish_upload(db, request.state.actor, upload.id, received)
    _drop_parts(store, upload.id)
    return finished


def join(request: Request, parts: Sequence[DirectPart]) -> Received:
    """Read what a client put into the bucket into one file, whose digests are made on the way, and store it."""
    store = open_store(request.app.state.settings)
    with store.begin() as incoming:
        for part in parts:
            for data in store.read_part(part.key, part.size):
                incoming.write(data)
        return _keep(request, incoming, None)


def drop(request: Request, upload_id: str) -> None:
    """Drop the parts of an upload that has ended."""
    _drop_parts(open_store(request.app.state.settings), upload_id)


def cancel(request: Request, upload_id: str) -> None:
    """Give an upload up and drop its parts. Raises NotFound."""
    database: Database = request.app.state.database
    with database.write() as db:
        service.cancel_upload(db, request.state.actor, upload_id)
    _drop_parts(open_store(request.app.state.settings), upload_id)


def _drop_parts(store: Store, upload_id: str) -> None:
    with suppress(Unavailable):  # the sweep finds what is left
        store.drop_parts(upload_id)


def store_part(request: Request, file: BinaryIO, name: str) -> Blob:
    """Store a file of a form that has arrived. Raises InvalidInput, Unavailable."""
    name = clean_path(name, field="file")
    with open_store(request.app.state.settings).begin() as incoming:
        while piece := file.read(_PIECE_BYTES):
            incoming.write(piece)
        return _name(request, _keep(request, incoming, None), name)


def _name(request: Request, received: Received, name: str) -> Blob:
    """Write the row that names the bytes."""
    database: Database = request.app.state.database
    with database.write() as db:
        return service.add_blob(db, request.state.actor, received, name=name)


def _keep(request: Request, incoming: Incoming, expected: str | None) -> Received:
    """Put a whole file under its digest, in the place of equal bytes only when those are damaged."""
    database: Database = request.app.state.database
    stored = incoming.finish(expected)
    with database.read() as db:
        is_damaged = queries.is_damaged(db, stored.sha256)
    return open_store(request.app.state.settings).keep(incoming, replace=is_damaged)


def send(request: Request, stored: Stored, name: str) -> Response:
    """Answer with a file, or the part of it that is wanted: always to be saved, never to be shown."""
    etag = f'"{stored.sha256}"'
    headers = {
        "etag": etag,
        "accept-ranges": "bytes",
        "content-type": "application/octet-stream",
        "content-disposition": attachment(name),
        "content-security-policy": "default-src 'none'; sandbox",  # should a browser show it nevertheless
    }
    try:
        wanted = wanted_span(request.headers, etag, stored.size) if request.method == "GET" else None
    except RangeNotSatisfiable:
        return _no_such_range(request, stored)
    span = wanted or Span(0, stored.size)
    headers["content-length"] = str(span.end - span.start)
    if wanted is not None:
        headers["content-range"] = f"bytes {span.start}-{span.end - 1}/{stored.size}"
    if request.method == "HEAD":
        return Response(status_code=200, headers=headers)
    return CheckedResponse(_checked(request, stored, span), 206 if wanted else 200, headers)


def _no_such_range(request: Request, stored: Stored) -> Response:
    problem = {
        "title": "That part does not exist",
        "status": 416,
        "code": "invalid_input",
        "detail": f"The range {request.headers['range'][:80]!r} begins beyond the file's {stored.size:,} bytes.",
        "remedy": "Ask for a part that begins inside the file.",
        "field": "Range",
    }
    return show_problem(request, problem, {"content-range": f"bytes */{stored.size}"})


def _checked(request: Request, stored: Stored, span: Span) -> Iterator[list[bytes]]:
    """Yield checked blocks, each in pieces; damage is noted, then breaks the connection off."""
    database: Database = request.app.state.database
    try:
        yield from open_store(request.app.state.settings).read_blocks(stored, span.start, span.end)
    except Damage as damage:
        refusal = service.unreadable(damage)
        with database.write() as db:
            for write in refusal.to_keep:
                write(db)
        raise refusal from damage


class CheckedResponse(StreamingResponse):
    """A stream whose first block is read before the answer starts, so that damage there is still told in words."""

    def __init__(self, blocks: Iterator[list[bytes]], status_code: int, headers: dict[str, str]) -> None:
        super().__init__((), status_code, headers)
        self._blocks = blocks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.body_iterator = self._pieces(await self._next())
        await super().__call__(scope, receive, send)

    async def _pieces(self, block: list[bytes] | None) -> AsyncIterator[bytes]:
        while block is not None:
            for piece in block:
                yield piece
            block = await self._next()

    async def _next(self) -> list[bytes] | None:
        return await asyncio.get_running_loop().run_in_executor(_THREADS, next, self._blocks, None)


def open_quarantined(request: Request, sha256: str) -> Response:
    """Answer with a dangerous file that somebody opens knowingly; that they did is committed first."""
    database: Database = request.app.state.database
    with database.write() as db:
        _blob, hold = service.open_quarantined(db, request.state.actor, sha256)
        stored = queries.get_stored(db, sha256)
    return send(request, stored, f"{hold.name}.quarantined")
