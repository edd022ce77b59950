"""What recipes may name: estimators of scikit-learn, with the parameters they may set and their bounds."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Task(StrEnum):
    """What kind of target is learned."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"


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
