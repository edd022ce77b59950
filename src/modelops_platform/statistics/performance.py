"""How well answers match the truth: figures of classifiers, of scores and of amounts."""

import numpy as np
import numpy.typing as npt

from modelops_platform.core.errors import InvalidInput

from .distances import FloatArray

BoolArray = npt.NDArray[np.bool_]
_SMALLEST_PROBABILITY = float(np.finfo(np.float64).eps)


def share_correct(truth: npt.NDArray[np.generic], decided: npt.NDArray[np.generic]) -> float:
    """Return the share of rows that are decided as they are (accuracy); both shape (n,), n >= 1."""
    return float(np.mean(_matching("decided", truth, decided)))


def mean_recall(truth: npt.NDArray[np.generic], decided: npt.NDArray[np.generic]) -> float:
    """Return the mean over the classes that occur of the share that is found (balanced accuracy), shape (n,) each."""
    right = _matching("decided", truth, decided)
    return float(np.mean([right[truth == one].mean() for one in np.unique(truth)]))


def precision(truth: BoolArray, decided: BoolArray) -> float:
    """Return the share of the rows called positive that are; 0 when none is called so."""
    _matching("decided", truth, decided)
    called = int(decided.sum())
    return float((truth & decided).sum() / called) if called else 0.0


def recall(truth: BoolArray, decided: BoolArray) -> float:
    """Return the share of the positive rows that are found. Raises InvalidInput when no row is positive."""
    _matching("decided", truth, decided)
    positives = int(truth.sum())
    if not positives:
        raise _undefined("recall", "no row is positive")
    return float((truth & decided).sum() / positives)


def f1(truth: BoolArray, decided: BoolArray) -> float:
    """Return the harmonic mean of precision and recall; 0 when nothing is found or called."""
    _matching("decided", truth, decided)
    found, wrong = int((truth & decided).sum()), int((truth ^ decided).sum())
    return 2 * found / (2 * found + wrong) if found else 0.0


def mean_f1(truth: npt.NDArray[np.generic], decided: npt.NDArray[np.generic]) -> float:
    """Return the plain mean of F1 over all classes that occur or are called."""
    classes = np.unique(np.concatenate([truth, decided]))
    return float(np.mean([f1(truth == one, decided == one) for one in classes]))


def matthews_correlation(truth: BoolArray, decided: BoolArray) -> float:
    """Return the correlation of truth and decision, -1 to 1; 0 when one of them never varies.

    Source: Matthews (1975).
    """
    _matching("decided", truth, decided)
    if truth.all() or decided.all() or not truth.any() or not decided.any():
        return 0.0
    return float(np.corrcoef(truth, decided)[0, 1])


def average_precision(truth: BoolArray, scores: FloatArray) -> float:
    """Return the mean precision over the steps of recall as the threshold falls; tied scores fall together.

    Args:
        truth: True for the positive class, shape (n,); one row at least is positive.
        scores: Finite scores, shape (n,), higher for more likely positive.
    Raises: InvalidInput when no row is positive.
    Source: Manning, Raghavan and Schuetze (2008), section 8.4, without interpolation.
    """
    _matching("scores", truth, scores)
    if not truth.any():
        raise _undefined("average precision", "no row is positive")
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), scores.size - 1)
    found = np.cumsum(truth[order])[last]
    steps = np.diff(np.concatenate([[0], found]))
    return float(np.sum(steps * found / (last + 1)) / truth.sum())


def largest_gap(truth: BoolArray, scores: FloatArray) -> float:
    """Return the largest distance between the score distributions of positives and negatives (KS), 0 to 1.

    Raises: InvalidInput when only one class occurs.
    """
    _matching("scores", truth, scores)
    if truth.all() or not truth.any():
        raise _undefined("the largest gap", "only one class occurs")
    order = np.argsort(scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), scores.size - 1)
    hits = truth[order]
    gap = np.cumsum(hits)[last] / truth.sum() - np.cumsum(~hits)[last] / (~truth).sum()
    return float(np.max(np.abs(gap)))


def log_loss(probability_of_truth: FloatArray) -> float:
    """Return minus the mean log of the probability that the true class was given, in nats, shape (n,)."""
    return float(-np.mean(np.log(np.clip(probability_of_truth, _SMALLEST_PROBABILITY, 1))))


def brier_score(truth: BoolArray, probability: FloatArray) -> float:
    """Return the mean squared error of the probabilities of the positive class, 0 to 1. Source: Brier (1950)."""
    _matching("probability", truth, probability)
    return float(np.mean((probability - truth) ** 2))


def mean_absolute_error(truth: FloatArray, answer: FloatArray) -> float:
    """Return the mean distance between answer and truth, in the unit of the target."""
    return float(np.mean(np.abs(answer - truth)))


def root_mean_squared_error(truth: FloatArray, answer: FloatArray) -> float:
    """Return the root of the mean squared distance, in the unit of the target."""
    return float(np.sqrt(np.mean((answer - truth) ** 2)))


def explained_variance(truth: FloatArray, answer: FloatArray) -> float:
    """Return one minus the share of the squared deviations that is left (R2). Raises InvalidInput: constant truth."""
    spread = float(np.sum((truth - truth.mean()) ** 2))
    if spread == 0:
        raise _undefined("R2", "all truths are the same")
    return 1 - float(np.sum((answer - truth) ** 2)) / spread


def mean_error(truth: FloatArray, answer: FloatArray) -> float:
    """Return the mean of answer minus truth (bias), in the unit of the target."""
    return float(np.mean(answer - truth))


def weighted_absolute_error(truth: FloatArray, answer: FloatArray) -> float:
    """Return the sum of the distances over the sum of the absolute truths (WAPE). Raises InvalidInput: all zero."""
    whole = float(np.sum(np.abs(truth)))
    if whole == 0:
        raise _undefined("the weighted absolute error", "all truths are zero")
    return float(np.sum(np.abs(answer - truth))) / whole


def _matching(name: str, truth: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> BoolArray:
    if truth.shape != other.shape or truth.size == 0:
        raise InvalidInput(
            f"{other.size} values stand against {truth.size} truths.",
            field=name,
            value=other.size,
            remedy="Pass one for each row, and one row at least.",
        )
    return np.asarray(truth == other)


def _undefined(what: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"{what[:1].upper()}{what[1:]} is not defined: {why}.",
        field="truth",
        value=None,
        remedy="Take rows of both classes, or of more than one value.",
    )
