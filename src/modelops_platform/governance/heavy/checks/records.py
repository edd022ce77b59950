"""Whether what is on record can be found again: the same answers, the same figures, clean files."""

from modelops_platform.core.errors import InvalidInput
from modelops_platform.monitoring.domain.lights import Light

from ...domain.parameters import METRICS
from ...domain.suites import Found, SuiteTest
from ..answers import metric, same_answers
from ..bench import AGAIN, ALL, Bench, Case, NoData, Questions, figure, too_few, without

_ALSO_CALLED = {"auc": "roc_auc", "brier_score": "brier", "pr_auc": "average_precision"}
_CLOSE_ERRORS = 1.96


def ask_reproducibility(test: SuiteTest, _case: Case, questions: Questions) -> None:
    """Ask everything, and for a comparison of answers everything again."""
    questions.put(ALL)
    if test.parameters["measure"] == "rescore":
        questions.put(AGAIN)


def find_reproducibility(test: SuiteTest, bench: Bench) -> list[Found]:
    """Compare two answers to the same question bit by bit, or recorded figures with those measured now."""
    if test.parameters["measure"] == "rescore":
        rows = bench.case.data.rows
        if rows < test.least_rows:
            return [too_few(test, rows)]
        value = same_answers(bench.said(ALL), bench.said(AGAIN))
        detail = f"Asked twice, the model gave {'the same' if not value else f'{value:,} different'} answers"
        return [figure(test, value, rows=rows, detail=f"{detail} to {rows:,} rows, compared bit by bit.")]
    return [_recorded(test, bench)]


def _recorded(test: SuiteTest, bench: Bench) -> Found:
    if not bench.case.is_recorded_data:
        raise NoData("The figures on record were measured on another data set; run this on the version's own.")
    lines = []
    for figure_on_record in bench.case.recorded:
        name = _ALSO_CALLED.get(str(figure_on_record["name"]), str(figure_on_record["name"]))
        value = figure_on_record.get("value")
        if name not in METRICS or value is None:
            continue
        try:
            now = metric(name, bench.view)
        except InvalidInput:
            continue
        # A figure of held-out rows may differ from that of all rows by its own noise, and by no more.
        noise = _CLOSE_ERRORS * float(figure_on_record.get("standard_error") or 0.0)
        lines.append(
            {"figure_name": name, "recorded": float(value), "figure": now, "noise": noise,
             "beyond": max(0.0, abs(now - float(value)) - noise)}
        )  # fmt: skip
    rows = len(bench.view)
    if rows < test.least_rows:
        return too_few(test, rows)
    if not lines:
        raise NoData("The version has no figure on record that can be measured again.")
    worst = max(lines, key=lambda line: float(str(line["beyond"])))
    detail = (
        f"{len(lines)} recorded figures measured again on {rows:,} rows; {worst['figure_name']} is furthest off:"
        f" {worst['recorded']:.4g} on record, {worst['figure']:.4g} now."
    )
    method = "largest distance beyond 1.96 standard errors of the record"
    return figure(
        test, float(str(worst["beyond"])), rows=rows, detail=detail, noise=float(str(worst["noise"])), method=method,
        figures=lines,
    )  # fmt: skip


def find_scan(test: SuiteTest, bench: Bench) -> list[Found]:
    """Count the files that were not found clean."""
    files = bench.case.files
    if not files:
        raise NoData("No file of this version is kept here.")
    by_verdict = {verdict: [file for file in files if file["verdict"] == verdict] for verdict in ("clean", "dangerous")}
    bad, unsure = by_verdict["dangerous"], len(files) - len(by_verdict["clean"]) - len(by_verdict["dangerous"])
    if not bad and unsure:
        return [without(test, Light.NO_DATA, f"{unsure} of {len(files)} files have no clear verdict of the scan yet.")]
    detail = f"{bad[0]['path']} is dangerous: {bad[0]['reason']}." if bad else f"{len(files)} files, all clean."
    found = figure(test, len(bad), rows=len(files), detail=detail, figures=[dict(file) for file in files])
    return [found]
