"""Training recipes: what to learn from what, as data. A recipe carries no code."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Self, TypeVar

from modelops_platform.core.errors import InvalidInput

Value = bool | int | float | str | None
T = TypeVar("T")
Word = TypeVar("Word", bound=StrEnum)

MOST_FEATURES = 1_000
MOST_LAGS = 60
LONGEST_LAG = 1_000
OUTPUTS = ("label", "probability", "prediction")
"""Names of what a trained model answers; no feature may carry one of them."""


class Task(StrEnum):
    """What kind of target is learned."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"


class SplitKind(StrEnum):
    """How the hold-out is chosen: at random, the latest rows, or whole groups."""

    RANDOM = "random"
    ORDERED = "ordered"
    GROUP = "group"


class RunState(StrEnum):
    """Where a training run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_unfinished(self) -> bool:
        """Tell whether the run still waits or runs."""
        return self in (RunState.QUEUED, RunState.RUNNING)


def state_of(job_state: str | None, *, has_version: bool) -> RunState:
    """Tell where a run stands by its job; jobs that went well or were cancelled are cleared away some day."""
    if job_state is None:
        return RunState.SUCCEEDED if has_version else RunState.CANCELLED
    return RunState.FAILED if job_state == "dead" else RunState(job_state)


class Family(StrEnum):
    """What preparation an estimator needs: linear ones want scaled numbers, trees do not."""

    LINEAR = "linear"
    TREE = "tree"


@dataclass(frozen=True)
class Number:
    """A parameter that is a number within bounds, both allowed."""

    low: float
    high: float
    whole: bool = False
    may_be_none: bool = False

    def allows(self, value: object) -> bool:
        """Tell whether `value` is such a number; a yes/no is not one."""
        if value is None:
            return self.may_be_none
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        return self.low <= value <= self.high

    def __str__(self) -> str:
        sort = "a whole number" if self.whole else "a number"
        return f"{sort} from {self.low:g} to {self.high:g}" + (", or none" if self.may_be_none else "")


@dataclass(frozen=True)
class Choice:
    """A parameter that is one of a few words; `None` among them means none."""

    words: tuple[str | None, ...]

    def allows(self, value: object) -> bool:
        """Tell whether `value` is one of the words."""
        return (value is None or isinstance(value, str)) and value in self.words

    def __str__(self) -> str:
        return "one of " + ", ".join("none" if word is None else word for word in self.words)


@dataclass(frozen=True)
class YesNo:
    """A parameter that is true or false."""

    def allows(self, value: object) -> bool:
        """Tell whether `value` is true or false."""
        return isinstance(value, bool)

    def __str__(self) -> str:
        return "true or false"


Allowed = Number | Choice | YesNo
Parameters = Mapping[str, Allowed]


@dataclass(frozen=True)
class Estimator:
    """A scikit-learn estimator that recipes may name, with the parameters they may set."""

    task: Task
    family: Family
    parameters: Parameters
    takes_seed: bool = False


_TREES = Number(1, 1_000, whole=True)
_DEPTH = Number(1, 64, whole=True, may_be_none=True)
_LEAF = Number(1, 100_000, whole=True)
_SHARE = Number(0.01, 1.0)
_RATE = Number(0.001, 1.0)
_STRENGTH = Number(0.0, 1e6)
_STEPS = Number(10, 10_000, whole=True)
_PRECISION = Number(1e-10, 0.1)
_FEATURES = Choice(("sqrt", "log2", None))
_BALANCE = Choice(("balanced", None))

_TREE: Parameters = {"max_depth": _DEPTH, "min_samples_leaf": _LEAF, "max_features": _FEATURES}
_FOREST: Parameters = {**_TREE, "n_estimators": _TREES}
_BOOSTING: Parameters = {**_TREE, "n_estimators": _TREES, "learning_rate": _RATE, "subsample": _SHARE}
_HISTOGRAM: Parameters = {
    "max_iter": _TREES,
    "learning_rate": _RATE,
    "max_depth": _DEPTH,
    "max_leaf_nodes": Number(2, 1_024, whole=True, may_be_none=True),
    "min_samples_leaf": _LEAF,
    "l2_regularization": _STRENGTH,
}
_NEIGHBOURS: Parameters = {
    "n_neighbors": Number(1, 500, whole=True),
    "weights": Choice(("uniform", "distance")),
    "p": Number(1, 2, whole=True),
}
_LINEAR: Parameters = {"fit_intercept": YesNo()}
_SPARSE: Parameters = {**_LINEAR, "alpha": Number(1e-9, 1e6), "max_iter": _STEPS, "tol": _PRECISION}
_COUNTS: Parameters = {**_LINEAR, "alpha": _STRENGTH, "max_iter": _STEPS, "tol": _PRECISION}
_CRITERION = Choice(("gini", "entropy", "log_loss"))
_SQUARES = Choice(("squared_error", "poisson"))

_CLASSES, _NUMBERS = Task.CLASSIFICATION, Task.REGRESSION
ESTIMATORS: Mapping[str, Estimator] = {
    "LogisticRegression": Estimator(
        _CLASSES,
        Family.LINEAR,
        {**_LINEAR, "C": Number(1e-6, 1e6), "class_weight": _BALANCE, "max_iter": _STEPS, "tol": _PRECISION},
        takes_seed=True,
    ),
    "GaussianNB": Estimator(_CLASSES, Family.LINEAR, {"var_smoothing": Number(1e-12, 1.0)}),
    "KNeighborsClassifier": Estimator(_CLASSES, Family.LINEAR, _NEIGHBOURS),
    "DecisionTreeClassifier": Estimator(
        _CLASSES, Family.TREE, {**_TREE, "criterion": _CRITERION, "class_weight": _BALANCE}, takes_seed=True
    ),
    "RandomForestClassifier": Estimator(
        _CLASSES, Family.TREE, {**_FOREST, "criterion": _CRITERION, "class_weight": _BALANCE}, takes_seed=True
    ),
    "ExtraTreesClassifier": Estimator(
        _CLASSES, Family.TREE, {**_FOREST, "criterion": _CRITERION, "class_weight": _BALANCE}, takes_seed=True
    ),
    "GradientBoostingClassifier": Estimator(_CLASSES, Family.TREE, _BOOSTING, takes_seed=True),
    "HistGradientBoostingClassifier": Estimator(
        _CLASSES, Family.TREE, {**_HISTOGRAM, "class_weight": _BALANCE}, takes_seed=True
    ),
    "LinearRegression": Estimator(_NUMBERS, Family.LINEAR, {**_LINEAR, "positive": YesNo()}),
    "Ridge": Estimator(_NUMBERS, Family.LINEAR, {**_LINEAR, "alpha": _STRENGTH, "positive": YesNo()}, takes_seed=True),
    "Lasso": Estimator(_NUMBERS, Family.LINEAR, {**_SPARSE, "positive": YesNo()}, takes_seed=True),
    "ElasticNet": Estimator(
        _NUMBERS, Family.LINEAR, {**_SPARSE, "l1_ratio": Number(0.0, 1.0), "positive": YesNo()}, takes_seed=True
    ),
    "HuberRegressor": Estimator(_NUMBERS, Family.LINEAR, {**_COUNTS, "epsilon": Number(1.0, 100.0)}),
    "PoissonRegressor": Estimator(_NUMBERS, Family.LINEAR, _COUNTS),
    "KNeighborsRegressor": Estimator(_NUMBERS, Family.LINEAR, _NEIGHBOURS),
    "DecisionTreeRegressor": Estimator(_NUMBERS, Family.TREE, {**_TREE, "criterion": _SQUARES}, takes_seed=True),
    "RandomForestRegressor": Estimator(_NUMBERS, Family.TREE, {**_FOREST, "criterion": _SQUARES}, takes_seed=True),
    "ExtraTreesRegressor": Estimator(_NUMBERS, Family.TREE, {**_FOREST, "criterion": _SQUARES}, takes_seed=True),
    "GradientBoostingRegressor": Estimator(
        _NUMBERS,
        Family.TREE,
        {**_BOOSTING, "loss": Choice(("squared_error", "absolute_error", "huber"))},
        takes_seed=True,
    ),
    "HistGradientBoostingRegressor": Estimator(
        _NUMBERS,
        Family.TREE,
        {**_HISTOGRAM, "loss": Choice(("squared_error", "absolute_error", "poisson"))},
        takes_seed=True,
    ),
}


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


def read_recipe(document: object) -> Recipe:
    """Make a recipe of plain JSON or YAML; raises InvalidInput with field, value and remedy."""
    found = _mapping("recipe", document, known=_RECIPE_FIELDS)
    for name in ("data_set_id", "target", "features", "task", "estimator"):
        if name not in found:
            raise _wrong(f"The recipe does not say its {name}.", name, None, f"Add {name}.")
    split = _mapping("split", found.get("split", {}), known=_SPLIT_FIELDS)
    return Recipe(
        data_set_id=_text("data_set_id", found["data_set_id"]),
        target=_text("target", found["target"]),
        features=_row("features", found["features"], _text),
        task=_word("task", found["task"], Task),
        estimator=_text("estimator", found["estimator"]),
        parameters=_mapping("parameters", found.get("parameters", {})),
        split=Split(
            kind=_word("split.kind", split.get("kind", SplitKind.RANDOM), SplitKind),
            test_share=_number("split.test_share", split.get("test_share", 0.25)),
            seed=_whole("split.seed", split.get("seed", 0)),
            by=None if split.get("by") is None else _text("split.by", split["by"]),
        ),
        metrics=_row("metrics", found.get("metrics", ()), _text),
        lags=_row("lags", found.get("lags", ()), _whole),
    )


_RECIPE_FIELDS = tuple(Recipe.__dataclass_fields__)
_SPLIT_FIELDS = tuple(Split.__dataclass_fields__)


def _check_columns(recipe: Recipe) -> None:
    if not recipe.data_set_id:
        raise _wrong("The recipe names no data set.", "data_set_id", "", "Choose a data set of the inventory.")
    if not recipe.target.strip():
        raise _wrong("The target has no name.", "target", recipe.target, "Name the column to learn.")
    if not recipe.features and not recipe.lags:
        raise _wrong("There is nothing to learn from.", "features", [], "Name at least one feature, or a lag.")
    if len(recipe.features) > MOST_FEATURES:
        raise _wrong(
            f"{len(recipe.features)} features are more than {MOST_FEATURES}.",
            "features",
            len(recipe.features),
            "Choose the features that matter.",
        )
    seen: set[str] = set()
    for name in recipe.features:
        if not name.strip():
            raise _wrong("A feature has no name.", "features", name, "Name a column of the data set.")
        if name == recipe.target:
            raise _wrong(
                f"{name!r} is the target and a feature.", "features", name, "Take it out: it gives the answer away."
            )
        if name in seen:
            raise _wrong(f"Feature {name!r} is named twice.", "features", name, "Name each feature once.")
        if name in OUTPUTS:
            raise _wrong(
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
        raise _wrong(
            f"There is no estimator {recipe.estimator!r}.", "estimator", recipe.estimator, f"Use one of {usable}."
        )
    if estimator.task is not recipe.task:
        raise _wrong(
            f"{recipe.estimator} does {estimator.task}, the recipe asks for {recipe.task}.",
            "estimator",
            recipe.estimator,
            f"Use one of {usable}.",
        )
    for name, value in recipe.parameters.items():
        allowed = estimator.parameters.get(name)
        if allowed is None:
            raise _wrong(
                f"{recipe.estimator} takes no parameter {name!r} here.",
                f"parameters.{name}",
                value,
                f"It takes {', '.join(sorted(estimator.parameters))}.",
            )
        if not allowed.allows(value):
            raise _wrong(
                f"{name} of {recipe.estimator} cannot be {value!r}.", f"parameters.{name}", value, f"Give {allowed}."
            )


def _check_split(recipe: Recipe) -> None:
    split = recipe.split
    if not 0.05 <= split.test_share <= 0.5:
        raise _wrong(
            f"A hold-out of {split.test_share:g} of the rows is out of range.",
            "split.test_share",
            split.test_share,
            "Hold out between 0.05 and 0.5 of the rows.",
        )
    if not 0 <= split.seed < 2**32:
        raise _wrong(f"Seed {split.seed} is out of range.", "split.seed", split.seed, "Use 0 to 4294967295.")
    if split.kind is SplitKind.GROUP and split.by is None:
        raise _wrong("A split by group needs a column.", "split.by", None, "Name the column that holds the group.")
    if split.by == recipe.target:
        raise _wrong(
            f"The rows cannot be split by the target {split.by!r}.", "split.by", split.by, "Name another column."
        )
    if split.kind is SplitKind.RANDOM and split.by is not None:
        raise _wrong(
            "A random split takes no column.", "split.by", split.by, "Use kind ordered or group, or leave `by` out."
        )


def _check_lags(recipe: Recipe) -> None:
    if not recipe.lags:
        return
    if recipe.split.kind is not SplitKind.ORDERED or recipe.task is not Task.REGRESSION:
        raise _wrong(
            "Lags need a number as target and rows in order of time.",
            "lags",
            list(recipe.lags),
            "Use task regression and split kind ordered.",
        )
    if len(recipe.lags) > MOST_LAGS:
        raise _wrong(f"{len(recipe.lags)} lags are more than {MOST_LAGS}.", "lags", len(recipe.lags), "Choose fewer.")
    for place, lag in enumerate(recipe.lags):
        if not 1 <= lag <= LONGEST_LAG:
            raise _wrong(f"A lag of {lag} rows is out of range.", "lags", lag, f"Use 1 to {LONGEST_LAG}.")
        if lag in recipe.lags[:place]:
            raise _wrong(f"Lag {lag} is named twice.", "lags", lag, "Name each lag once.")
        if lag_name(recipe.target, lag) in recipe.features:
            raise _wrong(
                f"{lag_name(recipe.target, lag)!r} is a feature and a lag.", "lags", lag, "Drop one of the two."
            )


def _check_metrics(recipe: Recipe) -> None:
    known = METRICS[recipe.task]
    if not recipe.metrics:
        raise _wrong("The recipe measures nothing.", "metrics", [], f"Name at least one of {', '.join(known)}.")
    for place, name in enumerate(recipe.metrics):
        if name not in known:
            raise _wrong(f"There is no metric {name!r} for {recipe.task}.", "metrics", name, f"Use {', '.join(known)}.")
        if name in recipe.metrics[:place]:
            raise _wrong(f"Metric {name!r} is named twice.", "metrics", name, "Name each metric once.")


def _mapping(name: str, value: object, *, known: Sequence[str] | None = None) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise _wrong(f"{name} must be a set of named values.", name, value, "Write it as names with values.")
    for key in value if known is not None else ():
        if key not in (known or ()):
            raise _wrong(f"{name} has no field {key!r}.", key, value[key], f"Known are {', '.join(known or ())}.")
    return dict(value)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(f"{name} must be text, not {value!r}.", name, value, "Write it as text.")
    return value


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(f"{name} must be a whole number, not {value!r}.", name, value, "Write it without a fraction.")
    return value


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(f"{name} must be a number, not {value!r}.", name, value, "Write it as a number.")
    return value


def _row(name: str, value: object, read: Callable[[str, object], T]) -> tuple[T, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise _wrong(f"{name} must be a list, not {value!r}.", name, value, "Write it as a list.")
    return tuple(read(name, item) for item in value)


def _word(name: str, value: object, words: type[Word]) -> Word:
    try:
        return words(_text(name, value))
    except ValueError:
        raise _wrong(f"{name} cannot be {value!r}.", name, value, f"Use {', '.join(words)}.") from None


def _wrong(message: str, field_name: str, value: object, remedy: str) -> InvalidInput:
    return InvalidInput(message, field=field_name, value=value, remedy=remedy)
