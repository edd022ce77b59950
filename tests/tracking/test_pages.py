"""Pages and JSON of experiments and runs."""

from collections.abc import Callable

import msgspec
import pytest
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.core.db import Database
from modelops_platform.tracking import service
from modelops_platform.tracking.domain.otlp import ToldSpan
from modelops_platform.tracking.domain.traces import AssessmentKind, SourceType, ToldAssessment, ToldTrace, TraceState
from tests.factories import SYSTEM, Cast, count_events


@pytest.fixture
def run_id(database: Database) -> str:
    """A run in experiment 0 with something of everything."""
    with database.write() as db:
        made = msgspec.json.decode(service.create_run(db, SYSTEM, "0", name="first", tags=[("team", "cards")]))
        run: str = made["info"]["run_id"]
        points = [service.Point("loss", 1 / (n + 1), 1000 * n, n) for n in range(5)]
        points += [service.Point("odd/name", float("nan"), 1)]
        service.log_batch(db, SYSTEM, run, points=points, params=[("depth", "3<b>")])
        used = service.UsedData("rows", "abc", "local", "{}", tags=(("mlflow.data.context", "training"),))
        service.log_inputs(db, SYSTEM, run, data_sets=[used], model_ids=["m-1"])
        service.log_outputs(db, SYSTEM, run, [("m-2", 1)])
    return run


def test_what_was_logged_is_shown(client: TestClient, run_id: str) -> None:
    assert "Default" in client.get("/experiments").text
    page = client.get("/experiments/0").text
    assert f"/runs/{run_id}" in page
    assert "loss" in page
    page = client.get(f"/runs/{run_id}").text
    for shown in ("first", "cards", "depth", "3&lt;b&gt;", "NaN", "training", "m-1", "m-2", "0.2"):
        assert shown in page
    assert "loss by step" in client.get(f"/runs/{run_id}/metric?key=loss").text
    assert client.get(f"/runs/{run_id}/metric?key=odd/name").status_code == 200
    assert "No such metric" in client.get(f"/runs/{run_id}/metric?key=nothing").text


def test_runs_are_filtered_on_the_page(client: TestClient, run_id: str) -> None:
    assert run_id in client.get("/experiments/0", params={"q": "metrics.loss < 0.3"}).text
    assert "No run matches" in client.get("/experiments/0", params={"q": "metrics.loss > 0.3"}).text
    refused = client.get("/experiments/0", params={"q": "metrics.loss >"})
    assert refused.status_code == 422
    assert "a number was expected" in refused.text


def test_a_run_goes_and_comes_back(client: TestClient, run_id: str, db: Session) -> None:
    assert client.post(f"/runs/{run_id}/delete").status_code == 303
    assert run_id not in client.get("/experiments/0").text
    assert run_id in client.get("/experiments/0?deleted=true").text
    assert client.post(f"/runs/{run_id}/restore").status_code == 303
    assert run_id in client.get("/experiments/0").text
    assert (count_events(db, "run.deleted"), count_events(db, "run.restored")) == (1, 1)


def test_an_experiment_goes_and_comes_back(client: TestClient, run_id: str) -> None:
    assert client.post("/experiments/0/delete").status_code == 303
    assert "Default" not in client.get("/experiments").text.split("<main", 1)[1]
    assert client.post("/experiments/0/restore").status_code == 303
    assert run_id in client.get("/experiments/0").text


def test_json_tells_the_same(client: TestClient, run_id: str) -> None:
    (experiment,) = client.get("/api/v1/experiments").json()["items"]
    assert (experiment["id"], experiment["name"]) == ("0", "Default")
    (run,) = client.get("/api/v1/experiments/0/runs").json()["items"]
    assert run == client.get(f"/api/v1/runs/{run_id}").json()
    assert run["values"] == {"loss": pytest.approx(0.2), "odd/name": "NaN"}
    assert client.get("/api/v1/experiments/0/runs", params={"q": "nonsense"}).status_code == 422
    assert client.get("/api/v1/experiments/abc/runs").status_code == 422


def test_others_experiments_do_not_exist(client_as: Callable[..., TestClient], database: Database, cast: Cast) -> None:
    maker = cast.person("contributor", unit="Cards")
    with database.write() as db:
        made = service.create_experiment(db, cast.actor(maker), "secret").id
        run = msgspec.json.decode(service.create_run(db, cast.actor(maker), made))["info"]["run_id"]
    stranger = client_as("contributor", unit="Treasury")
    assert "secret" not in stranger.get("/experiments").text
    for path in (f"/experiments/{made}", f"/runs/{run}", f"/runs/{run}/metric?key=m", f"/api/v1/runs/{run}"):
        assert stranger.get(path).status_code == 404, path
    assert stranger.post(f"/runs/{run}/delete").status_code == 404
    assert stranger.post(f"/experiments/{made}/delete").status_code == 404


def test_a_trace_is_shown_step_by_step(client: TestClient, database: Database) -> None:
    with database.write() as db:
        content = {"value": True, "rationale": "as it is"}
        judged = ToldAssessment("rate", AssessmentKind.FEEDBACK, content, SourceType.HUMAN, "carla")
        told = ToldTrace("tr-shown", 1_000, TraceState.ERROR, 90, request_preview="Why?", assessments=[judged])
        told.tags = {"mlflow.traceName": "ask", "team": "cards"}
        service.put_trace(db, SYSTEM, "0", told)
        spans = [
            ToldSpan("tr-shown", f"{n:016x}", parent, name, "OK", n * 10**6, n * 10**6 + 2_500_000, {}, {}, content)
            for n, parent, name, content in (
                (1, None, "first", '{"status": {"message": "broke"}}'),
                (2, f"{1:016x}", "second", '{"attributes": [{"key": "k", "value": {"string_value": "<b>"}}]}'),
                (3, f"{4:016x}", "round", "{}"),
                (4, f"{3:016x}", "and round", "{}"),
            )
        ]
        service.log_spans(db, SYSTEM, "0", spans)
    for page in ("/traces", "/experiments/0/traces", "/traces?q=status = 'ERROR'"):
        shown = client.get(page).text
        assert "/traces/tr-shown" in shown
        assert "Why?" in shown
    assert "No trace matches" in client.get("/traces?q=status = 'OK'").text
    assert client.get("/traces?q=status").status_code == 422
    shown = client.get("/traces/tr-shown").text
    for text in ("ask", "cards", "rate", "carla", "as it is", "broke", "&lt;b&gt;", "round", "2.5 ms"):
        assert text in shown
    assert client.get("/traces/tr-none").status_code == 404


def test_prompts_are_listed_apart_with_their_texts(client: TestClient) -> None:
    def post(path: str, body: dict[str, object]) -> None:
        answer = client.post(f"/api/2.0/mlflow/{path}", json=body)
        assert answer.status_code == 200, answer.text

    is_prompt = {"key": "mlflow.prompt.is_prompt", "value": "true"}
    post("registered-models/create", {"name": "greet", "tags": [is_prompt]})
    for text, kind in (("Greet <{{name}}>", "text"), ('[{"role": "system", "content": "Be kind"}]', "chat")):
        tags = [is_prompt, {"key": "mlflow.prompt.text", "value": text}, {"key": "_mlflow_prompt_type", "value": kind}]
        post("model-versions/create", {"name": "greet", "source": "dummy-source", "tags": tags})
    assert "/prompts/greet" in client.get("/prompts").text
    assert "greet" not in client.get("/models").text.replace("/prompts", "")
    page = client.get("/prompts/greet").text
    for shown in ("Version 2", "Greet &lt;{{name}}&gt;", "system", "Be kind"):
        assert shown in page
    assert client.get("/prompts/nothing").status_code == 404
