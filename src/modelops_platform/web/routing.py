"""Routes: how one is found, and one thread hop that opens the session, signs the caller in, runs it, and commits.

On SQLite the writes that wait share one commit (`web.joined`); on PostgreSQL each has its own connection.
The answer starts after the commit. Who may not ask is told so before what was wrong with the question.
An `async def` endpoint (a stream in or out) opens its own sessions; its caller is signed in before its body is
read, and stands in `request.state.actor`.
"""

import functools
import inspect
import threading
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, get_args, get_type_hints

from fastapi import APIRouter, params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router, compile_path, get_name
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
from .threads import Threads

PERMISSION = "x-permission"
PUBLIC = "public"
SIGNED_IN = "signed_in"
TELLS = "x-tells"
Authorise = Callable[[Request, Session], Actor]
_REMEDIES = {Permission.READ_TELEMETRY: "Send a token with the scope `metrics`: no other one reads telemetry."}
threads = Threads(40, "request")
_OF_THE_PATH = frozenset({"path_regex", "path_format", "param_convertors"})
_building = threading.RLock()
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
    """A route whose endpoint runs, with all it asks for, in one hop and one transaction.

    That it declares a permission is checked at once. What the framework works out of the endpoint (parameters, body,
    shapes of answers) is worked out when first asked for, by a request or the OpenAPI: five hundred routes would take
    a fourth of every start.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        declared = (options.get("openapi_extra") or {}).get(PERMISSION)
        if declared is None:
            raise RuntimeError(f"The route {options.get('methods')} {path} declares no permission: add needs(...).")
        self.path, self.endpoint = path, endpoint
        self.name = options.get("name") or get_name(endpoint)
        self.methods = {method.upper() for method in options.get("methods") or ("GET",)}
        self.include_in_schema = options.get("include_in_schema", True)
        self.streams = inspect.iscoroutinefunction(endpoint)
        self.permission = _permission_of(declared)
        self.app = self._build_and_answer
        self._declared, self._given = declared, (endpoint, options)

    def __getattr__(self, name: str) -> Any:
        """Work out what the framework expects a route to know; called for what is not there yet."""
        if name.startswith("__") or "_given" not in self.__dict__:
            raise AttributeError(name)
        if name in _OF_THE_PATH:
            self.path_regex, self.path_format, self.param_convertors = compile_path(self.path)
        else:
            self._build()
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(name) from None

    async def _build_and_answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._build()
        await self.app(scope, receive, send)

    def _build(self) -> None:
        with _building:
            if "dependant" not in self.__dict__:
                endpoint, options = self._given
                for hint in get_type_hints(endpoint).values():
                    _complete(hint)
                if not self.streams:
                    endpoint = _in_one_hop(endpoint, options, self._declared)
                super().__init__(self.path, endpoint, **options)
                self.app = self.make_app()

    def make_app(self) -> ASGIApp:
        """Return what answers the route's requests."""
        return _answering(self.get_route_handler())

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        original = super().get_route_handler()
        parses_body = self.body_field is not None
        asked = [field.field_info for field in self.dependant.body_params]
        takes_form = any(isinstance(info, params.Form) for info in asked)  # File is a Form
        takes_files = any(isinstance(info, params.File) for info in asked)
        taken: Any = asked[0].annotation if len(asked) == 1 and not takes_form else None
        shape = TypeAdapter(taken) if taken is not None else None

        async def handle(limited: Request) -> Response:
            assert isinstance(limited, LimitedRequest), "made by `_answering`"
            if self.streams and self.permission is not None:
                await threads.call(_only_authorise, limited, self.permission)
            try:
                if takes_files and self.permission is not None:  # strangers do not fill the disk
                    await threads.call(_only_authorise, limited, self.permission)
                if parses_body:
                    await limited.parse(takes_form=takes_form, takes_files=takes_files)
                if shape is not None:
                    limited.read_as(shape)
                return await original(limited)
            except (RequestValidationError, PlatformError) as error:
                if "actor" not in limited.scope.get("state", {}) and self.permission is not None:
                    await threads.call(_only_authorise, limited, self.permission)
                elif self.streams and isinstance(error, PlatformError):
                    await threads.call(refusals.keep, limited.app.state.database, limited, error)
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

    Raises RuntimeError for a route whose path begins with a parameter: it could hide any other.
    """

    def __init__(self, router: APIRouter) -> None:
        self._router = router
        self._others = Router([route for route in router.routes if not isinstance(route, APIRoute)], False)
        self._exact: dict[str, dict[str, APIRoute]] = {}
        self._routes: dict[str, list[APIRoute]] = {}
        for route in router.routes:
            if isinstance(route, APIRoute):
                beginning = _beginning(route.path)
                if "{" in beginning:
                    raise RuntimeError(f"The path {route.path} begins with a parameter: begin it with a word.")
                if "{" in route.path:
                    self._routes.setdefault(beginning, []).append(route)
                else:
                    for method in route.methods or ():
                        self._exact.setdefault(route.path, {}).setdefault(method, route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        exact = self._exact.get(path, {})
        route = exact.get(method)
        values: dict[str, Any] = {}
        if route is None:
            route, values = self._find(method, path)
        if route is not None:
            scope["endpoint"], scope["path_params"] = route.endpoint, values
            await route.app(scope, receive, send)
        elif allowed := exact.keys() | self._methods_of(path):
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(allowed))})
        else:
            await self._others(scope, receive, send)

    def _find(self, method: str, path: str) -> tuple[APIRoute | None, dict[str, Any]]:
        """Return the route whose path has parameters, and what stands in their places."""
        for route in self._routes.get(_beginning(path), ()):
            if method in (route.methods or ()) and (found := route.path_regex.match(path)):
                converted = route.param_convertors
                return route, {name: converted[name].convert(text) for name, text in found.groupdict().items()}
        return None, {}

    def _methods_of(self, path: str) -> set[str]:
        routes = [route for route in self._routes.get(_beginning(path), ()) if route.path_regex.match(path)]
        return {method for route in routes for method in route.methods or ()}


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


def _complete(hint: Any) -> None:
    """Work out how the shapes in a parameter's type are read: the framework expects that done (`web.forms.In`)."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        hint.model_config["defer_build"] = False
        hint.model_rebuild()
    for part in get_args(hint):
        _complete(part)


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
                await threads.call(refusals.keep, database, request, error)
                raise
        return await threads.call(hop, request, values)

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
