"""Whatever is sent to any endpoint, the answer is never an error of ours, nor one that clients of MLflow retry."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from modelops_platform.core.errors import InvalidInput
from modelops_platform.mlflow_api.reading import Reader
from modelops_platform.mlflow_api.routes import Endpoint

ODD: list[Any] = [
    None, True, 0, -1, 2**63, 10**30, 1.5, "", "x", "\x00", "\ud800", "é" * 300, "a" * 10_000, "' OR 1=1 --", "../..",
    "%s ? %", [], {}, [None], [[]], {"key": "k"}, [{"key": "k", "value": "v"}], [1, "a"], "NaN", "1e999", "9" * 400,
    "ACTIVE_ONLY",
]  # fmt: skip
RAW = [b"", b"[]", b"7", b'"x"', b"nul", b"{" * 10_000, b"\xff\xfe", b'{"a":' * 50 + b"1" + b"}" * 50, b'"{}"', b"NaN"]


def fields(route: Endpoint) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(route.message)]


@pytest.fixture
def endpoints(app: FastAPI) -> list[Endpoint]:
    """The endpoints below the first root; the other has the same."""
    return [route for route in app.routes if isinstance(route, Endpoint) and route.path.startswith("/api/")]


def bodies(route: Endpoint, plain: dict[str, Any]) -> Iterator[bytes]:
    """Yield bodies with an odd value in one field, and what belongs there in the others."""
    names = fields(route)
    for number, name in enumerate(names):
        for odd in ODD[number % 3 :: 3]:
            yield json.dumps({other: plain[other] for other in names if other in plain} | {name: odd}).encode()


def test_no_value_of_any_field_breaks_an_endpoint(
    client_as: Callable[..., TestClient], endpoints: list[Endpoint]
) -> None:
    """The reader refuses most values, in microseconds; only what it takes is sent, and one that it refuses."""
    client = client_as("contributor")
    run_id = client.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}).json()["run"]["info"]["run_id"]
    plain = {
        "experiment_id": "0",
        "experiment_ids": ["0"],
        "run_id": run_id,
        "run_ids": [run_id],
        "key": "k",
        "value": 1,
    }
    plain |= {"metric_key": "k", "timestamp": 1, "max_results": 5, "name": "n", "version": "1", "alias": "a"}
    broken: dict[str, tuple[int, str]] = {}
    for route in endpoints:
        (method,) = route.methods or {""}
        path = route.path.replace("{", "").replace("}", "")
        reader: Reader[Any] = Reader(route.message)
        taken: dict[str, bytes] = {}
        for body in bodies(route, plain):
            try:
                taken.setdefault(repr(reader.read_body(body)), body)
            except InvalidInput:
                taken.setdefault("refused", body)
        for body in taken.values():
            answer = client.request(method, path, content=body, headers={"content-type": "application/json"})
            if answer.status_code not in (200, 201, 204, 400, 403, 404, 409, 501):
                broken[f"{method} {path} {body[:200]!r}"] = (answer.status_code, answer.text[:200])
    assert not broken


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_body_breaks_an_endpoint(client_as: Callable[..., TestClient], endpoints: list[Endpoint]) -> None:
    """Every body is read as every message; of those that are sent, each meets a third of the endpoints."""
    client = client_as("contributor")
    for number, route in enumerate(endpoints):
        (method,) = route.methods or {""}
        path = route.path.replace("{", "").replace("}", "")
        reader: Reader[Any] = Reader(route.message)
        for body in RAW:
            with suppress(InvalidInput):
                reader.read_body(body)
        for body in RAW[number % 3 :: 3]:
            answer = client.request(method, path, content=body, headers={"content-type": "application/json"})
            assert answer.status_code in (200, 201, 204, 400, 403, 404, 409, 501), (
                method,
                path,
                body[:50],
                answer.text,
            )
            assert answer.headers["content-type"] == "application/json"
