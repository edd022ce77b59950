"""The checks that a suite may name, and the parameters that each takes."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .documents import Fields, as_integer, as_text, invalid

Value = str | int | float | bool | tuple[Any, ...]
SEED = 20_260_101


class Check(StrEnum):
    """How a test finds its figure."""

    METRIC = "metric"
    DATA = "data"
    CHALLENGER = "challenger"
    STABILITY = "stability"
    SENSITIVITY = "sensitivity"
    STRESS = "stress"
    ROBUSTNESS = "robustness"
    CALIBRATION = "calibration"
    FAIRNESS = "fairness"
    EXPLAINABILITY = "explainability"
    REPRODUCIBILITY = "reproducibility"
    ARTIFACT_SCAN = "artifact_scan"


@dataclass(frozen=True)
class Parameter(ABC):
    """What a parameter may be; without a default the document must say it."""

    default: Value | None = None

    @abstractmethod
    def read(self, value: object, place: str) -> Value:
        """Read the value. Raises InvalidInput."""

    @property
    @abstractmethod
    def words(self) -> str:
        """Say what may be given."""


@dataclass(frozen=True)
class Word(Parameter):
    """One of a few words."""

    choices: tuple[str, ...] = ()

    def read(self, value: object, place: str) -> Value:
        if not isinstance(value, str) or value not in self.choices:
            raise invalid(place, value, "is not a known word", f"Use {self.words}.")
        return value

    @property
    def words(self) -> str:
        return f"one of {', '.join(self.choices)}"


@dataclass(frozen=True)
class Amount(Parameter):
    """A number within bounds."""

    low: float = 0
    high: float = 1

    def read(self, value: object, place: str) -> Value:
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            raise invalid(place, value, f"must be {self.words}", "Correct the number.")
        return float(value)

    @property
    def words(self) -> str:
        return f"a number from {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Whole(Parameter):
    """A whole number within bounds."""

    low: int = 1
    high: int = 100

    def read(self, value: object, place: str) -> Value:
        return as_integer(value, place, self.low, self.high)

    @property
    def words(self) -> str:
        return f"a whole number from {self.low} to {self.high}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A world in which the numbers of some columns, or of all, are so many times what they are."""

    name: str
    factor: float
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scenarios(Parameter):
    """What a stress test plays through."""

    def read(self, value: object, place: str) -> Value:
        if not isinstance(value, list) or not 1 <= len(value) <= 10:
            raise invalid(place, value, "must be a list of 1 to 10 scenarios", "Write each as `- name:` and `factor:`.")
        return tuple(self._one(one, f"{place}[{position}]") for position, one in enumerate(value))

    def _one(self, value: object, place: str) -> Scenario:
        fields = Fields(value, place)
        factor = Amount(low=-1_000, high=1_000).read(fields.value("factor"), fields.place("factor"))
        assert isinstance(factor, float)
        found = Scenario(fields.text("name"), factor, fields.list("columns", as_text, empty=True))
        fields.done()
        return found

    @property
    def words(self) -> str:
        return "a list of scenarios, each with name, factor and maybe columns"


METRICS: Mapping[str, bool | None] = {
    "accuracy": True,
    "balanced_accuracy": True,
    "precision": True,
    "recall": True,
    "f1": True,
    "mcc": True,
    "roc_auc": True,
    "gini": True,
    "ks": True,
    "average_precision": True,
    "log_loss": False,
    "brier": False,
    "mae": False,
    "rmse": False,
    "r2": True,
    "bias": None,
    "wape": False,
}
"""The figures that a test may ask for, and whether more is better."""

METRIC_WORDS: Mapping[str, str] = {
    "roc_auc": "AUC",
    "mcc": "MCC",
    "ks": "KS",
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R²",
    "wape": "WAPE",
    "f1": "F1",
    "brier": "Brier score",
}
"""What figures are called where their name in words is not enough."""


def metric_words(name: str) -> str:
    """Return what a figure is called at the start of a sentence."""
    return METRIC_WORDS.get(name) or name.replace("_", " ").capitalize()


_METRIC = Word(choices=tuple(METRICS))
_DIRECTED = Word(choices=tuple(name for name, higher in METRICS.items() if higher is not None))
_CONFIDENCE = Amount(default=0.95, low=0.5, high=0.999)
PARAMETERS: Mapping[Check, Mapping[str, Parameter]] = {
    Check.METRIC: {
        "metric": _METRIC,
        "over": Word(default="all", choices=("all", "segments", "groups", "periods")),
        "periods": Whole(default=4, low=2, high=24),
        "confidence": _CONFIDENCE,
    },
    Check.DATA: {
        "measure": Word(choices=("missing", "type_errors", "out_of_range", "unseen", "duplicates")),
    },
    Check.CHALLENGER: {"metric": _DIRECTED, "confidence": _CONFIDENCE},
    Check.STABILITY: {
        "measure": Word(choices=("metric_drop", "score_psi")),
        "metric": Word(default="", choices=_DIRECTED.choices),
        "over": Word(default="periods", choices=("periods", "segments")),
        "periods": Whole(default=4, low=2, high=24),
    },
    Check.SENSITIVITY: {"deviations": Amount(default=1.0, low=0.01, high=10), "rows": Whole(1_000, 30, 20_000)},
    Check.STRESS: {
        "measure": Word(default="mean_shift", choices=("mean_shift", "metric_drop", "answered_share")),
        "metric": Word(default="", choices=_DIRECTED.choices),
        "scenarios": Scenarios(),
        "rows": Whole(1_000, 30, 20_000),
    },
    Check.ROBUSTNESS: {
        "damage": Word(choices=("missing", "out_of_range")),
        "share": Amount(default=0.1, low=0.001, high=1),
        "measure": Word(default="answered_share", choices=("answered_share", "metric_drop", "mean_shift")),
        "metric": Word(default="", choices=_DIRECTED.choices),
        "rows": Whole(1_000, 30, 20_000),
    },
    Check.CALIBRATION: {
        "measure": Word(choices=("brier", "ece", "slope", "intercept")),
        "bins": Whole(default=10, low=2, high=50),
    },
    Check.FAIRNESS: {
        "measure": Word(
            choices=(
                "impact_ratio",
                "statistical_parity",
                "equal_opportunity",
                "equalised_odds",
                "predictive_parity",
                "mean_error",
            )
        ),
        "small_groups": Word(default="judge", choices=("judge", "set_aside")),
    },
    Check.EXPLAINABILITY: {
        "top": Whole(default=5, low=1, high=50),
        "metric": Word(default="", choices=_DIRECTED.choices),
        "rows": Whole(1_000, 60, 20_000),
    },
    Check.REPRODUCIBILITY: {"measure": Word(choices=("rescore", "recorded_metrics"))},
    Check.ARTIFACT_SCAN: {},
}
TAKES_LIMITS: Mapping[Check, bool] = {check: check is not Check.ARTIFACT_SCAN for check in Check}
CHECK_WORDS: Mapping[Check, str] = {
    Check.METRIC: "Performance",
    Check.DATA: "Data expectations",
    Check.CHALLENGER: "Against the live version",
    Check.STABILITY: "Stability",
    Check.SENSITIVITY: "Sensitivity",
    Check.STRESS: "Stress",
    Check.ROBUSTNESS: "Robustness",
    Check.CALIBRATION: "Calibration",
    Check.FAIRNESS: "Fairness",
    Check.EXPLAINABILITY: "Explainability",
    Check.REPRODUCIBILITY: "Reproducibility",
    Check.ARTIFACT_SCAN: "Artifact scan",
}
