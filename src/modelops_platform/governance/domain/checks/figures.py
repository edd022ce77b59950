"""Figures of a version: against a limit, by segment, and against the version that stands there now."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist
from typing import ClassVar, Self

from ..documents import Fields, invalid
from ..facts import Facts
from ..judging import Evidence, Found, LinkKind, Status, few, number, worst
from ..known import MetricFact
from ..policies import Policy


class Better(StrEnum):
    """Which way a figure is better."""

    HIGHER = "higher"
    LOWER = "lower"


def _named(metrics: Sequence[MetricFact], name: str, data_set: str | None) -> list[MetricFact]:
    return [one for one in metrics if one.name == name and data_set in (None, one.data_set)]


def _usable(figure: MetricFact, fewest_rows: int | None) -> str | None:
    """Say why a figure says nothing; None when it does."""
    if figure.value is None or not math.isfinite(figure.value):
        return "has no value"
    if fewest_rows is not None and figure.rows is None:
        return "does not say on how many rows"
    if fewest_rows is not None and figure.rows is not None and figure.rows < fewest_rows:
        return f"is of {figure.rows} rows, wanted are {fewest_rows}"
    return None


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure keeps its limits, on the whole and, if wanted, in each segment."""

    name: ClassVar[str] = "metric"
    cites: ClassVar[frozenset[str]] = frozenset({"metrics"})
    metric: str
    at_least: float | None
    at_most: float | None
    data_set: str | None
    fewest_rows: int | None
    by_segment: bool
    segments: tuple[str, ...]

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        metric = fields.text("metric")
        low, high = fields.number_or_none("at_least"), fields.number_or_none("at_most")
        if low is None and high is None:
            raise invalid(fields.place("metric"), metric, "has no limit", "Add at_least or at_most.")
        return cls(
            metric,
            low,
            high,
            fields.text_or_none("data_set"),
            fields.integer_or_none("fewest_rows", 1, 10**12),
            fields.flag("by_segment", default=False),
            fields.texts("segments"),
        )

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        limits = [
            f"at least {number(self.at_least)}" if self.at_least is not None else "",
            f"at most {number(self.at_most)}" if self.at_most is not None else "",
        ]
        parts = [f"{self.metric} is {' and '.join(filter(None, limits))}"]
        if self.data_set:
            parts.append(f"on {self.data_set}")
        if self.segments:
            parts.append(f"on the whole and for {', '.join(self.segments)}")
        elif self.by_segment:
            parts.append("on the whole and in every segment")
        if self.fewest_rows:
            parts.append(f"from at least {self.fewest_rows:,} rows")
        return f"{', '.join(parts)}."

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Look at the figures that the version was registered with."""
        figures = _named(facts.metrics, self.metric, self.data_set)
        whole = [one for one in figures if one.segment is None]
        parts = [one for one in figures if one.segment is not None]
        wanted = {*self.segments} if self.segments else {one.segment for one in parts} if self.by_segment else set()
        judged = [self._judge(one) for one in whole]
        if not whole:
            judged.append((Status.UNKNOWN, f"{self.metric} was not recorded"))
        judged += [self._judge(one) for one in parts if one.segment in wanted]
        missing = sorted(str(name) for name in wanted - {one.segment for one in parts})
        judged += [(Status.UNKNOWN, f"{self.metric} of {name} was not recorded") for name in missing]
        if self.by_segment and not wanted:
            judged.append((Status.UNKNOWN, f"{self.metric} was recorded for no segment"))
        status = worst([each for each, _words in judged])
        told = [words for each, words in judged if each is status]
        evidence = (Evidence("version", facts.version_id),)
        return Found(status, f"{few(told)}.", LinkKind.ADD_VERSION, evidence)

    def _judge(self, figure: MetricFact) -> tuple[Status, str]:
        where = f" in {figure.segment}" if figure.segment else f" on {figure.data_set}" if figure.data_set else ""
        useless = _usable(figure, self.fewest_rows)
        if useless is not None or figure.value is None:
            return Status.UNKNOWN, f"{self.metric}{where} {useless}"
        shown = f"{self.metric}{where} is {number(figure.value)}"
        if self.at_least is not None and figure.value < self.at_least:
            return Status.NOT_MET, f"{shown}, wanted is at least {number(self.at_least)}"
        if self.at_most is not None and figure.value > self.at_most:
            return Status.NOT_MET, f"{shown}, wanted is at most {number(self.at_most)}"
        return Status.MET, shown


@dataclass(frozen=True, slots=True)
class BeatsChampion:
    """A figure is not worse than the champion's by more than a margin, shown with this one-sided confidence.

    The difference is taken with its combined standard error. Met when even the worse end of its interval is within
    the margin, not met when even the better end is not, and otherwise nobody knows.
    """

    name: ClassVar[str] = "champion"
    cites: ClassVar[frozenset[str]] = frozenset({"metrics", "champion"})
    metric: str
    better: Better
    margin: float
    confidence: float
    data_set: str | None
    fewest_rows: int | None
    by_segment: bool

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        confidence = fields.number_or_none("confidence", 0.5, 0.9999)
        return cls(
            fields.text("metric"),
            fields.choice("better", Better, Better.HIGHER),
            fields.number_or_none("margin", -1e9, 1e9) or 0.0,
            0.95 if confidence is None else confidence,
            fields.text_or_none("data_set"),
            fields.integer_or_none("fewest_rows", 1, 10**12),
            fields.flag("by_segment", default=False),
        )

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        where = ", on the whole and in every segment" if self.by_segment else ""
        rows = f", each from at least {self.fewest_rows:,} rows" if self.fewest_rows else ""
        margin = (
            f"not worse than that of the version that stands there by more than {number(self.margin)}"
            if self.margin >= 0
            else f"better than that of the version that stands there by at least {number(-self.margin)}"
        )
        return (
            f"{self.metric} ({self.better} is better) is {margin}{where}{rows};"
            f" shown with {self.confidence * 100:g} % confidence. Where none stands, it does not apply."
        )

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Compare with the champion."""
        champion = facts.champion
        if champion is None:
            detail = "No version stands there yet, so there is none to compare with."
            return Found(Status.NOT_APPLICABLE, detail, LinkKind.ADD_VERSION)
        if champion.version_id == facts.version_id:
            return Found(Status.NOT_APPLICABLE, "It is the version that stands there.", LinkKind.ADD_VERSION)
        ours = {
            (one.data_set, one.segment): one
            for one in _named(facts.metrics, self.metric, self.data_set)
            if one.segment is None or self.by_segment
        }
        theirs = {(one.data_set, one.segment): one for one in _named(champion.metrics, self.metric, self.data_set)}
        judged = [self._judge(one, theirs.get(key)) for key, one in ours.items()]
        if not any(segment is None for _data_set, segment in ours):
            judged.append((Status.UNKNOWN, f"{self.metric} was not recorded"))
        status = worst([each for each, _words in judged])
        told = [words for each, words in judged if each is status]
        evidence = (Evidence("version", champion.version_id),)
        return Found(status, f"Against {champion.name}: {few(told)}.", LinkKind.ADD_VERSION, evidence)

    def _judge(self, ours: MetricFact, theirs: MetricFact | None) -> tuple[Status, str]:
        where = f" in {ours.segment}" if ours.segment else ""
        if theirs is None:
            return Status.UNKNOWN, f"{self.metric}{where} of the other was not recorded on the same data"
        for figure, whose in ((ours, "of this version"), (theirs, "of the other")):
            if (useless := _usable(figure, self.fewest_rows)) is not None:
                return Status.UNKNOWN, f"{self.metric}{where} {whose} {useless}"
        if ours.standard_error is None or theirs.standard_error is None:
            return Status.UNKNOWN, f"{self.metric}{where} has no standard error, so a difference shows nothing"
        assert ours.value is not None, "seen above"
        assert theirs.value is not None, "seen above"
        sign = 1.0 if self.better is Better.HIGHER else -1.0
        gain = sign * (ours.value - theirs.value)
        reach = NormalDist().inv_cdf(self.confidence) * math.hypot(ours.standard_error, theirs.standard_error)
        shown = f"{self.metric}{where} {number(ours.value)} against {number(theirs.value)}, ± {number(reach)}"
        if gain - reach >= -self.margin:
            return Status.MET, shown
        if gain + reach < -self.margin:
            return Status.NOT_MET, f"{shown}, worse than the margin of {number(self.margin)} allows"
        return Status.UNKNOWN, f"{shown}, too close to tell within the margin of {number(self.margin)}"
