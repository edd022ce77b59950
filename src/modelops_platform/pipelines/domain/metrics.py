"""What a recipe may measure on the rows it held out."""

from collections.abc import Mapping
from dataclasses import dataclass

from .estimators import Task


@dataclass(frozen=True)
class MetricKind:
    """What a metric says, and which way is better; none where nearer to zero is."""

    meaning: str
    higher_is_better: bool | None


METRICS: Mapping[Task, Mapping[str, MetricKind]] = {
    Task.CLASSIFICATION: {
        "accuracy": MetricKind("Share of rows whose label is right.", higher_is_better=True),
        "balanced_accuracy": MetricKind("Mean over the classes of the share that is found.", higher_is_better=True),
        "precision": MetricKind(
            "Share of the rows called positive that are (mean over the classes when there are more than two).",
            higher_is_better=True,
        ),
        "recall": MetricKind(
            "Share of the positive rows that are found (mean over the classes when there are more than two).",
            higher_is_better=True,
        ),
        "f1": MetricKind(
            "Harmonic mean of precision and recall (mean over the classes when there are more than two).",
            higher_is_better=True,
        ),
        "roc_auc": MetricKind(
            "Chance that a positive scores above a negative (mean of one against the rest for more than two).",
            higher_is_better=True,
        ),
        "log_loss": MetricKind(
            "Mean of minus the log of the probability given to the true class, in nats.", higher_is_better=False
        ),
        "brier": MetricKind("Mean squared error of the probabilities; two classes only.", higher_is_better=False),
        "gini": MetricKind("Twice the area under the curve minus one; two classes only.", higher_is_better=True),
    },
    Task.REGRESSION: {
        "mae": MetricKind("Mean absolute error, in the unit of the target.", higher_is_better=False),
        "rmse": MetricKind("Root of the mean squared error, in the unit of the target.", higher_is_better=False),
        "r2": MetricKind("Share of the variance that is explained.", higher_is_better=True),
        "bias": MetricKind("Mean of prediction minus truth, in the unit of the target.", higher_is_better=None),
        "wape": MetricKind("Sum of the absolute errors over the sum of the absolute truths.", higher_is_better=False),
        "max_error": MetricKind("Largest absolute error, in the unit of the target.", higher_is_better=False),
        "poisson_deviance": MetricKind(
            "Mean Poisson deviance; predictions must be above zero.", higher_is_better=False
        ),
    },
}
