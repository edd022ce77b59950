import unicodedata

import pytest

from modelops_platform.artifacts.domain import Format, ScanReport, Verdict, clean_path, unscannable, worst
from modelops_platform.core.errors import InvalidInput


@pytest.mark.parametrize(
    "path",
    ["model.onnx", "model/MLmodel", "a/b/c d.csv", "100%.csv", "größe/模型.bin", ".hidden", "a..b/..c", "x" * 255],
)
def test_honest_paths_stay_as_they_are(path: str) -> None:
    assert clean_path(path) == path


def test_a_path_is_kept_in_normal_form() -> None:
    decomposed = unicodedata.normalize("NFD", "größe.csv")
    assert clean_path(decomposed) == "größe.csv"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "C:/x",
        "c:x",
        "..",
        "../x",
        "a/../b",
        "a/..",
        "./a",
        "a//b",
        "a/",
        "a\\b",
        "..\\..\\x",
        "a\x00b",
        "a\nb",
        "a\x7fb",
        "a\u202eb",
        "a\u200bb",
        "a\ud800b",
        "a /b",
        " a",
        "%2e%2e/x",
        "%252e%252e%252fx",
        "a%2f..%2fb",
        "a%00b",
        "a%5cb",
        "%2fetc/passwd",
        "a%ffb",
        "x" * 256,
        "ü" * 128,
        "a/" * 600 + "b",
    ],
)
def test_hostile_paths_are_refused_with_field_value_and_remedy(path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        clean_path(path)
    assert refused.value.details["field"] == "path"
    assert "value" in refused.value.details
    assert refused.value.remedy
    assert refused.value.message.isprintable()


def test_worst_of_nothing_is_unknown() -> None:
    assert worst() is Verdict.UNKNOWN
    assert worst(Verdict.CLEAN, Verdict.DANGEROUS, Verdict.UNKNOWN) is Verdict.DANGEROUS
    assert worst(Verdict.CLEAN) is Verdict.CLEAN


def test_report_survives_json() -> None:
    report = ScanReport(Format.SKOPS, Verdict.UNKNOWN, ("why",), ("a.b",), {"n": 1})
    assert ScanReport.from_json(report.as_json()) == report


@pytest.mark.parametrize(
    "data",
    [None, [], {}, {"format": "onnx", "verdict": "fine"}, {"format": "onnx", "verdict": "clean", "reasons": [1]}],
)
def test_what_is_no_report_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ScanReport.from_json(data)


def test_what_nobody_looked_into_is_unknown() -> None:
    assert unscannable("why").verdict is Verdict.UNKNOWN
