"""How far two samples stand apart, and how well scores part two classes."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from modelops_platform.core.errors import InvalidInput

FloatArray = npt.NDArray[np.float64]

LEAST_VALUES = 30
"""A distance from fewer values is noise; the caller shows *too few rows* instead."""


def quantile_edges(reference: FloatArray, *, bins: int = 10) -> FloatArray:
    """Return the inner borders of the quantile bins of `reference`; the outer bins are open.

    Args:
        reference: Values of the baseline window, shape (n,), no NaN, n >= 30.
        bins: Number of bins wanted, at least 2. Tied quantiles merge, so fewer can come back.
    Returns: Rising borders, shape (k - 1,) for k bins; a bin holds its upper border.
        A constant reference gives one border: up to the constant, and above it.
    Raises: InvalidInput for fewer than 2 bins, a small sample or a value that is not finite.
    """
    if bins < 2:
        raise InvalidInput(
            f"{bins} bins cannot show a difference.", field="bins", value=bins, remedy="Ask for two bins or more."
        )
    reference = _checked("reference", reference, least=LEAST_VALUES)
    borders = np.unique(np.quantile(reference, np.linspace(0, 1, bins + 1)[1:-1], method="lower"))
    return borders if borders.size == 1 else borders[borders < reference.max()]


def count_in_bins(values: FloatArray, edges: FloatArray) -> FloatArray:
    """Count `values`, shape (n,), in the bins between `edges`, shape (k - 1,); returns shape (k,)."""
    return np.bincount(np.searchsorted(edges, values, side="left"), minlength=edges.size + 1).astype(np.float64)


def population_stability_index(reference: FloatArray, current: FloatArray, *, bins: int = 10) -> float:
    """Measure how far `current` has moved from `reference` (PSI).

    The bins are the quantiles of `reference`; half a count is added to every bin of both samples.

    Args:
        reference: Values of the baseline window, shape (n,), no NaN, n >= 30.
        current: Values of the window under watch, shape (m,), no NaN, m >= 30.
        bins: Number of quantile bins, at least 2; tied quantiles merge.
    Returns: The index in nats: 0 for equal shares, unbounded above.
    Raises: InvalidInput when a sample is too small or has missing values.
    Source: Yurdakul (2018), Statistical Properties of Population Stability Index.
    """
    edges = quantile_edges(reference, bins=bins)
    current = _checked("current", current, least=LEAST_VALUES)
    return population_stability_index_of_counts(count_in_bins(reference, edges), count_in_bins(current, edges))


def population_stability_index_of_counts(reference: FloatArray, current: FloatArray) -> float:
    """Measure the PSI between two rows of counts over the same bins or categories.

    Args:
        reference: Counts of the baseline, shape (k,), k >= 2, at least 30 in all.
        current: Counts of the window under watch, shape (k,), at least 30 in all.
    Returns: The index in nats, after half a count was added to every bin of both.
    Raises: InvalidInput when the shapes differ, a count is negative or a sample is too small.
    Source: Yurdakul (2018), Statistical Properties of Population Stability Index.
    """
    p, q = (_smoothed(name, counts) for name, counts in (("reference", reference), ("current", current)))
    _must_match("current", p, q)
    return float(np.sum((q - p) * np.log(q / p)))


def area_under_roc(labels: Sequence[bool] | npt.NDArray[np.bool_], scores: FloatArray) -> float:
    """Return the chance that a positive scores above a negative (AUC), ties counting half.

    Args:
        labels: True for the positive class, shape (n,); both classes must occur.
        scores: Finite scores, shape (n,); higher means more likely positive.
    Returns: The area, 0 to 1; 0.5 when scores carry nothing.
    Raises: InvalidInput when only one class occurs, lengths differ, or a score is not finite.
    Source: Mann and Whitney (1947); Hanley and McNeil (1982).
    """
    positive = np.asarray(labels, dtype=np.bool_)
    scores = _checked("scores", scores, least=1)
    _must_match("scores", positive, scores)
    positives = int(positive.sum())
    negatives = positive.size - positives
    if positives == 0 or negatives == 0:
        raise InvalidInput(
            f"The area under the curve needs both classes; {positives} of {positive.size} rows are positive.",
            field="labels",
            value=positives,
            remedy="Take a longer window.",
        )
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - (counts - 1) / 2
    return float((rank[place][positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _smoothed(name: str, counts: FloatArray) -> FloatArray:
    counts = _counts(name, counts)
    if counts.sum() < LEAST_VALUES:
        raise _too_few(name, int(counts.sum()), LEAST_VALUES)
    return np.asarray((counts + 0.5) / (counts.sum() + 0.5 * counts.size), dtype=np.float64)


def _counts(name: str, counts: FloatArray) -> FloatArray:
    counts = _checked(name, counts, least=2)
    if np.any(counts < 0):
        raise InvalidInput(
            f"Counts of the {name} sample must not be negative; one is {counts.min():g}.",
            field=name,
            value=float(counts.min()),
            remedy="Pass how many values fell into each bin.",
        )
    return counts


def _checked(name: str, values: FloatArray, *, least: int) -> FloatArray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1:
        raise InvalidInput(
            f"The {name} sample must be one row of numbers, not {values.ndim} dimensions.",
            field=name,
            value=list(values.shape),
            remedy="Pass one feature or one score.",
        )
    if values.size < least:
        raise _too_few(name, values.size, least)
    if not np.all(np.isfinite(values)):
        first = int(np.flatnonzero(~np.isfinite(values))[0])
        raise InvalidInput(
            f"Value {first + 1} of the {name} sample is {values[first]}.",
            field=name,
            value=str(values[first]),
            remedy="Leave missing and infinite values out, and count them apart.",
        )
    return values


def _must_match(name: str, one: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> None:
    if one.shape != other.shape:
        raise InvalidInput(
            f"{other.size} values stand against {one.size}.",
            field=name,
            value=other.size,
            remedy="Pass both over the same bins or rows.",
        )


def _too_few(name: str, found: int, least: int) -> InvalidInput:
    return InvalidInput(
        f"The {name} sample has {found} values; at least {least} are needed.",
        field=name,
        value=found,
        remedy="Take a longer window.",
    )
