"""What tests need: rows that no training saw, and the figures that the pipeline of a scorecard pushes."""

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd

from modelops_platform.statistics.distances import area_under_roc

from ..material import Material
from . import formulas

_CLOSE = 1.96


def write_held_back(material: Material, file: Path) -> int:
    """Write the reference of a replay with what came true, and return its rows: nothing in it was ever shifted."""
    assert material.replay is not None
    rows, truth = pd.read_csv(material.replay.rows), pd.read_csv(material.replay.truth)
    held = rows.assign(**{material.entry.recipes[0].target: truth.truth})[truth.window == 0]
    held.to_csv(file, index=False)
    return len(held)


def pipeline_results(material: Material) -> list[dict[str, Any]]:
    """Measure how well a scorecard parts the rows held back, and how far it errs in each group."""
    assert material.replay is not None
    assert material.entry.replay is not None
    table, told = pd.read_csv(material.replay.rows), pd.read_csv(material.replay.truth)
    rows, truth = table[told.window == 0], (told.truth[told.window == 0] > 0).to_numpy()
    card = json.loads(material.files[0].read_text(encoding="utf-8"))
    risk = formulas.chance(card, formulas.score(card, rows))
    auc, positives = area_under_roc(truth, risk), int(truth.sum())
    error = _error_of_area(auc, positives, len(truth) - positives)
    found = [
        {
            "test": "discrimination",
            "outcome": "pass",
            "value": auc,
            "low": auc - _CLOSE * error,
            "high": auc + _CLOSE * error,
            "rows": len(truth),
            "method": "Area under the curve on rows held back, with the error of Hanley and McNeil",
        }
    ]
    group = material.entry.replay.group
    assert group is not None
    for name in sorted(rows[group].unique()):
        mine = (rows[group] == name).to_numpy()
        errors = risk[mine] - truth[mine]
        found.append(
            {
                "test": "mean-error",
                "segment": f"{group}={name:g}",
                "outcome": "pass",
                "value": abs(float(errors.mean())) / float(truth.std()),
                "rows": int(mine.sum()),
                "method": "Mean error of the chance, in standard deviations of the truth",
            }
        )
    return found


def _error_of_area(auc: float, positives: int, negatives: int) -> float:
    """Return the standard error of an area under the curve, after Hanley and McNeil (1982)."""
    twice, square = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    spread = auc * (1 - auc) + (positives - 1) * (twice - auc * auc) + (negatives - 1) * (square - auc * auc)
    return math.sqrt(spread / (positives * negatives))
