"""How sure a figure is: intervals in closed form and by resampling, and tests of a difference of shares."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from modelops_platform.core.errors import InvalidInput

from .distances import FloatArray

Places = npt.NDArray[np.int64]
RESAMPLES = 200
FEWEST_DEFINED = 0.9
FEWEST_EXPECTED = 5  # below it in a cell, the exact test stands in for the normal approximation


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a figure may well lie, and how far it would move on other rows."""

    low: float
    high: float
    standard_error: float
    method: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A ratio of two shares, where it may well lie, and how likely one like it is when the shares are equal."""

    ratio: float
    low: float
    high: float
    p_value: float
    method: str


def share_interval(hits: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Return where a share of `hits` in `n` rows may well lie, by the score interval.

    Args:
        hits: 0 to n.
        n: Rows, at least 1.
    Returns: The bounds, within 0 and 1; the standard error uses (x + 1) / (n + 2), so that 0 and 1 are not noiseless.
    Source: Wilson (1927).
    """
    if not 0 <= hits <= n or n < 1:
        raise InvalidInput(f"{hits} of {n} is no share.", field="hits", value=hits, remedy="Count 0 to n of n rows.")
    z = float(stats.norm.ppf((1 + confidence) / 2))
    share, narrow = hits / n, 1 + z**2 / n
    middle = (share + z**2 / (2 * n)) / narrow
    half = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / narrow
    smooth = (hits + 1) / (n + 2)
    error = math.sqrt(smooth * (1 - smooth) / n)
    low, high = (0.0 if not hits else middle - half), (1.0 if hits == n else middle + half)
    return Interval(low, high, error, "Wilson score interval")


def bootstrap_interval(
    measure: Callable[[Places], float], size: int, *, seed: int, confidence: float = 0.95, resamples: int = RESAMPLES
) -> Interval | None:
    """Return where a figure may well lie, by drawing the rows again with replacement.

    Args:
        measure: Gives the figure on the rows at these places, shape (size,); may raise InvalidInput where it is not
            defined, or give NaN. A figure of a pair of models on the same rows makes the interval a paired one.
        size: Rows, at least 2.
        seed: The same seed, rows and figure give the same interval.
    Returns: The percentile interval; None when fewer than 90 % of the draws can give the figure.
    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
    """
    random = np.random.default_rng(seed)
    found = []
    for _ in range(resamples):
        try:
            value = measure(random.integers(0, size, size))
        except InvalidInput:
            continue
        if math.isfinite(value):
            found.append(value)
    if len(found) < max(2, FEWEST_DEFINED * resamples):
        return None
    low, high = np.quantile(found, [(1 - confidence) / 2, (1 + confidence) / 2])
    method = f"bootstrap of {resamples} draws, seed {seed}"
    return Interval(float(low), float(high), float(np.std(found, ddof=1)), method)


def ratio_of_shares(hits: int, n: int, base_hits: int, base_n: int, *, confidence: float = 0.95) -> Difference:
    """Compare the share of one group with that of another.

    Fisher's exact test where fewer than five rows are expected in a cell, else the two-proportion z test; the bounds
    are those of the log of the ratio, with half a count added to each share where one is zero.

    Args:
        hits: Of `n` rows of the group, n >= 1.
        base_hits: Of `base_n` rows of the other, more than 0.
    Raises: InvalidInput when the other group's share is 0, so that there is no ratio.
    Source: Katz and others (1978); Fisher (1935).
    """
    if base_hits <= 0 or n < 1 or base_n < 1:
        raise InvalidInput(
            "The group to compare with has no hit, so there is no ratio.",
            field="base_hits",
            value=base_hits,
            remedy="Choose a group that has some, or take more rows.",
        )
    ratio = (hits / n) / (base_hits / base_n)
    z = float(stats.norm.ppf((1 + confidence) / 2))
    a, b, c, d = (hits, n, base_hits, base_n) if hits else (0.5, n + 1, base_hits + 0.5, base_n + 1)
    spread = math.sqrt(max(0.0, 1 / a - 1 / b + 1 / c - 1 / d))
    middle = (a / b) / (c / d)
    p_value, method = _equal_shares(hits, n, base_hits, base_n)
    return Difference(ratio, middle * math.exp(-z * spread), middle * math.exp(z * spread), p_value, method)


def _equal_shares(hits: int, n: int, base_hits: int, base_n: int) -> tuple[float, str]:
    share = (hits + base_hits) / (n + base_n)
    if min(n, base_n) * min(share, 1 - share) < FEWEST_EXPECTED:
        table = [[hits, n - hits], [base_hits, base_n - base_hits]]
        return float(stats.fisher_exact(table).pvalue), "Fisher's exact test"
    error = math.sqrt(share * (1 - share) * (1 / n + 1 / base_n))
    z = (hits / n - base_hits / base_n) / error
    return float(2 * stats.norm.sf(abs(z))), "two-proportion z test"


def difference_error(share: float, n: int, base_share: float, base_n: int) -> float:
    """Return the standard error of the difference of two independent shares, with (x + 1) / (n + 2) for each."""
    p, q = (share * n + 1) / (n + 2), (base_share * base_n + 1) / (base_n + 2)
    return math.sqrt(p * (1 - p) / n + q * (1 - q) / base_n)


def stability_noise(n: int, m: int, bins: int, *, confidence: float = 0.95) -> float:
    """Return the stability index that samples of `n` and `m` rows of one and the same source stay below.

    Source: Yurdakul (2018): PSI / (1/n + 1/m) is about chi squared with bins - 1 degrees of freedom.
    """
    return float((1 / n + 1 / m) * stats.chi2.ppf(confidence, max(1, bins - 1)))


def share_of_overlap(first: FloatArray, second: FloatArray, top: int) -> float:
    """Return how much of the `top` largest places of two rankings is the same (Jaccard), 0 to 1; both shape (k,)."""
    top = min(top, first.size)
    one, other = (set(np.argsort(-values, kind="stable")[:top].tolist()) for values in (first, second))
    return len(one & other) / len(one | other) if one | other else 1.0
