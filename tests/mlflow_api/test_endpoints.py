"""The protocol on the wire: addresses, methods, errors, rights; on both databases."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.mlflow_api.routes import Endpoint
from tests.factories import count_events, last_event

API = "/api/2.0/mlflow"


class Wire:
    """Asks as raw clients do."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def post(self, path: str, /, **body: Any) -> Any:
        answer = self.client.post(f"{API}/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(self, path: str, /, **query: Any) -> Any:
        answer = self.client.get(f"{API}/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, path: str, /, **body: Any) -> tuple[int, str]:
        answer = self.client.post(f"{API}/{path}", json=body)
        return answer.status_code, answer.json()["error_code"]

    def run(self, experiment_id: str = "0", **options: Any) -> str:
        run_id: str = self.post("runs/create", experiment_id=experiment_id, **options)["run"]["info"]["run_id"]
        return run_id


@pytest.fixture
def wire(client_as: Callable[..., TestClient]) -> Wire:
    return Wire(client_as("contributor"))


INVALID, UNKNOWN = (400, "INVALID_PARAMETER_VALUE"), (404, "RESOURCE_DOES_NOT_EXIST")


def test_health_and_version_need_nobody(nobody: TestClient) -> None:
    assert nobody.get("/health").text == "OK"
    assert nobody.get("/version").text == "3.17.2"
    assert nobody.get("/health").headers["content-type"].startswith("text/plain")


def test_the_server_tells_what_it_offers(wire: Wire) -> None:
    told = wire.client.get("/api/3.0/mlflow/server-info").json()
    assert (told["store_type"], told["workspaces_enabled"]) == ("SqlStore", False)


def test_both_roots_answer_alike_and_a_get_may_carry_a_body(wire: Wire) -> None:
    for root in ("/api", "/ajax-api"):
        by_query = wire.client.get(f"{root}/2.0/mlflow/experiments/get", params={"experiment_id": "0"})
        by_body = wire.client.request("GET", f"{root}/2.0/mlflow/experiments/get", json={"experimentId": "0"})
        assert by_query.json() == by_body.json()
        assert by_query.json()["experiment"]["name"] == "Default"


def test_errors_have_the_shape_of_the_protocol(wire: Wire, nobody: TestClient) -> None:
    for answer, status, code in (
        (nobody.get(f"{API}/runs/get"), 401, "UNAUTHENTICATED"),
        (nobody.post(f"{API}/runs/create", content=b"{"), 401, "UNAUTHENTICATED"),
        (wire.client.get(f"{API}/nothing/here"), 404, "ENDPOINT_NOT_FOUND"),
        (wire.client.get("/ajax-api/3.0/mlflow/nothing"), 404, "ENDPOINT_NOT_FOUND"),
        (wire.client.post(f"{API}/runs/get", json={}), 405, "BAD_REQUEST"),
        (wire.client.get(f"{API}/runs/get", params={"run_id": "x"}), 404, "RESOURCE_DOES_NOT_EXIST"),
        (wire.client.post(f"{API}/runs/create", content=b"{}"), 400, "INVALID_PARAMETER_VALUE"),
        (wire.client.post(f"{API}/runs/create", data={"experiment_id": "0"}), 400, "INVALID_PARAMETER_VALUE"),
        (wire.client.post(f"{API}/runs/create", content=b"{", headers=JSON), 400, "INVALID_PARAMETER_VALUE"),
        (wire.client.post(f"{API}/runs/set-tag", json={"run_id": "x" * 9_000_000}), 400, "INVALID_PARAMETER_VALUE"),
    ):
        assert (answer.status_code, answer.json()["error_code"]) == (status, code), answer.text[:200]
        assert answer.json()["message"]
        assert answer.headers["content-type"] == "application/json"


JSON = {"content-type": "application/json; charset=utf-8"}


def test_only_the_default_workspace_is_known(wire: Wire) -> None:
    get = f"{API}/experiments/get?experiment_id=0"
    assert wire.client.get(get, headers={"x-mlflow-workspace": "default"}).status_code == 200
    assert wire.client.get(get, headers={"x-mlflow-workspace": "other"}).status_code == 404


def test_a_run_from_begin_to_end(wire: Wire, db: Session) -> None:
    made = wire.post(
        "runs/create", experiment_id="0", start_time="1000", user_id="rob", tags=[{"key": "a", "value": ""}]
    )
    info = made["run"]["info"]
    assert (info["status"], info["start_time"], info["user_id"], info["lifecycle_stage"]) == (
        "RUNNING",
        1000,
        "rob",
        "active",
    )
    assert info["run_id"] == info["run_uuid"]
    assert "end_time" not in info
    assert {"key": "a", "value": ""} in made["run"]["data"]["tags"]
    assert "metrics" not in made["run"]["data"]
    run_id = info["run_id"]
    point = {"run_uuid": run_id, "run_id": run_id, "key": "m", "value": "0.25", "timestamp": "7"}
    wire.post("runs/log-metric", **point)
    wire.post("runs/log-metric", **point)
    wire.post("runs/log-batch", run_uuid=run_id, metrics=[{"key": "n", "value": "NaN", "timestamp": 1, "step": -2}])
    wire.post("runs/log-batch", run_id=run_id)
    updated = wire.post("runs/update", run_id=run_id, status=3, end_time=2000, run_name="done")["run_info"]
    assert (updated["status"], updated["end_time"], updated["run_name"]) == ("FINISHED", 2000, "done")
    run = wire.get("runs/get", run_id=run_id)["run"]
    assert run["data"]["metrics"] == [
        {"key": "m", "value": 0.25, "timestamp": 7, "step": 0},
        {"key": "n", "value": "NaN", "timestamp": 1, "step": -2},
    ]
    assert {"key": "mlflow.runName", "value": "done"} in run["data"]["tags"]
    history = wire.get("metrics/get-history", run_id=run_id, metric_key="m")
    assert history == {"metrics": [{"value": 0.25, "timestamp": 7, "step": 0, "key": "m"}]}
    assert wire.get("metrics/get-history", run_id=run_id, metric_key="none") == {}
    ended = last_event(db, "run.ended")
    assert ended["object"] == {"kind": "run", "id": run_id, "name": "done"}
    assert count_events(db, "run.created") == 1


def test_a_search_finds_documents_kept_and_unkept(wire: Wire) -> None:
    runs = [wire.run(start_time=1000 + n) for n in range(3)]
    for n, run_id in enumerate(runs):
        wire.post("runs/log-metric", run_id=run_id, key="m", value=n, timestamp=1)
    search = {"experiment_ids": ["0"], "order_by": ["metrics.m DESC"], "max_results": 2}
    first = wire.post("runs/search", **search)
    assert [run["info"]["run_id"] for run in first["runs"]] == [runs[2], runs[1]]
    assert wire.post("runs/search", **search) == first
    wire.post("runs/set-tag", run_id=runs[2], key="t", value="new")
    again = wire.post("runs/search", **search)
    assert {"key": "t", "value": "new"} in again["runs"][0]["data"]["tags"]
    rest = wire.post("runs/search", **search, page_token=first["next_page_token"])
    assert [run["info"]["run_id"] for run in rest["runs"]] == [runs[0]]
    assert "next_page_token" not in rest
    assert wire.refused("runs/search", **search, filter="metrics.m > 0", page_token=first["next_page_token"]) == INVALID
    assert wire.post("runs/search", experiment_ids=[]) == {}
    assert wire.post("runs/search", experiment_ids=["77", "x"]) == {}
    assert wire.refused("runs/search", experiment_ids=["0"], max_results=50_001) == INVALID
    assert wire.refused("runs/search", experiment_ids=["0"], order_by=["metrics.m", "metrics.m DESC"]) == INVALID


@pytest.mark.parametrize(
    "key", ["../m", "/m", "a//b", ".", "..", "a/../b", "m$", "m" * 251, "a/", "é\u202e", "a\nb", "a\tb"]
)
def test_names_that_are_no_names_are_refused(wire: Wire, key: str) -> None:
    run_id = wire.run()
    assert wire.refused("runs/log-metric", run_id=run_id, key=key, value=1, timestamp=1) == INVALID
    assert wire.refused("runs/log-parameter", run_id=run_id, key=key, value="1") == INVALID
    assert wire.refused("runs/set-tag", run_id=run_id, key=key, value="1") == INVALID


def test_names_that_are_names_are_kept(wire: Wire) -> None:
    run_id = wire.run()
    for key in ("m", "é/ü", "a b", "a.b-c:d_e", "m" * 250, "0", ".hidden", "a..b"):
        wire.post("runs/log-parameter", run_id=run_id, key=key, value=key)
    params = {p["key"] for p in wire.get("runs/get", run_id=run_id)["run"]["data"]["params"]}
    assert {"é/ü", "a b", ".hidden", "m" * 250} <= params


def test_a_batch_is_bounded_and_whole(wire: Wire) -> None:
    run_id = wire.run()
    point = {"key": "m", "value": 1, "timestamp": 1}
    many = [{**point, "step": n} for n in range(1001)]
    assert wire.refused("runs/log-batch", run_id=run_id, metrics=many) == INVALID
    pairs = [{"key": f"k{n}", "value": "v"} for n in range(101)]
    assert wire.refused("runs/log-batch", run_id=run_id, params=pairs) == INVALID
    assert wire.refused("runs/log-batch", run_id=run_id, tags=pairs) == INVALID
    assert wire.refused("runs/log-batch", run_id=run_id, metrics=many[:950], params=pairs[:51]) == INVALID
    assert wire.refused("runs/log-batch", run_id=run_id, params=[pairs[0], pairs[0]]) == INVALID
    assert wire.refused("runs/log-batch", run_id=run_id, metrics=[point, {**point, "timestamp": -1}]) == INVALID
    assert wire.get("metrics/get-history", run_id=run_id, metric_key="m") == {}
    wire.post("runs/log-batch", run_id=run_id, metrics=many[:900], params=pairs[:50], tags=pairs[:50])
    assert len(wire.get("metrics/get-history", run_id=run_id, metric_key="m")["metrics"]) == 900


def test_histories_of_several_runs_are_thinned_out(wire: Wire) -> None:
    runs = [wire.run() for _ in range(2)]
    for run_id in runs:
        points = [{"key": "m", "value": n, "timestamp": n, "step": n} for n in range(300)]
        wire.post("runs/log-batch", run_id=run_id, metrics=points)
    bulk = "metrics/get-history-bulk-interval"
    found = wire.get(bulk, run_ids=runs, metric_key="m", max_results=20)["metrics"]
    steps = [point["step"] for point in found if point["run_id"] == runs[0]]
    assert (steps[0], steps[-1]) == (0, 299)
    assert len(steps) <= 22
    some = wire.get(bulk, run_ids=runs, metric_key="m", start_step=10, end_step=12)["metrics"]
    assert [point["step"] for point in some] == [10, 11, 12] * 2
    for wrong in ({"start_step": 1}, {"start_step": 5, "end_step": 1}, {"max_results": 0}, {"max_results": 2501}):
        assert wire.client.get(f"{API}/{bulk}", params={"run_ids": runs, "metric_key": "m", **wrong}).status_code == 400
    assert wire.client.get(f"{API}/{bulk}", params={"metric_key": "m"}).status_code == 400
    ui = wire.client.get("/ajax-api/2.0/mlflow/metrics/get-history-bulk", params={"run_id": runs, "metric_key": "m"})
    assert len(ui.json()["metrics"]) == 600


def test_inputs_and_outputs_are_noted_once(wire: Wire) -> None:
    run_id = wire.run()
    data = {"name": "d", "digest": "x", "source_type": "local", "source": "{}", "schema": "{}"}
    context = [{"key": "mlflow.data.context", "value": "train"}]
    for _ in range(2):
        wire.post(
            "runs/log-inputs",
            run_id=run_id,
            datasets=[{"dataset": data, "tags": context}],
            models=[{"model_id": "m-1"}],
        )
        wire.post("runs/outputs", run_id=run_id, models=[{"model_id": "m-2", "step": 3}])
    run = wire.get("runs/get", run_id=run_id)["run"]
    assert run["inputs"] == {
        "dataset_inputs": [{"dataset": data, "tags": context}],
        "model_inputs": [{"model_id": "m-1"}],
    }
    assert run["outputs"] == {"model_outputs": [{"model_id": "m-2", "step": 3}]}
    told = wire.client.post("/ajax-api/2.0/mlflow/experiments/search-datasets", json={"experiment_ids": ["0"]}).json()
    assert told == {"dataset_summaries": [{"experiment_id": "0", "name": "d", "digest": "x", "context": "train"}]}
    assert (
        wire.refused("runs/log-inputs", run_id=run_id, datasets=[{"dataset": {**data, "digest": "x" * 37}}]) == INVALID
    )
    assert wire.refused("runs/outputs", run_id=run_id) == INVALID


def test_old_clients_describe_models_on_the_run(wire: Wire) -> None:
    run_id = wire.run()
    described = json.dumps({"artifact_path": "a", "flavors": {}, "utc_time_created": "t", "run_id": run_id})
    wire.post("runs/log-model", run_id=run_id, model_json=described)
    wire.post("runs/log-model", run_id=run_id, model_json=described)
    tags = {tag["key"]: tag["value"] for tag in wire.get("runs/get", run_id=run_id)["run"]["data"]["tags"]}
    assert len(json.loads(tags["mlflow.log-model.history"])) == 2
    for wrong in ("{}", "nonsense", "[]", "[" * 100_000):
        assert wire.refused("runs/log-model", run_id=run_id, model_json=wrong) == INVALID


@pytest.mark.parametrize(
    "location", ["http://x/y", "HTTPS://x", "ftp://x", "runs:/a/b", "s3://b/a#f", "s3://b/a?x=..", "s3://" + "a" * 2048]
)
def test_locations_that_lead_elsewhere_are_refused(wire: Wire, location: str) -> None:
    assert wire.refused("experiments/create", name="x", artifact_location=location) == INVALID


def test_experiments_know_their_errors(wire: Wire, db: Session) -> None:
    made = wire.post("experiments/create", name="e", tags=[{"key": "k", "value": "v"}])["experiment_id"]
    assert [one["experiment_id"] for one in wire.get("experiments/list")["experiments"]] == [made, "0"]
    assert wire.refused("experiments/create", name="e") == (400, "RESOURCE_ALREADY_EXISTS")
    assert wire.refused("experiments/create", name="x" * 501) == INVALID
    assert wire.refused("experiments/delete", experiment_id="999") == UNKNOWN
    assert wire.refused("experiments/delete", experiment_id="abc") == INVALID
    assert wire.refused("experiments/restore", experiment_id=made) == UNKNOWN
    assert wire.refused("experiments/set-experiment-tag", experiment_id=made, key="k", value="x" * 20_001) == INVALID
    assert wire.refused("experiments/search") == INVALID
    assert wire.refused("runs/create", experiment_id="999") == UNKNOWN
    assert wire.refused("runs/create") == INVALID
    wire.post("experiments/update", experiment_id=made, new_name="f")
    assert last_event(db, "experiment.renamed")["data"] == {"name": {"from": "e", "to": "f"}}
    wire.post("experiments/delete", experiment_id=made)
    assert wire.refused("experiments/update", experiment_id=made, new_name="g") == INVALID
    assert wire.refused("experiments/create", name="f") == (400, "RESOURCE_ALREADY_EXISTS")


def test_a_tag_names_another_unit(client_as: Callable[..., TestClient], cast: Any) -> None:
    cast.unit("Risk")
    cards = Wire(client_as("contributor", unit="Cards"))
    tags = [{"key": "modelops.unit", "value": "Risk"}]
    assert cards.refused("experiments/create", name="e", tags=tags) == (403, "PERMISSION_DENIED")
    everywhere = Wire(client_as("contributor"))
    assert everywhere.post("experiments/create", name="e", tags=tags)
    seen = [one["name"] for one in cards.post("experiments/search", max_results=10)["experiments"]]
    assert seen == ["Default"]
    assert cards.refused("experiments/update", experiment_id="0", new_name="mine") == (403, "PERMISSION_DENIED")


def test_rights_are_asked_first_at_every_endpoint(app: FastAPI, client_as: Callable[..., TestClient]) -> None:
    viewer, without = client_as("viewer"), client_as(None)
    for route in app.routes:
        if isinstance(route, Endpoint):
            (method,) = route.methods or {""}
            path = route.path.replace("{path:path}", "0/x").replace("{", "").replace("}", "")
            reads = route.openapi_extra == {"x-permission": "view"}
            answer = viewer.request(method, path, json={})
            assert (answer.status_code == 403) is not reads, (method, path, answer.text)
            assert answer.status_code < 500 or answer.status_code == 501
            assert without.request(method, path, json={}).status_code == 403, path


def test_values_of_every_kind_stay_what_they_are(wire: Wire) -> None:
    run_id = wire.run()
    values = [1e-300, 1.7976931348623157e308, -0.1, 5e-324, 3.0, 1e22]
    for step, value in enumerate([*values, "Infinity", "-Infinity"]):
        wire.post("runs/log-metric", run_id=run_id, key="m", value=value, timestamp=1, step=step)
    got = [point["value"] for point in wire.get("metrics/get-history", run_id=run_id, metric_key="m")["metrics"]]
    assert got == [*values, "Infinity", "-Infinity"]
    assert wire.get("runs/get", run_id=run_id)["run"]["data"]["metrics"][0]["value"] == "-Infinity"
    assert all(isinstance(value, str) or math.isfinite(value) for value in got)
