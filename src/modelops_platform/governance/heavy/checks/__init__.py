"""How each check of a suite is done, a module for each family."""

from collections.abc import Mapping

from ...domain.parameters import Check
from ..bench import Checker
from . import behaviour, data, fairness, performance, records

CHECKERS: Mapping[Check, Checker] = {
    Check.METRIC: Checker(performance.find_metric, performance.ask),
    Check.CHALLENGER: Checker(performance.find_challenger, performance.ask),
    Check.STABILITY: Checker(performance.find_stability, performance.ask),
    Check.CALIBRATION: Checker(performance.find_calibration, performance.ask),
    Check.FAIRNESS: Checker(fairness.find, performance.ask),
    Check.SENSITIVITY: Checker(behaviour.find_sensitivity, behaviour.ask_sensitivity),
    Check.STRESS: Checker(behaviour.find_stress, behaviour.ask_stress),
    Check.ROBUSTNESS: Checker(behaviour.find_robustness, behaviour.ask_robustness),
    Check.EXPLAINABILITY: Checker(behaviour.find_explainability, behaviour.ask_explainability),
    Check.REPRODUCIBILITY: Checker(records.find_reproducibility, records.ask_reproducibility),
    Check.DATA: Checker(data.find, needs_model=False),
    Check.ARTIFACT_SCAN: Checker(records.find_scan, needs_model=False),
}
