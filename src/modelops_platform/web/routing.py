"""Routes: one thread hop that opens the session, signs the caller in, runs the endpoint, and commits.

The answer starts after the commit. Who may not ask is told so before what was wrong with the question.
"""

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, cast, get_type_hints

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import Database
from modelops_platform.core.errors import NotAllowed, PlatformError
from modelops_platform.core.revisions import etag

from . import idempotency, refusals
from .compression import compressed
from .requests import LimitedRequest
from .session import Provided

PERMISSION = "x-permission"
PUBLIC = "public"
Authorise = Callable[[Request, Session], Actor]


def public() -> dict[str, Any]:
    """Declare that a route needs nobody signed in."""
    return {PERMISSION: PUBLIC}


class Route(APIRoute):
    """A route whose endpoint runs, with all it asks for, in one hop and one transaction."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        declared = (options.get("openapi_extra") or {}).get(PERMISSION)
        if declared is None:
            raise RuntimeError(f"The route {options.get('methods')} {path} declares no permission: add needs(...).")
        if not inspect.iscoroutinefunction(endpoint):
            endpoint = _in_one_hop(endpoint, options, declared)
        super().__init__(path, endpoint, **options)
        self.permission = None if declared == PUBLIC else Permission(declared)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        original = super().get_route_handler()
        parses_body = self.body_field is not None

        async def handle(request: Request) -> Response:
            settings = request.app.state.settings
            limited = LimitedRequest(request.scope, request.receive)
            limited.largest_body, limited.largest_upload = settings.max_body_bytes, settings.max_upload_bytes
            try:
                if parses_body:
                    await limited.parse()
                return await original(limited)
            except (RequestValidationError, PlatformError):
                if "actor" not in request.scope.get("state", {}) and self.permission is not None:
                    await run_in_threadpool(_only_authorise, request, self.permission)
                raise

        return handle


def api_router(prefix: str, tag: str) -> APIRouter:
    """Return a router for JSON under `/api/v1`; its route names begin with `api_`."""
    return APIRouter(prefix=f"/api/v1{prefix}", tags=[tag], route_class=Route)


def page_router(prefix: str = "") -> APIRouter:
    """Return a router for pages, which the OpenAPI leaves out."""
    return APIRouter(prefix=prefix, route_class=Route, include_in_schema=False)


def _in_one_hop(endpoint: Callable[..., Any], options: dict[str, Any], declared: str) -> Callable[..., Response]:
    hints = get_type_hints(endpoint, include_extras=True)
    provided = {
        name: marker
        for name, hint in hints.items()
        for marker in getattr(hint, "__metadata__", ())
        if isinstance(marker, Provided)
    }
    writes = any(marker.writes for marker in provided.values())
    permission = None if declared == PUBLIC else Permission(declared)
    answer = _serialiser(options)
    options.setdefault("name", None)

    def call(request: Request, **values: Any) -> Response:
        database: Database = request.app.state.database
        try:
            with database.write() if writes else database.read() as db:
                actor = _authorise(request, db, permission) if permission is not None else None
                kept = _claim_key(db, request, actor) if writes and actor is not None else None
                if isinstance(kept, Response):
                    return kept
                for name, marker in provided.items():
                    values[name] = marker.provide(request, db)
                response = answer(endpoint(**values))
                if kept is not None:
                    idempotency.keep(kept, response)
        except PlatformError as error:
            refusals.keep(database, request, error)
            raise
        return compressed(request, response)

    functools.update_wrapper(call, endpoint)
    del call.__wrapped__
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
    return cast(Callable[..., Response], call)


def _serialiser(options: dict[str, Any]) -> Callable[[Any], Response]:
    """Return what turns an endpoint's result into a response; rows go through `response_model`."""
    model = options.get("response_model")
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


def _authorise(request: Request, db: Session, permission: Permission) -> Actor:
    """Sign the caller in, and refuse early one who holds the permission nowhere."""
    authorise: Authorise = request.app.state.authorise
    actor = authorise(request, db)
    request.state.actor = actor
    if not actor.may_somewhere(permission):
        raise NotAllowed(
            f"{actor.name} may not {permission.replace('_', ' ')}.",
            remedy="Ask an administrator for a role that allows it.",
            permission=permission.value,
        )
    return actor


def _only_authorise(request: Request, permission: Permission) -> None:
    database: Database = request.app.state.database
    try:
        with database.read() as db:
            _authorise(request, db, permission)
    except PlatformError as error:
        refusals.keep(database, request, error)
        raise


def _claim_key(db: Session, request: Request, actor: Actor) -> Any:
    key = request.headers.get("idempotency-key")
    if key is None or request.method != "POST":
        return None
    return idempotency.claim(db, request, actor, key, getattr(request, "_body", b""))
