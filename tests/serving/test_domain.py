from pathlib import Path

import pytest

from modelops_platform.artifacts.domain import Format
from modelops_platform.core.errors import InvalidInput
from modelops_platform.serving.domain import FailureCode, ModelFile, ScoreResult, Table


def test_table_of_records_keeps_the_order_of_the_first() -> None:
    table = Table.from_records([{"a": 1, "b": "x"}, {"b": None, "a": 2.5}])
    assert table == Table(("a", "b"), ((1, "x"), (2.5, None)))


@pytest.mark.parametrize(
    ("columns", "rows", "field"),
    [
        ((), (), "columns"),
        (("a", "a"), (), "columns"),
        (("a",), ((1, 2),), "rows[0]"),
        (("a",), ((1,), ([],)), "rows[1].a"),
    ],
)
def test_bad_tables_name_the_place(columns: tuple[str, ...], rows: tuple[tuple[int, ...], ...], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Table(columns, rows)
    assert refused.value.details["field"] == field
    assert refused.value.remedy


def test_records_with_other_keys_are_refused() -> None:
    with pytest.raises(InvalidInput, match="differs from the first in b, c"):
        Table.from_records([{"a": 1, "b": 2}, {"a": 1, "c": 2}])
    with pytest.raises(InvalidInput, match="no rows"):
        Table.from_records([])


def test_a_model_file_has_a_digest_and_a_format_that_loads() -> None:
    with pytest.raises(InvalidInput, match="SHA-256"):
        ModelFile(Path("x"), "abc", Format.ONNX)
    with pytest.raises(InvalidInput, match="hdf5"):
        ModelFile(Path("x"), "0" * 64, Format.HDF5)


def test_a_failure_survives_json() -> None:
    failed = ScoreResult.from_json({"failure": {"code": "out_of_time", "message": "why"}})
    assert failed == ScoreResult.failed(FailureCode.OUT_OF_TIME, "why")
