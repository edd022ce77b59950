import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from modelops_platform.core.errors import InvalidInput
from modelops_platform.statistics import distances

RANDOM = np.random.default_rng(20260101)


def test_equal_samples_have_no_distance() -> None:
    sample = RANDOM.normal(size=500)
    assert distances.population_stability_index(sample, sample) == 0


def test_stability_index_of_two_bins_is_the_closed_form() -> None:
    p, q = (60.5 / 101, 40.5 / 101), (30.5 / 101, 70.5 / 101)
    expected = sum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True))
    found = distances.population_stability_index_of_counts(np.array([60.0, 40.0]), np.array([30.0, 70.0]))
    assert found == pytest.approx(expected, rel=1e-12)


def test_stability_index_is_symmetric_in_counts_and_finite_with_empty_bins() -> None:
    one, other = np.array([100.0, 0.0, 20.0]), np.array([0.0, 90.0, 30.0])
    there = distances.population_stability_index_of_counts(one, other)
    assert math.isfinite(there)
    assert there == pytest.approx(distances.population_stability_index_of_counts(other, one))


def test_stability_index_without_shift_follows_its_chi_square() -> None:
    n, m, bins = 4_000, 4_000, 10
    scaled = [
        distances.population_stability_index(RANDOM.normal(size=n), RANDOM.normal(size=m), bins=bins) / (1 / n + 1 / m)
        for _ in range(300)
    ]
    assert np.mean(scaled) == pytest.approx(bins - 1, abs=1.0)  # the mean of chi-square with 9 degrees is 9


def test_stability_index_sees_a_shift_grow() -> None:
    reference = RANDOM.normal(size=2_000)
    found = [distances.population_stability_index(reference, RANDOM.normal(by, 1, 2_000)) for by in (0.0, 0.3, 1.0)]
    assert found[0] < 0.05 < found[1] < found[2]


def test_quantile_bins_hold_equal_shares_and_merge_when_tied() -> None:
    edges = distances.quantile_edges(np.arange(1_000.0))
    assert np.all(distances.count_in_bins(np.arange(1_000.0), edges) == 100)
    tied = distances.quantile_edges(np.array([0.0] * 80 + [1.0] * 20))
    assert tied.tolist() == [0.0]


def test_a_constant_reference_still_shows_a_rise() -> None:
    reference = np.full(50, 7.0)
    assert distances.population_stability_index(reference, reference) == pytest.approx(0)
    assert distances.population_stability_index(reference, np.full(50, 8.0)) > 1


def test_area_under_roc_agrees_with_scikit_learn_when_scores_tie() -> None:
    labels = RANDOM.random(500) < 0.2
    scores = (labels * 0.3 + RANDOM.random(500)).round(1)
    assert distances.area_under_roc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))
    assert distances.area_under_roc([True, False], np.array([0.2, 0.2])) == 0.5


@pytest.mark.parametrize("bad", [np.arange(29.0), np.array([*range(40), math.nan]), np.array([*range(40), math.inf])])
def test_small_or_unclean_samples_are_refused(bad: np.ndarray) -> None:
    clean = np.arange(40.0)
    with pytest.raises(InvalidInput) as reference_refused:
        distances.population_stability_index(bad, clean)
    with pytest.raises(InvalidInput) as current_refused:
        distances.population_stability_index(clean, bad)
    assert reference_refused.value.details["field"] == "reference"
    assert current_refused.value.details["field"] == "current"


def test_impossible_questions_are_refused() -> None:
    with pytest.raises(InvalidInput):
        distances.area_under_roc([True, True], np.array([0.1, 0.2]))
    with pytest.raises(InvalidInput):
        distances.area_under_roc([True, False], np.array([0.1, 0.2, 0.3]))
    with pytest.raises(InvalidInput):
        distances.quantile_edges(np.arange(50.0), bins=1)
    with pytest.raises(InvalidInput):
        distances.population_stability_index_of_counts(np.array([40.0, 40.0]), np.array([40.0, 40.0, 1.0]))
    with pytest.raises(InvalidInput):
        distances.population_stability_index_of_counts(np.array([-1.0, 40.0]), np.array([40.0, 40.0]))
    with pytest.raises(InvalidInput):
        distances.area_under_roc([True, False], np.array([[0.1, 0.2]]))
