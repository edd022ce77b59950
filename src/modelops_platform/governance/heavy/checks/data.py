"""Whether the data are as the version's signature and its training data let one expect."""

from collections.abc import Callable, Mapping

import numpy as np

from modelops_platform.statistics.intervals import share_interval

from ...domain.suites import Found, SuiteTest
from ..bench import Bench, Case, NoData, NotApplicable, figure, too_few
from ..reading import Column, as_word


def find(test: SuiteTest, bench: Bench) -> list[Found]:
    """Measure one expectation; the worst column counts, and each has its line."""
    case = bench.case
    if case.data.rows < test.least_rows:
        return [too_few(test, case.data.rows)]
    if test.parameters["measure"] == "duplicates":
        return [_duplicates(test, case)]
    count, words, of_reference = _MEASURES[str(test.parameters["measure"])]
    if of_reference and case.reference is None:
        raise NoData("The version names no data set whose file is kept here, so nothing tells what was known.")
    lines = []
    for name in test.columns or case.inputs:
        column = case.data.column(name)
        known = case.reference.columns.get(name) if of_reference and case.reference is not None else None
        if of_reference and known is None:
            continue
        hits = count(column, known)
        if hits is not None:
            lines.append({"input": name, "figure": hits / case.data.rows, "rows": hits})
    if not lines:
        raise NotApplicable(f"No input can have {words}.")
    lines.sort(key=lambda line: -float(str(line["figure"])))
    hits, rows = int(str(lines[0]["rows"])), case.data.rows
    detail = (
        f"{lines[0]['input']} has the most {words}: {hits:,} of {rows:,} rows; {len(lines)} columns were looked at."
    )
    if not hits:
        detail = f"No column of {len(lines)} has {words} in {rows:,} rows."
    return [figure(test, hits / rows, rows=rows, detail=detail, interval=share_interval(hits, rows), figures=lines)]


def _missing(column: Column, _known: Column | None) -> int:
    return int(column.missing.sum()) - column.errors


def _errors(column: Column, _known: Column | None) -> int:
    return column.errors


def _out_of_range(column: Column, known: Column | None) -> int | None:
    if known is None or column.is_text or known.is_text or known.missing.all():
        return None
    values, range_of = column.numbers, known.numbers
    with np.errstate(invalid="ignore"):
        return int(((values < np.nanmin(range_of)) | (values > np.nanmax(range_of))).sum())


def _unseen(column: Column, known: Column | None) -> int | None:
    if known is None or not column.is_text:
        return None
    seen = {as_word(value) for value in known.values.tolist()}
    return sum(value is not None and as_word(value) not in seen for value in column.values.tolist())


_MEASURES: Mapping[str, tuple[Callable[[Column, Column | None], int | None], str, bool]] = {
    "missing": (_missing, "missing values", False),
    "type_errors": (_errors, "cells of another type", False),
    "out_of_range": (_out_of_range, "values beyond the range that was trained on", True),
    "unseen": (_unseen, "categories that were not trained on", True),
}


def _duplicates(test: SuiteTest, case: Case) -> Found:
    names = test.columns or tuple(case.data.columns)
    rows = list(zip(*(case.data.column(name).words().tolist() for name in names), strict=True))
    hits = len(rows) - len(set(rows))
    detail = f"{hits:,} of {len(rows):,} rows stand a second time, in all of {len(names)} columns."
    if not hits:
        detail = f"No row of {len(rows):,} stands twice."
    interval = share_interval(hits, len(rows))
    return figure(test, hits / len(rows), rows=len(rows), detail=detail, interval=interval)
