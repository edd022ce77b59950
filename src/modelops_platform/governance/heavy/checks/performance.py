"""Figures against limits, against the live version, over time and segments, and whether probabilities hold."""

import numpy as np

from modelops_platform.core.errors import InvalidInput
from modelops_platform.monitoring.domain.lights import Light
from modelops_platform.statistics import calibration as calibrating
from modelops_platform.statistics.distances import (
    count_in_bins,
    population_stability_index_of_counts,
    quantile_edges,
)
from modelops_platform.statistics.intervals import Interval, bootstrap_interval, share_interval, stability_noise
from modelops_platform.statistics.performance import brier_score

from ...domain.parameters import metric_words
from ...domain.suites import Found, SuiteTest
from ..answers import View, gain, metric, probability_of
from ..bench import ALL, Bench, Case, Questions, figure, too_few, without
from ..reading import FloatArray, Places


def ask(_test: SuiteTest, _case: Case, questions: Questions) -> None:
    """Ask about every row as it is."""
    questions.put(ALL)


def find_metric(test: SuiteTest, bench: Bench) -> list[Found]:
    """Measure a figure on the whole or on each part, with its interval."""
    name, found = bench.metric_of(test), []
    for segment, rows in bench.slices(test):
        if rows.size < test.least_rows:
            found.append(too_few(test, rows.size, segment))
            continue
        part = bench.view.take(rows)
        try:
            value = metric(name, part)
        except InvalidInput as error:
            found.append(without(test, Light.ERROR, error.message, segment=segment, rows=rows.size))
            continue
        detail = f"{metric_words(name)} is {value:.4g} on {rows.size:,} rows{_of(segment)}."
        interval = _interval(name, part, bench.case.suite.seed, _confidence(test))
        found.append(figure(test, value, rows=rows.size, detail=detail, segment=segment, interval=interval))
    return found


def find_challenger(test: SuiteTest, bench: Bench) -> list[Found]:
    """Compare with the live version on the same rows: the interval is of the difference."""
    if bench.champion is None:
        detail = "No other version is live, so there is nothing to beat; no figure was computed."
        return [without(test, Light.PASS, detail)]
    name, own = bench.metric_of(test), bench.view
    if len(own) < test.least_rows:
        return [too_few(test, len(own))]
    live = bench.champion_view
    ours, theirs = metric(name, own), metric(name, live)
    value = gain(name, ours, theirs)

    def difference(rows: Places) -> float:
        return gain(name, metric(name, own.take(rows)), metric(name, live.take(rows)))

    interval = bootstrap_interval(difference, len(own), seed=bench.case.suite.seed, confidence=_confidence(test))
    word, live_name = metric_words(name), bench.champion_name
    detail = f"{word} is {ours:.4g} against {theirs:.4g} of {live_name} on the same {len(own):,} rows."
    lines: list[dict[str, object]] = [
        {"version": "this", "figure": ours},
        {"version": bench.champion_name, "figure": theirs},
    ]
    method = "paired difference, positive is better"
    return [figure(test, value, rows=len(own), detail=detail, interval=interval, method=method, figures=lines)]


def find_stability(test: SuiteTest, bench: Bench) -> list[Found]:
    """Compare the parts with the whole, or their scores with those of the first period."""
    parts = list(bench.slices(test))
    large = [(name, rows) for name, rows in parts if rows.size >= test.least_rows]
    if len(large) < 2:
        most = max((rows.size for _name, rows in parts), default=0)
        detail = (
            f"{len(large)} of {len(parts)} parts have the {test.least_rows:,} rows that are needed; the largest has"
            f" {most:,}. Two are compared at least."
        )
        return [without(test, Light.TOO_FEW_ROWS, detail, rows=most)]
    if test.parameters["measure"] == "score_psi":
        return [_score_shift(test, bench, large)]
    name = bench.metric_of(test)
    whole, rows, drops, errors = metric(name, bench.view), [], [], []
    for segment, places in large:
        part = bench.view.take(places)
        value = metric(name, part)
        interval = _interval(name, part, bench.case.suite.seed, 0.95)
        drops.append(gain(name, whole, value))
        errors.append(interval.standard_error if interval is not None else None)
        rows.append({"part": segment, "rows": places.size, "figure": value, "drop": drops[-1], "noise": errors[-1]})
    rows += [{"part": segment, "rows": places.size} for segment, places in parts if places.size < test.least_rows]
    worst = int(np.argmax(drops))
    value = max(0.0, drops[worst])
    detail = (
        f"{metric_words(name)} is {whole:.4g} on the whole and {rows[worst]['figure']:.4g} in the worst of {len(large)}"
        f" parts, {large[worst][0]} ({large[worst][1].size:,} rows)."
    )
    count = sum(places.size for _name, places in large)
    return [figure(test, value, rows=count, detail=detail, noise=errors[worst], method="largest drop", figures=rows)]


def _score_shift(test: SuiteTest, bench: Bench, parts: list[tuple[str, Places]]) -> Found:
    scores = bench.view.scores
    first = scores[parts[0][1]]
    edges = quantile_edges(first)
    counts = count_in_bins(first, edges)
    rows: list[dict[str, object]] = []
    shifts, noises = [], []
    for name, places in parts[1:]:
        shifts.append(population_stability_index_of_counts(counts, count_in_bins(scores[places], edges)))
        noises.append(stability_noise(first.size, places.size, edges.size + 1))
        rows.append({"part": name, "rows": places.size, "figure": shifts[-1], "noise": noises[-1]})
    worst = int(np.argmax(shifts))
    detail = (
        f"The scores of {rows[worst]['part']} moved most from those of {parts[0][0]}: stability index"
        f" {shifts[worst]:.3g}; samples of the same source stay below {noises[worst]:.2g}."
    )
    count = sum(places.size for _name, places in parts)
    method = f"largest PSI against the first part, {edges.size + 1} bins of its quantiles"
    return figure(test, shifts[worst], rows=count, detail=detail, noise=noises[worst], method=method, figures=rows)


def find_calibration(test: SuiteTest, bench: Bench) -> list[Found]:
    """Measure whether probabilities mean what they say."""
    truth, said = probability_of(bench.view)
    if truth.size < test.least_rows:
        return [too_few(test, truth.size)]
    count = int(str(test.parameters["bins"]))
    bins = [
        {"said": one.said, "came_true": one.came_true, "rows": one.rows}
        for one in calibrating.calibration_bins(truth, said, bins=count)
    ]
    seed, n = bench.case.suite.seed, truth.size
    match test.parameters["measure"]:
        case "brier":
            value, of_mean = brier_score(truth, said), _mean_interval((said - truth) ** 2)
            detail = f"The Brier score is {value:.4g} on {n:,} rows."
            return [figure(test, value, rows=n, detail=detail, interval=of_mean, figures=bins)]
        case "ece":
            value = calibrating.expected_calibration_error(truth, said, bins=count)
            noise = calibrating.calibration_noise(said, seed=seed, bins=count)
            interval = bootstrap_interval(
                lambda rows: calibrating.expected_calibration_error(truth[rows], said[rows], bins=count), n, seed=seed
            )
            detail = (
                f"What is said and what comes true differ by {value:.3g} on average; perfect probabilities would show"
                f" up to {noise:.2g} on {n:,} rows."
            )
            method = f"{count} bins of equal mass"
            return [
                figure(test, value, rows=n, detail=detail, interval=interval, noise=noise, method=method, figures=bins)
            ]
    line = calibrating.calibration_line(truth, said)
    is_slope = test.parameters["measure"] == "slope"
    value, error = (line.slope, line.slope_error) if is_slope else (line.intercept, line.intercept_error)
    of_line = Interval(value - 1.96 * error, value + 1.96 * error, error, "logistic regression on the log odds")
    word = "slope (1 is perfect)" if is_slope else "intercept (0 is perfect)"
    detail = f"The calibration line has the {word} {value:.3g} on {n:,} rows."
    return [figure(test, value, rows=n, detail=detail, interval=of_line, figures=bins)]


def _mean_interval(values: FloatArray) -> Interval:
    mean, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size))
    return Interval(mean - 1.96 * error, mean + 1.96 * error, error, "normal interval of the mean")


def _interval(name: str, view: View, seed: int, confidence: float) -> Interval | None:
    if name == "accuracy":
        hits = round(metric(name, view) * len(view))
        return share_interval(hits, len(view), confidence=confidence)
    return bootstrap_interval(lambda rows: metric(name, view.take(rows)), len(view), seed=seed, confidence=confidence)


def _confidence(test: SuiteTest) -> float:
    return float(str(test.parameters.get("confidence", 0.95)))


def _of(segment: str) -> str:
    return f" of {segment}" if segment else ""
