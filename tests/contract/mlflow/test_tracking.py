"""Experiments, runs, metrics and searches through the unmodified client."""

import math
import time
from typing import Any

import pytest

from tests.contract.mlflow.conftest import Place
from tests.factories import count_events

pytestmark = pytest.mark.filterwarnings("ignore")


def refusal(client_error: Any) -> str:
    return str(client_error.value.error_code)


def test_a_script_logs_as_ever(mlflow: Any) -> None:
    mlflow.set_experiment("fraud/é 'quoted'")
    with mlflow.start_run(run_name="first", tags={"team": "cards"}, description="why") as run:
        mlflow.log_param("depth", 3)
        mlflow.log_params({"lr": 0.1, "long": "x" * 6500})
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"auc": 0.9, "nan": math.nan, "inf": math.inf, "minus": -math.inf}, step=1)
        mlflow.set_tag("k", "v")
        mlflow.set_tags({"a": 1, "b": 2})
    found = mlflow.get_run(run.info.run_id)
    assert (found.info.status, found.info.run_name) == ("FINISHED", "first")
    assert found.info.end_time >= found.info.start_time
    assert found.data.params == {"depth": "3", "lr": "0.1", "long": "x" * 6000}
    assert found.data.metrics["loss"] == pytest.approx(0.2)
    assert math.isnan(found.data.metrics["nan"])
    assert (found.data.metrics["inf"], found.data.metrics["minus"]) == (math.inf, -math.inf)
    assert {"team": "cards", "k": "v", "a": "1", "mlflow.runName": "first"}.items() <= found.data.tags.items()
    assert found.data.tags["mlflow.note.content"] == "why"
    assert found.info.artifact_uri == f"mlflow-artifacts:/{found.info.experiment_id}/{run.info.run_id}/artifacts"
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(n, pytest.approx(1 / (n + 1))) for n in range(5)]


def test_nested_runs_and_resuming(mlflow: Any) -> None:
    mlflow.set_experiment("nested")
    with mlflow.start_run() as parent:
        for _ in range(2):
            with mlflow.start_run(nested=True):
                mlflow.log_metric("m", 1)
    children = mlflow.search_runs(
        filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'", output_format="list"
    )
    assert len(children) == 2
    ended = mlflow.get_run(parent.info.run_id).info.end_time
    with mlflow.start_run(run_id=parent.info.run_id):
        assert mlflow.get_run(parent.info.run_id).info.status == "RUNNING"
        mlflow.log_metric("more", 2)
    again = mlflow.get_run(parent.info.run_id)
    assert again.info.status == "FINISHED"
    assert again.info.end_time >= ended
    with pytest.raises(RuntimeError), mlflow.start_run() as failed:
        raise RuntimeError("broken")
    assert mlflow.get_run(failed.info.run_id).info.status == "FAILED"


def test_experiments_live_and_die(client: Any, place: Place) -> None:
    from mlflow.entities import ViewType
    from mlflow.exceptions import RestException

    name = f"life {time.time_ns()}"
    made = client.create_experiment(name, tags={"a": "b"})
    assert client.get_experiment(made).tags == {"a": "b"}
    assert client.get_experiment_by_name(name).experiment_id == made
    assert client.get_experiment_by_name("nothing of the kind") is None
    with pytest.raises(RestException) as taken:
        client.create_experiment(name)
    assert refusal(taken) == "RESOURCE_ALREADY_EXISTS"
    client.set_experiment_tag(made, "c", "d")
    client.delete_experiment_tag(made, "a")
    with pytest.raises(RestException) as missing:
        client.delete_experiment_tag(made, "a")
    assert refusal(missing) == "RESOURCE_DOES_NOT_EXIST"
    client.rename_experiment(made, f"{name} renamed")
    run = client.create_run(made)
    client.delete_experiment(made)
    assert client.get_experiment(made).lifecycle_stage == "deleted"
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
    for refused in (
        lambda: client.delete_experiment(made),
        lambda: client.create_run(made),
        lambda: client.rename_experiment(made, "other"),
        lambda: client.create_experiment(f"{name} renamed"),
    ):
        with pytest.raises(RestException):
            refused()
    deleted = client.search_experiments(view_type=ViewType.DELETED_ONLY, filter_string=f"name LIKE '{name}%'")
    assert [one.experiment_id for one in deleted] == [made]
    client.restore_experiment(made)
    found = client.get_experiment(made)
    assert (found.lifecycle_stage, found.name, found.tags) == ("active", f"{name} renamed", {"c": "d"})
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "active"
    assert client.get_experiment("0").name == "Default"
    with place.database.read() as db:
        assert count_events(db, "experiment.deleted") >= 1
        assert count_events(db, "experiment.restored") >= 1


def test_experiments_are_searched(client: Any) -> None:
    stem = f"s{time.time_ns()}"
    made = [client.create_experiment(f"{stem}-{number}", tags={"n": str(number % 2)}) for number in range(5)]
    found = client.search_experiments(filter_string=f"name LIKE '{stem}%'", order_by=["name ASC"])
    assert [one.experiment_id for one in found] == made
    newest = client.search_experiments(filter_string=f"name ILIKE '{stem.upper()}%'")
    assert [one.experiment_id for one in newest][-1] in made
    assert len(client.search_experiments(filter_string=f"name LIKE '{stem}%' AND tags.n = '1'")) == 2
    assert len(client.search_experiments(filter_string=f"attributes.name = '{stem}-1' AND tags.none IS NULL")) == 1
    in_two = client.search_experiments(filter_string=f"experiment_id IN ('{made[0]}', '{made[1]}')")
    assert {one.experiment_id for one in in_two} == set(made[:2])
    pages, token = [], None
    while True:
        page = client.search_experiments(
            filter_string=f"name LIKE '{stem}%'", max_results=2, page_token=token, order_by=["creation_time DESC"]
        )
        pages.append([one.experiment_id for one in page])
        token = page.token
        if not token:
            break
    assert [len(page) for page in pages] == [2, 2, 1]
    assert sorted(one for page in pages for one in page) == sorted(made)


def test_what_may_not_be_logged_is_refused(client: Any, experiment: str) -> None:
    from mlflow.entities import Metric, Param
    from mlflow.exceptions import MlflowException

    run_id = client.create_run(experiment).info.run_id
    client.log_param(run_id, "p", "1")
    client.log_param(run_id, "p", "1")
    with pytest.raises(MlflowException):
        client.log_param(run_id, "p", "2")
    with pytest.raises(MlflowException):
        client.log_batch(run_id, params=[Param("p", "3")], metrics=[Metric("whole", 1.0, 1, 0)])
    assert "whole" not in client.get_run(run_id).data.metrics
    client.set_tag(run_id, "t", "1")
    client.delete_tag(run_id, "t")
    with pytest.raises(MlflowException):
        client.delete_tag(run_id, "t")
    client.delete_run(run_id)
    client.delete_run(run_id)
    for write in (
        lambda: client.log_metric(run_id, "m", 1),
        lambda: client.log_param(run_id, "q", 1),
        lambda: client.set_tag(run_id, "t", 1),
        lambda: client.log_batch(run_id, metrics=[Metric("m", 1.0, 1, 0)]),
        lambda: client.log_inputs(run_id),
    ):
        with pytest.raises(MlflowException):
            write()
    client.restore_run(run_id)
    client.log_metric(run_id, "m", 1)
    with pytest.raises(MlflowException) as unknown:
        client.get_run("f" * 32)
    assert refusal(unknown) == "RESOURCE_DOES_NOT_EXIST"


def test_the_latest_metric_is_of_the_greatest_step_then_time_then_value(client: Any, experiment: str) -> None:
    from mlflow.entities import Metric

    run_id = client.create_run(experiment).info.run_id
    batch = [Metric("m", 5.0, 10, 1), Metric("m", 7.0, 9, 1), Metric("m", 1.0, 1, 2), Metric("m", 3.0, 1, 2)]
    client.log_batch(run_id, metrics=batch)
    assert client.get_run(run_id).data.metrics["m"] == 3.0
    client.log_batch(run_id, metrics=batch)  # the answer was lost, the client sends it again
    assert len(client.get_metric_history(run_id, "m")) == 4
    client.log_metric(run_id, "m", 100.0, timestamp=99, step=1)
    client.log_metric(run_id, "m", math.nan, timestamp=1, step=2)
    assert client.get_run(run_id).data.metrics["m"] == 3.0
    client.log_metric(run_id, "m", -1.0, timestamp=2, step=2)
    assert client.get_run(run_id).data.metrics["m"] == -1.0


def test_runs_are_searched_filtered_and_ordered(client: Any, experiment: str) -> None:
    from mlflow.entities import Metric, Param, RunTag, ViewType

    made = []
    for number in range(8):
        run_id = client.create_run(experiment, start_time=1000 + number, run_name=f"r{number}").info.run_id
        metrics = [Metric("acc", math.nan if number == 6 else number / 10, 1, 0)] if number < 7 else []
        client.log_batch(
            run_id, metrics=metrics, params=[Param("kind", "ab"[number % 2])], tags=[RunTag("x y", str(number))]
        )
        if number % 3 == 0:
            client.set_terminated(run_id, end_time=5000 + number)
        made.append(run_id)

    def found(text: str = "", *order_by: str, view: Any = ViewType.ACTIVE_ONLY) -> list[int]:
        runs = client.search_runs([experiment], text, view, order_by=list(order_by) or None)
        return [made.index(run.info.run_id) for run in runs]

    assert found() == [7, 6, 5, 4, 3, 2, 1, 0]
    assert found("", "metrics.acc DESC") == [5, 4, 3, 2, 1, 0, 6, 7]
    assert found("", "metrics.acc ASC") == [0, 1, 2, 3, 4, 5, 6, 7]
    assert found("metrics.acc >= 0.3", "metrics.acc") == [3, 4, 5]
    assert found("metrics.acc < 3e-1 and params.kind = 'b'", "start_time") == [1]
    assert found("tags.`x y` = '1'") == [1]
    assert found("attributes.run_name LIKE 'r%' AND attributes.status = 'FINISHED'", "run_name ASC") == [0, 3, 6]
    assert found("attributes.end_time > 5000", "end_time DESC") == [6, 3]
    assert found("", "end_time DESC", "run_name") == [6, 3, 0, 1, 2, 4, 5, 7]
    assert found(f"run_id IN ('{made[2]}','{made[4]}')", "params.kind", "start_time ASC") == [2, 4]
    assert found("params.kind ILIKE 'A' AND tags.none IS NULL AND metrics.acc != 0.2", "start_time") == [0, 4, 6]
    client.delete_run(made[0])
    assert 0 not in found()
    assert found(view=ViewType.DELETED_ONLY) == [0]
    assert len(found(view=ViewType.ALL)) == 8
    pages, token = [], None
    while True:
        page = client.search_runs([experiment], "", max_results=3, order_by=["metrics.acc DESC"], page_token=token)
        pages += [made.index(run.info.run_id) for run in page]
        token = page.token
        if not token:
            break
    assert pages == [5, 4, 3, 2, 1, 6, 7]


@pytest.mark.parametrize(
    "text",
    [
        "metrics.a > 1 OR metrics.b > 1", "NOT metrics.a > 1", "metrics.a BETWEEN 1 AND 2", "(metrics.a > 1)", "a;b",
        "metrics.a = 'x'", "params.a = 1", "foo.bar = 'x'", "metrics.a LIKE 'x'", "run_id IN ()", "params.a =",
        "attributes.nothing = 'x'", "metrics.a > 1 AND", "status IN ('FINISHED')", "params.a IS", "tags.a > 'x'",
    ],
)  # fmt: skip
def test_other_filters_are_refused_in_words(client: Any, experiment: str, text: str) -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException) as refused:
        client.search_runs([experiment], text)
    assert refusal(refused) == "INVALID_PARAMETER_VALUE"


def test_data_sets_are_noted_and_searched(mlflow: Any) -> None:
    import numpy as np

    mlflow.set_experiment("data")
    data = mlflow.data.from_numpy(np.arange(6).reshape(3, 2), name="points")
    with mlflow.start_run() as run:
        mlflow.log_input(data, context="training", tags={"v": "1"})
        mlflow.log_input(data, context="training")
    (used,) = mlflow.get_run(run.info.run_id).inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("points", data.digest)
    assert {tag.key: tag.value for tag in used.tags}["mlflow.data.context"] == "training"
    for text in ("dataset.name = 'points'", "datasets.context = 'training'", f"dataset.digest IN ('{data.digest}')"):
        assert mlflow.search_runs(filter_string=text, output_format="list")[0].info.run_id == run.info.run_id
    assert not mlflow.search_runs(filter_string="dataset.name LIKE 'other%'", output_format="list")


def test_long_histories_come_in_pages(client: Any, experiment: str) -> None:
    from mlflow.entities import Metric

    run_id = client.create_run(experiment).info.run_id
    for start in range(0, 3000, 1000):
        client.log_batch(run_id, metrics=[Metric("m", n / 7, 1000 + n, n) for n in range(start, start + 1000)])
    history = client.get_metric_history(run_id, "m")
    assert [(point.step, point.value, point.timestamp) for point in history] == [
        (n, n / 7, 1000 + n) for n in range(3000)
    ]
    store = client._tracking_client.store
    page = store.get_metric_history(run_id, "m", max_results=1000)
    assert (len(page), bool(page.token)) == (1000, True)
    rest = store.get_metric_history(run_id, "m", max_results=2000, page_token=page.token)
    assert (len(rest), rest[0].step, rest.token) == (2000, 1000, None)
    assert client.get_metric_history(run_id, "nothing") == []


def test_a_second_person_sees_nothing_until_it_is_granted(mlflow: Any, place: Place, monkeypatch: Any) -> None:
    from mlflow.exceptions import MlflowException

    mlflow.set_experiment("secret")
    with mlflow.start_run() as run:
        mlflow.log_metric("m", 1.0)
    secret = run.info.experiment_id
    stranger = place.cast.person("contributor", unit="Treasury", name="Stan")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", place.cast.token(stranger))
    client = mlflow.MlflowClient()
    assert client.get_experiment_by_name("secret") is None
    assert secret not in {one.experiment_id for one in client.search_experiments()}
    assert list(client.search_runs([secret])) == []
    assert client.get_metric_history(run.info.run_id, "m") == []
    for hidden in (
        lambda: client.get_experiment(secret),
        lambda: client.get_run(run.info.run_id),
        lambda: client.log_metric(run.info.run_id, "m", 2.0),
        lambda: client.set_tag(run.info.run_id, "t", "x"),
        lambda: client.delete_run(run.info.run_id),
        lambda: client.create_run(secret),
        lambda: client.delete_experiment(secret),
    ):
        with pytest.raises(MlflowException) as refused:
            hidden()
        assert refusal(refused) == "RESOURCE_DOES_NOT_EXIST"
    client.create_run("0")  # open to every contributor
    place.cast.grant(stranger, "viewer", "experiment", secret)
    assert client.get_run(run.info.run_id).data.metrics == {"m": 1.0}
    assert len(client.search_runs([secret])) == 1
    with pytest.raises(MlflowException) as refused:
        client.log_metric(run.info.run_id, "m", 2.0)
    assert refusal(refused) == "PERMISSION_DENIED"


def test_no_or_a_wrong_token_is_refused_at_once(mlflow: Any, monkeypatch: Any) -> None:
    from mlflow.exceptions import MlflowException

    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "wrong")
    began = time.monotonic()
    with pytest.raises(MlflowException) as refused:
        mlflow.search_experiments()
    assert refusal(refused) == "UNAUTHENTICATED"
    assert time.monotonic() - began < 5
