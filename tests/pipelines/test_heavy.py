import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import skops.io
from sklearn import datasets
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, mean_absolute_error, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from modelops_platform.core.errors import InvalidInput
from modelops_platform.pipelines.domain.estimators import ESTIMATORS, Task
from modelops_platform.pipelines.domain.reading import read_recipe
from modelops_platform.pipelines.domain.recipes import Recipe, Split, SplitKind
from modelops_platform.pipelines.heavy import TrainingResult, train


def classify(**changes: Any) -> Recipe:
    return read_recipe(
        {
            "data_set_id": "0",
            "target": "y",
            "features": ["a", "b"],
            "task": "classification",
            "estimator": "LogisticRegression",
            "metrics": ["accuracy"],
        }
        | changes
    )


def regress(**changes: Any) -> Recipe:
    return classify(**({"task": "regression", "estimator": "Ridge", "metrics": ["mae"]} | changes))


def sample(rows: int = 60, **changes: Any) -> pd.DataFrame:
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"a": random.normal(size=rows), "b": random.normal(size=rows)})
    frame["y"] = (frame.a + frame.b > 0).astype(int)
    return frame.assign(**changes)


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Recipe, pd.DataFrame | str | bytes], TrainingResult]:
    def train_on(recipe: Recipe, data: pd.DataFrame | str | bytes) -> TrainingResult:
        file = tmp_path / "data"
        if isinstance(data, pd.DataFrame):
            data.to_csv(file, index=False)
        else:
            file.write_bytes(data.encode() if isinstance(data, str) else data)
        return train(recipe, file, tmp_path / "out")

    return train_on


Run = Callable[[Recipe, pd.DataFrame | str | bytes], TrainingResult]


def answers_of_onnx(result: TrainingResult, inputs: pd.DataFrame) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(result.model.file.read_bytes(), providers=["CPUExecutionProvider"])
    feed = {
        column["name"]: inputs[[column["name"]]].to_numpy(object if column["type"] == "string" else np.float32)
        for column in result.signature["inputs"]
    }
    answers: list[np.ndarray] = session.run([output["name"] for output in result.signature["outputs"]], feed)
    return answers


def test_classifier_figures_agree_with_plain_scikit_learn(run: Run) -> None:
    source = datasets.load_breast_cancer(as_frame=True)
    frame = source.frame.astype(np.float32)
    recipe = Recipe(
        "0",
        "target",
        tuple(source.feature_names),
        Task.CLASSIFICATION,
        "LogisticRegression",
        {"C": 0.5, "max_iter": 500},
        Split(test_share=0.3, seed=11),
        ("roc_auc", "log_loss", "gini"),
    )
    result = run(recipe, frame)

    x, y = frame[list(source.feature_names)].astype(float), frame.target.astype(int)
    learn, hold = train_test_split(np.arange(len(y)), test_size=0.3, random_state=11, stratify=y)
    learn, hold = np.sort(learn), np.sort(hold)
    plain = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(C=0.5, max_iter=500))
    chance = plain.fit(x.iloc[learn], y[learn]).predict_proba(x.iloc[hold])
    figures = {measured.name: measured.value for measured in result.metrics}
    assert figures["roc_auc"] == pytest.approx(roc_auc_score(y[hold], chance[:, 1]), abs=1e-9)
    assert figures["log_loss"] == pytest.approx(log_loss(y[hold], chance), abs=1e-6)
    assert figures["gini"] == pytest.approx(2 * figures["roc_auc"] - 1)
    assert {measured.n for measured in result.metrics} == {len(hold)} == {result.rows_held_out}

    label, probability = answers_of_onnx(result, x.iloc[hold])
    assert probability == pytest.approx(chance, abs=1e-4)
    assert np.array_equal(label, plain.predict(x.iloc[hold]))
    assert result.model.difference is not None
    assert result.model.difference < 1e-4


def test_forecaster_learns_from_its_own_past_and_is_measured_on_the_latest_rows(run: Run) -> None:
    months = np.arange(120)
    frame = pd.DataFrame({"month": months, "load": 50 + 10 * np.sin(months * np.pi / 6) + months * 0.1})
    recipe = regress(
        target="load", features=[], lags=[1, 12], split={"kind": "ordered", "test_share": 0.25, "by": "month"}
    )
    result = run(recipe, frame.sample(frac=1, random_state=1))  # the file's order does not matter

    series = frame.load.astype(np.float32).astype(float)
    x = pd.DataFrame({"l1": series.shift(1), "l12": series.shift(12)})[12:]
    y = frame.load[12:]
    plain = make_pipeline(StandardScaler(), Ridge()).fit(x[:81], y[:81])
    assert (result.rows_learned, result.rows_held_out) == (81, 27)
    assert result.metrics[0].value == pytest.approx(mean_absolute_error(y[81:], plain.predict(x[81:])), rel=1e-6)
    assert [column["name"] for column in result.signature["inputs"]] == ["load_lag_1", "load_lag_12"]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_allowed_estimator_trains_and_its_file_answers_the_same(run: Run, estimator: str) -> None:
    task = ESTIMATORS[estimator].task
    small = {
        name: 20
        for name in ESTIMATORS[estimator].parameters
        if name == "n_estimators" or (name == "max_iter" and "Hist" in estimator)
    }
    metrics = ["accuracy"] if task is Task.CLASSIFICATION else ["mae"]
    recipe = classify(features=["a", "b", "shop"], task=task, estimator=estimator, parameters=small, metrics=metrics)
    frame = sample(200, shop=["north", "", "süd", "east, far"] * 50)
    result = run(recipe, frame)
    assert result.model.format == "onnx"
    assert result.model.difference is not None
    assert result.model.difference <= 1e-4
    assert len(answers_of_onnx(result, frame)[0]) == 200


def test_a_model_that_onnx_answers_otherwise_is_kept_as_skops(run: Run) -> None:
    # The converter forgets the log link of this loss; only comparing answers shows it.
    recipe = regress(estimator="HistGradientBoostingRegressor", parameters={"loss": "poisson", "max_iter": 20})
    frame = sample(200).assign(y=lambda table: (table.a.abs() * 5).round())
    result = run(recipe, frame)
    assert result.model.format == "skops"
    assert result.model.difference is not None
    assert result.model.difference > 1e-4
    assert result.model.reason is not None
    assert "differ" in result.model.reason
    assert result.model.untrusted_types
    model = skops.io.load(result.model.file, trusted=list(result.model.untrusted_types))
    assert len(model.predict(frame[["a", "b"]])) == 200


def test_same_recipe_and_data_give_the_same_model_and_figures(tmp_path: Path) -> None:
    sample(200).to_csv(tmp_path / "data.csv", index=False)
    recipe = classify(estimator="RandomForestClassifier", parameters={"n_estimators": 15}, metrics=["log_loss"])
    one, other = (train(recipe, tmp_path / "data.csv", tmp_path / name) for name in ("one", "other"))
    assert one.metrics == other.metrics
    assert one.model.file.read_bytes() == other.model.file.read_bytes()


def test_csv_and_parquet_give_the_same_model(tmp_path: Path) -> None:
    frame = sample(100, when=pd.date_range("2024-01-01", periods=100), flag=[True, False] * 50)
    frame.to_csv(tmp_path / "data.csv", index=False)
    frame.to_parquet(tmp_path / "data.parquet")
    recipe = classify(features=["a", "b", "flag"], split={"kind": "ordered", "by": "when"}, metrics=["log_loss"])
    from_csv = train(recipe, tmp_path / "data.csv", tmp_path / "one")
    from_parquet = train(recipe, tmp_path / "data.parquet", tmp_path / "other")
    assert from_csv.metrics == from_parquet.metrics
    assert from_csv.signature == from_parquet.signature
    assert from_csv.signature["inputs"][2]["type"] == "boolean"


def test_groups_are_never_torn_apart(run: Run) -> None:
    frame = sample(80, who=np.repeat(np.arange(20), 4))
    result = run(classify(split={"kind": "group", "by": "who", "test_share": 0.2}), frame)
    assert result.rows_held_out == 16


def test_three_classes_of_text_are_answered_with_a_probability_each(run: Run) -> None:
    frame = sample(150)
    frame["y"] = np.where(frame.a > 0.5, "hoch", np.where(frame.a < -0.5, "tief", "mittel"))
    result = run(classify(metrics=["f1", "roc_auc", "brier", "precision"]), frame)
    assert result.signature["outputs"][1] == {
        "name": "probability",
        "type": "double",
        "shape": [3],
        "classes": ["hoch", "mittel", "tief"],
    }
    assert [measured.name for measured in result.metrics] == ["f1", "roc_auc", "precision"]
    assert any("brier" in note for note in result.notes)


def test_papers_are_written_and_progress_is_told(tmp_path: Path) -> None:
    sample().to_csv(tmp_path / "data.csv", index=False)
    heard: list[float] = []
    result = train(classify(), tmp_path / "data.csv", tmp_path / "out", lambda share, sentence: heard.append(share))
    assert heard == sorted(heard)
    assert (heard[0], heard[-1]) == (0, 1)
    papers = {file.stem: json.loads(file.read_text()) for file in (tmp_path / "out").glob("*.json")}
    assert papers.keys() == {"recipe", "signature", "input_example", "environment", "metrics"}
    assert read_recipe(papers["recipe"]) == classify()
    assert papers["environment"]["packages"]["scikit-learn"]
    accuracy = {"name": "accuracy", "value": result.metrics[0].value, "n": 15, "higher_is_better": True}
    assert papers["metrics"] == [accuracy | {"standard_error": result.metrics[0].standard_error}]
    assert len(papers["input_example"]) == 5
    assert papers["input_example"][0].keys() == {"a", "b"}


def test_names_in_any_script_with_spaces_reach_the_model(run: Run) -> None:
    frame = sample().rename(columns={"a": "Größe in m²", "b": "価格/单价"})
    result = run(classify(features=["Größe in m²", "価格/单价"]), frame)
    assert result.model.format == "onnx"
    assert len(answers_of_onnx(result, frame)[0]) == 60


def test_gaps_are_filled_and_named(run: Run) -> None:
    frame = sample()
    frame.loc[3, "a"] = np.nan
    result = run(classify(), frame)
    assert result.notes == ("Gaps are filled while learning and answering: a.",)
    assert [column["is_required"] for column in result.signature["inputs"]] == [False, True]


def test_a_constant_column_is_learned_from_in_vain_and_named(run: Run) -> None:
    result = run(classify(), sample(b=7))
    assert any(note.endswith("nothing to learn from it: b.") for note in result.notes)


def test_one_column_is_enough(run: Run) -> None:
    assert run(classify(features=["a"]), sample()).metrics[0].value > 0.5


def test_a_figure_the_hold_out_cannot_give_is_a_note(run: Run) -> None:
    frame = sample(60, y=[0, 1] * 20 + [1] * 20)
    result = run(classify(metrics=["roc_auc", "accuracy"], split={"kind": "ordered"}), frame)
    assert [measured.name for measured in result.metrics] == ["accuracy"]
    assert any("roc_auc is not defined" in note for note in result.notes)


CROWDED = classify(estimator="KNeighborsClassifier", parameters={"n_neighbors": 50})


def changed(column: str, row: int, value: object) -> pd.DataFrame:
    cells = sample()[column].tolist()
    cells[row - 1] = value
    return sample().assign(**{column: pd.Series(cells, dtype=object)})


@pytest.mark.parametrize(
    ("recipe", "data", "field", "row"),
    [
        (classify(), sample(y=1), "y", None),
        (classify(), sample(5), "data_set_id", None),
        (classify(), changed("y", 7, ""), "y", 7),
        (classify(), changed("y", 7, 0.5), "y", 7),
        (classify(), changed("y", 9, 2), "y", None),
        (classify(), sample(y=np.arange(60) % 30).loc[:, ["a", "b", "y"]], "split.test_share", None),
        (classify(), sample(y=[str(n) for n in range(60)]), "y", None),
        (classify(), changed("a", 12, "1e999"), "a", 12),
        (classify(), changed("a", 12, "-inf"), "a", 12),
        (classify(), changed("a", 12, "1e39"), "a", 12),
        (classify(), changed("a", 60, "twelve"), "a", 60),
        (classify(), sample(a=""), "a", None),
        (classify(), sample(300, a=[f"id{n}" for n in range(300)]), "a", None),
        (classify(features=["a", "c"]), sample(), "c", None),
        (classify(), sample().rename(columns={"y": "Y"}), "y", None),
        (CROWDED, sample(), "parameters.n_neighbors", None),
        (classify(split={"kind": "group", "by": "a"}, features=["b"]), sample(a=1), "split.by", None),
        (classify(split={"kind": "group", "by": "a"}, features=["b"]), changed("a", 2, ""), "a", 2),
        (classify(split={"kind": "ordered"}), sample(y=[0] * 45 + [1] * 15), "split.kind", None),
        (classify(split={"kind": "ordered"}), sample(a=[""] * 45 + ["1"] * 15), "a", None),
        (classify(split={"test_share": 0.05}), sample(), "split.test_share", None),
        (regress(), sample(y=["low", "high", "mid"] * 20), "y", 1),
        (regress(estimator="PoissonRegressor"), changed("y", 4, -1), "y", 4),
        (regress(lags=[50], split={"kind": "ordered"}), sample(), "lags", None),
        (regress(lags=[70], split={"kind": "ordered"}), sample(), "lags", None),
        (classify(), "a,b,a,y\n" + "1,2,3,0\n1,2,3,1\n" * 20, "a", None),
        (classify(), "a,b,y\n1,2,0\n1,2\n" + "1,2,1\n" * 30, "data_set_id", 2),
        (classify(), "a,b,y\n1,2,0\n1,2,0,5\n" + "1,2,1\n" * 30, "data_set_id", 2),
        (classify(), "", "a", None),
        (classify(), "a,b,y\n", "data_set_id", None),
        (classify(), b"\xff\xfea\x00,\x00", "data_set_id", None),
        (classify(), b"PAR1 is not enough", "data_set_id", None),
        (classify(), 'a,b,y\n"1,2,0\n', "data_set_id", None),
    ],
)  # fmt: skip
def test_bad_data_is_refused_with_column_and_row(
    run: Run, recipe: Recipe, data: pd.DataFrame | str | bytes, field: str, row: int | None
) -> None:
    with pytest.raises(InvalidInput) as refused:
        run(recipe, data)
    assert refused.value.details["field"] == field
    assert refused.value.details.get("row") == row
    assert refused.value.remedy


def test_the_row_of_a_bad_value_is_that_of_the_file_after_sorting(run: Run) -> None:
    frame = changed("a", 12, "inf").assign(at=range(60, 0, -1))
    with pytest.raises(InvalidInput) as refused:
        run(classify(split={"kind": SplitKind.ORDERED, "by": "at"}), frame)
    assert refused.value.details["row"] == 12


def test_nested_parquet_columns_are_refused(run: Run, tmp_path: Path) -> None:
    sample(60, a=[[1, 2]] * 60).to_parquet(tmp_path / "nested")
    with pytest.raises(InvalidInput) as refused:
        run(classify(), (tmp_path / "nested").read_bytes())
    assert refused.value.details["field"] == "a"
