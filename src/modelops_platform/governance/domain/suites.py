"""Test suites as data: what is tested about a version, within which limits, on how many rows at least.

A suite is a document that people write and publish; a published version of it is never changed. Every test declares
what it does without an answer: the outcome is then *error*, *no data* or *too few rows*, and a result that is older
than the suite allows is *stale*. A figure is never computed from fewer rows than the test asks for.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from modelops_platform.monitoring.domain.lights import Light

from .documents import Fields, as_choice, as_text, invalid, unique
from .facts import MODEL_KINDS, Kind
from .parameters import PARAMETERS, SEED, TAKES_LIMITS, Check, Value
from .questionnaire import Tier

FEWEST_ROWS = 30
MOST_ROWS_ASKED = 10_000_000
MOST_TESTS = 100
LONGEST_AGE_DAYS = 3_650


class Task(StrEnum):
    """What a model answers."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


class Judged(StrEnum):
    """What is held against the limits: the figure itself, or the worse end of its interval."""

    VALUE = "value"
    BOUND = "bound"


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a figure warns or fails, below and above; a figure on a limit passes."""

    warn_below: float | None = None
    fail_below: float | None = None
    warn_above: float | None = None
    fail_above: float | None = None

    def judge(self, low: float, high: float) -> Light:
        """Judge a figure that lies from `low` to `high`: its worse end counts on each side."""
        if _below(low, self.fail_below) or _below(self.fail_above, high):
            return Light.FAIL
        if _below(low, self.warn_below) or _below(self.warn_above, high):
            return Light.WARN
        return Light.PASS

    @property
    def words(self) -> str:
        """Say the limits."""
        sides = (("fails", self.fail_below, self.fail_above), ("warns", self.warn_below, self.warn_above))
        said = []
        for verb, below, above in sides:
            ends = [f"below {below:g}"] if below is not None else []
            ends += [f"above {above:g}"] if above is not None else []
            if ends:
                said.append(f"{verb} {' or '.join(ends)}")
        return ", ".join(said)


@dataclass(frozen=True, slots=True)
class SuiteTest:
    """One test of a suite."""

    id: str
    title: str
    check: Check
    parameters: Mapping[str, Value]
    limits: Limits
    judged: Judged
    least_rows: int
    columns: tuple[str, ...]
    """The segment or group columns that it looks at; empty for those that the run names."""
    kinds: frozenset[Kind] | None = None
    tasks: frozenset[Task] | None = None
    why: str = ""

    def outcome(self, value: float, low: float | None = None, high: float | None = None) -> Light:
        """Judge a figure with its interval, where there is one and the test asks for it."""
        if not math.isfinite(value):
            return Light.ERROR
        if self.judged is Judged.VALUE or low is None or high is None:
            return self.limits.judge(value, value)
        return self.limits.judge(low, high)

    @property
    def limit_words(self) -> str:
        """Say the limits, and what is held against them."""
        if self.judged is Judged.BOUND:
            return f"{self.limits.words}; the worse end of the interval counts"
        return self.limits.words

    def applies(self, kind: Kind, task: Task | None) -> bool:
        """Tell whether the test is meant for such a model; with an unknown task it is."""
        return (self.kinds is None or kind in self.kinds) and (self.tasks is None or task is None or task in self.tasks)


@dataclass(frozen=True, slots=True)
class Suite:
    """A published set of tests."""

    id: str
    version: int
    title: str
    tests: tuple[SuiteTest, ...]
    max_age_days: int
    seed: int
    tiers: frozenset[Tier] | None = None
    kinds: frozenset[Kind] | None = None
    source: str = ""

    @property
    def name(self) -> str:
        """The suite in words."""
        return f"{self.id} v{self.version}"

    def test(self, id: str) -> SuiteTest | None:
        """Return the test with this id."""
        return next((test for test in self.tests if test.id == id), None)

    def covers(self, kind: Kind, tier: Tier | None) -> bool:
        """Tell whether the suite is meant for a model of this kind and tier."""
        return (self.kinds is None or kind in self.kinds) and (self.tiers is None or (tier or Tier(1)) in self.tiers)


def read_suite(document: object) -> Suite:
    """Read a suite from plain data. Raises InvalidInput that names the place, the value and the way out."""
    fields = Fields(document, "")
    suite = Suite(
        id=fields.id("suite"),
        version=fields.integer("version", 1, 1_000_000),
        title=fields.text("title"),
        source=fields.text("source") if fields.has("source") else "",
        tiers=_read_tiers(fields),
        kinds=_read_kinds(fields),
        max_age_days=fields.integer("max_age_days", 1, LONGEST_AGE_DAYS),
        seed=fields.integer("seed", 0, 2**32 - 1) if fields.has("seed") else SEED,
        tests=fields.mappings("tests", _read_test),
    )
    fields.done()
    if len(suite.tests) > MOST_TESTS:
        raise invalid("tests", len(suite.tests), "are too many", f"Write at most {MOST_TESTS} into one suite.")
    unique((test.id for test in suite.tests), "tests")
    return suite


def _read_test(fields: Fields) -> SuiteTest:
    check = fields.choice("check", Check)
    least = fields.integer("least_rows", 1, MOST_ROWS_ASKED) if fields.has("least_rows") else FEWEST_ROWS
    parameters = _read_parameters(fields, check)
    if check is not Check.ARTIFACT_SCAN and check is not Check.DATA and least < FEWEST_ROWS:
        raise invalid(
            fields.place("least_rows"), least, "is too few for a figure", f"Ask for {FEWEST_ROWS} rows or more."
        )
    return SuiteTest(
        id=fields.id("id"),
        title=fields.text("title"),
        check=check,
        parameters=parameters,
        limits=_read_limits(fields, check),
        judged=fields.choice("judged", Judged, Judged.VALUE),
        least_rows=least,
        columns=fields.list("columns", as_text, empty=True),
        kinds=_read_kinds(fields),
        tasks=fields.choices("tasks", Task),
        why=fields.text("why") if fields.has("why") else "",
    )


def _read_parameters(fields: Fields, check: Check) -> Mapping[str, Value]:
    given = _closed(fields, "parameters", PARAMETERS[check])
    found = {}
    for name, parameter in PARAMETERS[check].items():
        if given.has(name):
            found[name] = parameter.read(given.value(name), given.place(name))
        elif parameter.default is not None:
            found[name] = parameter.default
        else:
            raise invalid(given.place(name), None, "is missing", f"Add `{name}`: {parameter.words}.")
    return found


def _closed(fields: Fields, key: str, names: Iterable[str]) -> Fields:
    """Open a mapping, empty when it is missing, that has no keys but these. Raises InvalidInput."""
    names = list(names)
    data = fields.value(key) if fields.has(key) else {}
    found = Fields(data, fields.place(key))
    for name, value in data.items() if isinstance(data, Mapping) else ():
        if name not in names:
            remedy = f"Remove it, or use one of: {', '.join(names)}." if names else "Remove it."
            raise invalid(found.place(name), value, "is not a known key", remedy)
    return found


def _read_limits(fields: Fields, check: Check) -> Limits:
    if not TAKES_LIMITS[check]:
        return Limits(fail_above=0)
    names = ("warn_below", "fail_below", "warn_above", "fail_above")
    given = _closed(fields, "limits", names)
    ends = {name: _as_number(given.value(name), given.place(name)) if given.has(name) else None for name in names}
    limits = Limits(**ends)
    if all(end is None for end in ends.values()):
        raise invalid(given.where, None, "says no limit", "Give fail_below, fail_above, warn_below or warn_above.")
    if _below(limits.warn_below, limits.fail_below) or _below(limits.fail_above, limits.warn_above):
        raise invalid(given.where, limits.words, "fails before it warns", "Exchange the two.")
    lower, upper = (limits.fail_below, limits.warn_below), (limits.fail_above, limits.warn_above)
    if any(_below(high, low) for low in lower for high in upper):
        raise invalid(given.where, limits.words, "leaves nothing that passes", "Move the limits apart.")
    return limits


def _below(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and one < other


def _as_number(value: object, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        raise invalid(place, value, "must be a finite number", "Write it as a number.")
    return float(value)


def _read_tiers(fields: Fields) -> frozenset[Tier] | None:
    if not fields.has("tiers"):
        return None
    words = fields.list("tiers", lambda value, place: value)
    for position, word in enumerate(words):
        if isinstance(word, bool) or word not in (1, 2, 3, 4):
            raise invalid(f"{fields.place('tiers')}[{position}]", word, "is no tier", "Use 1, 2, 3 or 4.")
    return frozenset(Tier(int(str(word))) for word in words)


def _read_kinds(fields: Fields) -> frozenset[Kind] | None:
    if not fields.has("kinds"):
        return None
    kinds = frozenset(fields.list("kinds", lambda value, place: as_choice(value, place, Kind)))
    if not kinds <= MODEL_KINDS:
        raise invalid(fields.place("kinds"), sorted(kinds - MODEL_KINDS), "cannot be tested", "Name kinds of models.")
    return kinds


@dataclass(frozen=True, slots=True)
class Found:
    """What one test found, on all rows or on one segment: an outcome in any case, a figure where there is one."""

    test: str
    segment: str
    outcome: Light
    detail: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    noise: float | None = None
    rows: int | None = None
    method: str = ""
    figures: tuple[Mapping[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Print it as plain data; `from_dict` reads it back."""
        return {
            "test": self.test,
            "segment": self.segment,
            "outcome": self.outcome.value,
            "detail": self.detail,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "noise": self.noise,
            "rows": self.rows,
            "method": self.method,
            "figures": [dict(one) for one in self.figures],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Found":
        """Read what `to_dict` printed."""
        return cls(**{**data, "outcome": Light(data["outcome"]), "figures": tuple(data["figures"])})


def outcomes(found: Sequence[Found]) -> Mapping[str, int]:
    """Count the outcomes."""
    counted: dict[str, int] = {}
    for one in found:
        counted[one.outcome.value] = counted.get(one.outcome.value, 0) + 1
    return counted
