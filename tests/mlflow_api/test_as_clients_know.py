"""Habits of MLflow's own server that clients rely on, each found by sending both servers the same request."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from tests.mlflow_api.test_endpoints import API, INVALID, Wire


@pytest.fixture
def wire(client_as: Callable[..., TestClient]) -> Wire:
    return Wire(client_as("contributor", unit="Cards"))


def test_a_list_may_end_in_a_comma_as_a_python_tuple_of_one_does(wire: Wire) -> None:
    run = wire.run(wire.post("experiments/create", name="commas")["experiment_id"])
    found = wire.post("runs/search", experiment_ids=["0", "1"], filter=f"run_id IN {(run,)}")
    assert [one["info"]["run_id"] for one in found["runs"]] == [run]
    for text in ("run_id IN (,)", "run_id IN ()", f"run_id IN ('{run}',,)", f"run_id IN ('{run}'"):
        assert wire.refused("runs/search", experiment_ids=["0"], filter=text) == INVALID


def test_keys_and_names_of_runs(wire: Wire) -> None:
    run = wire.run("0", run_name="named")
    for key in ("..a", "..", "../a", ".", "a//b"):
        assert wire.refused("runs/log-metric", run_id=run, key=key, value=1, timestamp=1) == INVALID, key
    for key in (".a", "b.", "a..a/._./o_O/.e.", "a b/c d"):
        wire.post("runs/log-metric", run_id=run, key=key, value=1, timestamp=1)
    wire.post("runs/set-tag", run_id=run, key="mlflow.runName", value="")
    found = wire.get("runs/get", run_id=run)["run"]
    assert found["info"]["run_name"] == "named"
    assert {"key": "mlflow.runName", "value": "named"} in found["data"]["tags"]


def test_a_thinned_history_has_no_more_points_than_asked_for_and_both_ends(wire: Wire) -> None:
    runs = [wire.run(), wire.run()]
    for run, count in zip(runs, (50, 3), strict=True):
        points = [{"key": "m", "value": n, "timestamp": n, "step": n // 10} for n in range(count)]
        wire.post("runs/log-batch", run_id=run, metrics=points)
    for most, expected in ((7, [7, 3]), (1, [1, 1]), (2, [2, 2]), (2500, [50, 3])):
        found = wire.get("metrics/get-history-bulk-interval", run_ids=runs, metric_key="m", max_results=most)["metrics"]
        by_run = [[point["value"] for point in found if point["run_id"] == run] for run in runs]
        assert [len(values) for values in by_run] == expected
        assert [values[-1] for values in by_run] == [49, 2]
        assert most == 1 or [values[0] for values in by_run] == [0, 0]
        assert [point["run_id"] for point in found] == sorted((p["run_id"] for p in found), key=runs.index)
    answer = wire.client.get(f"/ajax-api/2.0/mlflow/metrics/get-history-bulk?run_id={runs[0]}&metric_key=none")
    assert answer.json() == {"metrics": []}


def test_names_of_versions(wire: Wire) -> None:
    wire.post("registered-models/create", name="named")
    run = wire.run()
    for run_id in (None, run, None):
        wire.post("model-versions/create", name="named", source="s3://bucket/key", run_id=run_id)
    alias = "a" * 255
    wire.post("registered-models/alias", name="named", alias=alias, version="2")
    assert wire.get("registered-models/alias", name="named", alias=alias)["model_version"]["version"] == "2"
    assert wire.refused("registered-models/alias", name="named", alias="a" * 256, version="2") == INVALID
    assert wire.get("registered-models/alias", name="named", alias="latest")["model_version"]["version"] == "3"
    others = wire.get("model-versions/search", filter=f"name = 'named' AND run_id != '{run}'")["model_versions"]
    assert {one["version"] for one in others} == {"1", "3"}  # no run reads as an empty text
    wire.post("model-versions/transition-stage", name="named", version="1", stage="Archived")
    for source, number in (("/latest", 3), (f"@{alias}", 2), ("/Archived", 1), ("/2", 2)):
        made = wire.post("model-versions/create", name="named", source=f"models:/named{source}")["model_version"]
        assert (made["status"], made["source"]) == ("READY", f"models:/named/{number}")
    for source in ("models:/named@none", "models:/named/nowhere"):
        assert wire.refused("model-versions/create", name="named", source=source) == INVALID


def test_small_courtesies(wire: Wire) -> None:
    assert wire.client.get("/api/3.0/mlflow/scorers/online-configs?scorer_ids=x").json() == {"configs": []}
    refused = wire.client.put("/api/3.0/mlflow/scorers/online-config", json={})
    assert (refused.status_code, refused.json()["error_code"]) == (501, "NOT_IMPLEMENTED")
    empty = {"X-MLFLOW-WORKSPACE": ""}  # as clients send it that name none
    assert wire.client.get(f"{API}/experiments/get?experiment_id=0", headers=empty).status_code == 200
    experiment = wire.post("experiments/create", name="models")["experiment_id"]
    assert wire.post("logged-models/search", experiment_ids=[experiment], max_results=100_000) == {}
    root = f"{experiment}/{wire.run(experiment)}/artifacts"
    assert wire.client.put(f"/api/2.0/mlflow-artifacts/artifacts/{root}/a.txt", content=b"x").status_code == 200
    whole = wire.client.post(f"/api/2.0/mlflow-artifacts/mpu/create/{root}", json={"path": "b.bin", "num_parts": 2})
    assert (whole.status_code, whole.json()["error_code"]) == (501, "NOT_IMPLEMENTED")
    assert whole.json()["message"].startswith("Multipart upload is not supported")
