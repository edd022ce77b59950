"""Whether probabilities mean what they say."""

from dataclasses import dataclass

import numpy as np

from modelops_platform.core.errors import InvalidInput

from .distances import FloatArray
from .performance import BoolArray

BINS = 10
_STEPS = 50
_CLOSE = 1e-10
_SMALLEST = 1e-12
SIMULATIONS = 100


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows with probabilities alike: how many, what was said on average, and what came true."""

    rows: int
    said: float
    came_true: float


@dataclass(frozen=True, slots=True)
class Line:
    """The straight line that turns the log odds of what is said into those of what comes true: 1 and 0 are perfect."""

    slope: float
    intercept: float
    slope_error: float
    intercept_error: float


def calibration_bins(truth: BoolArray, probability: FloatArray, *, bins: int = BINS) -> list[Bin]:
    """Return bins of equal mass in the order of the probability, shape (n,) each; ties may share a bin.

    Fewer rows than bins give one row to a bin.
    """
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, min(bins, max(1, probability.size)))
    return [Bin(part.size, float(probability[part].mean()), float(truth[part].mean())) for part in parts if part.size]


def expected_calibration_error(truth: BoolArray, probability: FloatArray, *, bins: int = BINS) -> float:
    """Return the mean distance between what is said and what comes true, over bins of equal mass, 0 to 1.

    Biased upwards for few rows: compare it with `calibration_noise`.
    Source: Guo and others (2017), On Calibration of Modern Neural Networks, with bins of equal mass.
    """
    found = calibration_bins(truth, probability, bins=bins)
    return float(sum(one.rows * abs(one.came_true - one.said) for one in found) / probability.size)


def calibration_noise(probability: FloatArray, *, seed: int, bins: int = BINS) -> float:
    """Return the error that perfectly calibrated probabilities would show on so many rows: the 95 % point of draws."""
    random = np.random.default_rng(seed)
    parts = np.array_split(np.argsort(probability, kind="stable"), min(bins, max(1, probability.size)))
    draws = random.random((SIMULATIONS, probability.size)) < probability
    errors = np.zeros(SIMULATIONS)
    for part in parts:
        errors += part.size * np.abs(draws[:, part].mean(axis=1) - probability[part].mean())
    return float(np.quantile(errors / probability.size, 0.95))


def calibration_line(truth: BoolArray, probability: FloatArray) -> Line:
    """Fit the calibration line by logistic regression of the truth on the log odds of what was said.

    Args:
        truth: Whether it came true, shape (n,); both must occur.
        probability: What was said, shape (n,), not the same in all rows; 0 and 1 count as next to them.
    Raises: InvalidInput when only one class occurs, all probabilities are the same, or the classes can be parted
        wholly, so that no finite line fits.
    Source: Cox (1958), Two further applications of a model for binary regression.
    """
    odds = np.clip(probability, _SMALLEST, 1 - _SMALLEST)
    x = np.log(odds / (1 - odds))
    if truth.all() or not truth.any() or np.ptp(x) == 0:
        raise _no_line("both outcomes and more than one probability are needed")
    table = np.column_stack([np.ones_like(x), x])
    found = np.zeros(2)
    for _ in range(_STEPS):
        with np.errstate(over="ignore"):
            expected = 1 / (1 + np.exp(-(table @ found)))
        weight = expected * (1 - expected)
        information = table.T @ (table * weight[:, None])
        if np.linalg.cond(information) > 1e14:
            raise _no_line("the probabilities part the two outcomes wholly")
        step = np.linalg.solve(information, table.T @ (truth - expected))
        found = found + np.clip(step, -5, 5)
        if np.max(np.abs(step)) < _CLOSE:
            errors = np.sqrt(np.diag(np.linalg.inv(information)))
            return Line(float(found[1]), float(found[0]), float(errors[1]), float(errors[0]))
    raise _no_line("the fit does not settle")


def _no_line(why: str) -> InvalidInput:
    return InvalidInput(
        f"No calibration line can be fitted: {why}.",
        field="probability",
        value=None,
        remedy="Take more rows, or look at the calibration error instead.",
    )
