"""The application of a web process: FastAPI with the layers that our requests need, and no others."""

from typing import Any

from fastapi import FastAPI
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp

from .edge import Edge
from .routing import RouteIndex


class Application(FastAPI):
    """FastAPI behind the edge.

    The edge answers for what nobody foresaw, and `Route` closes uploaded files and limits bodies, so that the
    framework's layers for these are left out; its tracing is off, because every request is logged and counted here.
    """

    def __init__(self, *, hosts: frozenset[str], **options: Any) -> None:
        super().__init__(**options, telemetry={"tracing": False, "metrics": False, "logs": False})
        self._hosts = hosts

    def build_middleware_stack(self) -> ASGIApp:
        """Return the layers around the routes, once all routes are there."""
        return Edge(ExceptionMiddleware(RouteIndex(self.router), handlers=self.exception_handlers), hosts=self._hosts)
