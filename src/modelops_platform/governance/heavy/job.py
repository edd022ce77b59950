"""A run of a suite as a job does it: read, ask the model once, and do every test; one that fails stops no other."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from modelops_platform.artifacts.domain import Format
from modelops_platform.artifacts.limits import MIB, Limits
from modelops_platform.core.errors import InvalidInput
from modelops_platform.monitoring.domain.lights import Light
from modelops_platform.serving.domain import ModelFile
from modelops_platform.serving.service import predict_batch

from ..domain.documents import read_yaml
from ..domain.facts import Kind
from ..domain.parameters import Check
from ..domain.suites import Found, SuiteTest, Task, read_suite
from .answers import CannotAnswer, Said, said
from .bench import ALL, Bench, Case, NoData, NotApplicable, Questions, Roles, without
from .checks import CHECKERS
from .reading import Data, read_data

Progress = Callable[[float | None, str], None]
ASK_LIMITS = Limits(
    wall_seconds=900.0, cpu_seconds=900, memory_bytes=6144 * MIB, open_files=256, output_bytes=512 * MIB
)


def run(prepared: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Do the tests of a suite.

    Args:
        prepared: `suite` (its document), `kind`, `data`, `reference` (paths or nothing), `roles`, `signature`,
            `recorded`, `is_recorded_data`, `files`, `model` and `champion` (path, sha256, format, name; or why there
            is none).
    Returns: `found`, one for each test and segment; `skipped`, what does not apply and why; `notes`; the task.
    Raises: InvalidInput when the data set cannot be read at all.
    """
    suite = read_suite(read_yaml(prepared["suite"]))
    progress(0.05, "Reading the data set.")
    case = _case(prepared)
    kind = Kind(prepared["kind"])
    wanted = [test for test in suite.tests if test.applies(kind, case.roles.task)]
    questions = Questions(case)
    failed: dict[str, Found] = {}
    for test in wanted:
        _ask(test, case, questions, failed)
    rows = sum(len(table.rows) for table in questions.tables.values())
    progress(0.2, f"Asking the model about {rows:,} rows in {len(questions.tables)} tables.")
    bench = _ask_models(prepared, case, questions, progress)
    found, skipped = [], _skipped(suite.tests, wanted)
    task = bench.task() if any(test.check is not Check.ARTIFACT_SCAN for test in wanted) else None
    for place, test in enumerate(wanted):
        progress(0.5 + 0.5 * place / len(wanted), f"{test.title}.")
        if not test.applies(kind, task):
            skipped.append({"test": test.id, "why": f"It is for other answers than {task.value if task else 'these'}."})
        elif test.id in failed:
            found.append(failed[test.id])
        else:
            try:
                found += _find(test, bench)
            except NotApplicable as why:
                skipped.append({"test": test.id, "why": str(why)})
    notes = []
    if case.data.rows < case.data.rows_in_file:
        notes.append(f"{case.data.rows:,} of {case.data.rows_in_file:,} rows were chosen, seed {suite.seed}.")
    return {
        "found": [one.to_dict() for one in found],
        "skipped": skipped,
        "notes": notes,
        "task": task.value if task else None,
        "rows": case.data.rows,
        "rows_asked": rows,
    }


def _case(prepared: Mapping[str, Any]) -> Case:
    suite = read_suite(read_yaml(prepared["suite"]))
    given = prepared["roles"]
    roles = Roles(
        target=given.get("target"),
        positive=given.get("positive"),
        task=Task(given["task"]) if given.get("task") else None,
        time=given.get("time"),
        segments=tuple(given.get("segments") or ()),
        groups=tuple(given.get("groups") or ()),
    )
    inputs = [column["name"] for column in prepared["signature"]]
    types = {column["name"]: column.get("type") or "" for column in prepared["signature"]}
    data = read_data(Path(prepared["data"]), types, seed=suite.seed)
    for name in filter(None, (roles.target, roles.time, *roles.segments, *roles.groups)):
        data.column(name)
    chosen = tuple(inputs) or tuple(name for name in data.columns if name not in (roles.target, roles.time))
    for name in chosen:
        data.column(name)
    reference: Data | None = None
    if prepared.get("reference"):
        reference = read_data(Path(prepared["reference"]), types, seed=suite.seed, wanted=chosen)
    return Case(
        suite=suite,
        data=data,
        roles=roles,
        inputs=chosen,
        reference=reference,
        recorded=tuple(prepared["recorded"]),
        is_recorded_data=prepared["is_recorded_data"],
        files=tuple(prepared["files"]),
    )


def _skipped(tests: tuple[SuiteTest, ...], wanted: list[SuiteTest]) -> list[dict[str, str]]:
    return [
        {"test": test.id, "why": "It is for models of other kinds or answers."} for test in tests if test not in wanted
    ]


def _ask(test: SuiteTest, case: Case, questions: Questions, failed: dict[str, Found]) -> None:
    """Put the questions of one test; what goes wrong is the outcome of that test alone."""
    checker = CHECKERS[test.check]
    if checker.ask is None:
        return
    try:
        checker.ask(test, case, questions)
    except Exception as error:  # noqa: BLE001 - the edge of one test
        failed[test.id] = _without(test, error)


def _find(test: SuiteTest, bench: Bench) -> list[Found]:
    """Do one test; what goes wrong is the outcome of that test alone."""
    try:
        checker = CHECKERS[test.check]
        if checker.needs_model:
            bench.said(ALL)
        found = checker.find(test, bench)
        if not found:
            return [without(test, Light.NO_DATA, "There was nothing to measure.")]
    except NotApplicable:
        raise
    except Exception as error:  # noqa: BLE001 - the edge of one test
        return [_without(test, error)]
    return found


def _without(test: SuiteTest, error: Exception) -> Found:
    """Say why a test has no figure."""
    match error:
        case NoData():
            return without(test, Light.NO_DATA, str(error))
        case InvalidInput():
            return without(test, Light.ERROR, " ".join(filter(None, (error.message, error.remedy))))
        case CannotAnswer():
            return without(test, Light.ERROR, str(error))
        case MemoryError():
            return without(test, Light.ERROR, "The test needs more memory than a job may use.")
    return without(test, Light.ERROR, f"The test could not be done: {type(error).__name__}: {error}")


def _ask_models(prepared: Mapping[str, Any], case: Case, questions: Questions, progress: Progress) -> Bench:
    keys = list(questions.tables)
    if not keys:
        return Bench(case, {})
    answers = _answers(prepared["model"], keys, questions)
    champion, live = None, prepared.get("champion")
    if live is not None and any(test.check is Check.CHALLENGER for test in case.suite.tests):
        progress(0.45, f"Asking {live['name']}, the version that is live.")
        champion = _answers(live, [ALL], questions)[ALL] if ALL in keys else None
    return Bench(case, answers, champion, live["name"] if live is not None else None)


def _answers(model: Mapping[str, Any], keys: list[str], questions: Questions) -> dict[str, Said | CannotAnswer]:
    """Have one worker answer all the tables. Nothing of the model is loaded in this process."""
    if model.get("why_not"):
        return {key: CannotAnswer(model["why_not"]) for key in keys}
    file = ModelFile(Path(model["path"]), model["sha256"], Format(model["format"]))
    results = predict_batch(file, [questions.tables[key] for key in keys], limits=ASK_LIMITS)
    found: dict[str, Said | CannotAnswer] = {}
    for key, result in zip(keys, results, strict=True):
        try:
            found[key] = said(result)
        except CannotAnswer as error:
            found[key] = error
    return found
