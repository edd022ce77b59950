"""Routes: what is checked when one is declared, and how a request finds its own."""

import asyncio

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from modelops_platform.web.routing import Route, page_router, public
from modelops_platform.web.threads import Threads


def test_a_route_without_a_permission_stops_the_start() -> None:
    with pytest.raises(RuntimeError, match="declares no permission"):
        page_router().get("/open")(lambda: None)


def test_a_route_works_out_what_it_asks_for_only_when_asked() -> None:
    def show(request: Request, page: int = 1) -> Response:
        return Response()

    route = Route("/shown/{page}", show, methods=["GET"], openapi_extra=public())
    assert "dependant" not in vars(route)
    assert [field.name for field in route.dependant.path_params] == ["page"]
    assert route.path_format == "/shown/{page}"
    assert not hasattr(route, "nothing_of_the_kind")


def test_every_route_can_be_worked_out(app: FastAPI) -> None:
    routes = [route for route in app.routes if isinstance(route, Route)]
    assert len(routes) > 400
    assert all(route.dependant.call is not None for route in routes)


def test_a_method_that_no_route_of_the_address_has_is_told_with_those_that_it_has(nobody: TestClient) -> None:
    answer = nobody.delete("/api/v1/models")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert nobody.patch("/models/churn/activity").status_code == 405
    assert nobody.get("/api/v1/nothing").status_code == 404


def test_threads_hand_back_results_and_errors_to_whoever_waits() -> None:
    threads = Threads(3, "test")

    def fail() -> None:
        raise ValueError("no")

    async def main() -> list[object]:
        return await asyncio.gather(
            *(threads.call(divmod, number, 7) for number in range(40)), threads.call(fail), return_exceptions=True
        )

    *results, error = asyncio.run(main())
    assert results == [divmod(number, 7) for number in range(40)]
    assert isinstance(error, ValueError)
