"""A request and its answer on a connection: the head of an answer leaves together with the first piece of its body.

The server under us writes the two apart, which costs a second call of the kernel and wakes the client twice, and looks
through every header of every answer for characters that it must not have: here each header is looked at once.
"""

import functools
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

_KNOWN_HEADERS = 512
_LARGE = 65_536  # bytes of a body that are not copied for the sake of one write
_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection"})
_WITHOUT_BODY = (204, 304)


class Exchange(RequestResponseCycle):
    """One request and its answer."""

    _head = b""

    async def send(self, message: Any) -> None:
        """Take the head of the answer, or write a piece of its body."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        expected = "http.response.body" if self.response_started else "http.response.start"
        if message["type"] != expected or self.response_complete:
            raise RuntimeError(f"The message {message['type']!r} does not come now.")
        if self.response_started:
            self._write(message.get("body", b""), more=message.get("more_body", False))
        else:
            if self.waiting_for_100_continue and self.more_body:
                self.keep_alive = False  # whoever was not told to go on may send the body or not: nobody knows
            self.waiting_for_100_continue = False
            self._head = self._print_head(message["status"], [*self.default_headers, *message.get("headers", ())])
            self.response_started = True

    def _print_head(self, status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
        lines, closes = [STATUS_LINE[status], *[_print_header(name, value) for name, value in headers]], False
        for name, value in headers:
            if (lower := name.lower()) in _FRAMING:
                words = [word.strip() for word in value.lower().split(b",")]
                if lower == b"connection":
                    closes = closes or b"close" in words
                elif lower == b"transfer-encoding":
                    self.chunked_encoding = b"chunked" in words
                elif self.chunked_encoding is None:
                    self.chunked_encoding, self.expected_content_length = False, int(value)
        self.keep_alive = self.keep_alive and not closes
        if not self.keep_alive and not closes:
            lines.append(b"connection: close\r\n")
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in _WITHOUT_BODY:
            self.chunked_encoding = True
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        return b"".join(lines)

    def _write(self, body: bytes, *, more: bool) -> None:
        """Write what waits, and a piece of the body; the last one ends the exchange."""
        if self.scope["method"] == "HEAD":
            body, self.expected_content_length = b"", 0
        elif self.chunked_encoding:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if more else b"0\r\n\r\n")
        else:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0 or (self.expected_content_length and not more):
                raise RuntimeError("The body is not as long as its head says.")
        head, self._head = self._head, b""
        if len(body) > _LARGE:
            self.transport.writelines([head, body] if head else [body])
        else:
            self.transport.write(head + body)
        if not more:
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self.on_response()


@functools.lru_cache(_KNOWN_HEADERS)
def _print_header(name: bytes, value: bytes) -> bytes:
    if HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
        raise RuntimeError(f"The header {name!r} has characters that no header may have.")
    return b"%b: %b\r\n" % (name.lower(), value)
