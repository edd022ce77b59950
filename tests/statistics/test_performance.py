"""Figures of performance against scikit-learn, and where they are not defined."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from sklearn import metrics

from modelops_platform.core.errors import InvalidInput
from modelops_platform.statistics import performance

RANDOM = np.random.default_rng(3)
TRUTH = RANDOM.random(500) < 0.3
SCORES = np.round(np.clip(0.3 * TRUTH + RANDOM.random(500) * 0.7, 0, 1), 2).astype(np.float64)  # with ties
DECIDED = SCORES > 0.5
CLASSES = RANDOM.integers(0, 4, 500)
CALLED = np.where(RANDOM.random(500) < 0.7, CLASSES, RANDOM.integers(0, 4, 500))
AMOUNTS = RANDOM.normal(10, 3, 500)
ANSWERS = AMOUNTS + RANDOM.normal(0.5, 1, 500)


def test_figures_of_classes_are_those_of_sklearn() -> None:
    assert performance.share_correct(TRUTH, DECIDED) == pytest.approx(metrics.accuracy_score(TRUTH, DECIDED))
    assert performance.mean_recall(CLASSES, CALLED) == pytest.approx(metrics.balanced_accuracy_score(CLASSES, CALLED))
    assert performance.mean_f1(CLASSES, CALLED) == pytest.approx(metrics.f1_score(CLASSES, CALLED, average="macro"))
    assert performance.precision(TRUTH, DECIDED) == pytest.approx(metrics.precision_score(TRUTH, DECIDED))
    assert performance.recall(TRUTH, DECIDED) == pytest.approx(metrics.recall_score(TRUTH, DECIDED))
    assert performance.f1(TRUTH, DECIDED) == pytest.approx(metrics.f1_score(TRUTH, DECIDED))
    expected = metrics.matthews_corrcoef(TRUTH, DECIDED)
    assert performance.matthews_correlation(TRUTH, DECIDED) == pytest.approx(expected)


def test_figures_of_scores_are_those_of_sklearn_and_scipy() -> None:
    expected = metrics.average_precision_score(TRUTH, SCORES)
    assert performance.average_precision(TRUTH, SCORES) == pytest.approx(expected)
    gap = ks_2samp(SCORES[TRUTH], SCORES[~TRUTH]).statistic
    assert performance.largest_gap(TRUTH, SCORES) == pytest.approx(gap)
    assert performance.brier_score(TRUTH, SCORES) == pytest.approx(metrics.brier_score_loss(TRUTH, SCORES))
    of_truth = np.where(TRUTH, SCORES, 1 - SCORES)
    assert performance.log_loss(of_truth) == pytest.approx(metrics.log_loss(TRUTH, SCORES))
    assert np.isfinite(performance.log_loss(np.array([0.0, 1.0])))


def test_figures_of_amounts_are_those_of_sklearn() -> None:
    pairs = {
        performance.mean_absolute_error: metrics.mean_absolute_error,
        performance.root_mean_squared_error: metrics.root_mean_squared_error,
        performance.explained_variance: metrics.r2_score,
    }
    for ours, theirs in pairs.items():
        assert ours(AMOUNTS, ANSWERS) == pytest.approx(theirs(AMOUNTS, ANSWERS))
    assert performance.mean_error(AMOUNTS, ANSWERS) == pytest.approx(np.mean(ANSWERS - AMOUNTS))
    assert performance.weighted_absolute_error(np.array([2.0, 2.0]), np.array([1.0, 2.0])) == 0.25


def test_what_is_not_defined_is_refused_or_zero() -> None:
    none, some = np.zeros(5, dtype=bool), np.ones(5, dtype=bool)
    for undefined in (
        lambda: performance.recall(none, some),
        lambda: performance.average_precision(none, np.arange(5.0)),
        lambda: performance.largest_gap(some, np.arange(5.0)),
        lambda: performance.explained_variance(np.ones(5), np.arange(5.0)),
        lambda: performance.weighted_absolute_error(np.zeros(5), np.ones(5)),
        lambda: performance.share_correct(none, some[:3]),
        lambda: performance.share_correct(none[:0], some[:0]),
    ):
        with pytest.raises(InvalidInput):
            undefined()
    assert performance.precision(some, none) == 0
    assert performance.f1(none, none) == 0
    assert performance.matthews_correlation(some, some) == 0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=60))
def test_average_precision_is_sklearns_for_any_ties(rows: list[tuple[bool, int]]) -> None:
    truth, scores = np.array([row[0] for row in rows]), np.array([float(row[1]) for row in rows])
    if truth.any():
        expected = metrics.average_precision_score(truth, scores)
        assert performance.average_precision(truth, scores) == pytest.approx(expected)
