"""What deployments answer that are served here: the version that is live, to those who may ask, by two protocols."""

from collections.abc import Callable
from typing import Any

import anyio
import numpy as np
import pytest
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression
from sqlalchemy import update
from starlette.testclient import TestClient

from modelops_platform.artifacts.tables import Blob
from modelops_platform.core.db import Database
from modelops_platform.core.errors import Unavailable
from modelops_platform.deployments.answering import ModelWorkers
from modelops_platform.gateway import create_gateway
from tests.deployments.conftest import GateKeeper, Rig
from tests.factories import Cast

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
INPUTS = [{"name": name, "type": "double"} for name in ("a", "b")]
QUESTION = {
    "inputs": [
        {"name": "b", "shape": [2], "datatype": "FP64", "data": [0, 1]},
        {"name": "a", "shape": [2, 1], "datatype": "FP64", "data": [2, 3]},
    ]
}
pytestmark = pytest.mark.usefixtures("gate")


@pytest.fixture(scope="module")
def line() -> bytes:
    """A model that answers 10 a + b + 1."""
    rows = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    fitted = LinearRegression().fit(rows, rows @ [10.0, 1.0] + 1.0)
    content: bytes = to_onnx(fitted, rows[:1].astype(np.float32)).SerializeToString()
    return content


@pytest.fixture
def served(rig: Rig, database: Database, line: bytes) -> Rig:
    """The deployment `lines` of a model with one real version, live and served here."""
    rig.model("lines", versions=0)
    put(rig, database, "lines", line)
    wanted = {"name": "lines", "environment": "production", "model": "lines", "served": "here"}
    assert rig.client.post("/api/v1/deployments", json=wanted).status_code == 201
    rig.activate(1, "lines")
    return rig


def put(
    rig: Rig, database: Database, model: str, content: bytes, *, kind: str = "onnx", verdict: str = "clean"
) -> None:
    """Add a version of one model file, as scanned."""
    sha256 = rig.client.put("/api/v1/files", content=content).json()["sha256"]
    with database.write() as db:  # the scan is a job; none runs here
        db.execute(update(Blob).where(Blob.sha256 == sha256).values(format=kind, verdict=verdict, reasons=[]))
    version = {"files": [{"path": "model/model.onnx", "sha256": sha256}], "signature": {"inputs": INPUTS}}
    made = rig.client.post(f"/api/v1/models/{model}/versions", json=version)
    assert made.status_code == 201, made.text


@ON_SQLITE
def test_what_is_live_answers_by_both_protocols(served: Rig) -> None:
    answer = served.client.post("/v2/models/lines/infer", json={"id": "q1"} | QUESTION)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    [output] = told.pop("outputs")
    assert told == {"model_name": "lines", "model_version": "1", "id": "q1"}
    assert output.pop("data") == pytest.approx([21.0, 32.0])
    assert output == {"name": "prediction", "datatype": "FP64", "shape": [2]}
    csv = served.client.post(
        "/deployments/lines/invocations", content="b,a\n0,2\n1,3\n", headers={"content-type": "text/csv; charset=utf-8"}
    )
    assert csv.json()["predictions"] == pytest.approx([21.0, 32.0])
    live = served.client.get("/api/v1/deployments/lines").json()["live"]
    assert live["proof"] == "match"  # the workers load by the digest that was approved


def test_who_may_ask(served: Rig, client_as: Callable[..., TestClient], nobody: TestClient) -> None:
    """Rights come before the body: the same words whatever was sent."""
    asked = ("/v2/models/lines/infer", "/deployments/lines/invocations")
    for path in asked:
        assert client_as("contributor").post(path, json={}).status_code == 422
        assert client_as("service").post(path, json={}).status_code == 422
        assert client_as("viewer").post(path, json={}).status_code == 403
        hidden = client_as("contributor", unit="Elsewhere").post(path, json={})
        assert (hidden.status_code, hidden.json()["code"]) == (404, "not_found")
        unknown = nobody.post(path, json={})
        assert (unknown.status_code, unknown.headers["content-type"]) == (401, "application/problem+json")
    assert served.client.get("/v2/models/lines").json() == {
        "name": "lines",
        "versions": ["1"],
        "platform": "onnx",
        "inputs": [{"name": name, "datatype": "FP64", "shape": [-1, 1]} for name in ("a", "b")],
        "outputs": [],
    }
    assert served.client.get("/v2/models/lines/ready").json() == {"name": "lines", "ready": True}
    assert served.client.get("/v2/health/ready").json() == {"ready": True}
    assert served.client.get("/v2").json()["name"] == "modelops"


@ON_SQLITE
def test_who_may_only_look_at_the_model_may_not_ask_it(served: Rig, cast: Cast, app: Any) -> None:
    person = cast.person("contributor", unit="Treasury")
    cast.grant(person, "viewer", "model", served.client.get("/api/v1/models/lines").json()["id"])
    client = TestClient(app, headers={"authorization": f"Bearer {cast.token(person)}"})
    assert client.get("/api/v1/deployments/lines").status_code == 200
    assert client.post("/v2/models/lines/infer", json=QUESTION).status_code == 403


@ON_SQLITE
def test_where_nothing_answers_the_conflict_says_why(
    served: Rig, database: Database, gate: GateKeeper, line: bytes
) -> None:
    def why(name: str = "lines") -> str:
        answer = served.client.get(f"/v2/models/{name}/ready")
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert served.client.post(f"/v2/models/{name}/infer", json=QUESTION).status_code == 409
        return str(answer.json()["error"])

    put(served, database, "lines", line + b" ", verdict="unknown")
    put(served, database, "lines", b"a pickle", kind="pickle")
    served.version("lines", None)
    for version, words in ((2, "not found 'model/model.onnx' clean"), (3, "no model file"), (4, "not verified")):
        served.activate(version, "lines")
        assert words in why()
    assert served.client.post("/api/v1/deployments/lines/end", json={"reason": "Enough."}).status_code == 200
    assert "nothing is live" in why()
    served.deployment("far", model="lines")
    assert "served elsewhere" in why("far")


@ON_SQLITE
@pytest.mark.parametrize(
    ("path", "content", "kind", "field"),
    [
        ("/v2/models/lines/infer", b"{}", "application/json", "inputs"),
        ("/v2/models/lines/infer", b"a,b\n1,2", "text/csv", "Content-Type"),
        ("/v2/models/lines/infer", b"\x00\x00\x80?", "application/octet-stream", "Content-Type"),
        ("/v2/models/lines/infer", b'{"inputs": [NaN]}', "application/json", "body"),
        ("/deployments/lines/invocations", b'{"instances": [[1]]}', "application/json", "instances.0"),
        ("/deployments/lines/invocations", b"a,b\n\xff,1", "text/csv", "body"),
        ("/deployments/lines/invocations", b"a,b\n\x00,1", "text/csv", "body"),
        ("/deployments/lines/invocations", b"", "", "Content-Type"),
    ],
)
def test_what_cannot_be_read_is_refused_by_field(served: Rig, path: str, content: bytes, kind: str, field: str) -> None:
    answer = served.client.post(path, content=content, headers={"content-type": kind})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["field"] == field
    assert ("error" in answer.json()) == path.startswith("/v2/")


@ON_SQLITE
def test_a_body_beyond_the_limit_is_refused(served: Rig) -> None:
    headers = {"content-type": "application/json"}
    answer = served.client.post("/v2/models/lines/infer", content=b" " * 2_000_001, headers=headers)
    assert answer.status_code == 413


@ON_SQLITE
def test_the_gateway_answers_its_routes_and_no_other(served: Rig, settings: Any, database: Database) -> None:
    settings = settings.model_copy(update={"allowed_hosts": "testserver"})
    client = TestClient(create_gateway(settings, database), headers=dict(served.client.headers))
    assert client.get("/v2/models/lines/ready").json()["ready"] is True
    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
    for path in ("/", "/models", "/api/v1/models", "/login", "/static/app.css", "/deployments/lines"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path


def test_too_many_questions_are_sent_away() -> None:
    async def ask() -> None:
        workers = ModelWorkers(1)
        workers._asked = 9
        with pytest.raises(Unavailable) as refused:
            await workers.run(pytest.fail)
        assert refused.value.details["retry_after"] == 5

    anyio.run(ask)
