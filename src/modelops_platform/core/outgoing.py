"""The one client for calls from the platform to elsewhere.

A name is resolved once, every address it has is checked, and the connection goes to a checked address itself, so that
a name cannot answer differently the second time. TLS is verified against the name. Nothing is followed, remembered
or taken from the environment: no redirects, no cookies, no proxies. An answer is bounded in size and time.
"""

import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import httpcore2

from modelops_platform import __version__

from .addresses import ALLOW_SETTING, Address, AllowList, OutgoingRefused, Target, parse_target, special
from .errors import Unavailable
from .settings import Settings

__all__ = ["Answer", "Limits", "Outgoing", "OutgoingRefused", "outgoing_of"]

MOST_HEADERS: Final = 100
_CHUNK_ALLOWANCE: Final = 1_000_000  # headers, and the frames around small chunks
_OWN_HEADERS: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?|")

Resolve = Callable[[str, int], list[str]]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a call may take and how much it may bring."""

    seconds: float = 30.0  # for everything: the name, the connection, the answer
    connect_seconds: float = 5.0
    answer_bytes: int = 10_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read whole; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    origin: str

    @property
    def ok(self) -> bool:
        """Whether the other side says that it did what was asked."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the body as JSON. Raises Unavailable when it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Unavailable(f"The answer of {self.origin} is not JSON.", remedy=_REMEDY) from None


_REMEDY = "Try again later, or ask who runs it."


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a name, as the system knows them. Raises OSError."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The client: what may be called, and how names are resolved and certificates checked."""

    allow: AllowList
    authorities: Path | None = None
    resolve: Resolve = resolve

    def get(self, url: str, *, headers: Mapping[str, str] | None = None, limits: Limits | None = None) -> Answer:
        """Ask for something. Raises OutgoingRefused (never sent), Unavailable (no usable answer)."""
        return self.call("GET", url, headers=headers, limits=limits)

    def post(
        self, url: str, body: bytes, *, headers: Mapping[str, str] | None = None, limits: Limits | None = None
    ) -> Answer:
        """Send something. Raises OutgoingRefused (never sent), Unavailable (no usable answer)."""
        return self.call("POST", url, body=body, headers=headers, limits=limits)

    def put(
        self, url: str, body: bytes, *, headers: Mapping[str, str] | None = None, limits: Limits | None = None
    ) -> Answer:
        """Store something. Raises OutgoingRefused (never sent), Unavailable (no usable answer)."""
        return self.call("PUT", url, body=body, headers=headers, limits=limits)

    def call(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> Answer:
        """Send one request and read its answer, whatever its status. Raises OutgoingRefused, Unavailable."""
        limits = limits or Limits()
        deadline = time.monotonic() + limits.seconds
        target = parse_target(url)
        sent = [("host", target.netloc), *_checked_headers(headers or {})]
        wire = _Wire(self.addresses_of(target, deadline), deadline, limits)
        pool = httpcore2.ConnectionPool(
            ssl_context=_tls(self.authorities) if target.scheme == "https" else None,
            network_backend=wire,
            max_connections=1,
            max_keepalive_connections=0,
            retries=0,
        )
        address = httpcore2.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
        try:
            with pool, pool.stream(method, address, headers=sent, content=body) as answer:
                return _read(answer, target, limits)
        except httpcore2.TimeoutException:
            raise _late(target, limits) from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise Unavailable(f"{target.origin} does not answer as it should: {error}.", remedy=_REMEDY) from None

    def addresses_of(self, target: Target, deadline: float | None = None) -> list[Address]:
        """Resolve a target once and return its addresses, all of them allowed. Raises OutgoingRefused, Unavailable."""
        found = [target.literal] if target.literal else self._resolved(target, deadline)
        listed = self.allow.names(target)
        for address in found:
            if not listed and not self.allow.holds(address):
                _must_be_public(target, address, self.allow)
        return found

    def check(self, url: str) -> None:
        """Say early, when somebody types it, that an address could not be called. Raises as a call does."""
        self.addresses_of(parse_target(url))

    def allows_plain(self, url: str) -> bool:
        """Say whether the operator listed the host or the address written there, so that http may be used."""
        target = parse_target(url)
        return self.allow.names(target) or (target.literal is not None and self.allow.holds(target.literal))

    def _resolved(self, target: Target, deadline: float | None) -> list[Address]:
        answer: Future[list[str]] = Future()

        def ask() -> None:
            try:
                answer.set_result(self.resolve(target.host, target.port))
            except (OSError, UnicodeError) as error:
                answer.set_exception(error)

        threading.Thread(target=ask, name="resolve", daemon=True).start()  # the system's resolver knows no time limit
        left = Limits().seconds if deadline is None else deadline - time.monotonic()
        try:
            found = [ip_address(text.partition("%")[0]) for text in answer.result(timeout=max(left, 0))]
        except (OSError, UnicodeError, ValueError):  # TimeoutError is an OSError
            found = []
        if not found:
            raise Unavailable(f"The host name {target.host} has no address.", remedy="Check how the name is written.")
        return found


def _must_be_public(target: Target, address: Address, allow: AllowList) -> None:
    what = special(address)
    where = str(address) if target.literal else f"{target.host} ({address})"
    if what is not None:
        why = f"{where} is {what}; the platform does not call it."
    elif not allow.public:
        why = f"{where} is not on the list of what this platform may call."
    elif target.scheme != "https":
        why = f"{target.origin} would be called without encryption; public addresses are called by https only."
    else:
        return
    raise OutgoingRefused(
        why,
        remedy=f"If it is yours, let an operator add the host or its network to {ALLOW_SETTING}.",
        field="url",
        value=target.origin,
    )


def _checked_headers(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN_HEADERS:
            raise OutgoingRefused(f"{name[:100]!r} is no header that can be sent.", field="headers")
        if not _HEADER_VALUE.fullmatch(value):
            raise OutgoingRefused(f"The value of the header {name} has characters that none may have.", field="headers")
    own = {"accept-encoding": "identity", "user-agent": f"modelops/{__version__}", "connection": "close"}
    return [*own.items(), *headers.items()]


def _read(answer: httpcore2.Response, target: Target, limits: Limits) -> Answer:
    if len(answer.headers) > MOST_HEADERS:
        raise Unavailable(f"The answer of {target.origin} has more than {MOST_HEADERS} headers.", remedy=_REMEDY)
    headers: dict[str, str] = {}
    for raw_name, raw_value in answer.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if headers.get("content-encoding", "identity").lower() != "identity":  # unpacking is how small answers grow
        raise Unavailable(f"{target.origin} sent a packed answer, which was not asked for.", remedy=_REMEDY)
    body = bytearray()
    for piece in answer.iter_stream():
        body += piece
        if len(body) > limits.answer_bytes:
            raise _too_much(target.origin, limits)
    return Answer(answer.status, headers, bytes(body), target.origin)


def _too_much(origin: str, limits: Limits) -> Unavailable:
    return Unavailable(f"The answer of {origin} is larger than {limits.answer_bytes:,} bytes.", remedy=_REMEDY)


def _late(target: Target, limits: Limits) -> Unavailable:
    return Unavailable(
        f"{target.origin} did not answer within {limits.seconds:g} seconds ({limits.connect_seconds:g} to connect).",
        remedy=_REMEDY,
    )


@dataclass(slots=True)
class _Wire(httpcore2.NetworkBackend):
    """Connects to checked addresses only, whatever name it is told; all it opens ends with the deadline."""

    addresses: list[Address]
    deadline: float
    limits: Limits

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        failure: Exception = httpcore2.ConnectError("it has no address")
        for address in self.addresses:
            seconds = min(self.limits.connect_seconds, _left(self.deadline, httpcore2.ConnectTimeout))
            try:
                stream = httpcore2.SyncBackend().connect_tcp(str(address), port, timeout=seconds)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return _Stream(stream, self.deadline, self.limits.answer_bytes + _CHUNK_ALLOWANCE)
        raise failure


@dataclass(slots=True)
class _Stream(httpcore2.NetworkStream):
    """A connection that is cut at the deadline, and once it has brought more than it may."""

    inner: httpcore2.NetworkStream
    deadline: float
    allowance: int

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self.inner.read(max_bytes, _left(self.deadline, httpcore2.ReadTimeout))
        self.allowance -= len(data)
        if self.allowance < 0:
            raise httpcore2.RemoteProtocolError("it sends more than it may")
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.inner.write(buffer, _left(self.deadline, httpcore2.WriteTimeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        seconds = _left(self.deadline, httpcore2.ConnectTimeout)
        return _Stream(self.inner.start_tls(ssl_context, server_hostname, seconds), self.deadline, self.allowance)

    def close(self) -> None:
        self.inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self.inner.get_extra_info(info)


def _left(deadline: float, too_late: type[Exception]) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise too_late("the time is over")
    return seconds


@cache
def _tls(authorities: Path | None) -> ssl.SSLContext:
    """Return how certificates are checked: by the system's authorities, and those of a file if one is named."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if authorities is not None:
        context.load_verify_locations(authorities)
    return context


def outgoing_of(settings: Settings) -> Outgoing:
    """Return the client of this installation."""
    return Outgoing(settings.outgoing_list, settings.outgoing_ca)
