"""What callers see when something is refused: problem JSON, a page, or a fragment for htmx."""

import re
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from modelops_platform.core.errors import (
    AlreadyExists,
    Conflict,
    InvalidInput,
    NoRoom,
    NotAllowed,
    NotFound,
    NotSignedIn,
    PlatformError,
    Stale,
    TooLarge,
    TooMany,
    TransitionRefused,
    Unavailable,
)
from modelops_platform.core.logging import get_logger
from modelops_platform.core.trouble import NO_ROOM, no_room, unavailable

from .render import redirect_to, render, url_for

STATUS: dict[type[PlatformError], tuple[int, str]] = {
    NotFound: (404, "Not found"),
    AlreadyExists: (409, "It already exists"),
    InvalidInput: (422, "That cannot be taken"),
    TooLarge: (413, "Too large"),
    NotAllowed: (403, "You may not do this"),
    NotSignedIn: (401, "Not signed in"),
    TransitionRefused: (409, "Refused by policy"),
    Conflict: (409, "It does not fit how things stand"),
    Stale: (412, "It was changed meanwhile"),
    TooMany: (429, "Too many attempts"),
    Unavailable: (503, "Not available at the moment"),
    NoRoom: (507, "No room left"),
}
_HTTP_TITLES = {404: "Not found", 405: "Method not allowed", 413: "Too large", 415: "Wrong content type"}
_TYPED_IN = ("password", "link", "company")  # of the sign-in page: the refusal is shown there
_OWN_WORDS = "Value error, "  # stands before what our own validators say
_SECRET = ("password", "token", "secret", "link")
_INVOCATIONS = re.compile(r"/deployments/[^/]+/invocations")  # MLflow's address of a deployment, beside its page
_JSON_ROOTS: tuple[str, ...] = (
    "/api/",
    "/ajax-api/",
    "/v1/",
    "/v2",
    "/healthz",
    "/readyz",
    "/metrics",
    "/health",
    "/version",
)
_JSON_ROOTS += ("/get-artifact", "/model-versions/get-artifact")


def answer_errors(app: FastAPI) -> None:
    """Register the handlers of everything that may be raised below a route."""
    app.add_exception_handler(PlatformError, _platform_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(StaleDataError, _changed_meanwhile)
    app.add_exception_handler(PoolTimeout, _database_failed)
    app.add_exception_handler(DBAPIError, _database_failed)
    app.add_exception_handler(OSError, _disk_failed)
    app.add_exception_handler(ClientDisconnect, _broke_off)


async def _platform_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, PlatformError)
    status, title = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), (400, "Refused"))
    problem = {
        "title": title,
        "status": status,
        "code": error.code,
        "detail": error.message,
        "remedy": error.remedy,
        **{key: value for key, value in error.details.items() if key not in ("credential", "account")},
    }
    headers = {}
    if status == 401 and not wants_json(request) and error.details.get("credential") not in _TYPED_IN:
        return _to_sign_in(request)
    if status == 401 and wants_json(request):
        headers["www-authenticate"] = 'Bearer realm="modelops"'
    if "retry_after" in error.details:
        headers["retry-after"] = str(int(error.details["retry_after"]))
    return show_problem(request, problem, headers)


def _to_sign_in(request: Request) -> Response:
    """Lead to the sign-in page, and from there back to the page that was asked for."""
    sign_in, back = url_for(request.app, "show_sign_in"), request.url.path
    if is_htmx(request):
        back = _path_of(request.headers.get("hx-current-url", "")) or "/"
    elif request.method != "GET":
        back = "/"
    elif request.url.query:
        back += f"?{request.url.query}"
    return redirect_to(request, sign_in if back == "/" else f"{sign_in}?next={quote(back, safe='')}")


def _path_of(address: str) -> str:
    try:
        return urlsplit(address).path
    except ValueError:  # a header that no browser sends
        return ""


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [_one_invalid(entry) for entry in error.errors()[:50]]
    first = errors[0] if errors else {"field": "body", "message": "It cannot be read."}
    return show_problem(
        request,
        {
            "title": STATUS[InvalidInput][1],
            "status": 422,
            "code": InvalidInput.code,
            "detail": f"{first['field']}: {first['message']}",
            "remedy": "Correct the named fields and send it again.",
            **{key: first[key] for key in ("field", "value") if key in first},
            "errors": errors,
        },
    )


def _one_invalid(entry: dict[str, Any]) -> dict[str, Any]:
    where = [str(part) for part in entry.get("loc", ())]
    field = ".".join(where[1:] if len(where) > 1 and where[0] in ("body", "query", "path", "header") else where)
    told = str(entry.get("msg", "is not valid")).removeprefix(_OWN_WORDS)
    found: dict[str, Any] = {"field": field or "body", "message": told}
    value = entry.get("input")
    if not any(word in field.lower() for word in _SECRET) and not isinstance(value, dict | list | bytes):
        found["value"] = value[:200] if isinstance(value, str) else value
    return found


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, PlatformError):
        return await _platform_error(request, error.__cause__)
    title = _HTTP_TITLES.get(error.status_code, "That cannot be done")
    detail = {
        404: f"Nothing is at {request.url.path[:200]}.",
        405: f"{request.method} is not answered at {request.url.path[:200]}.",
    }.get(error.status_code, str(error.detail))
    code = "not_found" if error.status_code == 404 else "bad_request"
    problem = {"title": title, "status": error.status_code, "code": code, "detail": detail}
    problem["remedy"] = {
        404: "Look at how the address is written; those of the API stand at /api/openapi.json.",
        405: f"Ask by {(error.headers or {}).get('Allow', 'another method')}.",
    }.get(error.status_code)
    return show_problem(request, problem, dict(error.headers or {}))


async def _database_failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, DBAPIError | PoolTimeout)
    told = unavailable(error)
    if told is None:
        return unexpected(request, error)
    cause = error.orig if isinstance(error, DBAPIError) else error
    get_logger().error("database.unavailable", error=type(cause).__name__, detail=str(cause)[:300])
    return await _platform_error(request, told)


async def _disk_failed(request: Request, error: Exception) -> Response:
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        get_logger().error("disk.full", detail=str(error)[:300])
        return await _platform_error(request, no_room("files"))
    return unexpected(request, error)


async def _changed_meanwhile(request: Request, error: Exception) -> Response:
    return await _platform_error(
        request, Stale("Somebody else changed it at the same moment.", remedy="Read it again, then repeat the edit.")
    )


async def _broke_off(request: Request, error: Exception) -> Response:
    """Nobody reads it; but it is no mistake of ours."""
    return await _platform_error(
        request, InvalidInput("The body broke off before it had arrived.", remedy="Send it again.", field="body")
    )


def unexpected(request: Request, error: Exception) -> Response:
    """Return the answer to our own mistake: a reference, and nothing of what went wrong."""
    reference = request.scope.get("request_id", "")
    get_logger().error("request.failed", request_id=reference, exc_info=error)
    return show_problem(
        request,
        {
            "title": "Something went wrong here",
            "status": 500,
            "code": "internal",
            "detail": "The platform made a mistake; nothing was changed.",
            "remedy": f"Tell an administrator the reference {reference}.",
            "reference": reference,
        },
    )


def wants_json(request: Request) -> bool:
    """Say whether the caller speaks to the API and not to a page."""
    path = request.url.path
    return path.startswith(_JSON_ROOTS) or not request.app.state.has_pages or bool(_INVOCATIONS.fullmatch(path))


def is_htmx(request: Request) -> bool:
    """Say whether htmx sent the request."""
    return request.headers.get("hx-request") == "true"


def show_problem(request: Request, problem: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    """Return the problem as the caller reads it best; a protocol may have errors of its own shape (`app.state`)."""
    status = problem["status"]
    for prefixes, shape in getattr(request.app.state, "problem_shapes", ()):
        if request.url.path.startswith(prefixes):
            shaped: Response = shape(problem, headers or {})
            return shaped
    if status == 422 and not problem.get("remedy"):  # what a protocol words, seen through our own API
        problem = {**problem, "remedy": "Correct the named field and send it again."}
    if wants_json(request):
        shown = {"type": "about:blank", **{key: value for key, value in problem.items() if value is not None}}
        if request.url.path.startswith("/v2"):
            shown["error"] = shown["detail"]  # where callers of the Open Inference Protocol look
        body = msgspec.json.encode(shown, enc_hook=str)
        return Response(body, status, headers, "application/problem+json")
    template = "problem_fragment.html" if is_htmx(request) else "problem.html"
    response = render(request, template, status_code=status, problem=problem)
    response.headers.update(headers or {})
    return response
