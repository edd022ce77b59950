"""What files beside a model say of it, and whose a path is: pure."""

import json

import pytest

from modelops_platform.core.errors import InvalidInput
from modelops_platform.registry.domain.protocol import logged_model_in, read_source, stage_named
from modelops_platform.tracking.domain.described import LARGEST, describe, is_description, taken_together
from modelops_platform.tracking.domain.places import below, checked_path, path_of, ways_to


def test_only_small_descriptions_are_read() -> None:
    assert is_description("1/r/artifacts/m/MLmodel", 10)
    assert not is_description("1/r/artifacts/m/MLmodel", LARGEST + 1)
    assert not is_description("MLmodel/model.pkl", 10)


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1]\nb: *x\n",  # an alias may stand for much more than was sent
        "a: " + "[" * 60 + "]" * 60,
        "flavors: !!python/object/apply:os.system ['true']",
        "just words",
        "- a list",
        "a: [unclosed",
        "\x00",
    ],
)
def test_what_is_no_plain_mapping_says_nothing(text: str) -> None:
    assert describe("MLmodel", text.encode()) is None
    assert describe("conda.yaml", text.encode()) is None


def test_bytes_that_are_no_text_say_nothing() -> None:
    assert describe("requirements.txt", b"\xff\xfe\x00") is None


@pytest.mark.parametrize("signature", [None, 7, [], {"inputs": 3}, {"inputs": "{"}, {"inputs": '{"a": 1}'}])
def test_a_strange_signature_names_no_columns(signature: object) -> None:
    said = describe("MLmodel", json.dumps({"flavors": ["a"], "signature": signature}).encode())
    assert said is not None
    assert (said["inputs"], said["outputs"], said["flavors"]) == ([], [], [])


def test_the_file_nearest_to_the_top_is_believed_first() -> None:
    conda = describe("conda.yaml", b"dependencies: [python=3.11.2, pip, {pip: [mlflow==3.1, 'a[x]==2  # why', -e .]}]")
    assert conda == {"python": "3.11.2", "packages": {"pip": "", "mlflow": "3.1", "a": "2"}}
    below_it = describe("MLmodel", b"flavors: {python_function: {python_version: 3.10.1}, sklearn: {}}")
    assert below_it is not None
    whole = taken_together({"conda.yaml": conda, "sub/MLmodel": below_it})
    assert (whole["python"], whole["flavors"]) == ("3.11.2", ["python_function", "sklearn"])


def test_addresses_lead_to_paths() -> None:
    for uri, path in (
        ("mlflow-artifacts:/a/b", "a/b"),
        ("mlflow-artifacts:/a/b/", "a/b"),
        ("mlflow-artifacts://host:1/a/b", "a/b"),
        ("https://host/x/api/2.0/mlflow-artifacts/artifacts/a/b", "a/b"),
        ("s3://a/b", None),
        ("a/b", None),
        ("https://host/a/b", None),
    ):
        assert path_of(uri) == path, uri
    assert ways_to("a/b/c") == ["a/b/c", "a/b", "a"]
    start, end = below("a/b")
    assert start <= "a/b/" < "a/b/\U0010ffff" < end
    assert not start <= "a/bc" < end
    assert not start <= "a/b.c" < end
    for path in ("", "/a", "a/../b", "a/%2e%2e/b", "a//b", "a\\b", "C:/a", "a/./b", "a\u202eb"):
        with pytest.raises(InvalidInput):
            checked_path(path)


def test_sources_are_taken_apart() -> None:
    assert read_source("S3://b/k").scheme == "s3"
    assert read_source("runs:/r/a b").rest == "r/a b"
    assert logged_model_in(f"m-{'0' * 32}") == f"m-{'0' * 32}"
    assert logged_model_in("churn/1") is None
    for text in (
        "",
        "x",
        "file:/x",
        "c:\\x",
        "http://x",
        "HTTPS://x",
        "runs://x/y",
        "models:x/1",
        "s3://a/%25252e%25252e/b",
    ):
        with pytest.raises(InvalidInput):
            read_source(text)
    assert stage_named("pRODUCTION").value == "Production"
