"""The outermost layer: request id, hosts, cross-site posts, security headers, one log line, metrics."""

import functools
import re
import time
from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelops_platform.core.ids import new_id
from modelops_platform.core.logging import get_logger

from .errors import show_problem, unexpected
from .requests import is_utf8

SECURITY_HEADERS = [
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
            b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]
ANY_HOST = frozenset({"/healthz", "/readyz", "/health", "/version"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(?:\[([^\[\]]+)\]|([^:\[\]]+))(?::\d*)?", re.ASCII)
_BAD_ESCAPE = re.compile(rb"%00|%(?![0-9A-Fa-f]{2})")
_READ = frozenset({b"host", b"origin", b"sec-fetch-site"})
_ADDED = [*SECURITY_HEADERS, (b"cache-control", b"no-store")]
_SET_HERE = frozenset(name for name, _value in _ADDED)

telemetry = CollectorRegistry()
_requests = Counter("modelops_requests", "Requests answered.", ["method", "status"], registry=telemetry)
_seconds = Histogram(
    "modelops_request_seconds",
    "Time until the answer was complete.",
    registry=telemetry,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


class Edge:
    """Everything that holds for every request, whatever route it meets."""

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str]) -> None:
        self.app = app
        self.hosts = hosts
        self.log = get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = scope["request_id"] = new_id()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _complete(message.get("headers", ()), request_id)
            await send(message)

        problem = self._problem(scope)
        try:
            if problem is not None:
                await show_problem(Request(scope, receive), problem)(scope, receive, send_with_headers)
            else:
                await self.app(scope, receive, send_with_headers)
        except Exception as error:  # our own mistake: answered here, with all headers, then left to the server's log
            if not status:
                await unexpected(Request(scope, receive), error)(scope, receive, send_with_headers)
            raise
        finally:
            self._count(scope, request_id, status, time.perf_counter() - started)

    def _problem(self, scope: Scope) -> dict[str, Any] | None:
        path = scope["path"]
        # Of a header that is sent twice, the first counts.
        sent = {name: value.decode("latin-1") for name, value in reversed(scope["headers"]) if name in _READ}
        host = _host_name(sent.get(b"host", ""))
        if host not in self.hosts and path not in ANY_HOST:
            return _problem(
                421,
                "wrong_host",
                f"This server does not answer for the host {host[:100]!r}.",
                "Use its own address, or add the name to MODELOPS_ALLOWED_HOSTS.",
            )
        if [name for name, _value in scope["headers"]].count(b"host") > 1:
            return _problem(400, "bad_request", "The request names its host twice.", "Send one Host header.")
        query, writes = scope.get("query_string", b""), scope["method"] not in _SAFE
        if (
            "\x00" in path
            or _BAD_ESCAPE.search(query)
            or ("\ufffd" in path and not is_utf8(scope["raw_path"]))
            or (writes and b"%" in query and not is_utf8(query))  # what is looked for may be nonsense
        ):
            return _problem(400, "bad_request", "The address holds a NUL or a broken escape.", "Encode it as UTF-8.")
        if writes and not _is_same_site(sent):
            return _problem(
                403,
                "cross_site",
                "The request comes from another site.",
                "Send it from this site's own pages, or with a token and without browser headers.",
            )
        return None

    def _count(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        _answered(scope["method"] if scope["method"] in _METHODS else "other", status).inc()
        _seconds.observe(seconds)
        actor = scope.get("state", {}).get("actor")
        self.log.info(
            "request",
            request_id=request_id,
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(seconds * 1000, 1),
            actor=actor.id if actor else None,
        )


_METHODS = _SAFE | {"POST", "PUT", "PATCH", "DELETE"}


def _problem(status: int, code: str, detail: str, remedy: str) -> dict[str, Any]:
    return {"title": "Refused", "status": status, "code": code, "detail": detail, "remedy": remedy}


def _host_name(header: str) -> str:
    """Return the host without its port; what is written in any other way stays, and is unknown."""
    host = header.strip().lower()
    found = _HOST.fullmatch(host)
    return (found[1] or found[2]) if found else host


def _is_same_site(sent: dict[bytes, str]) -> bool:
    """Say whether a writing request may come from one of our own pages, or from no browser at all."""
    site = sent.get(b"sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = sent.get(b"origin")
    if origin is None:
        return True
    scheme, _, host = origin.lower().partition("://")
    return scheme in ("http", "https") and host == sent.get(b"host", "").strip().lower()


@functools.cache
def _answered(method: str, status: int) -> Counter:
    return _requests.labels(method, str(status))


def _complete(given: Iterable[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
    headers = list(given)
    own = _SET_HERE.intersection([name.lower() for name, _value in headers])  # an answer that is stricter, or told to
    added = [pair for pair in _ADDED if pair[0] not in own] if own else _ADDED
    return [*headers, *added, (b"x-request-id", request_id.encode())]
