"""Fits a recipe's estimator and measures it on rows it has not seen."""

import math
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn import ensemble, linear_model, metrics, naive_bayes, neighbors, tree
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GroupShuffleSplit, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from modelops_platform.core.errors import InvalidInput

from ..domain.estimators import ESTIMATORS, Family, Task
from ..domain.metrics import METRICS
from ..domain.recipes import Recipe, SplitKind
from .reading import Column, Rows

Vector = npt.NDArray[np.generic]
Places = npt.NDArray[np.int64]
Metric = Callable[[Vector, "Answers"], float]

FEWEST_HELD_OUT = 5


@dataclass(frozen=True)
class Parts:
    """Rows to learn from, and rows to measure on."""

    learned: pd.DataFrame
    learned_target: Vector
    held_out: pd.DataFrame
    held_out_target: Vector


@dataclass(frozen=True)
class Answers:
    """What a fitted pipeline says: a value for each row and, for classes, their probabilities, shape (n, k)."""

    value: Vector
    classes: Vector | None = None
    probability: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Measured:
    """One figure from the hold-out, with the number of rows behind it."""

    name: str
    value: float
    n: int
    higher_is_better: bool | None = None
    standard_error: float | None = None


def split(recipe: Recipe, rows: Rows) -> Parts:
    """Hold out the rows that the recipe says; raises InvalidInput when too few or too lopsided."""
    count = len(rows.inputs)
    everything = np.arange(count)
    share, seed = recipe.split.test_share, recipe.split.seed
    if recipe.split.kind is SplitKind.ORDERED:
        cut = count - math.ceil(count * share)
        learn, hold = everything[:cut], everything[cut:]
    elif recipe.split.kind is SplitKind.GROUP:
        learn, hold = _split_groups(recipe, rows, everything)
    else:
        _check_class_sizes(recipe, rows.target, share)
        labels = rows.target if recipe.task is Task.CLASSIFICATION else None
        learn, hold = train_test_split(everything, test_size=share, random_state=seed, stratify=labels)
        learn, hold = np.sort(learn), np.sort(hold)
    if len(hold) < FEWEST_HELD_OUT:
        raise InvalidInput(
            f"The hold-out has {len(hold)} rows; at least {FEWEST_HELD_OUT} are needed.",
            field="split.test_share",
            value=share,
            remedy="Hold out a larger share, or take more rows.",
        )
    _check_learnable(recipe, rows, learn)
    return Parts(rows.inputs.iloc[learn], rows.target[learn], rows.inputs.iloc[hold], rows.target[hold])


def fit(recipe: Recipe, columns: tuple[Column, ...], parts: Parts) -> tuple[Pipeline, tuple[str, ...]]:
    """Fit preparation and estimator; returns them with what the libraries warned of."""
    pipeline = Pipeline([("prepare", _preparation(recipe, columns)), ("estimator", _estimator(recipe))])
    try:
        # One thread: the platform decides how many trainings run side by side, and sums keep their order.
        with warnings.catch_warnings(record=True) as caught, threadpool_limits(limits=1):
            warnings.simplefilter("always")
            pipeline.fit(parts.learned, parts.learned_target)
    except ValueError as error:
        raise InvalidInput(
            f"{recipe.estimator} could not learn from these rows: {error}.",
            field="estimator",
            value=recipe.estimator,
            remedy="Change the parameters or the features.",
        ) from error
    return pipeline, tuple(dict.fromkeys(str(warning.message).splitlines()[0] for warning in caught))


def answer(recipe: Recipe, pipeline: Pipeline, inputs: pd.DataFrame) -> Answers:
    """Ask the fitted pipeline for its answers to `inputs`."""
    value = pipeline.predict(inputs)
    if recipe.task is Task.REGRESSION:
        return Answers(value)
    return Answers(value, pipeline.classes_, pipeline.predict_proba(inputs))


def measure(recipe: Recipe, answers: Answers, truth: Vector) -> tuple[tuple[Measured, ...], tuple[str, ...]]:
    """Compute the recipe's metrics; one that these rows cannot give becomes a note, not a number."""
    measured, notes = [], []
    table: Mapping[str, Metric] = _CLASS_METRICS if recipe.task is Task.CLASSIFICATION else _NUMBER_METRICS
    for name in recipe.metrics:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value = float(table[name](truth, answers))
        except ValueError as error:
            notes.append(f"{name} is not defined on this hold-out: {str(error).splitlines()[0]}")
            continue
        if math.isfinite(value):
            measured.append(Measured(name, value, len(truth), METRICS[recipe.task][name].higher_is_better))
        else:
            notes.append(f"{name} is not defined on this hold-out: it is {value}.")
    return tuple(measured), tuple(notes)


def _preparation(recipe: Recipe, columns: tuple[Column, ...]) -> ColumnTransformer:
    """Fill gaps, scale numbers for linear estimators, and turn categories into numbers.

    An empty text is a category of its own; an unseen one is none of the known.
    """
    linear = recipe.family is Family.LINEAR
    numbers = [place for place, column in enumerate(columns) if not column.is_text]
    texts = [place for place, column in enumerate(columns) if column.is_text]
    fill = ("fill", SimpleImputer(strategy="median"))
    parts: list[tuple[str, BaseEstimator, list[int]]] = []
    if numbers:
        parts.append(("numbers", Pipeline([fill, ("scale", StandardScaler())] if linear else [fill]), numbers))
    if texts and linear:
        parts.append(("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts))
    elif texts:
        parts.append(("categories", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), texts))
    return ColumnTransformer(parts)


def _estimator(recipe: Recipe) -> BaseEstimator:
    seed = {"random_state": recipe.split.seed} if ESTIMATORS[recipe.estimator].takes_seed else {}
    return _CLASSES[recipe.estimator](**recipe.parameters, **seed)


def _split_groups(recipe: Recipe, rows: Rows, everything: Places) -> tuple[Places, Places]:
    assert rows.groups is not None
    groups = {str(group) for group in rows.groups}
    if len(groups) < 2:
        raise InvalidInput(
            f"Column {recipe.split.by!r} has one group in all rows.",
            field="split.by",
            value=recipe.split.by,
            remedy="Split by a column with several groups, or at random.",
        )
    chooser = GroupShuffleSplit(1, test_size=recipe.split.test_share, random_state=recipe.split.seed)
    learn, hold = next(chooser.split(everything, groups=rows.groups.astype(str)))
    return learn, hold


def _check_class_sizes(recipe: Recipe, target: Vector, share: float) -> None:
    if recipe.task is not Task.CLASSIFICATION:
        return
    rarest, count = min(Counter(target.tolist()).items(), key=lambda item: item[1])
    if count < 2:
        raise InvalidInput(
            f"Class {rarest!r} of {recipe.target!r} has one row: it can be learned or measured, not both.",
            field=recipe.target,
            value=rarest,
            remedy="Take more rows of this class, or group it with another.",
        )
    if math.ceil(len(target) * share) < len(set(target.tolist())):
        raise InvalidInput(
            f"A hold-out of {math.ceil(len(target) * share)} rows cannot hold all {len(set(target.tolist()))} classes.",
            field="split.test_share",
            value=share,
            remedy="Hold out a larger share, or take more rows.",
        )


def _check_learnable(recipe: Recipe, rows: Rows, learn: Places) -> None:
    if recipe.task is Task.CLASSIFICATION and len(set(rows.target[learn].tolist())) < 2:
        raise InvalidInput(
            f"The rows to learn from hold one class of {recipe.target!r} only.",
            field="split.kind",
            value=recipe.split.kind,
            remedy="Split at random, or take a longer data set.",
        )
    for name in rows.inputs.columns:
        if rows.inputs[name].iloc[learn].isna().all():
            raise InvalidInput(
                f"Column {name!r} is empty in all rows to learn from.",
                field=name,
                value=None,
                remedy="Leave this feature out of the recipe.",
            )
    neighbours = recipe.parameters.get("n_neighbors", 5 if recipe.estimator.startswith("KNeighbors") else 0)
    if isinstance(neighbours, int) and neighbours > len(learn):
        raise InvalidInput(
            f"{neighbours} neighbours were asked for, {len(learn)} rows are there to learn from.",
            field="parameters.n_neighbors",
            value=neighbours,
            remedy=f"Ask for at most {len(learn)}.",
        )


def _average(truth: Vector, said: Answers) -> dict[str, object]:
    if len(_classes(said)) == 2:
        return {"pos_label": _classes(said)[1], "zero_division": 0.0}
    return {"average": "macro", "zero_division": 0.0}


def _classes(said: Answers) -> Vector:
    assert said.classes is not None
    return said.classes


def _probability(said: Answers) -> npt.NDArray[np.float64]:
    assert said.probability is not None
    return said.probability


def _roc_auc(truth: Vector, said: Answers) -> float:
    if len(_classes(said)) == 2:
        return float(metrics.roc_auc_score(truth == _classes(said)[1], _probability(said)[:, 1]))
    return float(metrics.roc_auc_score(truth, _probability(said), multi_class="ovr", labels=_classes(said)))


def _two(said: Answers) -> tuple[object, npt.NDArray[np.float64]]:
    """Return the positive class (the later in order) and its probability; raises ValueError for more than two."""
    if len(_classes(said)) != 2:
        raise ValueError(f"it needs two classes, there are {len(_classes(said))}.")
    return _classes(said)[1], _probability(said)[:, 1]


def _brier(truth: Vector, said: Answers) -> float:
    positive, probability = _two(said)
    return float(np.mean((probability - (truth == positive)) ** 2))


def _gini(truth: Vector, said: Answers) -> float:
    _two(said)
    return 2 * _roc_auc(truth, said) - 1


def _numbers(values: Vector) -> npt.NDArray[np.float64]:
    return values.astype(np.float64)


def _wape(truth: Vector, said: Answers) -> float:
    whole = float(np.sum(np.abs(_numbers(truth))))
    if whole == 0:
        raise ValueError("all truths are zero.")
    return float(np.sum(np.abs(_numbers(said.value) - _numbers(truth)))) / whole


_CLASS_METRICS: Mapping[str, Metric] = {
    "accuracy": lambda truth, said: metrics.accuracy_score(truth, said.value),
    "balanced_accuracy": lambda truth, said: metrics.balanced_accuracy_score(truth, said.value),
    "precision": lambda truth, said: metrics.precision_score(truth, said.value, **_average(truth, said)),
    "recall": lambda truth, said: metrics.recall_score(truth, said.value, **_average(truth, said)),
    "f1": lambda truth, said: metrics.f1_score(truth, said.value, **_average(truth, said)),
    "roc_auc": _roc_auc,
    "log_loss": lambda truth, said: metrics.log_loss(truth, _probability(said), labels=_classes(said)),
    "brier": _brier,
    "gini": _gini,
}
_NUMBER_METRICS: Mapping[str, Metric] = {
    "mae": lambda truth, said: metrics.mean_absolute_error(truth, said.value),
    "rmse": lambda truth, said: metrics.root_mean_squared_error(truth, said.value),
    "r2": lambda truth, said: metrics.r2_score(truth, said.value),
    "bias": lambda truth, said: float(np.mean(_numbers(said.value) - _numbers(truth))),
    "wape": _wape,
    "max_error": lambda truth, said: metrics.max_error(truth, said.value),
    "poisson_deviance": lambda truth, said: metrics.mean_poisson_deviance(truth, said.value),
}
_ROOMS = (ensemble, linear_model, naive_bayes, neighbors, tree)
_CLASSES: Mapping[str, type[BaseEstimator]] = {
    name: next(getattr(room, name) for room in _ROOMS if hasattr(room, name)) for name in ESTIMATORS
}
