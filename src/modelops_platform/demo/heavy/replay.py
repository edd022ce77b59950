"""Cuts windows from rows that no training saw, and measures the answers to them."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from modelops_platform.core.errors import InvalidInput
from modelops_platform.statistics.distances import LEAST_VALUES, area_under_roc, population_stability_index

from ..material import Answers, Entry, Material, MetricPoint, ReplayFiles, ReplayPlan, Shift, ShiftKind
from .sources import Source

FloatArray = npt.NDArray[np.float64]

REFERENCE_ROWS = 1_000
LEAST_OF_GROUP = 20


def hold_back(table: pd.DataFrame, plan: ReplayPlan, source: Source) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Part a table into rows for training and rows for the replay; groups stay whole, series are cut in time."""
    if plan.rolling_step is not None:
        last = len(table) - (plan.rows + plan.rolling_step * (plan.windows - 1))
        return table.iloc[:last], table.iloc[last:]
    random = np.random.default_rng(plan.seed)
    keys = table[source.group].to_numpy() if source.group else np.arange(len(table))
    known = np.unique(keys)
    held = random.choice(known, size=round(len(known) * plan.held_back), replace=False)
    back = np.isin(keys, held)
    return table.loc[~back], table.loc[back]


def write_windows(
    entry: Entry, inputs: Sequence[str], target: str, *, learned: pd.DataFrame, held: pd.DataFrame, folder: Path
) -> ReplayFiles:
    """Write the reference (window 0) and the windows, shifted as documented.

    Drawn windows take the reference from half of the rows held back, so that scores are compared with scores to
    unseen rows; a series has no such rows and takes those it was trained on.
    """
    plan = entry.replay
    assert plan is not None
    random = np.random.default_rng(plan.seed)
    reference = learned
    if plan.rolling_step is None:
        aside = random.permutation(len(held))
        reference, held = held.iloc[aside[::2][:REFERENCE_ROWS]], held.iloc[aside[1::2]]
    parts = [reference, *(_window(held, plan, number, random) for number in range(1, plan.windows + 1))]
    everything = pd.concat(parts, ignore_index=True)
    windows = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    folder.mkdir(parents=True, exist_ok=True)
    files = ReplayFiles(folder / "rows.csv", folder / "truth.csv")
    everything[list(inputs)].to_csv(files.rows, index=False)
    pd.DataFrame({"window": windows, "truth": everything[target]}).to_csv(files.truth, index=False)
    return files


def measure_windows(material: Material, answers: Answers) -> list[MetricPoint]:
    """Compute quality and stability of every window from the answers; raises InvalidInput when rows are missing.

    A stability index needs 30 rows in both windows and is left out below that; so it is for a series, which
    leaves the bins of its past by growing. There the mean error (bias) is told beside the quality.
    """
    plan, files = material.entry.replay, material.replay
    assert plan is not None
    assert files is not None
    rows, truth = pd.read_csv(files.rows), pd.read_csv(files.truth)
    for name, said in (("predictions", answers.predictions), ("probabilities", answers.probabilities)):
        if said is not None and len(said) != len(rows):
            raise InvalidInput(
                f"{material.entry.name}: {len(said)} {name} stand against {len(rows)} rows.",
                field=name,
                value=len(said),
                remedy="Answer every row of the replay once.",
            )
    scores = _scores(answers)
    watched = rows[plan.watched].to_numpy(dtype=np.float64)
    reference = (truth.window == 0).to_numpy()
    points = []
    for number in range(1, plan.windows + 1):
        now = (truth.window == number).to_numpy()
        figures = {plan.quality: _quality(plan.quality, answers, truth.truth.to_numpy(), scores, now)}
        if plan.rolling_step is not None:
            assert scores is not None
            figures["bias"] = float(np.mean(scores[now] - truth.truth.to_numpy(dtype=np.float64)[now]))
        elif min(now.sum(), reference.sum()) >= LEAST_VALUES:
            figures[f"psi_{plan.watched}"] = _stability(watched, reference, now)
            if scores is not None:
                figures["psi_score"] = _stability(scores, reference, now)
            figures["outside_range"] = _outside(rows, reference, now)
            if plan.group is not None:
                groups = rows[plan.group].to_numpy()
                figures["group_gap"] = _group_gap(groups[now], scores, truth.truth.to_numpy(), now)
        age = timedelta(days=plan.last_age_days + plan.days_between * (plan.windows - number))
        points += [MetricPoint(name, value, int(now.sum()), number, age) for name, value in figures.items()]
    return points


def _window(held: pd.DataFrame, plan: ReplayPlan, number: int, random: np.random.Generator) -> pd.DataFrame:
    if plan.rolling_step is not None:
        start = plan.rolling_step * (number - 1)
        return held.iloc[start : start + plan.rows]
    weights = np.ones(len(held))
    for shift in plan.shifts:
        if shift.kind is ShiftKind.TILT and number >= shift.start:
            values = held[shift.column].to_numpy(dtype=np.float64)
            weights *= np.exp(shift.step * _age(shift, number) * (values - values.mean()) / values.std())
    drawn = random.choice(len(held), size=plan.rows, replace=False, p=weights / weights.sum())
    window = held.iloc[drawn].copy()
    for shift in plan.shifts:
        if shift.kind is not ShiftKind.TILT and number >= shift.start:
            change = shift.step * _age(shift, number)
            measured = window[shift.column].astype(float)
            window[shift.column] = measured * (1 + change) if shift.kind is ShiftKind.SCALE else measured + change
    return window


def _stability(values: FloatArray, reference: npt.NDArray[np.bool_], now: npt.NDArray[np.bool_]) -> float:
    """Return the PSI over up to ten bins, one for each 30 rows of the reference and three at least."""
    bins = min(10, max(3, int(reference.sum()) // LEAST_VALUES))
    return population_stability_index(values[reference], values[now], bins=bins)


def _outside(rows: pd.DataFrame, reference: npt.NDArray[np.bool_], now: npt.NDArray[np.bool_]) -> float:
    """Return the share of numeric cells that are empty, or lie outside of what the reference holds."""
    table = rows.select_dtypes("number").to_numpy(dtype=np.float64)
    low, high = np.nanmin(table[reference], axis=0), np.nanmax(table[reference], axis=0)
    return float(1 - np.mean((table[now] >= low) & (table[now] <= high)))


def _group_gap(
    groups: npt.NDArray[np.generic],
    scores: FloatArray | None,
    truth: npt.NDArray[np.generic],
    now: npt.NDArray[np.bool_],
) -> float:
    """Return how far the mean errors of the groups lie apart, in standard deviations of the truth.

    A group of a few rows is left out.
    """
    assert scores is not None
    came_true = truth[now].astype(np.float64)
    errors = scores[now] - came_true
    known, counts = np.unique(groups, return_counts=True)
    means = [float(errors[groups == group].mean()) for group in known[counts >= LEAST_OF_GROUP]]
    return (max(means) - min(means)) / float(came_true.std())


def _age(shift: Shift, number: int) -> int:
    return number - shift.start + 1


def _scores(answers: Answers) -> FloatArray | None:
    """Return one number a row: the chance of the second of two classes, the highest of more, or the prediction."""
    if answers.probabilities is not None:
        table = np.array(answers.probabilities, dtype=np.float64)
        return np.asarray(table[:, -1] if table.shape[1] == 2 else table.max(axis=1), dtype=np.float64)
    if isinstance(answers.predictions[0], str):
        return None
    return np.array(answers.predictions, dtype=np.float64)


def _quality(
    name: str, answers: Answers, truth: npt.NDArray[np.generic], scores: FloatArray | None, now: npt.NDArray[np.bool_]
) -> float:
    if name == "mae":
        assert scores is not None
        return float(np.mean(np.abs(scores[now] - truth[now].astype(np.float64))))
    if name == "roc_auc":
        assert scores is not None
        return area_under_roc(truth[now].astype(np.float64) > 0, scores[now])
    said = np.array([str(label) for label in answers.predictions])[now]
    if name == "referred_share":
        return float(np.mean(said != "accept"))
    return float(np.mean(said == np.array([str(label) for label in truth[now]])))
