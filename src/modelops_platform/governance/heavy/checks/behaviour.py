"""What the answers do when the inputs change: shifted one at a time, stressed, damaged, shuffled."""

import math
from collections.abc import Iterator

import numpy as np

from modelops_platform.core.errors import InvalidInput
from modelops_platform.monitoring.domain.lights import Light
from modelops_platform.statistics.intervals import share_interval, share_of_overlap

from ...domain.parameters import Scenario, metric_words
from ...domain.suites import Found, SuiteTest
from ..answers import CannotAnswer, Said, gain, metric
from ..bench import ALL, Bench, Case, NotApplicable, Questions, figure, too_few, without
from ..reading import FloatArray, Places, TextArray

_BEYOND = 3.0
"""A value out of range lies so many times the known range beyond its end."""


def _rows(test: SuiteTest, case: Case) -> Places:
    return case.sample(int(str(test.parameters["rows"])))


# ---- sensitivity ----------------------------------------------------------------------------------------------------


def ask_sensitivity(test: SuiteTest, case: Case, questions: Questions) -> None:
    """Ask with each number moved up and down, one at a time."""
    questions.put(ALL)
    rows = _rows(test, case)
    for name in case.numeric:
        values = case.data.column(name).numbers
        step = float(str(test.parameters["deviations"])) * float(np.nanstd(values))
        for sign in (-1, 1):
            questions.put(_shift_key(test, name, sign), rows, {name: values[rows] + sign * step})


def _shift_key(test: SuiteTest, name: str, sign: int) -> str:
    return f"shift:{name}:{sign * float(str(test.parameters['deviations'])):g}:{test.parameters['rows']}"


def find_sensitivity(test: SuiteTest, bench: Bench) -> list[Found]:
    """Measure how far one moved input moves the answers, on average; the most moving input counts."""
    rows = _rows(test, bench.case)
    if rows.size < test.least_rows:
        return [too_few(test, rows.size)]
    if not bench.case.numeric:
        raise NotApplicable("No input is a number that varies.")
    base, unit = bench.scores(ALL, rows), _unit(bench)
    moved = []
    for name in bench.case.numeric:
        shifts = [
            float(np.mean(np.abs(_whole(bench.scores(_shift_key(test, name, sign))) - base))) / unit for sign in (-1, 1)
        ]
        moved.append({"input": name, "down": shifts[0], "up": shifts[1], "figure": max(shifts)})
    moved.sort(key=lambda one: -_number(one["figure"]))
    value, steps = _number(moved[0]["figure"]), float(str(test.parameters["deviations"]))
    detail = (
        f"Moving {moved[0]['input']} by {steps:g} standard deviations moves the answers by {value:.3g}"
        f"{_unit_words(bench)} on average, more than any other of {len(moved)} inputs."
    )
    method = f"one input at a time on {rows.size:,} rows, seed {bench.case.suite.seed}"
    return [figure(test, value, rows=rows.size, detail=detail, method=method, figures=moved)]


def _unit(bench: Bench) -> float:
    """Return what one unit of change is: 1 for a probability, the spread of the answers for an amount."""
    scores = _whole(bench.scores(ALL))
    if bench.said(ALL).probabilities is not None or (scores.min() >= 0 and scores.max() <= 1):
        return 1.0
    return float(scores.std()) or 1.0


def _unit_words(bench: Bench) -> str:
    return "" if _unit(bench) == 1.0 else " standard deviations of the answers"


def _whole(scores: FloatArray) -> FloatArray:
    if not np.isfinite(scores).all():
        raise CannotAnswer(f"{int((~np.isfinite(scores)).sum()):,} of {scores.size:,} answers are no number.")
    return scores


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)


# ---- stress and robustness ------------------------------------------------------------------------------------------


def ask_stress(test: SuiteTest, case: Case, questions: Questions) -> None:
    """Ask in each scenario."""
    questions.put(ALL)
    rows = _rows(test, case)
    for key, scenario in _scenarios(test):
        names = [name for name in case.numeric if not scenario.columns or name in scenario.columns]
        questions.put(key, rows, {name: case.data.column(name).numbers[rows] * scenario.factor for name in names})


def _scenarios(test: SuiteTest) -> Iterator[tuple[str, Scenario]]:
    given = test.parameters["scenarios"]
    assert isinstance(given, tuple)
    for scenario in given:
        columns = ",".join(scenario.columns)
        yield f"stress:{scenario.factor:g}:{columns}:{test.parameters['rows']}", scenario


def find_stress(test: SuiteTest, bench: Bench) -> list[Found]:
    """Measure what each scenario does to the answers, or to how good they are."""
    rows = _rows(test, bench.case)
    if rows.size < test.least_rows:
        return [too_few(test, rows.size)]
    found = []
    for key, scenario in _scenarios(test):
        strange = [name for name in scenario.columns if name not in bench.case.numeric]
        if strange:
            words = f"The scenario changes {strange[0]!r}, which is no numeric input."
            found.append(without(test, Light.ERROR, words, segment=scenario.name))
            continue
        found.append(_changed(test, bench, key, rows, scenario.name))
    return found


def ask_robustness(test: SuiteTest, case: Case, questions: Questions) -> None:
    """Ask with damaged cells: some missing, or some far out of range."""
    questions.put(ALL)
    questions.put(_damage_key(test), _rows(test, case), _damaged(test, case))


def _damage_key(test: SuiteTest) -> str:
    return f"damage:{test.parameters['damage']}:{test.parameters['share']}:{test.parameters['rows']}"


def _damaged(test: SuiteTest, case: Case) -> dict[str, FloatArray | TextArray]:
    rows, share = _rows(test, case), float(str(test.parameters["share"]))
    random = np.random.default_rng(case.suite.seed)
    found: dict[str, FloatArray | TextArray] = {}
    is_missing = test.parameters["damage"] == "missing"
    for name in case.inputs if is_missing else case.numeric:
        column = case.data.column(name)
        hit = random.random(rows.size) < share
        values = column.values[rows].copy()
        if column.is_text:
            values[hit] = None
        else:
            known = column.numbers
            low, high = float(np.nanmin(known)), float(np.nanmax(known))
            far = high + _BEYOND * (high - low)
            values[hit] = np.nan if is_missing else far
        found[name] = values
    return found


def find_robustness(test: SuiteTest, bench: Bench) -> list[Found]:
    """Measure whether the model still answers, or how much worse it is, when cells are damaged."""
    rows = _rows(test, bench.case)
    if rows.size < test.least_rows:
        return [too_few(test, rows.size)]
    return [_changed(test, bench, _damage_key(test), rows, "")]


def _changed(test: SuiteTest, bench: Bench, key: str, rows: Places, segment: str) -> Found:
    """Measure one changed table by the measure of the test."""
    said = bench.answers.get(key)
    match test.parameters["measure"]:
        case "answered_share":
            return _answered(test, bench, said, rows, segment)
        case "metric_drop":
            name = bench.metric_of(test)
            before = metric(name, bench.view_at(rows))
            after = metric(name, bench.beside(bench.said(key), rows))
            word = metric_words(name)
            detail = f"{word} falls from {before:.4g} to {after:.4g}{_in(segment)}, on the same {rows.size:,} rows."
            if gain(name, before, after) <= 0:
                detail = f"{word} is {after:.4g}{_in(segment)}, not worse than {before:.4g} before."
            value = max(0.0, gain(name, before, after))
        case _:
            base, unit = bench.scores(ALL, rows), _unit(bench)
            value = abs(float(np.mean(_whole(bench.scores(key))) - np.mean(base))) / unit
            detail = f"The mean answer moves by {value:.3g}{_unit_words(bench)}{_in(segment)}."
    method = f"the same rows before and after, seed {bench.case.suite.seed}"
    return figure(test, value, rows=rows.size, detail=detail, segment=segment, method=method)


def _answered(test: SuiteTest, bench: Bench, said: Said | CannotAnswer | None, rows: Places, segment: str) -> Found:
    """Count the rows that are answered at all; a model that refuses the damaged table answers none."""
    bench.said(ALL)  # a model that answers nothing, ever, is an error and no weakness against damage
    answered = 0 if said is None or isinstance(said, CannotAnswer) else int(said.answered.sum())
    why = f" It says: {said}" if isinstance(said, CannotAnswer) else ""
    interval = share_interval(answered, rows.size)
    detail = f"The model answers {answered:,} of {rows.size:,} rows with damaged cells.{why}"
    return figure(test, answered / rows.size, rows=rows.size, detail=detail[:600], segment=segment, interval=interval)


def _in(segment: str) -> str:
    return f" in {segment!r}" if segment else ""


# ---- explainability -------------------------------------------------------------------------------------------------


def ask_explainability(test: SuiteTest, case: Case, questions: Questions) -> None:
    """Ask with each input shuffled, one at a time."""
    questions.put(ALL)
    rows = _rows(test, case)
    order = np.random.default_rng(case.suite.seed).permutation(rows.size)
    for name in _explained(case):
        questions.put(_shuffle_key(test, name), rows, {name: case.data.column(name).values[rows][order]})


def _explained(case: Case) -> tuple[str, ...]:
    return case.inputs[:40]


def _shuffle_key(test: SuiteTest, name: str) -> str:
    return f"shuffle:{name}:{test.parameters['rows']}"


def find_explainability(test: SuiteTest, bench: Bench) -> list[Found]:
    """Rank the inputs by what shuffling each costs, once in each half of the rows, and compare the rankings."""
    rows, names = _rows(test, bench.case), _explained(bench.case)
    if rows.size < test.least_rows:
        return [too_few(test, rows.size)]
    if len(names) < 2:
        raise NotApplicable("A model of one input has no ranking.")
    order = np.random.default_rng(bench.case.suite.seed + 1).permutation(rows.size)
    halves = (np.sort(order[: rows.size // 2]), np.sort(order[rows.size // 2 :]))
    cost = np.array([[_cost(test, bench, rows, half, name) for name in names] for half in halves])
    top = min(int(str(test.parameters["top"])), len(names) - 1)
    value = share_of_overlap(cost[0], cost[1], top)
    mean = cost.mean(axis=0)
    ranked = [
        {"input": names[place], "figure": float(mean[place]), "first_half": float(cost[0][place]),
         "second_half": float(cost[1][place])}
        for place in np.argsort(-mean, kind="stable").tolist()
    ]  # fmt: skip
    first = ", ".join(str(one["input"]) for one in ranked[:top])
    detail = (
        f"What matters most is {first}; of the {top} most important inputs {value:.0%} are the same in both halves."
    )
    method = f"permutation importance on {rows.size:,} rows in two halves, seed {bench.case.suite.seed}"
    return [figure(test, value, rows=rows.size, detail=detail, method=method, figures=ranked)]


def _cost(test: SuiteTest, bench: Bench, rows: Places, half: Places, name: str) -> float:
    """Return what shuffling costs in a half: of the figure where the truth is known, else the mean move of answers."""
    said = bench.said(_shuffle_key(test, name))
    if bench.case.roles.target is None:
        moved = _whole(said.scores(bench.positive_of())) - bench.scores(ALL, rows)
        return float(np.mean(np.abs(moved[half])))
    figure_name = bench.metric_of(test)
    try:
        before = metric(figure_name, bench.view_at(rows[half]))
        after = metric(figure_name, bench.beside(said, rows).take(half))
    except InvalidInput:
        return math.nan
    return gain(figure_name, before, after)
