"""Artifacts, logged models, the registry and prompts through the unmodified client."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelops_platform.governance import service as governance
from modelops_platform.governance.schemas import EnforcementIn
from tests.contract.mlflow.conftest import Place
from tests.factories import SYSTEM

pytestmark = pytest.mark.filterwarnings("ignore")
NEEDS = ["scikit-learn"]  # told, so that the client does not spend seconds on finding out


def name_of(what: str) -> str:
    return f"{what}-{time.time_ns()}"


@pytest.fixture(scope="module")
def estimator() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression().fit([[0.0, 1.0], [1.0, 0.0]], [0, 1])


@pytest.fixture
def log(mlflow: Any, estimator: Any) -> Callable[..., Any]:
    """Log the estimator as `sklearn.log_model` does."""
    import numpy as np

    def logged(name: str = "clf", **more: Any) -> Any:
        return mlflow.sklearn.log_model(
            estimator, name=name, pip_requirements=NEEDS, input_example=np.array([[0.0, 1.0]]), **more
        )

    return logged


def test_artifacts_go_up_and_come_down(mlflow: Any, client: Any, experiment: str, tmp_path: Path) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt
    import pandas as pd

    (tmp_path / "up" / "deep").mkdir(parents=True)
    (tmp_path / "up" / "a.txt").write_text("alpha", encoding="utf-8")
    (tmp_path / "up" / "deep" / "b ü.bin").write_bytes(bytes(range(256)) * 5000)
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_artifact(str(tmp_path / "up" / "a.txt"), "one")
        mlflow.log_artifacts(str(tmp_path / "up"), "all")
        mlflow.log_text("text", "notes/n.txt")
        mlflow.log_dict({"a": [1, 2]}, "d.json")
        mlflow.log_table({"x": [1, 2], "y": ["a", "b"]}, "t.json")
        mlflow.log_table(pd.DataFrame({"x": [3], "y": ["c"]}), "t.json")
        figure, axes = plt.subplots()
        axes.plot([1, 2])
        mlflow.log_figure(figure, "f.png")
        plt.close(figure)
    run_id = run.info.run_id
    listed = {file.path: file.is_dir for file in client.list_artifacts(run_id)}
    assert listed == {"all": True, "d.json": False, "f.png": False, "notes": True, "one": True, "t.json": False}
    assert [file.path for file in client.list_artifacts(run_id, "all")] == ["all/a.txt", "all/deep"]
    assert client.list_artifacts(run_id, "one/a.txt") == client.list_artifacts(run_id, "none") == []
    down = Path(client.download_artifacts(run_id, "all", str(tmp_path)))
    assert (down / "deep" / "b ü.bin").read_bytes() == (tmp_path / "up" / "deep" / "b ü.bin").read_bytes()
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/notes/n.txt") == "text"
    assert mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/d.json") == {"a": [1, 2]}
    mlflow.set_experiment(experiment_id=experiment)
    assert list(mlflow.load_table("t.json", run_ids=[run_id])["x"]) == [1, 2, 3]
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    get_artifact_repository(run.info.artifact_uri).delete_artifacts("all")
    assert "all" not in {file.path for file in client.list_artifacts(run_id)}


def test_a_model_is_logged_registered_and_loaded_by_every_name(
    mlflow: Any, client: Any, experiment: str, log: Callable[..., Any], place: Place
) -> None:
    import numpy as np
    from mlflow.exceptions import RestException

    name = name_of("churn")
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_metric("auc", 0.75)
        made = log(registered_model_name=name, params={"depth": 3})
        log("second", registered_model_name=name)  # the name exists by now
    first, second = sorted(client.search_model_versions(f"name = '{name}'"), key=lambda one: int(one.version))
    assert (first.status, first.run_id, first.source) == ("READY", run.info.run_id, f"models:/{made.model_id}")
    assert mlflow.get_logged_model(made.model_id).params == {"depth": "3"}
    third = mlflow.register_model(f"runs:/{run.info.run_id}/clf", name)
    assert (third.version, third.run_id) == ("3", run.info.run_id)
    client.set_registered_model_alias(name, "blue", "2")
    client.transition_model_version_stage(name, "1", "Staging")
    for uri in (f"{name}@blue", f"{name}/1", f"{name}/latest", f"{name}/Staging", made.model_id):
        assert list(mlflow.sklearn.load_model(f"models:/{uri}").predict([[0.0, 1.0]])) == [0], uri
    assert list(mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/clf").predict(np.array([[1.0, 0.0]]))) == [1]
    assert client.get_registered_model(name).aliases == {"blue": "2"}
    assert client.get_model_version_by_alias(name, "blue").version == second.version
    copied = client.copy_model_version(f"models:/{name}/1", name_of("copied"))
    assert (copied.version, copied.run_id) == ("1", run.info.run_id)
    assert list(mlflow.sklearn.load_model(f"models:/{copied.name}/1").predict([[0.0, 1.0]])) == [0]
    client.update_registered_model(name, "who leaves")
    client.update_model_version(name, "1", "the first")
    client.set_model_version_tag(name, "1", "k", "v")
    client.delete_model_version_tag(name, "1", "k")
    assert client.get_registered_model(name).description == "who leaves"
    with pytest.raises(Exception, match=f"INVALID_PARAMETER_VALUE.*{name}.* version 1"):  # frozen
        _delete(mlflow.get_logged_model(made.model_id).artifact_location)
    client.delete_registered_model_alias(name, "blue")
    renamed = name_of("renamed")
    client.rename_registered_model(name, renamed)
    assert [one.version for one in client.get_latest_versions(renamed, ["None"])] == ["3"]
    client.delete_model_version(renamed, "3")
    client.delete_registered_model(renamed)
    with pytest.raises(RestException) as gone:
        client.get_registered_model(renamed)
    assert gone.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def _delete(uri: str) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    get_artifact_repository(uri).delete_artifacts("MLmodel")


def test_logged_models_are_searched_with_their_metrics(
    mlflow: Any, client: Any, experiment: str, log: Callable[..., Any]
) -> None:
    import pandas as pd

    data = mlflow.data.from_pandas(pd.DataFrame({"x": [1, 2]}), name="train")
    with mlflow.start_run(experiment_id=experiment) as run:
        models = [log(f"m{number}") for number in range(2)]
        for number, model in enumerate(models):
            mlflow.log_metric("auc", number, model_id=model.model_id, dataset=data)
            mlflow.log_metrics({"loss": 1 - number}, model_id=model.model_id)
    found = client.search_logged_models([experiment], "metrics.auc > 0.5")
    assert [model.name for model in found] == ["m1"]
    ordered = client.search_logged_models(
        [experiment], order_by=[{"field_name": "metrics.auc", "ascending": False, "dataset_name": "train"}]
    )
    assert [model.name for model in ordered] == ["m1", "m0"]
    assert [model.name for model in client.search_logged_models([experiment], datasets=[{"dataset_name": "train"}])]
    model = client.get_logged_model(models[1].model_id)
    assert {metric.key: metric.value for metric in model.metrics} == {"auc": 1.0, "loss": 0.0}
    assert model.metrics[0].dataset_name == "train"
    assert {one.model_id for one in client.get_run(run.info.run_id).outputs.model_outputs} == {
        one.model_id for one in models
    }
    client.set_logged_model_tags(model.model_id, {"a": "b"})
    client.delete_logged_model_tag(model.model_id, "a")
    assert "MLmodel" in {file.path for file in client.list_logged_model_artifacts(model.model_id)}
    client.delete_logged_model(model.model_id)
    assert [one.name for one in client.search_logged_models([experiment])] == ["m0"]


def test_autolog_logs_a_whole_training(mlflow: Any, experiment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np
    from sklearn.tree import DecisionTreeClassifier

    monkeypatch.setenv("MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT", "1")  # it would take many seconds to find out

    mlflow.set_experiment(experiment_id=experiment)
    mlflow.sklearn.autolog(log_datasets=True, log_post_training_metrics=False, extra_tags={"auto": "yes"})
    try:
        with mlflow.start_run() as run:
            DecisionTreeClassifier(max_depth=2).fit(np.arange(4.0).reshape(4, 1), np.array([0, 0, 1, 1]))
    finally:
        mlflow.sklearn.autolog(disable=True)
    found = mlflow.get_run(run.info.run_id)
    assert found.data.params["max_depth"] == "2"
    assert found.data.metrics["training_accuracy_score"] == 1.0
    model_id = found.outputs.model_outputs[0].model_id
    assert mlflow.get_logged_model(model_id).status.value == "READY"
    assert found.inputs.dataset_inputs


def test_prompts_are_registered_and_loaded(mlflow: Any, client: Any) -> None:
    name = name_of("greeting")
    first = mlflow.genai.register_prompt(name, "Hello {{who}}", commit_message="first", tags={"team": "cards"})
    chat = [{"role": "user", "content": "Hi {{who}}"}]
    mlflow.genai.register_prompt(name, chat)
    assert first.version == 1
    assert mlflow.genai.load_prompt(name, version=1).format(who="Ann") == "Hello Ann"
    mlflow.genai.set_prompt_alias(name, "best", 2)
    assert mlflow.genai.load_prompt(f"prompts:/{name}@best").template == chat
    assert [prompt.name for prompt in mlflow.genai.search_prompts(f"name = '{name}'")] == [name]
    assert name not in {model.name for model in client.search_registered_models()}
    mlflow.genai.delete_prompt_alias(name, "best")
    with pytest.raises(Exception, match="is a prompt"):
        client.create_model_version(name, "s3://bucket/model")


def test_a_second_person_sees_nothing(
    mlflow: Any, client: Any, experiment: str, log: Callable[..., Any], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import RestException

    name = name_of("secret")
    with mlflow.start_run(experiment_id=experiment) as run:
        made = log(registered_model_name=name)
        mlflow.log_text("x", "x.txt")
    other = place.cast.token(place.cast.person("contributor", unit="Loans"))
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", other)
    assert not client.search_model_versions(f"name = '{name}'")
    assert name not in {model.name for model in client.search_registered_models()}
    assert not client.search_logged_models([experiment])
    for attempt in (
        lambda: client.get_registered_model(name),
        lambda: client.get_model_version(name, "1"),
        lambda: client.get_logged_model(made.model_id),
        lambda: client.list_artifacts(run.info.run_id),
        lambda: client.create_model_version(name, "s3://bucket/x"),
    ):
        with pytest.raises(RestException) as refused:
            attempt()
        assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    with pytest.raises(Exception, match="404"):
        mlflow.artifacts.load_text(f"{run.info.artifact_uri}/x.txt")


def test_an_enforcing_gate_refuses_the_champion_an_observing_one_lets_pass(
    mlflow: Any, client: Any, experiment: str, log: Callable[..., Any], place: Place
) -> None:
    from mlflow.exceptions import RestException

    name = name_of("guarded")
    with mlflow.start_run(experiment_id=experiment):
        log(registered_model_name=name)
    with pytest.raises(RestException, match="Unmet") as refused:
        client.set_registered_model_alias(name, "champion", "1")
    assert refused.value.error_code == "PERMISSION_DENIED"
    assert client.get_registered_model(name).aliases == {}
    try:
        enforce(place, "observe")
        client.set_registered_model_alias(name, "champion", "1")
    finally:
        enforce(place, "enforce")
    assert list(mlflow.sklearn.load_model(f"models:/{name}@champion").predict([[0.0, 1.0]])) == [0]


def enforce(place: Place, mode: str) -> None:
    with place.database.write() as db:
        governance.set_enforcement(db, SYSTEM, EnforcementIn(mode=mode, reason="a test"))
