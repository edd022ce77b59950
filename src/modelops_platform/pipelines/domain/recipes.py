"""A recipe, and the rules that every one of them keeps."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from modelops_platform.core.errors import InvalidInput

from .estimators import ESTIMATORS, Family, Task
from .metrics import METRICS

Value = bool | int | float | str | None

MOST_FEATURES = 1_000
MOST_LAGS = 60
LONGEST_LAG = 1_000
OUTPUTS = ("label", "probability", "prediction")
"""Names of what a trained model answers; no feature may carry one of them."""


class SplitKind(StrEnum):
    """How the hold-out is chosen: at random, the latest rows, or whole groups."""

    RANDOM = "random"
    ORDERED = "ordered"
    GROUP = "group"


@dataclass(frozen=True)
class Split:
    """Which rows are held out to measure the model, and never learned from."""

    kind: SplitKind = SplitKind.RANDOM
    test_share: float = 0.25
    seed: int = 0
    by: str | None = None
    """Column that orders the rows (ordered; file order when None) or names their group (group)."""


@dataclass(frozen=True)
class Recipe:
    """How to train one model again and again: same recipe and data, same model.

    `lags` add the target's own earlier values as features, so that a forecaster learns from the past;
    they need an ordered split.
    """

    data_set_id: str
    target: str
    features: tuple[str, ...]
    task: Task
    estimator: str
    parameters: Mapping[str, Value] = field(default_factory=dict)
    split: Split = field(default_factory=Split)
    metrics: tuple[str, ...] = ()
    lags: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _check_columns(self)
        _check_estimator(self)
        _check_split(self)
        _check_lags(self)
        _check_metrics(self)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Name the columns a trained model asks for, in order: features, then lags of the target."""
        return (*self.features, *(lag_name(self.target, lag) for lag in self.lags))

    @property
    def family(self) -> Family:
        """Tell what preparation the estimator needs."""
        return ESTIMATORS[self.estimator].family

    @property
    def wants_counts(self) -> bool:
        """Tell whether a negative target cannot be learned."""
        losses = {self.parameters.get(name) for name in ("criterion", "loss")}
        return self.estimator == "PoissonRegressor" or "poisson" in losses

    def for_data_set(self, data_set_id: str) -> Self:
        """Return the same recipe for another data set."""
        return replace(self, data_set_id=data_set_id)

    def to_document(self) -> dict[str, Any]:
        """Return the recipe as plain JSON; `read_recipe` makes the same recipe of it."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def lag_name(target: str, lag: int) -> str:
    """Name the column that holds the target's value `lag` rows earlier."""
    return f"{target}_lag_{lag}"


def _check_columns(recipe: Recipe) -> None:
    if not recipe.data_set_id:
        raise wrong("The recipe names no data set.", "data_set_id", "", "Choose a data set of the inventory.")
    if not recipe.target.strip():
        raise wrong("The target has no name.", "target", recipe.target, "Name the column to learn.")
    if not recipe.features and not recipe.lags:
        raise wrong("There is nothing to learn from.", "features", [], "Name at least one feature, or a lag.")
    if len(recipe.features) > MOST_FEATURES:
        raise wrong(
            f"{len(recipe.features)} features are more than {MOST_FEATURES}.",
            "features",
            len(recipe.features),
            "Choose the features that matter.",
        )
    seen: set[str] = set()
    for name in recipe.features:
        if not name.strip():
            raise wrong("A feature has no name.", "features", name, "Name a column of the data set.")
        if name == recipe.target:
            raise wrong(
                f"{name!r} is the target and a feature.", "features", name, "Take it out: it gives the answer away."
            )
        if name in seen:
            raise wrong(f"Feature {name!r} is named twice.", "features", name, "Name each feature once.")
        if name in OUTPUTS:
            raise wrong(
                f"A feature may not be called {name!r}: the trained model answers under this name.",
                "features",
                name,
                "Rename the column in the data set.",
            )
        seen.add(name)


def _check_estimator(recipe: Recipe) -> None:
    estimator = ESTIMATORS.get(recipe.estimator)
    usable = ", ".join(name for name, known in ESTIMATORS.items() if known.task is recipe.task)
    if estimator is None:
        raise wrong(
            f"There is no estimator {recipe.estimator!r}.", "estimator", recipe.estimator, f"Use one of {usable}."
        )
    if estimator.task is not recipe.task:
        raise wrong(
            f"{recipe.estimator} does {estimator.task}, the recipe asks for {recipe.task}.",
            "estimator",
            recipe.estimator,
            f"Use one of {usable}.",
        )
    for name, value in recipe.parameters.items():
        allowed = estimator.parameters.get(name)
        if allowed is None:
            raise wrong(
                f"{recipe.estimator} takes no parameter {name!r} here.",
                f"parameters.{name}",
                value,
                f"It takes {', '.join(sorted(estimator.parameters))}.",
            )
        if not allowed.allows(value):
            raise wrong(
                f"{name} of {recipe.estimator} cannot be {value!r}.", f"parameters.{name}", value, f"Give {allowed}."
            )


def _check_split(recipe: Recipe) -> None:
    split = recipe.split
    if not 0.05 <= split.test_share <= 0.5:
        raise wrong(
            f"A hold-out of {split.test_share:g} of the rows is out of range.",
            "split.test_share",
            split.test_share,
            "Hold out between 0.05 and 0.5 of the rows.",
        )
    if not 0 <= split.seed < 2**32:
        raise wrong(f"Seed {split.seed} is out of range.", "split.seed", split.seed, "Use 0 to 4294967295.")
    if split.kind is SplitKind.GROUP and split.by is None:
        raise wrong("A split by group needs a column.", "split.by", None, "Name the column that holds the group.")
    if split.by == recipe.target:
        raise wrong(
            f"The rows cannot be split by the target {split.by!r}.", "split.by", split.by, "Name another column."
        )
    if split.kind is SplitKind.RANDOM and split.by is not None:
        raise wrong(
            "A random split takes no column.", "split.by", split.by, "Use kind ordered or group, or leave `by` out."
        )


def _check_lags(recipe: Recipe) -> None:
    if not recipe.lags:
        return
    if recipe.split.kind is not SplitKind.ORDERED or recipe.task is not Task.REGRESSION:
        raise wrong(
            "Lags need a number as target and rows in order of time.",
            "lags",
            list(recipe.lags),
            "Use task regression and split kind ordered.",
        )
    if len(recipe.lags) > MOST_LAGS:
        raise wrong(f"{len(recipe.lags)} lags are more than {MOST_LAGS}.", "lags", len(recipe.lags), "Choose fewer.")
    for place, lag in enumerate(recipe.lags):
        if not 1 <= lag <= LONGEST_LAG:
            raise wrong(f"A lag of {lag} rows is out of range.", "lags", lag, f"Use 1 to {LONGEST_LAG}.")
        if lag in recipe.lags[:place]:
            raise wrong(f"Lag {lag} is named twice.", "lags", lag, "Name each lag once.")
        if lag_name(recipe.target, lag) in recipe.features:
            raise wrong(
                f"{lag_name(recipe.target, lag)!r} is a feature and a lag.", "lags", lag, "Drop one of the two."
            )


def _check_metrics(recipe: Recipe) -> None:
    known = METRICS[recipe.task]
    if not recipe.metrics:
        raise wrong("The recipe measures nothing.", "metrics", [], f"Name at least one of {', '.join(known)}.")
    for place, name in enumerate(recipe.metrics):
        if name not in known:
            raise wrong(f"There is no metric {name!r} for {recipe.task}.", "metrics", name, f"Use {', '.join(known)}.")
        if name in recipe.metrics[:place]:
            raise wrong(f"Metric {name!r} is named twice.", "metrics", name, "Name each metric once.")


def wrong(message: str, field_name: str, value: object, remedy: str) -> InvalidInput:
    """Return the refusal of a recipe."""
    return InvalidInput(message, field=field_name, value=value, remedy=remedy)
