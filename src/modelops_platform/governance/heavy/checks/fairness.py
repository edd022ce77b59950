"""How groups fare, each with the rows behind its figure; a group that is too small has none."""

import numpy as np

from modelops_platform.core.errors import InvalidInput
from modelops_platform.monitoring.domain.lights import Light
from modelops_platform.statistics.fairness import GroupCounts, counts_by_group
from modelops_platform.statistics.intervals import Interval, difference_error, ratio_of_shares
from modelops_platform.statistics.performance import BoolArray

from ...domain.suites import Found, SuiteTest
from ..answers import Amounts, Binary, Many, View
from ..bench import Bench, NoData, figure, too_few, without

_RATES = {
    "statistical_parity": ("selection rate", "selection_rate", "rows"),
    "equal_opportunity": ("share of the deserving that is found", "true_positive_rate", "positives"),
    "predictive_parity": ("precision", "precision", "selected"),
}


def find(test: SuiteTest, bench: Bench) -> list[Found]:
    """Measure the chosen figure for each group of each column against the most favoured group of the column."""
    columns = test.columns or bench.case.roles.groups
    if not columns:
        raise NoData("The run names no group column.")
    view, found = bench.view, []
    for column in columns:
        groups = np.empty(len(view), dtype=object)
        for name, rows in bench.parts_of(column, bench.case.labelled):
            groups[rows] = name
        if test.parameters["measure"] == "mean_error":
            found += _mean_errors(test, column, view, groups)
        else:
            found += _rates(test, column, counts_by_group(*_chosen(view, bench.positive), groups))
    return found


def _chosen(view: View, positive: str | None) -> tuple[BoolArray, BoolArray]:
    """Return who deserves it and who is chosen. Raises NoData where nobody says what the favourable class is."""
    if isinstance(view, Binary):
        if view.decided is None:
            raise NoData("The model gives scores and decides nothing, so nobody is chosen.")
        return view.truth, view.decided
    if isinstance(view, Many) and positive in view.classes:
        place = view.classes.index(str(positive))
        return view.truth == place, view.decided == place
    raise NoData("The run does not name the favourable class, so nobody is chosen.")


def _rates(test: SuiteTest, column: str, counts: list[GroupCounts]) -> list[Found]:
    measure = str(test.parameters["measure"])
    large = [one for one in counts if _behind(measure, one) >= test.least_rows]
    small = [one for one in counts if one not in large]
    if len(large) < 2:
        most = max((_behind(measure, one) for one in counts), default=0)
        words = f"{len(large)} of {len(counts)} groups of {column!r} have the {test.least_rows} rows that are needed."
        return [without(test, Light.TOO_FEW_ROWS, words, segment=column, rows=most)]
    lines = [_line(one) for one in counts]
    found = [_compare(test, column, one, large, lines) for one in large if one is not _favoured(measure, large)]
    if test.parameters["small_groups"] == "judge":
        found += [too_few(test, _behind(measure, one), f"{column}={one.group}") for one in small]
    return found


def _behind(measure: str, one: GroupCounts) -> int:
    """Return how many rows stand behind a group's figure."""
    if measure == "equalised_odds":
        return min(one.positives, one.negatives)
    return int(getattr(one, _RATES[measure][2])) if measure in _RATES else one.rows


def _favoured(measure: str, groups: list[GroupCounts]) -> GroupCounts:
    """Return the group that the others are compared with: the one that fares best."""
    name = _RATES.get(measure, ("", "selection_rate", ""))[1]
    return max(groups, key=lambda one: (getattr(one, name) or 0.0, one.rows))


def _line(one: GroupCounts) -> dict[str, object]:
    rates = {
        "selected": one.selection_rate,
        "found": one.true_positive_rate,
        "hit": one.false_positive_rate,
        "precision": one.precision,
    }
    return {"group": one.group, "rows": one.rows, **rates}


def _compare(
    test: SuiteTest, column: str, one: GroupCounts, groups: list[GroupCounts], lines: list[dict[str, object]]
) -> Found:
    measure = str(test.parameters["measure"])
    best, segment = _favoured(measure, groups), f"{column}={one.group}"
    if measure == "impact_ratio":
        try:
            ratio = ratio_of_shares(one.selected, one.rows, best.selected, best.rows)
        except InvalidInput as refusal:
            return without(test, Light.ERROR, refusal.message, segment=segment, rows=one.rows)
        interval = Interval(ratio.low, ratio.high, (ratio.high - ratio.low) / 3.92, "interval of the log ratio")
        detail = (
            f"{one.group} is chosen {one.selection_rate:.1%} of the time ({one.rows:,} rows), {best.group}"
            f" {best.selection_rate:.1%} ({best.rows:,} rows): p = {ratio.p_value:.2g}."
        )
        return figure(
            test, ratio.ratio, rows=one.rows, detail=detail, segment=segment, interval=interval, method=ratio.method,
            figures=lines,
        )  # fmt: skip
    if measure == "equalised_odds":
        return _odds(test, segment, one, best, lines)
    words, name, rows_of = _RATES[measure]
    own, others = float(getattr(one, name)), float(getattr(best, name))
    error = difference_error(own, int(getattr(one, rows_of)), others, int(getattr(best, rows_of)))
    value = abs(own - others)
    interval = Interval(max(0.0, value - 1.96 * error), value + 1.96 * error, error, "normal interval")
    detail = (
        f"The {words} is {own:.1%} for {one.group} ({getattr(one, rows_of):,} rows) and {others:.1%} for {best.group}"
        f" ({getattr(best, rows_of):,} rows)."
    )
    return figure(
        test, value, rows=int(getattr(one, rows_of)), detail=detail, segment=segment, interval=interval, figures=lines
    )


def _odds(test: SuiteTest, segment: str, one: GroupCounts, best: GroupCounts, lines: list[dict[str, object]]) -> Found:
    """Compare both error rates; the larger difference counts."""
    pairs = [
        (one.true_positive_rate, one.positives, best.true_positive_rate, best.positives),
        (one.false_positive_rate, one.negatives, best.false_positive_rate, best.negatives),
    ]
    gaps = [
        (abs(own - others), difference_error(own, n, others, m))
        for own, n, others, m in pairs
        if own is not None and others is not None
    ]
    value, error = max(gaps)
    interval = Interval(max(0.0, value - 1.96 * error), value + 1.96 * error, error, "normal interval")
    detail = f"The error rates of {one.group} and {best.group} differ by up to {value:.1%} ({one.rows:,} rows)."
    return figure(test, value, rows=one.rows, detail=detail, segment=segment, interval=interval, figures=lines)


def _mean_errors(
    test: SuiteTest, column: str, view: View, groups: "np.ndarray[tuple[int], np.dtype[np.object_]]"
) -> list[Found]:
    """Compare the mean error of each group with that of the whole, in standard deviations of the truth."""
    if not isinstance(view, Amounts):
        raise NoData("A mean error is one of amounts; ask for another measure of classes.")
    errors, unit = view.scores - view.truth, float(view.truth.std()) or 1.0
    found: list[Found] = []
    for name in sorted({str(group) for group in groups if group is not None}):
        part = errors[groups == name]
        segment = f"{column}={name}"
        if part.size < test.least_rows:
            if test.parameters["small_groups"] == "judge":
                found.append(too_few(test, part.size, segment))
            continue
        value, error = abs(float(part.mean() - errors.mean())) / unit, float(part.std(ddof=1)) / part.size**0.5 / unit
        interval = Interval(max(0.0, value - 1.96 * error), value + 1.96 * error, error, "normal interval of the mean")
        detail = f"The mean error of {name} differs from that of all by {value:.3g} deviations ({part.size:,} rows)."
        found.append(figure(test, value, rows=part.size, detail=detail, segment=segment, interval=interval))
    return found
