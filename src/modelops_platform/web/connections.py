"""Connections that do not get on: closed, before many of them hold what others need.

The server under us closes kept connections that say nothing more, and waits for all others as long as it takes.
Here one look a second ends those whose request does not arrive. Nothing is timed for each request.
"""

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .exchange import Exchange

HEADERS_WITHIN_SECONDS = 10.0
LARGEST_HEADERS = 65_536
BODY_LOOK_SECONDS = 20.0
LEAST_BODY = 1_024  # bytes that a body brings between two looks, unless it is whole
LAST_WORD_SECONDS = 0.5  # for what is on its way when the server begins to end
LAST_BODY_SECONDS = 3.0  # for bodies that are under way then
_LOOK_SECONDS = 1.0


class Connection(HttpToolsProtocol):
    """A connection that must bring its headers soon, and its body not in single drops."""

    _open: ClassVar[set["Connection"]] = set()
    _is_looking: ClassVar[bool] = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._headers_since: float | None = self.loop.time()
        self._headers_bytes = 0
        self._received = 0
        self._looked_at = self._headers_since
        self._received_then = 0
        self._is_ending = False
        Connection._open.add(self)
        if not Connection._is_looking:
            Connection._is_looking = True
            self.loop.call_later(_LOOK_SECONDS, _look, self.loop)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        Connection._open.discard(self)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin to wait for the headers of the next request."""
        self._headers_since, self._headers_bytes = self.loop.time(), 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin to wait for the body."""
        self._headers_since, self._looked_at, self._received_then = None, self.loop.time(), self._received
        super().on_headers_complete()
        self.cycle.__class__ = Exchange  # the server makes one of its own kind; it has not begun yet
        if self._is_ending:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        if not self.cycle.body:
            self.cycle.body = b""  # type: ignore[assignment]  # the piece itself takes its place, where an array copies
        super().on_body(body)

    def data_received(self, data: bytes) -> None:
        """Count what arrives, and refuse headers without end."""
        self._received += len(data)
        super().data_received(data)
        if self._headers_since is not None:
            self._headers_bytes += len(data)
            if self._headers_bytes > LARGEST_HEADERS:
                self._refuse(b"431 Request Header Fields Too Large")

    def shutdown(self) -> None:
        """End the connection after its answer. An idle one ends a moment later: its next request may be on its way."""
        self._is_ending = True
        if self._is_idle():
            self.loop.call_later(LAST_WORD_SECONDS, super().shutdown)
        else:
            super().shutdown()
            self.loop.call_later(LAST_BODY_SECONDS, self._end_body)

    def _end_body(self) -> None:
        if not self._is_idle() and self.cycle.more_body and not self.cycle.response_started:
            self._refuse(b"503 Service Unavailable\r\nretry-after: 5")

    def _is_idle(self) -> bool:
        cycle: Any = self.cycle
        return cycle is None or cycle.response_complete

    def look(self, now: float) -> None:
        """End the connection when its request does not get on."""
        if self._headers_since is not None:
            if now - self._headers_since > HEADERS_WITHIN_SECONDS:
                self._refuse(b"408 Request Timeout")
        elif now - self._looked_at > BODY_LOOK_SECONDS:
            if self._is_dripping():
                self._refuse(b"408 Request Timeout")
            self._looked_at, self._received_then = now, self._received

    def _is_dripping(self) -> bool:
        waits = not self._is_idle() and self.cycle.more_body and not self.flow.read_paused
        return waits and self._received - self._received_then < LEAST_BODY

    def _refuse(self, status: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._is_idle() or not self.cycle.response_started:
            self.transport.write(b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        self.transport.close()


def _look(loop: asyncio.AbstractEventLoop) -> None:
    now = loop.time()
    for connection in list(Connection._open):
        connection.look(now)
    if Connection._open:
        loop.call_later(_LOOK_SECONDS, _look, loop)
    else:
        Connection._is_looking = False
