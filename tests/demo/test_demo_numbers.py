"""The demonstration's numbers, worked out anew from the files that it keeps, and read back from its PDF."""

import io
import itertools
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from pypdf import PdfReader
from sklearn import metrics as sk
from sklearn.model_selection import train_test_split

from modelops_platform.demo.heavy import prepare
from modelops_platform.demo.material import Material
from tests.demonstration import Site, run_demo

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CLOSE = 1e-4  # the stored ONNX file calculates in other steps than the library that it came from
PLAIN = {"random", "ordered"}


def stored(demo: Site, sha256: str) -> bytes:
    answer = demo.client().get(f"/api/v1/files/{sha256}")
    assert answer.status_code == 200, answer.text
    return answer.content


def champion(demo: Site, model: str) -> tuple[dict[str, Any], "Answerer"]:
    """The first version of a model, and its stored file as something that answers."""
    version = demo.get(f"/models/{model}/versions/1")
    [file] = [file for file in version["files"] if file["path"].endswith(".onnx")]
    return version, Answerer(stored(demo, file["sha256"]))


class Answerer:
    """A stored ONNX file, asked by onnxruntime alone."""

    def __init__(self, content: bytes) -> None:
        self._session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def __call__(self, rows: pd.DataFrame) -> list[np.ndarray]:
        kinds = {"tensor(double)": np.float64, "tensor(float)": np.float32, "tensor(int64)": np.int64}
        feed = {
            one.name: rows[[one.name]].to_numpy().astype(kinds.get(one.type, object))
            for one in self._session.get_inputs()
        }
        return [np.asarray(output) for output in self._session.run(None, feed)]


def hold_out(table: pd.DataFrame, recipe: dict[str, Any]) -> pd.DataFrame:
    """The rows that the recipe holds out, chosen as it says."""
    how, count = recipe["split"], len(table)
    if how["kind"] == "ordered":
        return table.iloc[count - math.ceil(count * how["test_share"]) :]
    labels = table[recipe["target"]] if recipe["task"] == "classification" else None
    _, held = train_test_split(np.arange(count), test_size=how["test_share"], random_state=how["seed"], stratify=labels)
    return table.iloc[np.sort(held)]


def figures(recipe: dict[str, Any], truth: np.ndarray, answers: list[np.ndarray]) -> dict[str, float]:
    """What plain scikit-learn says of the answers."""
    said = answers[0].ravel()
    if recipe["task"] == "regression":
        return {
            "mae": sk.mean_absolute_error(truth, said),
            "rmse": math.sqrt(sk.mean_squared_error(truth, said)),
            "r2": sk.r2_score(truth, said),
        }
    found = {"accuracy": sk.accuracy_score(truth, said), "balanced_accuracy": sk.balanced_accuracy_score(truth, said)}
    if len(set(truth.tolist())) == 2:
        found["roc_auc"] = sk.roc_auc_score(truth, answers[1][:, 1])
    return found


def test_every_training_is_logged_by_the_protocol_with_its_figures(demo: Site) -> None:
    for experiment in demo.get("/experiments?q=training&limit=200")["items"]:
        model = experiment["name"].removesuffix(" training")
        versions = {f"version {one['number']}": one for one in demo.get(f"/models/{model}/versions")["items"]}
        runs = demo.get(f"/experiments/{experiment['id']}/runs")["items"]
        assert runs
        for run in runs:
            assert run["status"] == "FINISHED"
            assert run["values"] == {one["name"]: one["value"] for one in versions[run["name"]]["metrics"]}
            assert run["params"]["estimator"]
    recipes = demo.get("/recipes?limit=200")["items"]
    assert len({recipe["model"]["name"] for recipe in recipes}) == len(demo.get("/experiments?q=training")["items"])


def test_the_figures_of_the_champions_follow_from_the_stored_files(demo: Site) -> None:
    data_sets = {one["id"]: one["digest"] for one in demo.get("/data-sets?limit=200")["items"]}
    checked = {}
    for recipe_out in demo.get("/recipes?limit=200")["items"]:
        recipe = recipe_out["document"]
        if not recipe_out["name"].endswith("champion") or recipe.get("lags") or recipe["split"]["kind"] not in PLAIN:
            continue
        run = demo.get(f"/recipes/{recipe_out['id']}/runs")["items"][-1]
        version, ask = champion(demo, recipe_out["model"]["name"])
        content = stored(demo, data_sets[run["data_set_id"]])
        table = pd.read_parquet(io.BytesIO(content)) if content[:4] == b"PAR1" else pd.read_csv(io.BytesIO(content))
        held = hold_out(table, recipe)
        expected = figures(recipe, held[recipe["target"]].to_numpy(), ask(held[recipe["features"]]))
        for metric in version["metrics"]:
            if metric["name"] in expected:
                checked[recipe_out["name"], metric["name"]] = (metric["value"], expected[metric["name"]])
                assert metric["n"] == len(held)
    assert len(checked) >= 10
    for of, (told, found) in checked.items():
        assert told == pytest.approx(found, rel=CLOSE, abs=CLOSE), of


def windows(material: Material) -> Iterator[tuple[int, np.ndarray, pd.DataFrame, np.ndarray]]:
    """Each window's number, where its rows are, its rows, and what came true."""
    assert material.replay is not None
    rows, truth = pd.read_csv(material.replay.rows), pd.read_csv(material.replay.truth)
    for number in sorted(set(truth.window)):
        here = (truth.window == number).to_numpy()
        yield int(number), here, rows[here], truth.truth[here].to_numpy()


def stability(reference: np.ndarray, now: np.ndarray) -> float:
    """The population stability index, written out: quantile bins of the reference, half a count added everywhere."""
    bins = min(10, max(3, len(reference) // 30))
    inner = np.unique(np.quantile(reference, np.linspace(0, 1, bins + 1)[1:-1], method="lower"))
    inner = inner[inner < reference.max()]
    shares = []
    for values in (reference, now):
        edges = np.concatenate([[-np.inf], inner, [np.inf]])
        counts = np.array([((values > low) & (values <= high)).sum() for low, high in itertools.pairwise(edges)])
        shares.append((counts + 0.5) / (counts + 0.5).sum())
    return float(sum((q - p) * np.log(q / p) for p, q in zip(*shares, strict=True)))


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Material]:
    """What the demonstration was made of; the same bytes every time."""
    return {each.entry.name: each for each in prepare(tmp_path_factory.mktemp("material"))}


@pytest.mark.parametrize("model", ["diabetes-progression", "breast-lesion-triage", "care-outreach-targeting"])
def test_the_windows_of_the_replay_follow_from_the_stored_model(
    demo: Site, material: dict[str, Material], model: str
) -> None:
    plan = material[model].entry.replay
    assert plan is not None
    _, ask = champion(demo, model)

    def told(metric: str) -> list[float]:
        points = demo.get(f"/models/{model}/monitors/{metric}/points?limit=200")["items"]
        return [point["value"] for point in sorted(points, key=lambda point: point["at"])]

    quality, drift, reference = [], [], np.array([])
    for number, _, rows, truth in windows(material[model]):
        watched = rows[plan.watched].to_numpy(dtype=float)
        if number == 0:
            reference = watched
            continue
        answers = ask(rows)
        if plan.quality == "mae":
            quality.append(sk.mean_absolute_error(truth, answers[0].ravel()))
        elif plan.quality == "roc_auc":
            quality.append(sk.roc_auc_score(truth.astype(float) > 0, answers[1][:, 1]))
        else:
            quality.append(sk.accuracy_score(truth.astype(str), answers[0].astype(str)))
        drift.append(stability(reference, watched))
    assert told(plan.quality) == pytest.approx(quality, rel=CLOSE)
    assert told(f"psi_{plan.watched}") == pytest.approx(drift, rel=CLOSE)
    assert len(quality) == plan.windows


@pytest.mark.usefixtures("pango")
def test_the_pdf_tells_leaders_what_the_api_tells_programs(demo: Site) -> None:
    portfolio = demo.get("/portfolio")
    pages = PdfReader(io.BytesIO(demo.report())).pages
    text = re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))
    assert portfolio["sentence"] in text
    told = {
        "Models": portfolio["total"],
        "In use": portfolio["live"],
        "Need attention": portfolio["needing_attention"],
        **{f"Tier {tier}": count for tier, count in portfolio["by_tier"].items() if tier.isdigit()},
        **{light.replace("_", " ").capitalize(): count for light, count in portfolio["by_light"].items() if count},
    }
    assert len(told) >= 10
    assert {
        words: re.search(rf"\b{words} {count}\b", text) is not None for words, count in told.items()
    } == dict.fromkeys(told, True)
    for model in demo.get("/models?limit=200")["items"]:
        assert model["name"].replace(" ", "") in text.replace(" ", "")


def test_a_second_run_of_the_demonstration_changes_nothing(demo_home: Path) -> None:
    before = {path.name: path.stat().st_size for path in demo_home.rglob("*") if path.is_file()}
    again = run_demo(demo_home)
    assert again.returncode == 0, again.stderr
    assert "is complete" in again.stdout
    assert {path.name: path.stat().st_size for path in demo_home.rglob("*") if path.is_file()} == before


def test_a_home_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "modelops.db").write_bytes(b"somebody's inventory")
    refused = run_demo(tmp_path)
    assert refused.returncode == 2
    assert "not a demonstration" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["modelops.db"]
    assert (tmp_path / "modelops.db").read_bytes() == b"somebody's inventory"
