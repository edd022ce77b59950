"""Files over HTTP: bodies that are stored while they arrive, and answers that are checked while they leave."""

import itertools
from collections.abc import AsyncIterator, Iterator
from typing import BinaryIO

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from modelops_platform.core.actor import Actor
from modelops_platform.core.db import Database
from modelops_platform.core.errors import InvalidInput
from modelops_platform.web.errors import show_problem

from . import queries, service
from .domain import clean_path
from .headers import RangeNotSatisfiable, Span, attachment, expected_digest, wanted_span
from .store import Damage, Incoming, Stored, open_store
from .tables import Blob

_PIECE_BYTES = 1024**2


async def receive(request: Request, name: str) -> Blob:
    """Store the request's body while it arrives, in memory that does not grow with it.

    The caller has been authorised before. Raises InvalidInput, TooLarge, Unavailable; nothing is left then, nor when
    the connection breaks off.
    """
    name = clean_path(name, field="name")
    expected = expected_digest(request.headers)
    for header in ("content-encoding", "content-range"):
        if request.headers.get(header, "identity") != "identity":
            raise InvalidInput(
                f"The header {header} is not taken here.", remedy="Send the file as it is.", field=header
            )
    with await run_in_threadpool(open_store(request.app.state.settings).begin) as incoming:
        try:
            async for piece in _in_pieces(request.stream()):
                await run_in_threadpool(incoming.write, piece)
        except ClientDisconnect:
            words = "The connection broke off before the file had arrived."
            raise InvalidInput(words, remedy="Send it again.", field="body") from None
        return await run_in_threadpool(_store, request, incoming, name, expected)


async def _in_pieces(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Join what the network brings, so that one hop to a thread writes a megabyte."""
    piece = bytearray()
    async for chunk in chunks:
        piece += chunk
        if len(piece) >= _PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


def store_part(request: Request, file: BinaryIO, name: str) -> Blob:
    """Store a file of a form that has arrived. Raises InvalidInput, Unavailable."""
    name = clean_path(name, field="file")
    with open_store(request.app.state.settings).begin() as incoming:
        while piece := file.read(_PIECE_BYTES):
            incoming.write(piece)
        return _store(request, incoming, name, None)


def _store(request: Request, incoming: Incoming, name: str, expected: str | None) -> Blob:
    """Put the bytes in their place, then write the row that names them."""
    database: Database = request.app.state.database
    actor: Actor = request.state.actor
    stored = incoming.finish(expected)
    with database.read() as db:
        is_damaged = queries.is_damaged(db, stored.sha256)
    received = open_store(request.app.state.settings).keep(incoming, replace=is_damaged)
    with database.write() as db:
        return service.add_blob(db, actor, received, name=name)


def send(request: Request, stored: Stored, name: str) -> Response:
    """Answer with a file, or the part of it that is wanted: always to be saved, never to be shown."""
    etag = f'"{stored.sha256}"'
    headers = {
        "etag": etag,
        "accept-ranges": "bytes",
        "content-type": "application/octet-stream",
        "content-disposition": attachment(name),
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


def _checked(request: Request, stored: Stored, span: Span) -> Iterator[bytes]:
    """Yield checked bytes; damage is noted, then breaks the connection off."""
    database: Database = request.app.state.database
    try:
        yield from open_store(request.app.state.settings).read(stored, span.start, span.end)
    except Damage as damage:
        refusal = service.unreadable(damage)
        with database.write() as db:
            for write in refusal.to_keep:
                write(db)
        raise refusal from damage


class CheckedResponse(StreamingResponse):
    """A stream whose first block is read before the answer starts, so that damage there is still told in words."""

    def __init__(self, blocks: Iterator[bytes], status_code: int, headers: dict[str, str]) -> None:
        super().__init__((), status_code, headers)
        self._blocks = blocks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        first = await run_in_threadpool(next, self._blocks, b"")
        self.body_iterator = iterate_in_threadpool(itertools.chain((first,), self._blocks))
        await super().__call__(scope, receive, send)


def open_quarantined(request: Request, sha256: str) -> Response:
    """Answer with a dangerous file that somebody opens knowingly; that they did is committed first."""
    database: Database = request.app.state.database
    with database.write() as db:
        _blob, hold = service.open_quarantined(db, request.state.actor, sha256)
        stored = queries.get_stored(db, sha256)
    return send(request, stored, f"{hold.name}.quarantined")
