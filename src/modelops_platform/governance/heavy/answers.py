"""What a model answers, brought beside the truth: a yes or no with a score, one of many classes, or an amount."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from modelops_platform.core.errors import InvalidInput
from modelops_platform.serving.domain import ScoreResult
from modelops_platform.statistics import performance
from modelops_platform.statistics.distances import area_under_roc
from modelops_platform.statistics.performance import BoolArray

from ..domain.parameters import METRICS
from ..domain.suites import Task
from .reading import FloatArray, Places, TextArray, as_word

MAIN_METRIC: Mapping[Task, str] = {
    Task.BINARY: "roc_auc",
    Task.MULTICLASS: "balanced_accuracy",
    Task.REGRESSION: "r2",
}


class CannotAnswer(Exception):
    """The model gave no answer, or one that no figure can be made of; the words say why."""


class View(Protocol):
    """Truth and answers, row by row."""

    @property
    def task(self) -> Task: ...
    def __len__(self) -> int: ...
    def take(self, rows: Places) -> Self:
        """Return the view of these rows."""

    @property
    def scores(self) -> FloatArray:
        """One number for each row that moves when the answer moves."""


@dataclass(frozen=True)
class Binary:
    """Yes or no: the truth, the score of a yes, and what was decided where the model decides."""

    truth: BoolArray
    scores: FloatArray
    decided: BoolArray | None
    is_probability: bool
    positive: str
    task = Task.BINARY

    def __len__(self) -> int:
        return self.truth.size

    def take(self, rows: Places) -> Self:
        decided = None if self.decided is None else self.decided[rows]
        return replace(self, truth=self.truth[rows], scores=self.scores[rows], decided=decided)


@dataclass(frozen=True)
class Many:
    """One of several classes."""

    truth: Places
    """The place of the class among `classes`; so is what was decided."""
    decided: Places
    of_truth: FloatArray | None
    """The probability that was given to the true class."""
    scores: FloatArray
    classes: tuple[str, ...]
    task = Task.MULTICLASS

    def __len__(self) -> int:
        return self.truth.size

    def take(self, rows: Places) -> Self:
        of_truth = None if self.of_truth is None else self.of_truth[rows]
        return replace(
            self, truth=self.truth[rows], decided=self.decided[rows], of_truth=of_truth, scores=self.scores[rows]
        )


@dataclass(frozen=True)
class Amounts:
    """A number for each row."""

    truth: FloatArray
    scores: FloatArray
    task = Task.REGRESSION

    def __len__(self) -> int:
        return self.truth.size

    def take(self, rows: Places) -> Self:
        return replace(self, truth=self.truth[rows], scores=self.scores[rows])


@dataclass(frozen=True)
class Said:
    """What the model said to a table: values, and probabilities by class where it has them."""

    values: npt.NDArray[np.object_]
    probabilities: FloatArray | None
    classes: tuple[str, ...]

    @property
    def answered(self) -> BoolArray:
        """Which rows have an answer that is a value, and probabilities that are numbers."""
        given = np.array([value is not None for value in self.values], dtype=np.bool_)
        return given if self.probabilities is None else given & np.isfinite(self.probabilities).all(axis=1)

    def scores(self, positive: str | None = None) -> FloatArray:
        """Return one number for each row: the probability of the positive, else of what is most likely, or the value.

        A label without a probability is 1 where it is the positive one, or the place of its name.
        """
        if self.probabilities is not None and self.classes:
            if positive in self.classes:
                return np.asarray(self.probabilities[:, self.classes.index(str(positive))])
            return np.asarray(self.probabilities.max(axis=1))
        words = [as_word(value) for value in self.values]
        if positive is not None and not self.is_amount:
            return np.array([float(word == positive) for word in words])
        if all(isinstance(value, int | float) or value is None for value in self.values):
            return np.array([np.nan if value is None else float(value) for value in self.values])
        names = {name: float(place) for place, name in enumerate(sorted({word for word in words if word is not None}))}
        return np.array([np.nan if word is None else names[word] for word in words])

    @property
    def is_amount(self) -> bool:
        """Tell whether the values are numbers with fractions, so no labels."""
        return any(isinstance(value, float) and not value.is_integer() for value in self.values)


def said(result: ScoreResult) -> Said:
    """Read what a worker answered. Raises CannotAnswer."""
    if result.failure is not None:
        raise CannotAnswer(f"The model gave no answer: {result.failure.message}")
    if any(isinstance(value, tuple) for value in result.predictions):
        raise CannotAnswer("The model answers several values for each row, and tests need one.")
    values = np.empty(len(result.predictions), dtype=object)
    values[:] = result.predictions
    if result.probabilities is None or not result.classes:
        return Said(values, None, ())
    table = np.array([[np.nan if cell is None else cell for cell in row] for row in result.probabilities], dtype=float)
    return Said(values, table, tuple(as_word(one) or "" for one in result.classes))


def same_answers(one: Said, other: Said) -> int:
    """Count the rows whose answers differ in any bit."""
    differs = np.array([a != b for a, b in zip(one.values, other.values, strict=True)], dtype=np.bool_)
    if one.probabilities is not None and other.probabilities is not None:
        pairs = (one.probabilities, other.probabilities)
        bits = [np.ascontiguousarray(pair).view(np.int64).reshape(pair.shape) for pair in pairs]
        differs |= (bits[0] != bits[1]).any(axis=1)
    return int(differs.sum())


def beside(found: Said, target: "npt.NDArray[Any]", positive: str | None, task: Task | None) -> View:
    """Bring answers beside the truth, whose task is told or seen. Raises CannotAnswer.

    Rows without a truth must have been left out; a row without an answer makes every figure one of a part only.
    """
    silent = int((~found.answered).sum())
    if silent:
        rows = len(found.values)
        raise CannotAnswer(f"The model answered {silent:,} of {rows:,} rows with nothing that is a number or a class.")
    words = np.array([as_word(value) for value in target.tolist()], dtype=object)
    names = sorted({str(word) for word in words})
    task = task or _seen_task(found, target, names)
    if task is Task.REGRESSION:
        return _amounts(found, target)
    if task is Task.BINARY:
        return _binary(found, words, names, positive)
    return _many(found, words)


def _seen_task(found: Said, target: "npt.NDArray[Any]", names: list[str]) -> Task:
    if found.probabilities is not None:
        return Task.BINARY if len(found.classes) == 2 else Task.MULTICLASS
    if len(names) <= 2:
        return Task.BINARY
    if target.dtype == object or ({as_word(value) for value in found.values} <= set(names) and len(names) <= 20):
        return Task.MULTICLASS
    return Task.REGRESSION


def _amounts(found: Said, target: "npt.NDArray[Any]") -> Amounts:
    if target.dtype == object:
        raise CannotAnswer("The target holds texts, and an amount is compared with a number.")
    try:
        answers = np.array([float(value) for value in found.values])
    except (TypeError, ValueError):
        raise CannotAnswer("The model answers texts, and an amount is a number.") from None
    return Amounts(target.astype(np.float64), answers)


def _binary(found: Said, words: TextArray, names: list[str], positive: str | None) -> Binary:
    classes = found.classes if len(found.classes) == 2 else tuple(names)
    chosen = positive or (classes[-1] if classes else "1")
    known = set(classes) | set(names)
    if chosen not in known or len(set(names) | set(found.classes)) > 2:
        raise CannotAnswer(
            f"The target has the values {', '.join(names[:5])}, the model the classes"
            f" {', '.join(found.classes[:5]) or 'unknown'}, and {chosen!r} shall be the positive: that is no yes or no."
        )
    truth = words == chosen
    scores = found.scores(chosen)
    if found.probabilities is not None:
        decided: BoolArray | None = np.array([as_word(value) == chosen for value in found.values])
        return Binary(truth, scores, decided, is_probability=True, positive=chosen)
    if found.is_amount:  # a model of the chance itself, without classes
        within = bool(((scores >= 0) & (scores <= 1)).all())
        return Binary(truth, scores, scores >= 0.5 if within else None, is_probability=within, positive=chosen)
    decided = np.array([as_word(value) == chosen for value in found.values])
    return Binary(truth, decided.astype(np.float64), decided, is_probability=False, positive=chosen)


def _many(found: Said, words: TextArray) -> Many:
    decided = [as_word(value) or "" for value in found.values]
    truth = [str(word) for word in words]
    of_truth = None
    if found.probabilities is not None:
        strange = sorted(set(truth) - set(found.classes))
        if strange:
            raise CannotAnswer(f"The target has the class {strange[0]!r}, which the model does not know.")
        columns = {name: place for place, name in enumerate(found.classes)}
        of_truth = found.probabilities[np.arange(len(truth)), [columns[word] for word in truth]]
    classes = tuple(sorted({*truth, *decided}))
    places = {name: place for place, name in enumerate(classes)}
    codes = [np.array([places[word] for word in one], dtype=np.int64) for one in (truth, decided)]
    return Many(codes[0], codes[1], of_truth, found.scores(), classes)


def metric(name: str, view: View) -> float:
    """Return a figure of a view. Raises InvalidInput when it is not defined there, or not for such answers."""
    figures: Mapping[str, Callable[[Any], float]] = _FIGURES[view.task]
    if name not in figures:
        raise InvalidInput(
            f"There is no {name} for {view.task.value} answers.",
            field="metric",
            value=name,
            remedy=f"Ask for {', '.join(figures)}.",
        )
    return figures[name](view)


def gain(name: str, better: float, worse: float) -> float:
    """Return by how much the first figure is better than the second; negative when it is worse."""
    return better - worse if METRICS[name] else worse - better


def _decided(view: Binary) -> BoolArray:
    if view.decided is None:
        raise InvalidInput(
            "The model gives scores and decides nothing, so no decision can be right or wrong.",
            field="metric",
            value=None,
            remedy="Ask for a figure of the scores, such as roc_auc.",
        )
    return view.decided


def _probability(view: Binary) -> FloatArray:
    if not view.is_probability:
        raise InvalidInput(
            "The model gives no probabilities.",
            field="metric",
            value=None,
            remedy="Ask for a figure of its decisions or of its order.",
        )
    return view.scores


def probability_of(view: View) -> tuple[BoolArray, FloatArray]:
    """Return truth and probability of a yes. Raises InvalidInput when there is none."""
    if not isinstance(view, Binary):
        raise InvalidInput(
            "Calibration is measured for yes-or-no answers.",
            field="task",
            value=view.task.value,
            remedy="Limit the test to task binary.",
        )
    return view.truth, _probability(view)


def _of_truth(view: Many) -> FloatArray:
    if view.of_truth is None:
        raise InvalidInput(
            "The model gives no probabilities.", field="metric", value=None, remedy="Ask for a figure of its decisions."
        )
    return view.of_truth


def _log_loss(view: Binary) -> float:
    probability = _probability(view)
    return performance.log_loss(np.where(view.truth, probability, 1 - probability))


_BINARY: Mapping[str, Callable[[Binary], float]] = {
    "accuracy": lambda view: performance.share_correct(view.truth, _decided(view)),
    "balanced_accuracy": lambda view: performance.mean_recall(view.truth, _decided(view)),
    "precision": lambda view: performance.precision(view.truth, _decided(view)),
    "recall": lambda view: performance.recall(view.truth, _decided(view)),
    "f1": lambda view: performance.f1(view.truth, _decided(view)),
    "mcc": lambda view: performance.matthews_correlation(view.truth, _decided(view)),
    "roc_auc": lambda view: area_under_roc(view.truth, view.scores),
    "gini": lambda view: 2 * area_under_roc(view.truth, view.scores) - 1,
    "ks": lambda view: performance.largest_gap(view.truth, view.scores),
    "average_precision": lambda view: performance.average_precision(view.truth, view.scores),
    "log_loss": _log_loss,
    "brier": lambda view: performance.brier_score(view.truth, _probability(view)),
}
_MANY: Mapping[str, Callable[[Many], float]] = {
    "accuracy": lambda view: performance.share_correct(view.truth, view.decided),
    "balanced_accuracy": lambda view: performance.mean_recall(view.truth, view.decided),
    "f1": lambda view: performance.mean_f1(view.truth, view.decided),
    "log_loss": lambda view: performance.log_loss(_of_truth(view)),
}
_AMOUNTS: Mapping[str, Callable[[Amounts], float]] = {
    "mae": lambda view: performance.mean_absolute_error(view.truth, view.scores),
    "rmse": lambda view: performance.root_mean_squared_error(view.truth, view.scores),
    "r2": lambda view: performance.explained_variance(view.truth, view.scores),
    "bias": lambda view: performance.mean_error(view.truth, view.scores),
    "wape": lambda view: performance.weighted_absolute_error(view.truth, view.scores),
}
_FIGURES: Mapping[Task, Mapping[str, Callable[[Any], float]]] = {
    Task.BINARY: _BINARY,
    Task.MULTICLASS: _MANY,
    Task.REGRESSION: _AMOUNTS,
}
