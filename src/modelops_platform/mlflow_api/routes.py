"""Declaring endpoints of the protocol.

An endpoint is a plain function of the session, the caller and its message. It is reached below `/api` and `/ajax-api`
alike. Its message is read in the loop; then one hop to a thread opens the session, signs the caller in, runs it and
commits. With `joins=True` a write may share its commit with others that wait (`web.joined`); it must then write
through `db.connection()`, never by objects of the session.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import Database
from modelops_platform.core.errors import InvalidInput, NotAllowed, NotFound, PlatformError, TooLarge
from modelops_platform.core.logging import get_logger
from modelops_platform.identity.signin import authorise, needs
from modelops_platform.web import refusals
from modelops_platform.web.joined import joined_writes
from modelops_platform.web.requests import header_of
from modelops_platform.web.routing import Route, public, threads

from .reading import Reader
from .wire import Message, printed

Function = Callable[[Session, Actor, Any], Any]
F = TypeVar("F", bound=Callable[..., Any])
WORKSPACE = "default"
_ROOTS = ("/api", "/ajax-api")
LARGEST_MESSAGE = 8_000_000


@dataclass(frozen=True, slots=True)
class Afterwards:
    """An answer, and a write that may follow it in its own time; nobody waits for it, and nothing depends on it."""

    body: bytes
    work: Callable[[Session], object]


class Endpoint(Route):
    """One path and method of the protocol: found like every route, answered without the framework's machinery."""

    def __init__(
        self,
        path: str,
        function: Function,
        *,
        method: str,
        permission: Permission,
        writes: bool,
        joins: bool,
        largest: int,
    ) -> None:
        async def described(request: Request) -> Response:  # what the framework asks for; `app` answers
            raise AssertionError("answered by `app`")

        described.__doc__ = function.__doc__
        super().__init__(
            path,
            described,
            methods=[method],
            name=f"mlflow {method} {path}",
            openapi_extra=needs(permission),
            include_in_schema=False,
        )
        self._function = function
        self.message = _message_of(function)
        self._needed = permission
        self._writes, self._joins, self._largest = writes, joins, largest
        self.app = self._answer

    def make_app(self) -> ASGIApp:
        return self._answer

    @functools.cached_property
    def _reader(self) -> Reader[Any]:
        """What reads the messages: made by the first of them, since every start would make hundreds."""
        return Reader(self.message)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        wanted = await self._read(request)
        database: Database = scope["app"].state.database

        def work(db: Session) -> Any:
            actor = self._sign_in(request, db)
            if isinstance(wanted, PlatformError):
                raise wanted
            result = self._function(db, actor, wanted)
            return result if isinstance(result, Response | Afterwards) else printed(result)

        try:
            if self._joins:
                answer = await joined_writes(database).do(work)
            else:
                hop = _write if self._writes else _read
                answer = await threads.call(hop, database, work)
        except PlatformError as error:
            await threads.call(refusals.keep, database, request, error)
            raise
        if isinstance(answer, Response):
            await answer(scope, receive, send)
            return
        if isinstance(answer, Afterwards):
            _do_afterwards(database, answer.work)
            answer = answer.body
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _read(self, request: Request) -> Any:
        """Return the message, or why it is refused: that is told after it is known who asks."""
        scope = request.scope
        path = scope.get("path_params") or None
        try:
            if scope["method"] == "GET":
                if scope["query_string"]:
                    return self._reader.read_query(scope["query_string"], path)
                return self._reader.read_body(await read_body(request, self._largest), path)
            body = await read_body(request, self._largest)
            kind = (header_of(scope, b"content-type") or "").partition(";")[0].strip().lower()
            is_bare_delete = scope["method"] == "DELETE" and not body and not kind
            if kind != "application/json" and not is_bare_delete:
                raise _wrong_type(kind)
            return self._reader.read_body(body, path)
        except PlatformError as error:
            return error

    def _sign_in(self, request: Request, db: Session) -> Actor:
        actor = authorise(request, db)
        request.scope.setdefault("state", {})["actor"] = actor
        if not actor.may_somewhere(self._needed):
            raise NotAllowed(
                f"{actor.name} may not {self._needed.replace('_', ' ')}.",
                remedy="Ask an administrator for a role that allows it.",
                permission=self._needed.value,
            )
        named = header_of(request.scope, b"x-mlflow-workspace")
        if named and named != WORKSPACE:
            raise NotFound(f"There is no workspace {named[:80]!r}.", remedy="Leave the header out.", field="workspace")
        return actor


_under_way: set["asyncio.Task[None]"] = set()


def _do_afterwards(database: Database, work: Callable[[Session], object]) -> None:
    async def attempt() -> None:
        try:
            await joined_writes(database).do(work)
        except (DBAPIError, PoolTimeout) as error:
            get_logger().warning("mlflow.not_kept", error=type(error).__name__)

    task = asyncio.get_running_loop().create_task(attempt())
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)


def _read(database: Database, work: Callable[[Session], Any]) -> Any:
    with database.read() as db:
        return work(db)


def _write(database: Database, work: Callable[[Session], Any]) -> Any:
    with database.write() as db:
        return work(db)


async def read_body(request: Request, largest: int) -> bytes:
    """Return the whole body. Raises TooLarge, InvalidInput for one that breaks off."""
    announced = header_of(request.scope, b"content-length") or ""
    if announced.isdigit() and int(announced) > largest:
        raise _too_large(largest)
    chunks, seen = [], 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise InvalidInput("The body broke off.", remedy="Send it again.", field="body")
        chunks.append(message.get("body", b""))
        seen += len(chunks[-1])
        if seen > largest:
            raise _too_large(largest)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(largest: int) -> TooLarge:
    return TooLarge(f"The body is larger than {largest:,} bytes.", remedy="Send less at once.", field="body")


def _wrong_type(kind: str) -> InvalidInput:
    return InvalidInput(
        f"Bad Request. Content-Type must be 'application/json', here it is {kind[:80]!r}.",
        remedy="Send JSON, and say so.",
        field="Content-Type",
    )


def _message_of(function: Function) -> type[Message]:
    kind: type[Message] = list(get_type_hints(function).values())[2]
    assert issubclass(kind, Message), f"the third parameter of {function} is no message"
    return kind


class Family:
    """A family of endpoints; its routes are what the application takes."""

    def __init__(self) -> None:
        self.routes: list[APIRoute] = []

    def get(self, path: str, **options: Any) -> Callable[[F], F]:
        """Declare a reading endpoint below `/<version>/mlflow`."""
        return self.on("GET", path, **options)

    def post(self, path: str, **options: Any) -> Callable[[F], F]:
        """Declare an endpoint that takes a JSON body."""
        return self.on("POST", path, **options)

    def on(
        self,
        method: str,
        path: str,
        *,
        permission: Permission,
        version: str | tuple[str, ...] = "2.0",
        writes: bool = False,
        joins: bool = False,
        largest: int = LARGEST_MESSAGE,
    ) -> Callable[[F], F]:
        """Declare an endpoint of any method, below both roots and each version.

        Args:
            path: Below `/<version>/mlflow/`, such as `runs/create`; `/x` stands for `/<version>/x` itself.
            permission: What the caller must hold on something; the service checks it on the thing.
            writes: Whether it needs a session that may write.
            joins: Whether its write may share a commit with others; implies `writes`.
            largest: Most bytes of a body.
        """

        def declare(function: F) -> F:
            for full in full_paths(path, version):
                self.routes.append(
                    Endpoint(
                        full,
                        function,
                        method=method,
                        permission=permission,
                        writes=writes or joins,
                        joins=joins,
                        largest=largest,
                    )
                )
            return function

        return declare

    def stream(
        self,
        method: str,
        path: str,
        *,
        permission: Permission | None,
        version: str | tuple[str, ...] = "2.0",
        is_bare: bool = False,
    ) -> Callable[[Callable[..., Awaitable[Response]]], Callable[..., Awaitable[Response]]]:
        """Declare an `async def` endpoint that takes the raw request, for bytes in or out.

        Its caller is signed in before the body is read, and stands in `request.state.actor`; it opens its own short
        sessions. None as permission makes it public; with `is_bare` the path is the whole address.
        """

        def declare(function: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
            for full in [path] if is_bare else full_paths(path, version):
                self.routes.append(
                    Route(
                        full,
                        function,
                        methods=[method],
                        name=f"mlflow {method} {full}",
                        openapi_extra=public() if permission is None else needs(permission),
                        include_in_schema=False,
                    )
                )
            return function

        return declare


def full_paths(path: str, version: str | tuple[str, ...]) -> list[str]:
    """Return the addresses of an endpoint below both roots."""
    versions = (version,) if isinstance(version, str) else version
    below = path if path.startswith("/") else f"/mlflow/{path}"
    return [f"{root}/{one}{below}" for root in _ROOTS for one in versions]
