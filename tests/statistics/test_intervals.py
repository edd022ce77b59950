"""Intervals and tests of shares against statsmodels and scipy, and how often they hold the truth."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint, proportions_ztest

from modelops_platform.core.errors import InvalidInput
from modelops_platform.statistics.intervals import (
    Places,
    bootstrap_interval,
    difference_error,
    ratio_of_shares,
    share_interval,
    share_of_overlap,
    stability_noise,
)


def mean_of(values: Any) -> Callable[[Any], float]:
    """The mean of some of the values, by their places."""
    return lambda rows: float(values[rows].mean())


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (10, 10), (3, 40), (700, 1_000), (1, 1)])
def test_the_interval_of_a_share_is_that_of_statsmodels(hits: int, n: int) -> None:
    found = share_interval(hits, n)
    low, high = proportion_confint(hits, n, method="wilson")
    assert [found.low, found.high] == pytest.approx([low, high], abs=1e-12)
    assert found.low <= hits / n <= found.high
    assert found.standard_error > 0, "0 of 10 is not certain"
    assert hits > 0 or found.low == 0
    assert hits < n or found.high == 1


def test_what_is_no_share_is_refused() -> None:
    for hits, n in ((3, 2), (-1, 5), (0, 0)):
        with pytest.raises(InvalidInput):
            share_interval(hits, n)


def test_the_bootstrap_is_seeded_and_gives_the_standard_error_of_a_mean() -> None:
    values = np.random.default_rng(1).normal(5, 2, 400)
    first = bootstrap_interval(lambda rows: float(values[rows].mean()), 400, seed=7)
    again = bootstrap_interval(lambda rows: float(values[rows].mean()), 400, seed=7)
    other = bootstrap_interval(lambda rows: float(values[rows].mean()), 400, seed=8)
    assert first == again != other
    assert first is not None
    assert first.standard_error == pytest.approx(values.std(ddof=1) / math.sqrt(400), rel=0.15)
    assert first.low < values.mean() < first.high


def test_the_bootstrap_holds_the_truth_about_as_often_as_it_says() -> None:
    random, held = np.random.default_rng(2), 0
    for seed in range(100):
        found = bootstrap_interval(mean_of(random.normal(0, 1, 80)), 80, seed=seed, resamples=100)
        assert found is not None
        held += found.low <= 0 <= found.high
    assert 87 <= held <= 99


def test_a_figure_that_most_draws_cannot_give_has_no_interval() -> None:
    def rarely(rows: Places) -> float:
        if rows[0] > 2:
            raise InvalidInput("not here")
        return 1.0

    assert bootstrap_interval(rarely, 10, seed=0) is None
    assert bootstrap_interval(lambda _rows: math.nan, 10, seed=0) is None


def test_groups_are_compared_by_fisher_when_small_and_by_z_when_large() -> None:
    small = ratio_of_shares(2, 10, 6, 12)
    assert small.method == "Fisher's exact test"
    assert small.p_value == pytest.approx(stats.fisher_exact([[2, 8], [6, 6]]).pvalue)
    large = ratio_of_shares(150, 500, 260, 650)
    assert large.method == "two-proportion z test"
    assert large.p_value == pytest.approx(proportions_ztest([150, 260], [500, 650])[1])
    assert large.ratio == pytest.approx(0.3 / 0.4)
    spread = math.sqrt(1 / 150 - 1 / 500 + 1 / 260 - 1 / 650)
    assert large.low == pytest.approx(0.75 * math.exp(-1.959964 * spread), rel=1e-6)
    nobody = ratio_of_shares(0, 40, 20, 40)
    assert nobody.ratio == 0
    assert 0 < nobody.low < nobody.high < 1
    with pytest.raises(InvalidInput):
        ratio_of_shares(5, 40, 0, 40)


def test_noise_of_differences_and_of_the_stability_index() -> None:
    expected = math.sqrt(0.2 * 0.8 / 1_000 + 0.3 * 0.7 / 2_000)
    assert difference_error(0.2, 1_000, 0.3, 2_000) == pytest.approx(expected, rel=0.01)
    assert difference_error(0.0, 30, 0.0, 30) > 0
    assert stability_noise(1_000, 500, 10) == pytest.approx(0.003 * stats.chi2.ppf(0.95, 9))


def test_overlap_of_rankings() -> None:
    one, other = np.array([9.0, 8.0, 7.0, 1.0]), np.array([9.0, 1.0, 8.0, 7.0])
    assert share_of_overlap(one, one, 2) == 1
    assert share_of_overlap(one, other, 2) == pytest.approx(1 / 3)
    assert share_of_overlap(one, other, 40) == 1
