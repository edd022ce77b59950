import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
import yaml
from sklearn.metrics import mean_absolute_error, roc_auc_score

from modelops_platform.artifacts.domain import Format
from modelops_platform.core.errors import InvalidInput
from modelops_platform.demo.heavy import answers_of, formulas, prepare, table_of, window_metrics
from modelops_platform.demo.heavy.replay import hold_back
from modelops_platform.demo.heavy.sources import SOURCES
from modelops_platform.demo.material import Answers, Material, MetricPoint
from modelops_platform.pipelines.heavy import train
from modelops_platform.serving.domain import ModelFile
from modelops_platform.serving.service import predict_batch


@pytest.fixture(scope="module")
def materials(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Material]:
    return {material.entry.name: material for material in prepare(tmp_path_factory.mktemp("demo"))}


@pytest.fixture(scope="module")
def answers(materials: Mapping[str, Material], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Answers]:
    """Train every first recipe and answer every replay, as the demonstration's jobs and workers do."""
    said: dict[str, Answers] = {}
    for name, material in materials.items():
        if material.answered_by == "formula":
            said[name] = answers_of(material)
        elif material.answered_by == "worker":
            assert material.data_set is not None
            result = train(material.entry.recipes[0], material.data_set.file, tmp_path_factory.mktemp(name))
            assert result.model.format == "onnx", name
            model = ModelFile(
                result.model.file, hashlib.sha256(result.model.file.read_bytes()).hexdigest(), Format.ONNX
            )
            score = predict_batch(model, [table_of(material)])[0]
            assert score.failure is None, name
            said[name] = Answers(score.predictions, score.probabilities)
    return said


def light(material: Material, points: list[MetricPoint]) -> str:
    """Judge the latest window as a monitor will: stale, too few rows, else the worst threshold."""
    plan = material.entry.replay
    if plan is None:
        return "not_monitored"
    worst = "pass"
    for threshold in plan.thresholds:
        point = [point for point in points if point.metric == threshold.metric][-1]
        if point.age.days > threshold.stale_after_days:
            return "stale"
        if point.n < threshold.fewest_rows:
            return "too_few_rows"
        side = 1 if threshold.bad == "above" else -1
        if side * point.value > side * threshold.fail:
            return "fail"
        if side * point.value > side * threshold.warn:
            worst = "warn"
    return worst


def test_the_lights_differ(materials: Mapping[str, Material], answers: Mapping[str, Answers]) -> None:
    points = {name: window_metrics(materials[name], said) for name, said in answers.items()}
    assert {name: light(material, points.get(name, [])) for name, material in materials.items()} == {
        "breast-lesion-triage": "pass",
        "diabetes-progression": "pass",
        "care-outreach-targeting": "fail",
        "gp-visit-frequency": "pass",
        "member-risk-scorecard": "warn",
        "area-crime-context": "too_few_rows",
        "plan-premium-sheet": "not_monitored",
        "household-food-cost": "fail",
        "affordability-rules": "stale",
        "unemployment-scenario": "warn",
        "equipment-turnover-forecast": "pass",
        "solar-activity-outlook": "not_monitored",
        "form-digit-reader": "warn",
        "wine-cultivar-check": "stale",
        "card-fraud-screen": "not_monitored",
        "complaint-summary-assistant": "not_monitored",
        "supplier-invoice-agent": "not_monitored",
        "travel-mode-choice": "fail",
    }


def test_the_figures_can_be_recomputed_from_the_files(
    materials: Mapping[str, Material], answers: Mapping[str, Answers]
) -> None:
    for name in ("care-outreach-targeting", "gp-visit-frequency"):
        material = materials[name]
        assert material.replay is not None
        truth = pd.read_csv(material.replay.truth)
        for point in window_metrics(material, answers[name]):
            now = (truth.window == point.window).to_numpy()
            assert point.n == now.sum() == 600
            if point.metric == "mae":
                said: Any = np.array(answers[name].predictions)
                assert point.value == pytest.approx(mean_absolute_error(truth.truth[now], said[now]))
            if point.metric == "roc_auc":
                said = np.array(answers[name].probabilities)[:, 1]
                assert point.value == pytest.approx(roc_auc_score(truth.truth[now], said[now]))


def test_windows_hold_rows_that_no_training_saw(materials: Mapping[str, Material]) -> None:
    for name, material in materials.items():
        entry = material.entry
        if entry.replay is None or entry.source is None:
            continue
        source = SOURCES[entry.source]
        table = source.read()
        learned, held = hold_back(table, entry.replay, source)
        assert len(learned) + len(held) == len(table), name
        assert not set(learned.index) & set(held.index)
        if source.group:
            assert not set(learned[source.group]) & set(held[source.group])
        if entry.replay.rolling_step is not None:
            assert learned.index.max() < held.index.min()
        assert material.data_set is not None
        assert material.data_set.rows == len(learned)


def test_replayed_biopsies_are_those_held_back(materials: Mapping[str, Material]) -> None:
    material = materials["breast-lesion-triage"]
    assert material.replay is not None
    assert material.data_set is not None
    columns = [name for name in material.entry.recipes[0].inputs if name != "mean texture"]  # the shifted one
    learned = set(map(tuple, pd.read_csv(material.data_set.file)[columns].to_numpy().tolist()))
    every = set(map(tuple, SOURCES["breast_cancer"].read()[columns].to_numpy().tolist()))
    replayed = set(map(tuple, pd.read_csv(material.replay.rows)[columns].to_numpy().tolist()))
    assert replayed <= every - learned


def test_history_has_twelve_windows_a_week_apart_and_no_index_of_few_rows(
    materials: Mapping[str, Material], answers: Mapping[str, Answers]
) -> None:
    points = window_metrics(materials["breast-lesion-triage"], answers["breast-lesion-triage"])
    history = [point for point in points if point.metric == "roc_auc"]
    assert [point.age.days for point in history] == list(range(77, -1, -7))
    few = window_metrics(materials["area-crime-context"], answers["area-crime-context"])
    assert {point.metric for point in few} == {"mae"}


def test_a_skops_model_answers_when_its_types_are_trusted(materials: Mapping[str, Material], tmp_path: Path) -> None:
    material = materials["gp-visit-frequency"]
    assert material.data_set is not None
    written = train(material.entry.recipes[1], material.data_set.file, tmp_path).model
    digest = hashlib.sha256(written.file.read_bytes()).hexdigest()
    trusting = ModelFile(written.file, digest, Format.SKOPS, trusted_types=written.untrusted_types)
    score = predict_batch(trusting, [table_of(material)])[0]
    assert score.failure is None
    assert {point.metric for point in window_metrics(material, Answers(score.predictions))} >= {"mae", "psi_score"}
    refused = predict_batch(ModelFile(written.file, digest, Format.SKOPS), [table_of(material)])[0]
    assert refused.failure is not None


def test_answers_that_miss_rows_are_refused(materials: Mapping[str, Material]) -> None:
    with pytest.raises(InvalidInput) as refused:
        window_metrics(materials["gp-visit-frequency"], Answers([1.0, 2.0]))
    assert refused.value.details["field"] == "predictions"


def test_preparing_twice_writes_the_same_bytes(materials: Mapping[str, Material], tmp_path: Path) -> None:
    first = materials["breast-lesion-triage"].data_set
    assert first is not None
    prepare(tmp_path)

    def digests(folder: Path) -> dict[str, str]:
        files = [file for file in folder.rglob("*") if file.is_file()]
        return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    assert digests(tmp_path) == digests(first.file.parent.parent)


def test_every_data_set_names_source_and_licence(materials: Mapping[str, Material]) -> None:
    for material in materials.values():
        if material.data_set is not None:
            assert material.data_set.licence
            assert material.data_set.source
            assert material.data_set.file.stat().st_size > 100


def test_scorecard_is_a_points_table_that_ranks_like_its_regression(materials: Mapping[str, Material]) -> None:
    card = json.loads(materials["member-risk-scorecard"].files[0].read_text())
    rows = SOURCES["randhie"].read()
    points = formulas.score(card, rows)
    by_hand = card["base_points"]
    for characteristic in card["characteristics"]:
        value = rows.iloc[0][characteristic["column"]]
        by_hand += next(
            bin_["points"]
            for bin_ in characteristic["bins"]
            if (bin_["above"] is None or value > bin_["above"]) and (bin_["up_to"] is None or value <= bin_["up_to"])
        )
    assert points[0] == by_hand
    risk = formulas.chance(card, points)
    assert roc_auc_score(rows.frequent, risk) > 0.62
    assert risk.mean() == pytest.approx(rows.frequent.mean(), abs=0.01)  # points are odds, not only an order
    sicker = rows.assign(disea=50.0)
    assert np.all(formulas.score(card, sicker) <= points)


def test_rules_give_the_first_outcome_that_holds(materials: Mapping[str, Material]) -> None:
    rules = yaml.safe_load(materials["affordability-rules"].files[0].read_text())
    rows = pd.DataFrame(
        {"income": [1000.0, 1000.0, 400.0, 800.0, 3000.0], "foodexp": [500.0, 850.0, 200.0, 600.0, 900.0]}
    )
    assert formulas.decide(rules, rows) == ["accept", "decline", "refer", "refer", "refer"]


def test_workbook_holds_formulas_and_their_values(materials: Mapping[str, Material]) -> None:
    file = materials["plan-premium-sheet"].files[0]
    formula = openpyxl.load_workbook(file)["Premium"]
    value = openpyxl.load_workbook(file, data_only=True)
    assert formula["E2"].value == "=D2*(1+Safety_margin)/(1-Expenses)"
    rows = pd.DataFrame(list(value["Experience"].values)[1:], columns=["person", "coinsurance", "visits"])
    lines: list[Any] = list(value["Premium"].values)[1:]
    assert len(lines) == rows.coinsurance.nunique() >= 4
    for level, members, visits, cost, premium in lines:
        of_level = rows[rows.coinsurance == level].visits
        assert members == len(of_level)
        assert visits == pytest.approx(of_level.mean())
        assert cost == pytest.approx(of_level.mean() * 42 * (1 - level))
        assert premium == pytest.approx(cost * 1.05 / 0.82)
