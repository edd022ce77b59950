"""Logged models on the wire: one from begin to end, and the search; on both databases."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from tests.factories import count_events
from tests.mlflow_api.test_endpoints import API, Wire

INVALID, UNKNOWN = (400, "INVALID_PARAMETER_VALUE"), (404, "RESOURCE_DOES_NOT_EXIST")
PROXY = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture
def wire(client_as: Callable[..., TestClient]) -> Wire:
    return Wire(client_as("contributor", unit="Cards"))


def pair(key: str, value: str) -> dict[str, str]:
    return {"key": key, "value": value}


def ask(wire: Wire, method: str, path: str, **body: Any) -> tuple[int, Any]:
    answer = wire.client.request(method, f"{API}/logged-models{path}", json=body or None)
    return answer.status_code, answer.json()


def test_a_logged_model_from_begin_to_end(wire: Wire, db: Session, client_as: Callable[..., TestClient]) -> None:
    experiment = wire.post("experiments/create", name="models")["experiment_id"]
    run = wire.run(experiment)
    made = wire.post(
        "logged-models",
        experiment_id=experiment,
        name="clf",
        model_type="sklearn",
        source_run_id=run,
        params=[pair("depth", "3")],
        tags=[pair("a", "b")],
    )["model"]
    info = made["info"]
    model = info["model_id"]
    assert (info["status"], info["source_run_id"], info["tags"]) == ("LOGGED_MODEL_PENDING", run, [pair("a", "b")])
    assert info["artifact_uri"] == f"mlflow-artifacts:/{experiment}/models/{model}/artifacts"
    wire.post("runs/outputs", run_id=run, models=[{"model_id": model, "step": 2}])
    assert wire.client.put(f"{PROXY}/{experiment}/models/{model}/artifacts/sub/x", content=b"x").status_code == 200
    listed = wire.get(f"logged-models/{model}/artifacts/directories", artifact_directory_path="sub")
    assert listed == {"root_uri": info["artifact_uri"], "files": [{"path": "sub/x", "is_dir": False, "file_size": 1}]}
    file = wire.client.get(f"/ajax-api/2.0/mlflow/logged-models/{model}/artifacts/files?artifact_file_path=sub/x")
    assert file.content == b"x"
    assert ask(wire, "PATCH", f"/{model}", status="LOGGED_MODEL_READY")[1]["model"]["info"]["status"].endswith("READY")
    assert ask(wire, "PATCH", f"/{model}", status="DONE")[0] == 400
    assert ask(wire, "PATCH", f"/{model}/tags", tags=[pair("a", "c"), pair("d/e", "")]) == (200, {})
    assert ask(wire, "DELETE", f"/{model}/tags/d/e") == (200, {})
    assert ask(wire, "DELETE", f"/{model}/tags/d")[0] == 404
    assert ask(wire, "POST", f"/{model}/params", params=[pair("lr", "0.1")]) == (200, {})
    assert ask(wire, "POST", f"/{model}/params", params=[pair("lr", "0.2")])[0] == 400
    data = {"dataset_name": "train", "dataset_digest": "d1"}
    point = {"key": "auc", "value": 0.9, "timestamp": 5, "step": 1, "model_id": model}
    wire.post("runs/log-metric", run_id=run, **point, **data)
    wire.post("runs/log-batch", run_id=run, metrics=[{**point, "value": "NaN", "step": 2}])
    found = wire.get(f"logged-models/{model}")["model"]
    assert found["data"]["params"] == [pair("depth", "3"), pair("lr", "0.1")]
    assert found["data"]["metrics"] == [
        {**point, "run_id": run, **data},
        {**point, "value": "NaN", "step": 2, "run_id": run},
    ]
    other = Wire(client_as("contributor", unit="Loans"))
    assert ask(other, "GET", f"/{model}")[0] == ask(other, "DELETE", f"/{model}")[0] == 404
    assert other.refused("runs/log-metric", run_id=other.run(), **point) == UNKNOWN  # not about somebody else's model
    assert ask(wire, "DELETE", f"/{model}") == (200, {})
    assert ask(wire, "GET", f"/{model}")[0] == 404
    assert ask(wire, "DELETE", f"/{model}") == (200, {})  # again is fine
    assert wire.get(f"logged-models/{model}", allow_deleted=True)["model"]["info"]["name"] == "clf"
    kinds = ("created", "finished", "deleted")
    assert [count_events(db, f"logged_model.{kind}") for kind in kinds] == [1, 1, 1]


def test_names_and_experiments_are_looked_at(wire: Wire) -> None:
    for name in ("a/b", "a:b", "a.b", "a%b", 'a"b', "a'b"):
        assert wire.refused("logged-models", experiment_id="0", name=name) == INVALID
    assert wire.refused("logged-models", experiment_id="424242") == UNKNOWN
    assert wire.refused("logged-models", experiment_id="0", source_run_id="0" * 32) == UNKNOWN
    assert wire.refused("logged-models", name="x") == INVALID
    assert wire.post("logged-models", experiment_id="0")["model"]["info"]["name"]


def test_the_search_knows_its_grammar(wire: Wire) -> None:
    experiment = wire.post("experiments/create", name="search")["experiment_id"]
    run = wire.run(experiment)
    for number in range(5):
        made = wire.post(
            "logged-models",
            experiment_id=experiment,
            name=f"m{number}",
            model_type="t" if number else None,
            tags=[pair("n", str(number))],
            params=[pair("p", "x")],
        )["model"]["info"]["model_id"]
        if number < 3:
            point = {"key": "auc", "value": number, "timestamp": 1, "model_id": made, "dataset_name": f"d{number % 2}"}
            wire.post("runs/log-metric", run_id=run, **point, dataset_digest="x")

    def names(text: str = "", **more: Any) -> list[str]:
        found = wire.post("logged-models/search", experiment_ids=[experiment], filter=text, **more)
        return [model["info"]["name"] for model in found.get("models", [])]

    assert names() == ["m4", "m3", "m2", "m1", "m0"]
    assert names("name = 'm1'") == names('attributes.name = "m1"') == ["m1"]  # both quotes mean the same
    assert names("tags.n IN ('1', '2') AND params.p LIKE 'X'") == []
    assert names("tags.n IN ('1', '2') AND params.p ILIKE 'X'") == ["m2", "m1"]
    assert names("metrics.auc > 0.5") == ["m2", "m1"]
    assert names("metrics.auc >= 0", datasets=[{"dataset_name": "d0"}]) == ["m2", "m0"]  # a digest is not needed
    assert names("", datasets=[{"dataset_name": "d1", "dataset_digest": "x"}]) == ["m1"]
    assert names("", datasets=[{"dataset_name": "d1", "dataset_digest": "y"}]) == []
    assert len(names("status = 'PENDING' AND status != 2 AND creation_timestamp > 0")) == 5
    assert names("model_type = 't' AND name NOT IN ('m1')") == ["m4", "m3", "m2"]
    assert names(order_by=[{"field_name": "metrics.auc", "ascending": False}]) == ["m2", "m1", "m0", "m4", "m3"]
    by_data = [{"field_name": "metrics.auc", "dataset_name": "d0"}]
    assert names(order_by=by_data) == ["m0", "m2", "m4", "m3", "m1"]
    for order in ([{"field_name": "model_type"}, {"field_name": "name"}], [{"field_name": "metrics.auc"}], []):
        whole, token, pages = names(order_by=order), None, []
        for _ in range(5):
            body = {"experiment_ids": [experiment], "order_by": order, "max_results": 2, "page_token": token}
            page = wire.post("logged-models/search", **body)
            pages += [model["info"]["name"] for model in page["models"]]
            token = page.get("next_page_token")
            if token is None:
                break
        assert pages == whole
    for bad in ("metric.auc > 1", "attr.name = 'x'", "metrics.auc = 'x'", "nothing = 'x'", "name = m1"):
        assert wire.refused("logged-models/search", experiment_ids=[experiment], filter=bad) == INVALID
    assert wire.refused("logged-models/search", experiment_ids=[experiment], page_token="zzz") == INVALID
    assert wire.refused("logged-models/search", experiment_ids=[]) == INVALID
    assert wire.post("logged-models/search", experiment_ids=["424242"]) == {}
