"""Where tests are done: the case, the questions that they put to the model, and its answers."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np

from modelops_platform.core.errors import InvalidInput
from modelops_platform.monitoring.domain.lights import Light
from modelops_platform.serving.domain import Table
from modelops_platform.statistics.intervals import Interval

from ..domain.suites import Found, Suite, SuiteTest, Task
from .answers import MAIN_METRIC, CannotAnswer, Said, View, beside
from .reading import Data, FloatArray, Places, TextArray, as_word

MOST_SLICES = 40
MOST_INPUTS = 40
QUARTILES = 4
ALL, AGAIN = "all", "again"
_FIGURES_KEPT = 60
NOTHING: Mapping[str, FloatArray | TextArray] = MappingProxyType({})


@dataclass(frozen=True)
class Roles:
    """What the columns of the data set are, as whoever started the run says."""

    target: str | None = None
    positive: str | None = None
    task: Task | None = None
    time: str | None = None
    segments: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """Everything that the tests are about, but for the answers."""

    suite: Suite
    data: Data
    roles: Roles
    inputs: tuple[str, ...]
    reference: Data | None = None
    required: frozenset[str] = frozenset()
    recorded: tuple[Mapping[str, Any], ...] = ()
    """The figures that the version was registered with."""
    is_recorded_data: bool = False
    """Whether the version was trained and measured on this very data set."""
    files: tuple[Mapping[str, Any], ...] = ()

    @cached_property
    def labelled(self) -> Places:
        """The rows whose truth is known. Raises NoData without a target column."""
        if self.roles.target is None:
            raise NoData("The run names no target column.")
        rows = np.flatnonzero(~self.data.column(self.roles.target).missing)
        if not rows.size:
            raise NoData(f"The target {self.roles.target!r} is empty in every row.")
        return rows

    def sample(self, most: int) -> Places:
        """Choose rows to change, of those with a truth where there is a target; the same each time."""
        rows = self.labelled if self.roles.target is not None else np.arange(self.data.rows)
        if rows.size <= most:
            return rows
        return np.sort(np.random.default_rng(self.suite.seed).choice(rows, size=most, replace=False))

    @cached_property
    def numeric(self) -> tuple[str, ...]:
        """The inputs that are numbers and vary, at most so many as a test looks at."""
        names = [name for name in self.inputs if not self.data.column(name).is_text]
        varied = [name for name in names if np.nanstd(self.data.column(name).numbers) > 0]
        return tuple(varied[:MOST_INPUTS])


class NoData(Exception):
    """A test lacks something that the run could have brought; the words say what."""


class NotApplicable(Exception):
    """A test says nothing about such a model or such data; the words say why."""


class Questions:
    """What is put to the model, each table once; all of them are asked of one worker."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._cells: dict[str, list[Any]] = {}
        self.tables: dict[str, Table] = {}

    def put(
        self, key: str, rows: Places | None = None, changed: Mapping[str, FloatArray | TextArray] = NOTHING
    ) -> None:
        """Ask about these rows (by default all), some columns of which were changed."""
        if key in self.tables:
            return
        columns = [_cells(changed[name]) if name in changed else self._column(name, rows) for name in self._case.inputs]
        self.tables[key] = Table(self._case.inputs, tuple(zip(*columns, strict=True)))

    def _column(self, name: str, rows: Places | None) -> list[Any]:
        if name not in self._cells:
            self._cells[name] = _cells(self._case.data.column(name).values)
        cells = self._cells[name]
        return cells if rows is None else [cells[row] for row in rows.tolist()]


def _cells(values: Any) -> list[Any]:
    listed: list[Any] = values.tolist()
    return listed if values.dtype == object else [None if cell != cell else cell for cell in listed]


@dataclass
class Bench:
    """A case with the answers."""

    case: Case
    answers: Mapping[str, Said | CannotAnswer]
    champion: Said | CannotAnswer | None = None
    champion_name: str | None = None
    _views: dict[str, View] = field(default_factory=dict)

    def said(self, key: str) -> Said:
        """Return what the model said to a question. Raises CannotAnswer."""
        found = self.answers.get(key, CannotAnswer("The model was not asked."))
        if isinstance(found, CannotAnswer):
            raise found
        return found

    @property
    def view(self) -> View:
        """Truth and answers of the labelled rows. Raises NoData, CannotAnswer."""
        if ALL not in self._views:
            self._views[ALL] = self.beside(_some(self.said(ALL), self.case.labelled), self.case.labelled)
        return self._views[ALL]

    def beside(self, said: Said, rows: Places) -> View:
        """Bring answers to these rows beside their truth. Raises NoData, CannotAnswer."""
        roles = self.case.roles
        if roles.target is None:
            raise NoData("The run names no target column.")
        target = self.case.data.column(roles.target).values[rows]
        return beside(said, target, roles.positive, roles.task)

    @property
    def champion_view(self) -> View:
        """Truth and answers of the version that is live. Raises CannotAnswer."""
        if isinstance(self.champion, CannotAnswer) or self.champion is None:
            raise self.champion or CannotAnswer("There is no live version.")
        return self.beside(_some(self.champion, self.case.labelled), self.case.labelled)

    def view_at(self, rows: Places) -> View:
        """Return the view of labelled rows by their place in the data set."""
        return self.view.take(np.searchsorted(self.case.labelled, rows))

    @property
    def positive(self) -> str | None:
        """The class whose chance the scores tell."""
        return self.case.roles.positive

    def scores(self, key: str, rows: Places | None = None) -> FloatArray:
        """Return a number for each answer to a question; NaN where there is none."""
        found = self.said(key).scores(self.positive_of())
        return found if rows is None else found[rows]

    def positive_of(self) -> str | None:
        """Return the positive class as the answers of the whole tell it, where there is one."""
        if self.positive is not None:
            return self.positive
        classes = self.said(ALL).classes
        return classes[-1] if len(classes) == 2 else None

    def task(self) -> Task | None:
        """Return the task, as far as it can be told."""
        if self.case.roles.task is not None:
            return self.case.roles.task
        try:
            return self.view.task
        except (CannotAnswer, NoData, InvalidInput):
            return None

    def metric_of(self, test: SuiteTest) -> str:
        """Return the figure that a test asks for, or the main one of the task."""
        return str(test.parameters.get("metric") or MAIN_METRIC[self.view.task])

    def slices(self, test: SuiteTest) -> Iterator[tuple[str, Places]]:
        """Walk the parts of the labelled rows that a test looks at, by name; places are those in the view.

        Raises: NoData when the run names no such column, InvalidInput when a column has too many values.
        """
        match test.parameters.get("over", "all"):
            case "segments":
                yield from self._by_columns(test.columns or self.case.roles.segments, "segment")
            case "groups":
                yield from self._by_columns(test.columns or self.case.roles.groups, "group")
            case "periods":
                yield from self._periods(int(str(test.parameters["periods"])))
            case _:
                yield "", np.arange(len(self.view))

    def _by_columns(self, names: Iterable[str], what: str) -> Iterator[tuple[str, Places]]:
        names = tuple(names)
        if not names:
            raise NoData(f"The run names no {what} column.")
        for name in names:
            for value, rows in self.parts_of(name, self.case.labelled):
                yield f"{name}={value}", rows

    def parts_of(self, name: str, rows: Places) -> Iterator[tuple[str, Places]]:
        """Walk the values of a column among these rows; amounts are cut into quartiles. Raises InvalidInput."""
        column = self.case.data.column(name)
        values = column.values[rows]
        words = np.array([as_word(value) for value in values.tolist()], dtype=object)
        known = sorted({word for word in words if word is not None})
        if len(known) > MOST_SLICES and not column.is_text:
            yield from _quartiles(values.astype(np.float64))
            return
        if len(known) > MOST_SLICES:
            raise InvalidInput(
                f"The column {name!r} has {len(known)} values, and at most {MOST_SLICES} can be told apart.",
                field="columns",
                value=name,
                remedy="Name a column with fewer values.",
            )
        for word in known:
            yield word, np.flatnonzero(words == word)

    def _periods(self, count: int) -> Iterator[tuple[str, Places]]:
        if self.case.roles.time is None:
            raise NoData("The run names no time column.")
        column = self.case.data.column(self.case.roles.time)
        rows = self.case.labelled
        rows = np.flatnonzero(~column.missing[rows])
        values = column.values[self.case.labelled][rows]
        order = np.argsort(values.astype(str) if column.is_text else values.astype(np.float64), kind="stable")
        for part in np.array_split(rows[order], count):
            if part.size:
                ends = (
                    as_word(column.values[self.case.labelled[part[0]]]),
                    as_word(column.values[self.case.labelled[part[-1]]]),
                )
                yield f"{ends[0]} to {ends[1]}", part


def _quartiles(values: FloatArray) -> Iterator[tuple[str, Places]]:
    edges = np.unique(np.nanquantile(values, np.linspace(0, 1, QUARTILES + 1)))
    for low, high in pairwise(edges.tolist()):
        is_last = high == edges[-1]
        rows = np.flatnonzero((values >= low) & ((values <= high) if is_last else (values < high)))
        if rows.size:
            yield f"{low:.4g} to {high:.4g}", rows


def _some(found: Said, rows: Places) -> Said:
    probabilities = None if found.probabilities is None else found.probabilities[rows]
    return Said(found.values[rows], probabilities, found.classes)


def figure(
    test: SuiteTest,
    value: float,
    *,
    rows: int,
    detail: str,
    segment: str = "",
    interval: Interval | None = None,
    noise: float | None = None,
    method: str = "",
    figures: Iterable[Mapping[str, Any]] = (),
) -> Found:
    """Return what a test found, judged by its limits; a bound that cannot be computed is an error, never a pass."""
    low, high = (interval.low, interval.high) if interval is not None else (None, None)
    outcome = test.outcome(value, low, high)
    if interval is None and test.judged == "bound":
        outcome, detail = Light.ERROR, f"{detail} The test judges the interval, and these rows cannot give one."
    methods = [method, interval.method if interval is not None else ""]
    return Found(
        test=test.id,
        segment=segment[:200],
        outcome=outcome,
        detail=detail,
        value=_finite(value),
        low=low,
        high=high,
        noise=noise if noise is not None else (interval.standard_error if interval is not None else None),
        rows=rows,
        method="; ".join(filter(None, methods)),
        figures=tuple({key: _finite(cell) for key, cell in one.items()} for one in figures)[:_FIGURES_KEPT],
    )


def _finite(value: Any) -> Any:
    """Return the value, or nothing where JSON has no word for it."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def without(test: SuiteTest, outcome: Light, detail: str, *, segment: str = "", rows: int | None = None) -> Found:
    """Return that a test has no figure, and why."""
    return Found(test=test.id, segment=segment[:200], outcome=outcome, detail=" ".join(detail.split())[:600], rows=rows)


def too_few(test: SuiteTest, rows: int, segment: str = "") -> Found:
    """Return that there are fewer rows than the test asks for."""
    detail = f"{rows:,} rows; at least {test.least_rows:,} are needed, so no figure was computed."
    return without(test, Light.TOO_FEW_ROWS, detail, segment=segment, rows=rows)


Ask = Callable[[SuiteTest, Case, Questions], None]
Find = Callable[[SuiteTest, Bench], list[Found]]


@dataclass(frozen=True)
class Checker:
    """How one check is done: what it asks of the model, and what it makes of the answers."""

    find: Find
    ask: Ask | None = None
    needs_model: bool = True
