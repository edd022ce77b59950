"""Whatever is sent to the JSON API: never an error of ours, and a refusal that names what was wrong and what to do."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from httpx2 import Response
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance
from starlette.testclient import TestClient

from modelops_platform.web.requests import DEEPEST
from tests.contract.addresses import PARAMETER, Asked, plain_body, routes_of
from tests.contract.furnished import House

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
EXAMPLES = 4
HUGE = "123456789012345678901234567890"


def asked_at_random(operation: Any, headers: dict[str, str]) -> Callable[[], None]:
    """A test of one operation: the same few cases each time, some of them outside of its description."""

    @seed(20261124)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def holds(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=[not_a_server_error, content_type_conformance])

    return holds


@ON_SQLITE
@pytest.mark.filterwarnings("ignore")  # the generator warns of schemas and of itself
def test_the_api_answers_as_it_is_described(app: FastAPI, client: TestClient, subtests: pytest.Subtests) -> None:
    """Every operation of the OpenAPI: no error of ours, and no other content type than it says."""
    api = schemathesis.openapi.from_dict(client.get("/api/openapi.json").json())
    api.app = app
    for found in api.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        with subtests.test(operation=operation.label):
            asked_at_random(operation, {"authorization": client.headers["authorization"]})()


def spoiled(body: Any) -> Iterator[tuple[str, bytes]]:
    """Bodies that nothing may take, made from one that would pass."""
    fields = body if isinstance(body, dict) else {}
    name = next(iter(fields), "name")
    yield "NUL", json.dumps(fields | {name: "nul \0 here"}).encode()
    yield "half a surrogate pair", json.dumps(fields | {name: "half \ud800 pair"}).encode()
    yield "huge integer", json.dumps(fields | {name: "HUGE"}).replace('"HUGE"', HUGE).encode()
    yield "NaN", json.dumps(fields | {name: float("nan")}).encode()
    yield "infinity", json.dumps(fields | {name: float("inf")}).encode()
    yield "deep", b'{"%s": %s%s}' % (name.encode(), b"[" * (DEEPEST + 1), b"]" * (DEEPEST + 1))
    yield "very deep", b"[" * 100_000
    yield "unknown field", json.dumps(fields | {"colour_of_the_sky": "blue"}).encode()
    yield "a list", b"[]"
    yield "a text", b'"text"'
    yield "not JSON", b"{'single': quotes}"
    yield "not UTF-8", b'{"%s": "\xff"}' % name.encode()
    others: list[Any] = [{"a": {"b": []}}, [[]], 5.5e300]
    for wrong in others:
        yield f"another type: {wrong}", json.dumps(fields | {name: wrong}).encode()


def is_problem(answer: Response) -> bool:
    """Say whether an answer tells in JSON what was wrong, and where, or what to do."""
    if answer.headers.get("content-type") != "application/problem+json":
        return False
    problem = answer.json()
    return bool(
        problem["detail"]
        and problem["status"] == answer.status_code
        and (problem.get("remedy") or problem.get("field"))
    )


def json_routes(app: FastAPI) -> list[Asked]:
    return [a for a in routes_of(app) if a.is_api and a.writes and a.route.body_field is not None and a.schema()]


def test_every_writing_route_refuses_what_cannot_be_kept(app: FastAPI, house: House) -> None:
    answers = {}
    for asked in json_routes(app):
        path = house.at.path(asked.path)
        for what, body in spoiled(plain_body(asked.schema())):
            answer = house.client_for(asked).request(
                asked.method, path, content=body, headers={"content-type": "application/json"}
            )
            if what.startswith("another type") and answer.status_code < 300:
                continue  # a field that takes any JSON
            if not (400 <= answer.status_code < 500 and is_problem(answer)):
                answers[f"{asked}: {what}"] = (answer.status_code, answer.text[:200])
    assert not answers


def test_every_writing_route_refuses_another_content_type(app: FastAPI, house: House) -> None:
    answers = {}
    for asked in json_routes(app):
        headers = {"content-type": "text/csv"}
        answer = house.client_for(asked).request(
            asked.method, house.at.path(asked.path), content=b"a,b", headers=headers
        )
        if answer.status_code != 422 or not is_problem(answer):
            answers[str(asked)] = (answer.status_code, answer.text[:200])
    assert not answers


def test_every_form_refuses_what_cannot_be_kept(app: FastAPI, house: House) -> None:
    answers = {}
    for asked in routes_of(app):
        if asked.writes and asked.is_form and not asked.is_public:
            for body in (
                b"name=%00",
                b"name=%ED%A0%80%00",
                b"colour_of_the_sky=blue",
                b"=&=&&;",
                b"%",
                b"name=" + b"a" * 300_000,
            ):
                headers = {"content-type": "application/x-www-form-urlencoded"}
                path = house.at.path(asked.path)
                answer = house.client_for(asked).request(asked.method, path, content=body, headers=headers)
                if answer.status_code >= 500 or (b"%00" in body and answer.status_code < 400):
                    answers[f"{asked}: {body[:30]!r}"] = (answer.status_code, answer.text[:200])
    assert not answers


ODD = ["%00", "%ED%A0%80", "%2e%2e%2fetc", "..%5c", "%F0%9F%90%8E", "a" * 3000, "%25", "' OR 1=1 --", HUGE, "-1", "NaN"]


@ON_SQLITE
def test_every_address_takes_any_text_in_its_place(app: FastAPI, client: TestClient) -> None:
    """A name, id or number that cannot be: not found or not taken, never an error of ours."""
    answers = {}
    for asked in routes_of(app):
        for odd in ODD if "{" in asked.path and not asked.writes else ():
            answer = client.request(asked.method, PARAMETER.sub(odd, asked.path))
            if answer.status_code not in (400, 404, 405, 414, 422):
                answers[f"{asked}: {odd[:30]}"] = (answer.status_code, answer.text[:200])
    assert not answers
