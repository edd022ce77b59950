"""Asking a model: each call starts a worker, a limited child that loads one model and answers its tables."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from modelops_platform.artifacts.limited import Ending, Outcome, run_limited
from modelops_platform.artifacts.limits import MIB, Limits

from .domain import PICKLED, FailureCode, ModelFile, ScoreResult, Table

SCORE_LIMITS = Limits(wall_seconds=60.0, cpu_seconds=50, memory_bytes=4096 * MIB, open_files=256, output_bytes=64 * MIB)
_WORKER = f"{__package__}.worker.child"
# One thread: limits count threads as processes, and a worker has one core's worth of time anyway.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """One table for one model, and what answering it may cost."""

    model: ModelFile
    table: Table
    limits: Limits = field(default=SCORE_LIMITS)


def score(request: ScoreRequest) -> ScoreResult:
    """Answer one table; what goes wrong comes back as a failure with a code."""
    return predict_batch(request.model, [request.table], limits=request.limits)[0]


def predict_batch(model: ModelFile, tables: Sequence[Table], *, limits: Limits = SCORE_LIMITS) -> list[ScoreResult]:
    """Answer many tables by one worker that loads the model once; the results are in the order of the tables.

    A table that the model refuses fails alone. What stops the worker fails all of them.
    """
    if not tables:
        return []
    if model.format in PICKLED and not model.allow_pickle:
        refusal = ScoreResult.failed(
            FailureCode.NOT_LOADABLE,
            f"Loading {model.format.value} runs code of whoever made the file, and nobody allowed it for this model.",
        )
        return [refusal] * len(tables)
    outcome = run_limited(_WORKER, limits=limits, feed=_question(model, tables), environment=_ENVIRONMENT)
    return _results(outcome, len(tables), limits)


def _question(model: ModelFile, tables: Sequence[Table]) -> bytes:
    """Write the model and the tables as the worker reads them."""
    question = {
        "path": str(model.path),
        "sha256": model.sha256,
        "format": model.format.value,
        "allow_pickle": model.allow_pickle,
        "trusted_types": model.trusted_types,
        "tables": [{"columns": table.columns, "rows": table.rows} for table in tables],
    }
    return json.dumps(question).encode()


def _results(outcome: Outcome, count: int, limits: Limits) -> list[ScoreResult]:
    """Read what the worker left behind."""
    match outcome.ending:
        case Ending.OUT_OF_TIME:
            message = f"The model did not answer within {limits.wall_seconds:g} s ({limits.cpu_seconds} s of CPU)."
            return [ScoreResult.failed(FailureCode.OUT_OF_TIME, message)] * count
        case Ending.TOO_MUCH_OUTPUT:
            message = f"The answer is longer than {limits.output_bytes} bytes; ask with fewer rows."
            return [ScoreResult.failed(FailureCode.BAD_INPUT, message)] * count
        case Ending.CRASHED:
            message = f"The model stopped its worker (status {outcome.status})."
            return [ScoreResult.failed(FailureCode.CRASHED, message)] * count
    try:
        answer = json.loads(outcome.output)
        if "failure" in answer:
            return [ScoreResult.from_json(answer)] * count
        results = [ScoreResult.from_json(result) for result in answer["results"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        results = []
    if len(results) != count:
        return [ScoreResult.failed(FailureCode.CRASHED, "The worker's answer cannot be read.")] * count
    return results
