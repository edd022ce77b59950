"""Reading and writing the two inference protocols: what a caller sends, and what is refused by name."""

from typing import Any

import pytest

from modelops_platform.core.errors import InvalidInput
from modelops_platform.serving.domain import ScoreResult, Table
from modelops_platform.serving.protocols import mlflow_scoring, open_inference
from modelops_platform.serving.protocols.columns import Signature

UNKNOWN = Signature()
SIGNED = Signature.from_record(
    {
        "inputs": [{"name": "age", "type": "long"}, {"name": "town", "type": "string", "is_required": False}],
        "outputs": [{"name": "label", "type": "string"}, {"name": "chance", "type": "double"}],
    }
)
PEOPLE = Table(("age", "town"), ((30, "Bern"), (40, None)))


def tensor(name: str, data: list[Any], shape: list[Any] | None = None, kind: str = "FP64", **more: Any) -> Any:
    return {"name": name, "shape": shape or [len(data)], "datatype": kind, "data": data, **more}


AGE, TOWN = tensor("age", [30, 40], kind="INT64"), tensor("town", ["Bern", "Chur"], [2, 1], "BYTES")


def test_tensors_become_columns_in_the_order_of_the_signature() -> None:
    asked = open_inference.read_question({"id": "q", "inputs": [TOWN, AGE], "outputs": [{"name": "label"}]}, SIGNED)
    assert asked.table == Table(("age", "town"), ((30, "Bern"), (40, "Chur")))
    assert (asked.id, asked.outputs) == ("q", ("label",))


@pytest.mark.parametrize("data", [[1, 2, 3, None], [[1, 2], [3, None]]])
def test_one_wide_tensor_is_a_table_by_place_flat_or_nested(data: list[Any]) -> None:
    numbers = Signature.from_record({"inputs": [{"name": "a"}, {"name": "b"}]})
    table = open_inference.read_question({"inputs": [tensor("x", data, [2, 2])]}, numbers).table
    assert table == Table(("a", "b"), ((1, 2), (3, None)))
    unnamed = open_inference.read_question({"inputs": [tensor("x", data, [2, 2])]}, UNKNOWN).table
    assert unnamed.columns == ("x[0]", "x[1]")


def test_a_column_that_may_be_missing_is_filled_with_nothing() -> None:
    assert open_inference.read_question({"inputs": [AGE]}, SIGNED).table.rows == ((30, None), (40, None))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        ({}, "inputs"),
        ({"inputs": []}, "inputs"),
        ({"inputs": [AGE], "colour": 1}, "colour"),
        ({"inputs": [AGE], "id": 5}, "id"),
        ({"inputs": [AGE], "parameters": {"binary_data_output": True}}, "parameters"),
        ({"inputs": [AGE | {"parameters": {"binary_data_size": 8}}]}, "inputs.0.parameters"),
        ({"inputs": ["age"]}, "inputs.0"),
        ({"inputs": [AGE | {"name": ""}]}, "inputs.0.name"),
        ({"inputs": [AGE | {"datatype": "FP8"}]}, "inputs.0.datatype"),
        ({"inputs": [AGE | {"shape": [3]}]}, "inputs.0.data"),
        ({"inputs": [AGE | {"shape": [2, 1, 1]}]}, "inputs.0.shape"),
        ({"inputs": [AGE | {"shape": [-2]}]}, "inputs.0.shape"),
        ({"inputs": [AGE | {"shape": [True]}]}, "inputs.0.shape"),
        ({"inputs": [AGE | {"data": [[1], [2, 3]], "shape": [2, 1]}]}, "inputs.0.data.1"),
        ({"inputs": [AGE | {"data": [1, 2.5]}]}, "inputs.0.data.1"),
        ({"inputs": [AGE | {"data": [1, None]}]}, "inputs.0.data.1"),
        ({"inputs": [tensor("age", [1, 300], kind="UINT8")]}, "inputs.0.data.1"),
        ({"inputs": [tensor("age", [True, 1], kind="BOOL")]}, "inputs.0.data.1"),
        ({"inputs": [tensor("age", [1.0, True])]}, "inputs.0.data.1"),
        ({"inputs": [tensor("age", ["a", 1], kind="BYTES")]}, "inputs.0.data.1"),
        ({"inputs": [AGE, tensor("town", ["x"], kind="BYTES")]}, "inputs.1.shape"),
        ({"inputs": [AGE, AGE]}, "columns"),
        ({"inputs": [TOWN]}, "inputs"),
        ({"inputs": [AGE, tensor("twon", ["x", "y"], kind="BYTES")]}, "inputs"),
        ({"inputs": [AGE], "outputs": [{"name": "score"}]}, "outputs.0.name"),
    ],
)
def test_a_bad_question_is_refused_by_field(body: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        open_inference.read_question(body, SIGNED)
    assert refused.value.details["field"] == field
    assert refused.value.remedy


def test_answers_are_tensors_with_the_names_of_the_signature() -> None:
    asked = open_inference.read_question({"id": "q", "inputs": [AGE]}, SIGNED)
    result = ScoreResult(("yes", "no"), ((0.9, 0.1), (0.2, None)), ("yes", "no"))
    said = open_inference.write_answer(asked, result, SIGNED, model="churn", version=3)
    assert said == {
        "model_name": "churn",
        "model_version": "3",
        "id": "q",
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["yes", "no"]},
            {"name": "chance", "datatype": "FP64", "shape": [2, 2], "data": [0.9, 0.1, 0.2, None]},
            {"name": "classes", "datatype": "BYTES", "shape": [2], "data": ["yes", "no"]},
        ],
    }
    only = open_inference.read_question({"inputs": [AGE], "outputs": [{"name": "chance"}]}, SIGNED)
    outputs = open_inference.write_answer(only, result, SIGNED, model="churn", version=3)["outputs"]
    assert [output["name"] for output in outputs] == ["chance"]


@pytest.mark.parametrize(
    ("predictions", "datatype"), [((1, 0), "INT64"), ((True, False), "BOOL"), ((1, 0.5), "FP64"), ((None,), "FP64")]
)
def test_an_answer_has_the_datatype_of_its_values(predictions: tuple[Any, ...], datatype: str) -> None:
    asked = open_inference.read_question({"inputs": [AGE]}, UNKNOWN)
    said = open_inference.write_answer(asked, ScoreResult(predictions), UNKNOWN, model="m", version=1)
    assert said["outputs"] == [
        {"name": "prediction", "datatype": datatype, "shape": [len(predictions)], "data": list(predictions)}
    ]


def test_the_signature_is_told_as_metadata() -> None:
    told = open_inference.describe_model("churn", 3, "onnx", SIGNED)
    assert told["inputs"][0] == {"name": "age", "datatype": "INT64", "shape": [-1, 1]}
    assert [column["datatype"] for column in told["outputs"]] == ["BYTES", "FP64"]


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": ["town", "age"], "index": [0, 1], "data": [["Bern", 30], [None, 40]]}},
        {"dataframe_records": [{"town": "Bern", "age": 30}, {"town": None, "age": 40}]},
        {"inputs": {"age": [30, 40], "town": [["Bern"], [None]]}},
        {"instances": [[30, "Bern"], [40, None]], "params": {}},
        {"instances": [{"age": 30, "town": "Bern"}, {"age": 40, "town": None}]},
    ],
)
def test_a_table_comes_in_each_of_mlflows_forms(body: dict[str, Any]) -> None:
    assert mlflow_scoring.read_json(body, SIGNED) == PEOPLE


def test_csv_is_read_by_the_signature_or_by_its_looks() -> None:
    assert mlflow_scoring.read_csv("age,town\r\n30,Bern\r\n40,\r\n", SIGNED) == PEOPLE
    table = mlflow_scoring.read_csv('n,"t, quoted"\n1.5,7 Main St\n,\n', UNKNOWN)
    assert table == Table(("n", "t, quoted"), ((1.5, "7 Main St"), (None, None)))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        ({}, "body"),
        ({"instances": [[1, "x"]], "inputs": [[1, "x"]]}, "body"),
        ({"rows": []}, "rows"),
        ({"instances": [[1, "x"]], "params": {"temperature": 1}}, "params"),
        ({"dataframe_split": []}, "dataframe_split"),
        ({"dataframe_split": {"columns": [], "data": []}}, "dataframe_split.columns"),
        ({"dataframe_split": {"columns": ["age"], "data": [1]}}, "dataframe_split.data"),
        ({"dataframe_split": {"columns": ["age"], "data": []}}, "dataframe_split"),
        ({"dataframe_split": {"columns": ["age"], "data": [[1], [{}]]}}, "dataframe_split.data.1.age"),
        ({"dataframe_split": {"columns": ["age"], "data": [[1], [1, 2]]}}, "dataframe_split.data.1"),
        ({"dataframe_split": {"columns": ["size"], "data": [[1]]}}, "dataframe_split"),
        ({"dataframe_records": [[1]]}, "dataframe_records"),
        ({"dataframe_records": [{"age": 1}, {"agee": 1}]}, "dataframe_records.1"),
        ({"instances": []}, "instances"),
        ({"instances": [[1, 2, 3]]}, "instances.0"),
        ({"inputs": {"age": [1, 2], "town": ["x"]}}, "inputs"),
    ],
)
def test_a_bad_invocation_is_refused_by_field(body: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        mlflow_scoring.read_json(body, SIGNED)
    assert refused.value.details["field"] == field


@pytest.mark.parametrize("text", ["", "age,town", "age,town\n1", 'age,town\n1,"x', "age,age\n1,2", "size\n1"])
def test_bad_csv_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        mlflow_scoring.read_csv(text, SIGNED)
    assert refused.value.details["field"] in ("body", "rows.0")


def test_predictions_are_a_list() -> None:
    assert mlflow_scoring.write_predictions(ScoreResult((1, (2, 3)))) == {"predictions": [1, [2, 3]]}
