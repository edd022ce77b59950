import hashlib
import io
import json
import os
import pickle
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import psutil
import pytest
import skops.io
from skl2onnx import to_onnx
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from modelops_platform.artifacts.domain import Format
from modelops_platform.artifacts.limits import MIB, Limits
from modelops_platform.serving.domain import FailureCode, ModelFile, ScoreResult, Table
from modelops_platform.serving.service import ScoreRequest, predict_batch, score

TREE = "sklearn.tree._tree.Tree"
IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)
ONE = Table(("x",), ((1.0,),))
Save = Callable[..., ModelFile]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def save(data: bytes, kind: Format, **more: Any) -> ModelFile:
        digest = hashlib.sha256(data).hexdigest()
        path = tmp_path / digest
        path.write_bytes(data)
        return ModelFile(path, digest, kind, **more)

    return save


@pytest.fixture(scope="module")
def linear() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(IRIS, SPECIES)


@pytest.fixture(scope="module")
def forest() -> Any:
    return RandomForestClassifier(5, random_state=0, n_jobs=2).fit(IRIS, SPECIES)


def table_of(frame: pd.DataFrame) -> Table:
    return Table(tuple(frame.columns), tuple(map(tuple, frame.to_numpy().tolist())))


def answered(result: ScoreResult) -> ScoreResult:
    assert result.failure is None, result.failure
    return result


def failed(result: ScoreResult) -> FailureCode:
    assert result.failure is not None, result
    assert result.predictions == ()
    return result.failure.code


def dumped(model: Any) -> bytes:
    file = io.BytesIO()
    joblib.dump(model, file)
    return file.getvalue()


# Real models


@pytest.mark.parametrize(
    ("kind", "dump"),
    [(Format.SKOPS, skops.io.dumps), (Format.PICKLE, pickle.dumps), (Format.JOBLIB, dumped)],
    ids=["skops", "pickle", "joblib"],
)
def test_a_classifier_answers_like_the_original(linear: Any, save: Save, kind: Format, dump: Any) -> None:
    model = save(dump(linear), kind, allow_pickle=kind is not Format.SKOPS)
    result = answered(score(ScoreRequest(model, table_of(IRIS))))
    assert result.predictions == tuple(linear.predict(IRIS).tolist())
    assert result.classes == (0, 1, 2)
    np.testing.assert_allclose(np.array(result.probabilities), linear.predict_proba(IRIS))


@pytest.mark.parametrize("zipmap", [True, False])
def test_an_onnx_classifier_answers_like_the_original(forest: Any, save: Save, zipmap: bool) -> None:
    graph = to_onnx(forest, IRIS.to_numpy(dtype=np.float32)[:1], options={"zipmap": zipmap}).SerializeToString()
    result = answered(score(ScoreRequest(save(graph, Format.ONNX), table_of(IRIS))))
    assert result.predictions == tuple(forest.predict(IRIS).tolist())
    assert result.classes == (0, 1, 2)
    np.testing.assert_allclose(np.array(result.probabilities), forest.predict_proba(IRIS), atol=1e-5)


def test_an_onnx_model_with_an_input_for_each_column(save: Save) -> None:
    frame = IRIS.set_axis(["a", "b", "c", "d"], axis=1).astype(np.float32).assign(colour=["red", "green", "blue"] * 50)
    encode = make_column_transformer((OneHotEncoder(sparse_output=False), ["colour"]), remainder="passthrough")
    model = make_pipeline(encode, LogisticRegression(max_iter=5000)).fit(frame, SPECIES)
    graph = to_onnx(model, frame[:1], options={"zipmap": False}).SerializeToString()
    shuffled = frame[["colour", "d", "a", "c", "b"]]
    result = answered(score(ScoreRequest(save(graph, Format.ONNX), table_of(shuffled))))
    assert np.mean(np.array(result.predictions) == model.predict(frame)) > 0.99


def test_a_regressor_has_no_probabilities(save: Save) -> None:
    features, target = load_diabetes(return_X_y=True)
    model = LinearRegression().fit(features, target)
    graph = to_onnx(model, features[:1].astype(np.float32)).SerializeToString()
    table = Table(tuple("abcdefghij"), tuple(map(tuple, features[:20].tolist())))
    for file in (save(graph, Format.ONNX), save(skops.io.dumps(model), Format.SKOPS)):
        result = answered(score(ScoreRequest(file, table)))
        assert result.probabilities is None
        np.testing.assert_allclose(np.array(result.predictions, dtype=float), model.predict(features[:20]), rtol=1e-4)


def test_columns_are_matched_by_name(linear: Any, save: Save) -> None:
    model = save(pickle.dumps(linear), Format.PICKLE, allow_pickle=True)
    backwards = table_of(IRIS[IRIS.columns[::-1]])
    missing = table_of(IRIS[IRIS.columns[:3]])
    extra = table_of(IRIS.assign(more=1.0))
    first, second, third, fourth = predict_batch(model, [backwards, missing, extra, table_of(IRIS[:3])])
    assert answered(first).predictions == tuple(linear.predict(IRIS).tolist())
    assert failed(second) is FailureCode.BAD_INPUT
    assert second.failure is not None
    assert "petal width (cm)" in second.failure.message
    assert failed(third) is FailureCode.BAD_INPUT
    assert answered(fourth).predictions == (0, 0, 0)


def test_windows_are_answered_by_one_worker_in_order(linear: Any, save: Save) -> None:
    graph = to_onnx(linear, IRIS.to_numpy(dtype=np.float32)[:1]).SerializeToString()
    windows = [table_of(IRIS[start : start + 10]) for start in range(0, 150, 10)]
    results = predict_batch(save(graph, Format.ONNX), windows)
    together = [label for result in results for label in answered(result).predictions]
    assert together == linear.predict(IRIS).tolist()
    assert predict_batch(save(graph, Format.ONNX), []) == []


@pytest.mark.parametrize("cell", ["text", None, 10**400])
def test_bad_cells_are_bad_input(save: Save, cell: Any) -> None:
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    result = score(ScoreRequest(save(pickle.dumps(model), Format.PICKLE, allow_pickle=True), Table(("x",), ((cell,),))))
    assert failed(result) is FailureCode.BAD_INPUT


def test_numbers_that_are_not_finite_become_none(save: Save) -> None:
    graph = to_onnx(
        LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]), np.zeros((1, 1), np.float32)
    ).SerializeToString()
    result = answered(score(ScoreRequest(save(graph, Format.ONNX), Table(("x",), ((None,), (1.0,))))))
    assert list(result.predictions) == [None, pytest.approx(1.0)]


# Trust


def test_other_bytes_than_approved_are_not_loaded(linear: Any, save: Save) -> None:
    model = save(pickle.dumps(linear), Format.PICKLE, allow_pickle=True)
    model.path.write_bytes(model.path.read_bytes() + b" ")
    assert failed(score(ScoreRequest(model, table_of(IRIS)))) is FailureCode.DIGEST_MISMATCH


def test_a_forest_in_skops_loads_only_when_its_type_was_trusted(forest: Any, save: Save) -> None:
    data = skops.io.dumps(forest)
    refused = score(ScoreRequest(save(data, Format.SKOPS), table_of(IRIS)))
    assert failed(refused) is FailureCode.NOT_LOADABLE
    assert refused.failure is not None
    assert TREE in refused.failure.message
    trusted = score(ScoreRequest(save(data, Format.SKOPS, trusted_types=(TREE,)), table_of(IRIS)))
    assert answered(trusted).predictions == tuple(forest.predict(IRIS).tolist())


@pytest.mark.parametrize("kind", [Format.ONNX, Format.SKOPS])
def test_bytes_of_another_format_are_not_loadable(linear: Any, save: Save, kind: Format) -> None:
    model = save(pickle.dumps(linear), kind)
    assert failed(score(ScoreRequest(model, table_of(IRIS)))) is FailureCode.NOT_LOADABLE


def test_a_missing_file_is_not_loadable(save: Save) -> None:
    model = save(b"x", Format.ONNX)
    model.path.unlink()
    assert failed(score(ScoreRequest(model, ONE))) is FailureCode.NOT_LOADABLE


# Hostile models


class Runs:
    """An object whose pickle evaluates Python when it is loaded."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self) -> Any:
        return eval, (self.code,)


def speaking(code: str) -> str:
    """Return code for a model whose only prediction is the value of `code`, taken while it answers."""
    return f"type('M', (), {{'predict': lambda self, table: [{code}]}})()"


def told(save: Save, code: str, **limits: Any) -> Any:
    """Return what hostile code finds out inside a worker."""
    model = save(pickle.dumps(Runs(speaking(f"__import__('json').dumps({code})"))), Format.PICKLE, allow_pickle=True)
    (answer,) = answered(score(ScoreRequest(model, ONE, **limits))).predictions
    assert isinstance(answer, str)
    return json.loads(answer)


@pytest.mark.parametrize("kind", [Format.PICKLE, Format.JOBLIB])
def test_a_pickle_is_refused_unless_allowed(tmp_path: Path, save: Save, kind: Format) -> None:
    canary = tmp_path / "canary"
    model = save(pickle.dumps(Runs(f"open({str(canary)!r}, 'w')")), kind)
    assert failed(score(ScoreRequest(model, ONE))) is FailureCode.NOT_LOADABLE
    assert not canary.exists()


def test_an_allowed_pickle_writes_no_file_that_keeps_a_byte(tmp_path: Path, save: Save) -> None:
    canary = tmp_path / "canary"
    code = f"open({str(canary)!r}, 'w').write('harm')"
    model = save(pickle.dumps(Runs(code)), Format.PICKLE, allow_pickle=True)
    assert failed(score(ScoreRequest(model, ONE))) is FailureCode.NOT_LOADABLE
    assert not canary.exists() or canary.stat().st_size == 0


def test_the_environment_holds_no_secret(monkeypatch: pytest.MonkeyPatch, save: Save) -> None:
    monkeypatch.setenv("MODELOPS_DATABASE_URL", "postgresql://secret")
    environment = told(save, "dict(__import__('os').environ)")
    assert set(environment) <= {
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_NUM_THREADS", "LC_CTYPE",
        "KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK",
    }  # fmt: skip
    assert "secret" not in json.dumps(environment)


def test_no_descriptor_of_the_parent_is_passed_on(tmp_path: Path, save: Save) -> None:
    secret = tmp_path / "secret"
    secret.write_text("key")
    with secret.open() as file:
        os.set_inheritable(file.fileno(), True)
        code = "[__import__('os').readlink(f'/proc/self/fd/{n}') for n in __import__('os').listdir('/proc/self/fd')"
        found = told(save, code + " if __import__('os').path.exists(f'/proc/self/fd/{n}')]")
    assert found
    assert not [target for target in found if str(tmp_path) in target]


def test_limits_cannot_be_raised_again(save: Save) -> None:
    code = "__import__('resource').getrlimit(__import__('resource').RLIMIT_AS)"
    assert told(save, code) == [4096 * MIB, 4096 * MIB]
    raised = "__import__('resource').setrlimit(__import__('resource').RLIMIT_AS, (2**60, 2**60))"
    model = save(pickle.dumps(Runs(raised)), Format.PICKLE, allow_pickle=True)
    assert failed(score(ScoreRequest(model, ONE))) is FailureCode.NOT_LOADABLE


def test_the_worker_stands_in_an_empty_folder_that_goes_away(save: Save) -> None:
    folder = told(save, "__import__('os').getcwd()")
    assert not Path(folder).exists()


def test_a_worker_reaches_no_network(save: Save) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert told(save, f"__import__('socket').socket().connect_ex(('127.0.0.1', {port}))") != 0


def test_a_worker_reads_no_file_of_the_platform(tmp_path: Path, save: Save) -> None:
    key = tmp_path / "key"
    key.write_text("secret")
    model = save(pickle.dumps(Runs(f"open({str(key)!r}).read() and None")), Format.PICKLE, allow_pickle=True)
    result = score(ScoreRequest(model, ONE))
    assert result.failure is not None
    assert "PermissionError" in result.failure.message


def test_a_model_that_sleeps_is_ended_with_its_children(save: Save) -> None:
    code = "[__import__('os').fork(), __import__('time').sleep(600)]"
    model = save(pickle.dumps(Runs(code)), Format.PICKLE, allow_pickle=True)
    before = {process.pid for process in psutil.process_iter()}
    started = time.monotonic()
    result = score(ScoreRequest(model, ONE, Limits(wall_seconds=8.0, memory_bytes=4096 * MIB, open_files=256)))
    # As root the fork succeeds and both sleep; anybody else may not fork at all.
    assert failed(result) is (FailureCode.OUT_OF_TIME if os.geteuid() == 0 else FailureCode.NOT_LOADABLE)
    assert time.monotonic() - started < 25
    # Other tests' workers may run beside this one, but they end; ours would sleep on.
    until = time.monotonic() + 20
    left = _workers() - before
    while left:
        assert time.monotonic() < until, left
        time.sleep(0.2)
        left &= _workers()


def _workers() -> set[int]:
    return {p.pid for p in psutil.process_iter(["cmdline"]) if "serving.worker" in str(p.info["cmdline"])}


def test_a_model_that_computes_for_ever_is_out_of_time(save: Save) -> None:
    model = save(pickle.dumps(Runs("sum(1 for _ in iter(int, 1))")), Format.PICKLE, allow_pickle=True)
    limits = Limits(wall_seconds=60.0, cpu_seconds=6, memory_bytes=4096 * MIB, open_files=256)
    assert failed(score(ScoreRequest(model, ONE, limits))) is FailureCode.OUT_OF_TIME


@pytest.mark.parametrize("code", ["bytearray(2**40)", "[bytearray(2**28) for _ in range(1000)]"])
def test_a_model_that_takes_all_memory_is_out_of_memory(save: Save, code: str) -> None:
    model = save(pickle.dumps(Runs(code)), Format.PICKLE, allow_pickle=True)
    assert failed(score(ScoreRequest(model, ONE))) is FailureCode.OUT_OF_MEMORY
    answering = save(pickle.dumps(Runs(speaking(code))), Format.PICKLE, allow_pickle=True)
    assert failed(score(ScoreRequest(answering, ONE))) is FailureCode.OUT_OF_MEMORY


@pytest.mark.parametrize("code", ["__import__('os').abort()", "__import__('sys').exit(3)", "__import__('os')._exit(0)"])
def test_a_model_that_ends_its_worker_has_crashed(save: Save, code: str) -> None:
    model = save(pickle.dumps(Runs(code)), Format.PICKLE, allow_pickle=True)
    assert failed(score(ScoreRequest(model, ONE))) is FailureCode.CRASHED


def test_what_a_model_prints_is_no_answer(save: Save) -> None:
    code = "print('{\"results\": []}') or " + speaking("1")
    model = save(pickle.dumps(Runs(code)), Format.PICKLE, allow_pickle=True)
    assert answered(score(ScoreRequest(model, ONE))).predictions == (1,)


def test_an_answer_beyond_the_limit_is_refused(save: Save) -> None:
    model = save(pickle.dumps(Runs(speaking("'x' * 10**6"))), Format.PICKLE, allow_pickle=True)
    limits = Limits(memory_bytes=4096 * MIB, open_files=256, output_bytes=1000)
    assert failed(score(ScoreRequest(model, ONE, limits))) is FailureCode.BAD_INPUT
