import io
import json
import pickle
import struct
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from skl2onnx import to_onnx
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from modelops_platform.artifacts.domain import Format, ScanReport, Verdict
from modelops_platform.artifacts.heavy import scan_file
from modelops_platform.artifacts.limits import Limits
from modelops_platform.artifacts.scanning.trust import Trust, judge
from tests.artifacts import hostile

Write = Callable[[bytes], Path]
TREE = "sklearn.tree._tree.Tree"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(data: bytes) -> Path:
        path = tmp_path / "blob"
        path.write_bytes(data)
        return path

    return write


@pytest.fixture(scope="module")
def iris() -> tuple[Any, Any]:
    features, target = load_iris(return_X_y=True, as_frame=True)
    return features, target


@pytest.fixture(scope="module")
def linear(iris: tuple[Any, Any]) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(*iris)


@pytest.fixture(scope="module")
def forest(iris: tuple[Any, Any]) -> Any:
    return RandomForestClassifier(5, random_state=0).fit(*iris)


def dumped(model: Any, compress: Any = 0) -> bytes:
    file = io.BytesIO()
    joblib.dump(model, file, compress=compress)
    return file.getvalue()


def is_clean(report: ScanReport, kind: Format) -> bool:
    assert (report.format, report.verdict, report.reasons) == (kind, Verdict.CLEAN, ())
    return True


# Honest files


@pytest.mark.parametrize("start", [b"x = 1\n", b"x^2 + 1\n", b"x}\n", b"x?\n"])
def test_text_that_begins_like_a_compressed_stream_is_text(write: Write, start: bytes) -> None:
    report = scan_file(write(start + b"print(x)\n" * 200), name="train.py")
    assert report.format is scan_file(write(b"print(x)\n" * 200), name="train.py").format


@pytest.mark.parametrize("protocol", range(6))
def test_honest_pickle_is_clean_in_every_protocol(linear: Any, write: Write, protocol: int) -> None:
    report = scan_file(write(pickle.dumps(linear, protocol)))
    assert is_clean(report, Format.PICKLE)
    assert "sklearn.pipeline.Pipeline" in report.globals


@pytest.mark.parametrize("compress", [0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)])
def test_honest_joblib_file_is_clean_raw_and_compressed(linear: Any, write: Write, compress: Any) -> None:
    assert is_clean(scan_file(write(dumped(linear, compress))), Format.JOBLIB)


def test_joblib_arrays_of_every_kind_are_followed(write: Write) -> None:
    arrays = {
        "floats": np.arange(70_000.0).reshape(100, 700),
        "fortran": np.asfortranarray(np.ones((3, 4), dtype=np.float32)),
        "texts": np.array(["a", "bcd"]),
        "objects": np.array(["a", None, 1.5], dtype=object),
        "records": np.zeros(3, dtype=[("a", "f8"), ("b", "i4")]),
        "times": np.array(["2027-01-01"], dtype="M8[s]"),
        "empty": np.empty((0, 5)),
        "scalar": np.array(3.0),
        "booleans": np.array([True, False]),
    }
    assert is_clean(scan_file(write(dumped(arrays))), Format.JOBLIB)


def test_honest_models_of_several_kinds_are_clean(iris: tuple[Any, Any], write: Write) -> None:
    features, target = iris
    features = features.assign(colour=["red", "green", "blue"] * 50)
    encode = make_column_transformer((OneHotEncoder(), ["colour"]), remainder="passthrough")
    models = [make_pipeline(encode, LogisticRegression(max_iter=5000)), make_pipeline(encode, SVC())]
    for model in models:
        assert is_clean(scan_file(write(pickle.dumps(model.fit(features, target)))), Format.PICKLE)


@pytest.mark.parametrize("dump", [pickle.dumps, dumped, skops.io.dumps], ids=["pickle", "joblib", "skops"])
def test_a_forest_needs_a_trust_decision(forest: Any, write: Write, dump: Callable[[Any], bytes]) -> None:
    report = scan_file(write(dump(forest)))
    assert report.verdict is Verdict.UNKNOWN
    assert len(report.reasons) == 1
    assert TREE in report.reasons[0]
    assert "trust decision" in report.reasons[0]


def test_honest_skops_file_is_clean(linear: Any, write: Write) -> None:
    assert is_clean(scan_file(write(skops.io.dumps(linear))), Format.SKOPS)


def test_honest_onnx_models_are_clean(linear: Any, forest: Any, iris: tuple[Any, Any], write: Write) -> None:
    sample = iris[0].to_numpy(dtype=np.float32)[:1]
    regression = GradientBoostingRegressor(n_estimators=5).fit(*load_diabetes(return_X_y=True))
    rows = load_diabetes().data[:1].astype(np.float32)
    for model, row in ((linear, sample), (forest, sample), (regression, rows)):
        report = scan_file(write(to_onnx(model, row).SerializeToString()))
        assert is_clean(report, Format.ONNX)
    assert is_clean(scan_file(write(hostile.onnx_model())), Format.ONNX)


def _saved(save: Callable[[io.BytesIO], Any]) -> bytes:
    file = io.BytesIO()
    save(file)
    return file.getvalue()


def _tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        member = tarfile.TarInfo("model/data.csv")
        member.size = 8
        archive.addfile(member, io.BytesIO(b"a,b\n1,2\n"))
    return file.getvalue()


HONEST_DATA: dict[str, tuple[Format, bytes]] = {
    "safetensors": (Format.SAFETENSORS, hostile.safetensors()),
    "CSV": (Format.CSV, b"city,country\nparis,france\nlyon,france\n"),
    "CSV of numbers": (Format.CSV, b"1.5,2\n3,4\n"),
    "semicolons": (Format.CSV, "größe;wert\n1;2\n".encode("utf-8-sig")),
    "JSON": (Format.JSON, json.dumps({"a": [1, None, "x"]}).encode()),
    "text": (Format.TEXT, b"A model card.\nIt says what the model is for.\n"),
    "text like a pickle": (Format.TEXT, b"cos\nsystem\nare words, too\n"),
    "nothing": (Format.TEXT, b""),
    "zip": (Format.ZIP, hostile.zipped({"data/a.csv": b"a,b\n1,2\n", "readme.txt": b"hello\n"})),
    "workbook": (Format.ZIP, hostile.zipped({"xl/workbook.xml": b"<workbook/>", "xl/styles.xml": b"<styleSheet/>"})),
    "tar.gz": (Format.COMPRESSED, _tarred()),
    "PMML": (Format.PMML, b'<?xml version="1.0"?><PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4"/>'),
    "XML": (Format.XML, b"<report><line/></report>"),
    "npy": (Format.NPY, _saved(lambda file: np.save(file, np.eye(3)))),
    "npz": (Format.NPZ, _saved(lambda file: np.savez_compressed(file, a=np.eye(3), b=np.array(["x"])))),
    "Parquet": (Format.PARQUET, _saved(lambda file: pd.DataFrame({"a": [1, 2]}).to_parquet(file))),
    "MLmodel": (
        Format.MLMODEL,
        b"flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n  sklearn:\n    code: null\n",
    ),
    "PDF": (Format.PDF, b"%PDF-1.7\n\xe2\xe3\xcf\xd3\n%%EOF\n"),
    "PNG": (Format.IMAGE, b"\x89PNG\r\n\x1a\n" + bytes(32)),
}


@pytest.mark.parametrize("name", HONEST_DATA)
def test_honest_data_is_clean(write: Write, name: str) -> None:
    kind, data = HONEST_DATA[name]
    assert is_clean(scan_file(write(data)), kind)


def test_a_members_name_tells_code_from_text(write: Write) -> None:
    path = write(b"print('hello')\n")
    assert scan_file(path, name="notes.txt").verdict is Verdict.CLEAN
    assert scan_file(path, name="code/model.py").verdict is Verdict.UNKNOWN


# Hostile files

ONLY_UNKNOWN = {
    # nothing in these is an attack by itself, but nobody can say that they are harmless
    "extension registry", "persistent id", "garbage behind", "truncated", "huge declared bytes", "huge declared text",
    "deep marks", "deep tuples", "joblib frame games", "joblib wrapper in disguise",
    "bytes that are no pickle", "joblib lies about its array",
    "deeply nested zips", "zip of many members", "zip with code", "encrypted zip", "broken zip", "corrupt zip",
    "workbook fed from elsewhere", "skops with an unknown loader", "skops with a broken schema", "broken gzip",
    "text, then zip", "deep XML", "broken XML", "ONNX with a neighbour file", "ONNX with foreign operators",
    "truncated ONNX", "Parquet whose footer lies", "Arrow whose footer lies",
    "safetensors with holes", "safetensors too short", "safetensors with a huge shape", "deep JSON",
    "array with a false header", "MLmodel with code", "program", "script", "HDF5", "random bytes",
}  # fmt: skip
MAKERS = {"pickles": hostile.pickles, "archives": hostile.archives, "documents": hostile.documents}
CASES = [(group, name) for group, make in MAKERS.items() for name in make(Path("/nowhere/canary"))]


@pytest.fixture(scope="module")
def bait(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, bytes]]]:
    """The canary that must never appear, and all hostile files that would make it: one of them costs what all cost."""
    canary = tmp_path_factory.mktemp("bait") / "canary"
    return canary, {group: make(canary) for group, make in MAKERS.items()}


@pytest.mark.parametrize(("group", "name"), CASES, ids=[name for _, name in CASES])
def test_hostile_file_is_never_clean_and_never_run(
    bait: tuple[Path, dict[str, dict[str, bytes]]], write: Write, group: str, name: str
) -> None:
    canary, files = bait
    report = scan_file(write(files[group][name]))
    assert report.verdict is not Verdict.CLEAN
    assert report.reasons
    if name not in ONLY_UNKNOWN:
        assert report.verdict is Verdict.DANGEROUS, report.reasons
    assert not canary.exists()


def test_the_canary_works(tmp_path: Path) -> None:
    """The payloads would really do harm: one of them, run on purpose, leaves the canary."""
    canary = tmp_path / "canary"
    pickle.loads(hostile.pickles(canary)["memo"])
    assert canary.exists()


def test_harm_for_plain_pickle_in_a_joblib_file_is_real(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    data = hostile.pickles(canary)["joblib data as opcodes"]
    assert joblib.load(io.BytesIO(data)).dtype == np.uint8
    assert not canary.exists()
    pickle.loads(data)
    assert canary.exists()


def test_harm_hidden_by_frames_is_real(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    joblib.load(io.BytesIO(hostile.pickles(canary)["joblib frame games"]))
    assert canary.exists()


def test_reasons_name_what_would_be_imported(write: Write) -> None:
    report = scan_file(write(hostile.call("os", "system", "true")))
    assert "os.system" in report.globals
    assert any("os.system" in reason for reason in report.reasons)


def test_a_class_of_ones_own_is_unknown_not_dangerous(write: Write) -> None:
    report = scan_file(write(b"\x80\x04cmybank.models\nScorer\n)\x81."))
    assert report.verdict is Verdict.UNKNOWN
    assert report.globals == ("mybank.models.Scorer",)


# The limited child


def test_a_scan_that_takes_too_long_is_unknown(write: Write) -> None:
    flood = b"\x80\x04" + b"N0" * 10_000_000 + b"N."
    started = time.monotonic()
    report = scan_file(write(flood), limits=Limits(wall_seconds=1.0))
    assert report.verdict is Verdict.UNKNOWN
    assert "longer" in report.reasons[0]
    assert time.monotonic() - started < 5


def test_a_scan_without_cpu_time_is_unknown(write: Write) -> None:
    report = scan_file(write(b"\x80\x04" + b"N0" * 10_000_000 + b"N."), limits=Limits(cpu_seconds=1))
    assert report.verdict is Verdict.UNKNOWN


def test_a_scan_without_memory_is_unknown(write: Write) -> None:
    many = b"\x80\x04" + b"".join(b"X" + struct.pack("<I", 60_000) + bytes([65 + n % 26]) * 60_000 for n in range(4000))
    report = scan_file(write(many + b"."), limits=Limits(memory_bytes=150 * 1024 * 1024))
    assert report.verdict is Verdict.UNKNOWN


def test_an_answer_that_is_too_long_is_unknown(write: Write) -> None:
    report = scan_file(write(b"hello"), limits=Limits(output_bytes=10))
    assert report.verdict is Verdict.UNKNOWN


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        scan_file(tmp_path / "missing")


# The allow-list


@pytest.mark.parametrize(
    ("module", "name", "trust"),
    [
        ("numpy.core.multiarray", "_reconstruct", Trust.HARMLESS),
        ("__builtin__", "object", Trust.HARMLESS),
        ("sklearn.linear_model._ridge", "Ridge", Trust.HARMLESS),
        ("sklearn.tree._tree", "Tree", Trust.NEEDS_TRUST),
        ("sklearn.linear_model._ridge", "np.load", Trust.DANGEROUS),
        ("sklearn.linear_model._ridge", "warnings", Trust.UNKNOWN),
        ("sklearn.externals.joblib", "Parallel", Trust.DANGEROUS),
        ("sklearn.utils", "Anything", Trust.UNKNOWN),
        ("numpy", "load", Trust.DANGEROUS),
        ("logging", "Logger", Trust.DANGEROUS),
        ("", "x", Trust.DANGEROUS),
        ("modelops_platform.core.settings", "Settings", Trust.DANGEROUS),
        ("xgboost.sklearn", "XGBClassifier", Trust.UNKNOWN),
    ],
)
def test_names_are_judged_by_list(module: str, name: str, trust: Trust) -> None:
    assert judge(module, name) is trust
