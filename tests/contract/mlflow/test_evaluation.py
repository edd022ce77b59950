"""Evaluation data sets and scorers through the unmodified client."""

from typing import Any

import pytest

from tests.contract.mlflow.conftest import Place

pytestmark = pytest.mark.filterwarnings("ignore")


def test_an_evaluation_set_is_filled_merged_searched_and_deleted(
    mlflow: Any, experiment: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.genai import datasets

    made = datasets.create_dataset(name="questions", experiment_id=experiment, tags={"team": "cards"})
    assert (made.name, made.tags["team"], made.experiment_ids) == ("questions", "cards", [experiment])
    rows = [{"inputs": {"q": n}, "expectations": {"a": str(n)}, "tags": {"n": str(n)}} for n in range(3)]
    made.merge_records(rows)
    made.merge_records([{"inputs": {"q": 1}, "expectations": {"why": "so"}}, {"inputs": {"q": 9}, "outputs": "x"}])
    again = datasets.get_dataset(dataset_id=made.dataset_id)
    assert (again.digest != made.digest, again.profile) == (True, '{"num_records": 4}')
    frame = again.to_df()
    assert [row["q"] for row in frame["inputs"]] == [0, 1, 2, 9]
    assert frame["expectations"][1] == {"a": "1", "why": "so"}
    found = datasets.search_datasets(experiment_ids=[experiment], filter_string="name LIKE 'quest%'")
    assert [one.dataset_id for one in found] == [made.dataset_id]
    assert list(datasets.search_datasets(experiment_ids=[experiment], filter_string="tags.team = 'loans'")) == []
    datasets.set_dataset_tags(dataset_id=made.dataset_id, tags={"stage": "done", "team": None})
    datasets.delete_dataset_tag(dataset_id=made.dataset_id, key="nothing")
    assert "team" not in datasets.get_dataset(dataset_id=made.dataset_id).tags
    other = mlflow.create_experiment("another of the set")
    assert len(datasets.add_dataset_to_experiments(made.dataset_id, [other]).experiment_ids) == 2
    assert datasets.remove_dataset_from_experiments(made.dataset_id, [other]).experiment_ids == [experiment]
    assert again.delete_records([str(frame["dataset_record_id"][0])]) == 1

    stranger = place.cast.token(place.cast.person("contributor", unit="Loans"))
    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_TOKEN", stranger)
        assert list(datasets.search_datasets(experiment_ids=[experiment])) == []
        with pytest.raises(MlflowException, match="not found"):
            datasets.get_dataset(dataset_id=made.dataset_id)
    datasets.delete_dataset(dataset_id=made.dataset_id)
    with pytest.raises(MlflowException, match="not found"):
        datasets.get_dataset(dataset_id=made.dataset_id)


def test_scorers_are_kept_by_version(mlflow: Any, experiment: str) -> None:
    from mlflow.tracking._tracking_service.utils import _get_store

    store = _get_store()
    first = store.register_scorer(experiment, "tone", '{"name": "tone", "v": 1}')
    second = store.register_scorer(experiment, "tone", '{"name": "tone", "v": 2}')
    assert (first.scorer_version, second.scorer_version, first.scorer_id) == (1, 2, second.scorer_id)
    assert [one.scorer_version for one in store.list_scorer_versions(experiment, "tone")] == [1, 2]
    assert [one.scorer_version for one in store.list_scorers(experiment)] == [2]
    assert store.get_scorer(experiment, "tone", version=1).scorer_name == "tone"
    store.delete_scorer(experiment, "tone", version=2)
    assert store.get_scorer(experiment, "tone").scorer_version == 1


def test_workspaces_are_declined_at_once(mlflow: Any) -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match="not enabled"):
        mlflow.MlflowClient().list_workspaces()


def test_a_scorer_that_is_source_text_is_refused_and_the_others_stay_readable(mlflow: Any, experiment: str) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.genai.scorers import list_scorers, scorer

    mlflow.genai.make_judge(name="judge", instructions="Is {{ outputs }} good?", model="openai:/any").register()

    @scorer
    def length(outputs: str) -> int:
        return len(outputs)

    with pytest.raises(MlflowException, match="@scorer"):
        length.register(name="length")
    assert [one.name for one in list_scorers()] == ["judge"]
