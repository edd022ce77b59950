"""The tests of a suite on real models: other tasks, odd answers, damaged and huge data."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from sklearn import datasets
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import balanced_accuracy_score, r2_score

from modelops_platform.core.errors import InvalidInput
from modelops_platform.governance.defaults import default_suite_texts
from modelops_platform.governance.heavy import job
from modelops_platform.governance.heavy.reading import MOST_ROWS, read_data

HEAD = "suite: own\nversion: 1\ntitle: Own\nmax_age_days: 9\ntests:\n"


def suite_of(*tests: str) -> str:
    parts = [f"  - {{id: t{place}, title: T, {test}}}" for place, test in enumerate(tests)]
    return HEAD + "\n".join(parts)


def run(folder: Path, model: bytes | None, frame: pd.DataFrame, suite: str, **changes: Any) -> dict[str, Any]:
    data = folder / "data.csv"
    frame.to_csv(data, index=False)
    asked: dict[str, Any] = {"why_not": "There is no model."}
    if model is not None:
        (folder / "model.onnx").write_bytes(model)
        digest = hashlib.sha256(model).hexdigest()
        asked = {"path": str(folder / "model.onnx"), "sha256": digest, "format": "onnx", "name": "v1"}
    prepared = {
        "suite": suite,
        "kind": "ml",
        "roles": {},
        "signature": [],
        "recorded": [],
        "is_recorded_data": False,
        "files": [],
        "data": str(data),
        "reference": None,
        "model": asked,
        "champion": None,
    }
    return job.run({**prepared, **changes}, lambda _share, _step: None)


def found(result: dict[str, Any], test: str, segment: str = "") -> dict[str, Any]:
    return next(one for one in result["found"] if (one["test"], one["segment"]) == (test, segment))


def onnx_of(model: Any, x: Any, **options: Any) -> bytes:
    return bytes(to_onnx(model, x[:1].astype(np.float32), options=options or None, target_opset=17).SerializeToString())


def test_amounts(tmp_path: Path) -> None:
    source = datasets.load_diabetes(as_frame=True)
    x, y = source.data, source.target
    model = LinearRegression().fit(x.to_numpy(), y)
    frame = x.round(6).assign(amount=y, group=np.where(x["sex"] > 0, "m", "f"))
    signature = [{"name": name, "type": "double"} for name in x.columns]
    suite = suite_of(
        "check: metric, parameters: {metric: r2}, limits: {fail_below: 0.1}, judged: bound",
        "check: fairness, parameters: {measure: mean_error}, limits: {fail_above: 0.5}",
        "check: calibration, parameters: {measure: ece}, limits: {fail_above: 0.5}",
        "check: reproducibility, parameters: {measure: recorded_metrics}, limits: {fail_above: 0.01}",
        "check: explainability, parameters: {top: 2}, limits: {fail_below: 0.1}",
        "check: metric, parameters: {metric: roc_auc}, limits: {fail_below: 0.5}",
    )
    recorded = [{"name": "r2", "value": 0.5177}, {"name": "rmse", "value": 60.0}, {"name": "charm", "value": 1}]
    result = run(
        tmp_path,
        onnx_of(model, x.to_numpy()),
        frame,
        suite,
        signature=signature,
        roles={"target": "amount", "groups": ["group"]},
        recorded=recorded,
        is_recorded_data=True,
    )
    assert result["task"] == "regression"
    assert found(result, "t0")["value"] == pytest.approx(r2_score(y, model.predict(x.to_numpy())), abs=1e-4)
    assert found(result, "t1", "group=f")["outcome"] == "pass"
    assert found(result, "t2")["outcome"] == "error", "an amount has no probability"
    again = found(result, "t3")
    assert (again["outcome"], [line["figure_name"] for line in again["figures"]]) == ("fail", ["r2", "rmse"])
    assert found(result, "t4")["figures"][0]["input"] in {"s1", "s5", "bmi"}, "the strongest coefficients"
    assert "There is no roc_auc for regression" in found(result, "t5")["detail"]


def test_several_classes(tmp_path: Path) -> None:
    source = datasets.load_iris(as_frame=True)
    x, y = source.data.to_numpy(), source.target.map(lambda place: source.target_names[place])
    model = LogisticRegression(max_iter=500).fit(x, y)
    frame = pd.DataFrame(x, columns=["a", "b", "c", "d"]).assign(kind=y, side=["left", "right"] * 75)
    suite = suite_of(
        "check: metric, parameters: {metric: balanced_accuracy}, limits: {fail_below: 0.5}",
        "check: metric, parameters: {metric: log_loss}, limits: {fail_above: 0.5}",
        "check: fairness, parameters: {measure: impact_ratio}, limits: {fail_below: 0.8}",
        "check: robustness, parameters: {damage: missing, measure: mean_shift}, limits: {fail_above: 9}",
    )
    signature = [{"name": name, "type": "double"} for name in "abcd"]
    content, roles = onnx_of(model, x, zipmap=False), {"target": "kind", "groups": ["side"]}
    result = run(tmp_path, content, frame, suite, signature=signature, roles=roles)
    assert result["task"] == "multiclass"
    expected = balanced_accuracy_score(y, model.predict(x))
    assert found(result, "t0")["value"] == pytest.approx(expected)
    assert found(result, "t1")["outcome"] == "pass"
    assert "favourable class" in found(result, "t2")["detail"]
    named = run(tmp_path, content, frame, suite, signature=signature, roles={**roles, "positive": "setosa"})
    assert named["found"][2]["outcome"] in ("pass", "fail")
    wrong = run(tmp_path, content, frame.assign(kind="rose"), suite, signature=signature, roles=roles)
    assert "the model does not know" in found(wrong, "t0")["detail"]


def test_a_model_that_answers_no_number_is_an_error_and_never_a_figure_of_a_part(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Log", ["x"], ["y"])],
        "log",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()
    frame = pd.DataFrame({"x": np.linspace(-1, 9, 200), "amount": np.linspace(0, 5, 200)})
    suite = suite_of(
        "check: metric, parameters: {metric: mae}, limits: {fail_above: 1}",
        "check: robustness, parameters: {damage: out_of_range}, limits: {fail_below: 0.99}",
        "check: sensitivity, limits: {fail_above: 1}",
        "check: reproducibility, parameters: {measure: rescore}, limits: {fail_above: 0}",
    )
    signature = [{"name": "x", "type": "double"}]
    result = run(tmp_path, model, frame, suite, signature=signature, roles={"target": "amount"})
    assert found(result, "t0")["outcome"] == "error"
    assert "answered 20 of 200 rows with nothing that is a number" in found(result, "t0")["detail"]
    assert found(result, "t1")["outcome"] == "fail", "damage is judged by how many rows are answered"
    assert found(result, "t2")["outcome"] == "error"
    assert found(result, "t3")["outcome"] == "pass", "no number twice is the same answer"


def test_without_a_model_the_data_are_tested_all_the_same(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"x": [*map(str, range(98)), "many", ""], "town": ["Ulm"] * 99 + ["Bonn"], "paid": [0, 1] * 50}
    )
    known = pd.DataFrame({"x": range(10, 98), "town": "Ulm"})
    known.to_csv(tmp_path / "known.csv", index=False)
    measures = ("missing", "type_errors", "out_of_range", "unseen", "duplicates")
    suite = suite_of(*(f"check: data, parameters: {{measure: {one}}}, limits: {{fail_above: 0}}" for one in measures))
    signature = [{"name": "x", "type": "long"}, {"name": "town", "type": "string"}]
    result = run(tmp_path, None, frame, suite, signature=signature, reference=str(tmp_path / "known.csv"))
    values = [found(result, f"t{place}")["value"] for place in range(5)]
    assert values == [0.01, 0.01, 0.1, 0.01, 0.0]
    assert found(result, "t1")["figures"][0] == {"input": "x", "figure": 0.01, "rows": 1}
    asked = run(tmp_path, None, frame, default_suite_texts()[3], signature=signature, roles={"target": "paid"})
    assert "There is no model." in found(asked, "discrimination")["detail"]


def test_huge_data_are_sampled_the_same_each_time_and_bad_data_are_refused(tmp_path: Path) -> None:
    large = tmp_path / "large.parquet"
    pd.DataFrame({"x": np.arange(MOST_ROWS + 5_000.0), "n": np.arange(MOST_ROWS + 5_000)}).to_parquet(large)
    one, other = (read_data(large, {}, seed=seed) for seed in (1, 1))
    assert (one.rows, one.rows_in_file) == (MOST_ROWS, MOST_ROWS + 5_000)
    assert np.array_equal(one.column("x").numbers, other.column("x").numbers)
    for content, words in {
        b"a,a\n1,2\n": "twice",
        b"a,b\n": "no rows",
        b"a,b\n1\n": "neither as Parquet nor as CSV",
        b"PAR1nonsense": "not readable as Parquet",
        b"": "neither as Parquet nor as CSV",
        ",".join(f"c{n}" for n in range(2_100)).encode() + b"\n": "2100 columns",
    }.items():
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(InvalidInput, match=words):
            read_data(tmp_path / "bad", {}, seed=0)
