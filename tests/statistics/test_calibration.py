"""Calibration against statsmodels and by hand."""

import numpy as np
import pytest
from statsmodels.api import Logit, add_constant

from modelops_platform.core.errors import InvalidInput
from modelops_platform.statistics.calibration import (
    calibration_bins,
    calibration_line,
    calibration_noise,
    expected_calibration_error,
)
from modelops_platform.statistics.fairness import counts_by_group

RANDOM = np.random.default_rng(4)
SAID = RANDOM.uniform(0.02, 0.98, 3_000)
TRUE = RANDOM.random(3_000) < SAID
SURE = 1 / (1 + np.exp(-2 * np.log(SAID / (1 - SAID))))  # twice as sure as it should be


def test_the_line_is_that_of_a_logistic_regression() -> None:
    for said in (SAID, SURE):
        fitted = Logit(TRUE.astype(float), add_constant(np.log(said / (1 - said)))).fit(disp=0)
        line = calibration_line(TRUE, said)
        assert [line.intercept, line.slope] == pytest.approx([fitted.params[0], fitted.params[1]])
        assert line.slope_error == pytest.approx(fitted.bse[1])
    assert calibration_line(TRUE, SAID).slope == pytest.approx(1, abs=0.1)
    assert calibration_line(TRUE, SURE).slope == pytest.approx(0.5, abs=0.05)


def test_no_line_where_none_can_be() -> None:
    said = np.linspace(0.1, 0.9, 40)
    for truth, given in ((np.ones(40, dtype=bool), said), (said > 0.5, np.full(40, 0.5)), (said > 0.5, said)):
        with pytest.raises(InvalidInput):
            calibration_line(truth, given)


def test_bins_of_equal_mass_and_their_error_by_hand() -> None:
    said, truth = np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, True, True, True])
    bins = calibration_bins(truth, said, bins=2)
    assert [one.rows for one in bins] == [2, 2]
    assert [one.said for one in bins] == pytest.approx([0.15, 0.85])
    assert [one.came_true for one in bins] == [0.5, 1.0]
    assert expected_calibration_error(truth, said, bins=2) == pytest.approx(0.5 * 0.35 + 0.5 * 0.15)
    assert len(calibration_bins(truth, said, bins=10)) == 4, "no empty bins"


def test_perfect_probabilities_stay_below_the_noise_and_others_do_not() -> None:
    assert expected_calibration_error(TRUE, SAID) < 1.5 * calibration_noise(SAID, seed=1)
    assert expected_calibration_error(TRUE, SURE) > 3 * calibration_noise(SURE, seed=1)
    assert calibration_noise(SAID, seed=1) == calibration_noise(SAID, seed=1)


def test_groups_are_counted_and_rates_have_their_rows() -> None:
    truth = np.array([True, True, False, False, True, False])
    chosen = np.array([True, False, True, False, True, False])
    groups = np.array(["a", "a", "a", "b", None, "b"], dtype=object)
    a, b = counts_by_group(truth, chosen, groups)
    assert (a.group, a.rows, a.selected, a.positives, a.found, a.hit, a.negatives) == ("a", 3, 2, 2, 1, 1, 1)
    assert (a.selection_rate, a.true_positive_rate, a.false_positive_rate, a.precision) == (2 / 3, 0.5, 1.0, 0.5)
    assert (b.true_positive_rate, b.false_positive_rate, b.precision) == (None, 0.0, None)
