"""What the demonstration brings: people, models, recipes, and how real rows are replayed. Plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from modelops_platform.pipelines.domain.recipes import Recipe


@dataclass(frozen=True)
class Person:
    """A made-up colleague of the demonstration; `key` is how models name them."""

    key: str
    name: str
    role: str
    title: str
    unit: str = ""  # the role holds there; without one, everywhere

    @property
    def email(self) -> str:
        """Return an address in a domain that is reserved for examples."""
        return f"{self.key}@example.com"


class Journey(StrEnum):
    """How far the demonstration takes a model; each step includes those before."""

    REGISTERED = "registered"
    ASSESSED = "assessed"
    WAITING = "waiting"
    APPROVED = "approved"
    DEPLOYED = "deployed"


class ShiftKind(StrEnum):
    """How later windows are made to differ: by changing a value, or by drawing other rows more often."""

    SCALE = "scale"
    ADD = "add"
    TILT = "tilt"


@dataclass(frozen=True)
class Shift:
    """A documented change of one column that grows by `step` in each window from `start` on.

    SCALE multiplies by 1 + step * age, ADD adds step * age (age counts from 1 in window `start`);
    TILT leaves every row as it is and draws rows with weight exp(step * age * z), z the column's standard score.
    """

    column: str
    kind: ShiftKind
    step: float
    start: int
    why: str


@dataclass(frozen=True)
class Threshold:
    """When a metric warns and fails; `bad` says on which side."""

    metric: str
    bad: str
    warn: float
    fail: float
    fewest_rows: int = 30
    stale_after_days: int = 14


@dataclass(frozen=True)
class ReplayPlan:
    """How windows are cut from rows that no training saw.

    With `rolling_step` they are successive stretches of `rows` rows of a series, each that many rows later;
    otherwise `rows` different real rows are drawn at random, and windows may share rows.
    """

    quality: str
    watched: str
    thresholds: tuple[Threshold, ...]
    shifts: tuple[Shift, ...] = ()
    rows: int = 60
    windows: int = 12
    held_back: float = 0.4
    rolling_step: int | None = None
    days_between: int = 7
    last_age_days: int = 0
    group: str | None = None
    """An input that parts people into groups, whose errors are compared in each window."""
    seed: int = 2026


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A model as its owner would describe it."""

    name: str
    kind: str
    unit: str
    use_case: str
    purpose: str
    owner: str
    developer: str
    validator: str
    answers: Mapping[str, int]
    facts: Mapping[str, str | bool] = field(default_factory=dict)
    affects_people: bool = False
    journey: Journey = Journey.DEPLOYED
    fields: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    source: str | None = None
    recipes: tuple[Recipe, ...] = ()
    replay: ReplayPlan | None = None
    limits: str = ""


@dataclass(frozen=True)
class DataSetFile:
    """A prepared data set: its file, where it came from, and under which licence."""

    name: str
    file: Path
    source: str
    licence: str
    rows: int
    preparation: str


@dataclass(frozen=True)
class ReplayFiles:
    """The rows to answer and what came true, row by row.

    `rows` holds the model's inputs; `truth` the columns `window` (0 is the reference) and `truth`.
    """

    rows: Path
    truth: Path


@dataclass(frozen=True)
class Material:
    """An entry with its files. Learned models have a data set and recipes, the others files of their own.

    `answered_by` is `worker` when a model worker answers the replay, `formula` when `heavy.answers_of` does.
    """

    entry: Entry
    data_set: DataSetFile | None = None
    files: tuple[Path, ...] = ()
    replay: ReplayFiles | None = None
    answered_by: str | None = None


@dataclass(frozen=True)
class Answers:
    """What a model said to the rows of a replay, in a worker's words: a value a row, and chances for classes."""

    predictions: Sequence[object]
    probabilities: Sequence[Sequence[float | None]] | None = None


@dataclass(frozen=True)
class MetricPoint:
    """A figure of one window; `age` is how long before the demonstration's start the window ended."""

    metric: str
    value: float
    n: int
    window: int
    age: timedelta
