"""Shapes of recipes and runs outside: what may come in, and what goes out."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from modelops_platform.core.errors import InvalidInput
from modelops_platform.web.forms import EmptyIsNone, In, OptionalText, Out, PageIn

from .domain.estimators import ESTIMATORS, Allowed, Choice, Family, Number, Task, YesNo
from .domain.metrics import METRICS
from .domain.recipes import Recipe, SplitKind, Value
from .domain.states import RunState

Name = Annotated[str, Field(min_length=1, max_length=250)]
EXAMPLE = {
    "data_set_id": "wine",
    "target": "cultivar",
    "features": ["alcohol", "ash"],
    "task": "classification",
    "estimator": "RandomForestClassifier",
    "parameters": {"n_estimators": 100},
    "split": {"kind": "random", "test_share": 0.25, "seed": 0},
    "metrics": ["accuracy", "log_loss"],
}


class RecipeIn(In):
    """A recipe to write down for a model."""

    name: Name = Field(examples=["weekly"])
    model: Name = Field(description="The model it trains, by name or id.")
    document: dict[str, Any] = Field(
        description="What to learn from what, as data; `data_set_id` takes the name of a data set record too.",
        examples=[EXAMPLE],
    )


class RecipePatch(In):
    """What to change of a recipe; what is left out stays. The document is given whole."""

    name: Name | None = None
    document: dict[str, Any] | None = Field(default=None, examples=[EXAMPLE])


class RecipePage(PageIn):
    """A page of recipes."""

    q: OptionalText = Field(default=None, max_length=250, description="Text in the name of the recipe or its model.")
    model: OptionalText = Field(default=None, max_length=250, description="Recipes of this model, by name or id.")


class ScheduleIn(In):
    """When a recipe runs by itself: a cron line or a period."""

    cron: OptionalText = Field(
        default=None, max_length=100, description="Minute, hour, day, month, weekday.", examples=["30 6 * * mon"]
    )
    every_seconds: Annotated[int | None, EmptyIsNone] = Field(default=None, ge=60, le=2**31 - 1)
    timezone: str = Field(default="UTC", min_length=1, max_length=60, examples=["Europe/Berlin"])


class Named(Out):
    """Something else, by id and name."""

    id: str
    name: str


class RecipeOut(Out):
    """A recipe."""

    id: str
    name: str
    model: Named
    document: dict[str, Any]
    owner: Named = Field(description="In whose name scheduled runs are done.")
    last_run: int = Field(description="The number of the last run, 0 when it never ran.")
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None
    revision: int


class RunOut(Out):
    """A run of a recipe: what was trained, where it stands, what came of it."""

    id: str
    number: int
    recipe: Named
    model_id: str
    state: RunState
    fraction: float | None = Field(description="The share that is done, 0 to 1; null when that is not known.")
    step: str | None
    error: str | None = Field(description="Why it failed, or why it had to begin again.")
    document: dict[str, Any] = Field(description="The recipe as it was when the run was asked for.")
    recipe_revision: int
    data_set_id: str
    data_set_digest: str
    job_id: str | None
    starter: Named
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    version_number: int | None = Field(description="The version that came of it.")
    metrics: list[Any]
    report: dict[str, Any] = Field(description="Format of the model file, rows learned and held out, notes.")


class ScheduleOut(Out):
    """When a recipe runs by itself."""

    id: str
    cron: str | None
    every_seconds: int | None
    timezone: str
    next_run_at: datetime | None
    paused_at: datetime | None
    last_job_id: str | None


class ParameterOut(Out):
    """A parameter that recipes may set; what is left out is the library's default."""

    name: str
    kind: str = Field(description="number, choice or yes_no")
    sentence: str
    low: float | None = None
    high: float | None = None
    is_whole: bool = False
    may_be_none: bool = False
    words: list[str | None] = Field(default_factory=list)


class EstimatorOut(Out):
    """An estimator that recipes may name."""

    name: str
    task: Task
    family: Family
    parameters: list[ParameterOut]


class MetricOut(Out):
    """A metric that recipes may ask for."""

    name: str
    task: Task
    meaning: str
    higher_is_better: bool | None


class Estimators(Out):
    """Everything that a recipe's document may choose from."""

    estimators: list[EstimatorOut]
    metrics: list[MetricOut]
    splits: list[SplitKind]


def describe_estimators() -> Estimators:
    """Return the tables of estimators and metrics as clients read them."""
    return Estimators(
        estimators=[
            EstimatorOut(
                name=name,
                task=estimator.task,
                family=estimator.family,
                parameters=[describe(key, allowed) for key, allowed in estimator.parameters.items()],
            )
            for name, estimator in ESTIMATORS.items()
        ],
        metrics=[
            MetricOut(name=name, task=task, meaning=metric.meaning, higher_is_better=metric.higher_is_better)
            for task, metrics in METRICS.items()
            for name, metric in metrics.items()
        ],
        splits=list(SplitKind),
    )


def describe(name: str, allowed: Allowed) -> ParameterOut:
    """Return a parameter as clients read it."""
    if isinstance(allowed, Number):
        return ParameterOut(
            name=name,
            kind="number",
            sentence=str(allowed),
            low=allowed.low,
            high=allowed.high,
            is_whole=allowed.whole,
            may_be_none=allowed.may_be_none,
        )
    if isinstance(allowed, Choice):
        return ParameterOut(
            name=name, kind="choice", sentence=str(allowed), may_be_none=None in allowed.words, words=[*allowed.words]
        )
    return ParameterOut(name=name, kind="yes_no", sentence=str(allowed))


class RecipeForm(In):
    """A recipe as the form sends it: every value is text, parameters are fields `parameters.NAME`."""

    model_config = ConfigDict(extra="allow", str_strip_whitespace=True)

    name: str = Field(default="", max_length=250)
    model: str = Field(default="", max_length=250)
    data_set: str = Field(default="", max_length=36)
    target: str = Field(default="", max_length=250)
    features: list[str] = Field(default_factory=list)
    feature_lines: str = Field(default="", max_length=100_000)
    estimator: str = Field(default="", max_length=100)
    metrics: list[str] = Field(default_factory=list, max_length=100)
    split: str = Field(default=SplitKind.RANDOM.value, max_length=20)
    test_share: str = Field(default="0.25", max_length=30)
    seed: str = Field(default="0", max_length=30)
    by: str = Field(default="", max_length=250)
    lags: str = Field(default="", max_length=500)
    etag: str = Field(default="", max_length=200)

    @classmethod
    def of(cls, name: str, model: str, recipe: Recipe) -> "RecipeForm":
        """Return the form that would send this recipe."""
        return cls(
            name=name,
            model=model,
            data_set=recipe.data_set_id,
            target=recipe.target,
            features=list(recipe.features),
            feature_lines="\n".join(recipe.features),
            estimator=recipe.estimator,
            metrics=list(recipe.metrics),
            split=recipe.split.kind.value,
            test_share=f"{recipe.split.test_share:g}",
            seed=str(recipe.split.seed),
            by=recipe.split.by or "",
            lags=", ".join(map(str, recipe.lags)),
            **{f"parameters.{key}": _text(value) for key, value in recipe.parameters.items()},
        )

    @property
    def task(self) -> Task | None:
        """What the chosen estimator does."""
        return ESTIMATORS[self.estimator].task if self.estimator in ESTIMATORS else None

    def parameter(self, name: str) -> str:
        """Return what the field of this parameter holds."""
        value = (self.model_extra or {}).get(f"parameters.{name}", "")
        return value if isinstance(value, str) else ""

    def to_document(self) -> dict[str, Any]:
        """Return the document that the form describes. Raises InvalidInput for a field it does not have."""
        return {
            "data_set_id": self.data_set,
            "target": self.target,
            "features": self.features or [line.strip() for line in self.feature_lines.splitlines() if line.strip()],
            "task": self.task or Task.CLASSIFICATION,
            "estimator": self.estimator,
            "parameters": dict(self._parameters()),
            "split": {
                "kind": self.split,
                "test_share": _number(self.test_share),
                "seed": _whole(self.seed),
                "by": self.by or None,
            },
            "metrics": self.metrics,
            "lags": [_whole(lag) for lag in re.split(r"[\s,;]+", self.lags) if lag],
        }

    def _parameters(self) -> Iterator[tuple[str, Value]]:
        known = ESTIMATORS[self.estimator].parameters if self.estimator in ESTIMATORS else {}
        for key, text in (self.model_extra or {}).items():
            prefix, _, name = key.partition(".")
            if prefix != "parameters" or not isinstance(text, str):
                raise InvalidInput(
                    f"The form has no field {key[:80]!r}.", remedy="Leave it out.", field=key[:80], value=None
                )
            if text.strip():
                yield name, _typed(known.get(name), text.strip())


def _typed(allowed: Allowed | None, text: str) -> Value:
    """Return the value that the text of a field means; what it cannot mean stays text, and is refused as such."""
    if text.lower() == "none" and getattr(allowed, "may_be_none", isinstance(allowed, Choice)):
        return None
    if isinstance(allowed, YesNo):
        return {"true": True, "false": False}.get(text.lower(), text)
    if isinstance(allowed, Number):
        return _whole(text) if allowed.whole else _number(text)
    return text


def _whole(text: str) -> int | str:
    return int(text) if re.fullmatch(r"[+-]?[0-9]{1,18}", text) else text


def _number(text: str) -> float | str:
    return float(text) if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", text) else text


def _text(value: Value) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else f"{value}"
