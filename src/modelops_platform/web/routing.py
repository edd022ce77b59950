"""Routes: how one is found, and one thread hop that opens the session, signs the caller in, runs it, and commits.

On SQLite the writes that wait share one commit (`web.joined`); on PostgreSQL each has its own connection.
The answer starts after the commit. Who may not ask is told so before what was wrong with the question.
An `async def` endpoint (a stream in or out) opens its own sessions; its caller is signed in before its body is
read, and stands in `request.state.actor`.
"""

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any, TypeVar, get_type_hints

from fastapi import APIRouter, params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import Database
from modelops_platform.core.errors import NotAllowed, PlatformError
from modelops_platform.core.revisions import etag

from . import idempotency, refusals
from .compression import compressed
from .joined import joined_writes
from .requests import LimitedRequest
from .session import Provided

T = TypeVar("T")
PERMISSION = "x-permission"
PUBLIC = "public"
SIGNED_IN = "signed_in"
TELLS = "x-tells"
Authorise = Callable[[Request, Session], Actor]
_REMEDIES = {Permission.READ_TELEMETRY: "Send a token with the scope `metrics`: no other one reads telemetry."}
_THREADS = ThreadPoolExecutor(40, thread_name_prefix="request")
_STACKS = ("fastapi_middleware_astack", "fastapi_inner_astack", "fastapi_function_astack")


def public() -> dict[str, Any]:
    """Declare that a route needs nobody signed in."""
    return {PERMISSION: PUBLIC}


def signed_in() -> dict[str, Any]:
    """Declare that a route is for everybody who signed in, also for who holds no role at all."""
    return {PERMISSION: SIGNED_IN}


def _permission_of(declared: str) -> Permission | str | None:
    """Return what a route asks for: a permission, just signing in, or nothing."""
    if declared == PUBLIC:
        return None
    return SIGNED_IN if declared == SIGNED_IN else Permission(declared)


def tells(field: str) -> dict[str, Any]:
    """Declare that a route's answer holds a secret in this field, which no repeat and no store may hold."""
    return {TELLS: field}


class Route(APIRoute):
    """A route whose endpoint runs, with all it asks for, in one hop and one transaction."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        declared = (options.get("openapi_extra") or {}).get(PERMISSION)
        if declared is None:
            raise RuntimeError(f"The route {options.get('methods')} {path} declares no permission: add needs(...).")
        self.streams = inspect.iscoroutinefunction(endpoint)
        if not self.streams:
            endpoint = _in_one_hop(endpoint, options, declared)
        self.permission = _permission_of(declared)
        super().__init__(path, endpoint, **options)
        self.app = _answering(self.get_route_handler())

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        original = super().get_route_handler()
        parses_body = self.body_field is not None
        asked = [field.field_info for field in self.dependant.body_params]
        takes_form = any(isinstance(info, params.Form) for info in asked)  # File is a Form
        takes_files = any(isinstance(info, params.File) for info in asked)

        async def handle(limited: Request) -> Response:
            assert isinstance(limited, LimitedRequest), "made by `_answering`"
            if self.streams and self.permission is not None:
                await run_in_threadpool(_only_authorise, limited, self.permission)
            try:
                if takes_files and self.permission is not None:  # strangers do not fill the disk
                    await run_in_threadpool(_only_authorise, limited, self.permission)
                if parses_body:
                    await limited.parse(takes_form=takes_form, takes_files=takes_files)
                return await original(limited)
            except (RequestValidationError, PlatformError) as error:
                if "actor" not in limited.scope.get("state", {}) and self.permission is not None:
                    await run_in_threadpool(_only_authorise, limited, self.permission)
                elif self.streams and isinstance(error, PlatformError):
                    await run_in_threadpool(refusals.keep, limited.app.state.database, limited, error)
                raise

        return handle


def _answering(handle: Callable[[Request], Coroutine[Any, Any, Response]]) -> ASGIApp:
    """Return a route as an application, lighter than the framework's own wrapper.

    That one opens three stacks for dependencies that end after the answer, which our routes have none of, and looks
    up error handlers that stand around all routes anyway.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        settings = scope["app"].state.settings
        request = LimitedRequest(scope, receive)
        request.largest_body, request.largest_upload = settings.max_body_bytes, settings.max_upload_bytes
        async with AsyncExitStack() as stack:  # closes uploaded files
            scope.update(dict.fromkeys(_STACKS, stack))
            response = await handle(request)
            await response(scope, receive, send)

    return answer


class RouteIndex:
    """Finds a request's route by its path, or among the few whose path begins alike, instead of trying all in turn.

    What it does not find is left to the router, which knows "no such page" from "not by this method".
    Raises RuntimeError for a route whose path begins with a parameter: it could hide any other.
    """

    def __init__(self, router: APIRouter) -> None:
        self._router = router
        self._exact: dict[tuple[str, str], APIRoute] = {}
        self._routes: dict[tuple[str, str], list[APIRoute]] = {}
        for route in router.routes:
            if isinstance(route, APIRoute):
                beginning = _beginning(route.path)
                if "{" in beginning:
                    raise RuntimeError(f"The path {route.path} begins with a parameter: begin it with a word.")
                for method in route.methods or ():
                    if "{" in route.path:
                        self._routes.setdefault((method, beginning), []).append(route)
                    else:
                        self._exact.setdefault((method, route.path), route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            exact = self._exact.get((scope["method"], scope["path"]))
            if exact is not None:
                scope["endpoint"], scope["path_params"] = exact.endpoint, {}
                await exact.app(scope, receive, send)
                return
            for route in self._routes.get((scope["method"], _beginning(scope["path"])), ()):
                match, found = route.matches(scope)
                if match is Match.FULL:
                    scope.update(found)
                    await route.app(scope, receive, send)
                    return
        await self._router(scope, receive, send)


def _beginning(path: str) -> str:
    """Return the part of a path that a route's regular expression need not be asked about."""
    parts = path.split("/", 4)
    return "/".join(parts[:4] if parts[1:2] == ["api"] else parts[:2])


def api_router(prefix: str, tag: str) -> APIRouter:
    """Return a router for JSON under `/api/v1`; its route names begin with `api_`."""
    return APIRouter(prefix=f"/api/v1{prefix}", tags=[tag], route_class=Route)


def page_router(prefix: str = "") -> APIRouter:
    """Return a router for pages, which the OpenAPI leaves out."""
    return APIRouter(prefix=prefix, route_class=Route, include_in_schema=False)


def _in_one_hop(endpoint: Callable[..., Any], options: dict[str, Any], declared: str) -> Callable[..., Any]:
    hints = get_type_hints(endpoint, include_extras=True)
    provided = {
        name: marker
        for name, hint in hints.items()
        for marker in getattr(hint, "__metadata__", ())
        if isinstance(marker, Provided)
    }
    writes = any(marker.writes for marker in provided.values())
    permission = _permission_of(declared)
    secret = options["openapi_extra"].get(TELLS)
    answer = _serialiser(options)
    options.setdefault("name", None)

    def work(request: Request, values: dict[str, Any], db: Session) -> Response:
        actor = _authorise(request, db, permission) if permission is not None else None
        kept = _claim_key(db, request, actor) if writes and actor is not None else None
        if isinstance(kept, Response):
            return compressed(request, kept)
        filled = {name: marker.provide(request, db) for name, marker in provided.items()}
        response = answer(endpoint(**values, **filled))
        if kept is not None:
            idempotency.keep(kept, response, without=secret)
        return compressed(request, response)

    def hop(request: Request, values: dict[str, Any]) -> Response:
        database: Database = request.app.state.database
        try:
            with database.write() if writes else database.read() as db:
                return work(request, values, db)
        except PlatformError as error:
            refusals.keep(database, request, error)
            raise

    async def call(request: Request, **values: Any) -> Response:
        database: Database = request.app.state.database
        if writes and database.is_sqlite:  # its writers wait for one another anyway
            try:
                return await joined_writes(database).do(functools.partial(work, request, values))
            except PlatformError as error:
                await _in_thread(refusals.keep, database, request, error)
                raise
        return await _in_thread(hop, request, values)

    functools.update_wrapper(call, endpoint)
    del call.__wrapped__  # type: ignore[attr-defined]
    signature = inspect.signature(endpoint)
    asked = [
        parameter.replace(annotation=hints[name])
        for name, parameter in signature.parameters.items()
        if name not in provided and name != "request"
    ]
    own = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)
    if "request" in signature.parameters:
        provided["request"] = Provided(lambda request, _db: request)
    call.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[own, *(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in asked)],
        return_annotation=inspect.Signature.empty,
    )
    call.__annotations__ = {"request": Request, **{p.name: p.annotation for p in asked}}
    return call


async def _in_thread(function: Callable[..., T], *values: Any) -> T:
    """Call the function in a thread: half as costly as the framework's own way, and nothing cancels it."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, function, *values)


def _serialiser(options: dict[str, Any]) -> Callable[[Any], Response]:
    """Return what turns an endpoint's result into a response; rows go through `response_model`."""
    model: Any = options.get("response_model")
    status = options.get("status_code") or 200
    if not isinstance(model, type) and not hasattr(model, "__origin__"):
        adapter = None
    else:
        adapter = TypeAdapter(model)

    def answer(result: Any) -> Response:
        if isinstance(result, Response):
            return result
        if adapter is None:
            return Response(status_code=204 if result is None else status)
        shaped = adapter.validate_python(result, from_attributes=True)
        response = Response(adapter.dump_json(shaped), status, media_type="application/json")
        if hasattr(result, "revision") and hasattr(result, "id"):
            response.headers["etag"] = etag(result)
        return response

    return answer


def _authorise(request: Request, db: Session, permission: Permission | str) -> Actor:
    """Sign the caller in, and refuse early one who holds the permission nowhere."""
    authorise: Authorise = request.app.state.authorise
    actor = authorise(request, db)
    request.state.actor = actor
    if isinstance(permission, Permission) and not actor.may_somewhere(permission):
        raise NotAllowed(
            f"{actor.name} may not {permission.replace('_', ' ')}.",
            remedy=_REMEDIES.get(permission, "Ask an administrator for a role that allows it."),
            permission=permission.value,
        )
    return actor


def _only_authorise(request: Request, permission: Permission | str) -> None:
    database: Database = request.app.state.database
    try:
        with database.read() as db:
            _authorise(request, db, permission)
    except PlatformError as error:
        refusals.keep(database, request, error)
        raise


def _claim_key(db: Session, request: Request, actor: Actor) -> Any:
    key = request.headers.get("idempotency-key")
    if key is None or request.method != "POST" or not request.url.path.startswith("/api/"):
        return None
    return idempotency.claim(db, request, actor, key, getattr(request, "_body", b""))
