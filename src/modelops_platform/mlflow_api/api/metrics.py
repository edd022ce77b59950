"""Histories of metrics."""

import msgspec
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import InvalidInput
from modelops_platform.tracking import queries
from modelops_platform.tracking.queries.history import MOST_POINTS, MOST_RUNS

from ..routes import Family
from ..wire import Int64, Message, Text
from .runs import OfRun

family = Family()
READ = Permission.VIEW
MOST_IN_BULK = 25_000


class HistoryOf(OfRun, kw_only=True):
    """Names a metric of a run."""

    metric_key: Text
    max_results: Int64 | None = None
    page_token: str | None = None


@family.get("metrics/get-history", permission=READ)
def get_history(db: Session, actor: Actor, wanted: HistoryOf) -> bytes:
    """Return the points of a metric, by time."""
    limit = wanted.max_results
    if limit is not None and limit < 1:
        raise InvalidInput(
            f"Invalid value {limit} for parameter 'max_results' supplied. It must be a positive integer.",
            field="max_results",
        )
    points, token = queries.get_history(
        db,
        actor,
        wanted.run,
        wanted.metric_key,
        limit=limit,
        token=wanted.page_token,
        printed_key=msgspec.json.encode(wanted.metric_key).decode(),
    )
    if not points:
        return b"{}"
    more = f',"next_page_token":"{token}"' if token else ""
    return f'{{"metrics":[{points}]{more}}}'.encode()


class HistoriesOf(Message, kw_only=True):
    """Names a metric of several runs, and a range of steps."""

    run_ids: list[str] = []
    metric_key: Text
    start_step: Int64 | None = None
    end_step: Int64 | None = None
    max_results: Int64 = MOST_POINTS


@family.get("metrics/get-history-bulk-interval", permission=READ)
def get_history_bulk_interval(db: Session, actor: Actor, wanted: HistoriesOf) -> bytes:
    """Return the points of a metric in several runs, thinned out when they are many."""
    if not 1 <= len(wanted.run_ids) <= MOST_RUNS:
        raise InvalidInput(
            f"GetMetricHistoryBulkInterval request must specify 1 to {MOST_RUNS} run_ids. "
            f"Received {len(wanted.run_ids)} run_ids.",
            field="run_ids",
        )
    if not 1 <= wanted.max_results <= MOST_POINTS:
        raise InvalidInput(f"max_results must be between 1 and {MOST_POINTS}.", field="max_results")
    steps = _steps(wanted.start_step, wanted.end_step)
    found = queries.get_histories(db, actor, wanted.run_ids, wanted.metric_key, steps=steps, limit=wanted.max_results)
    return _printed(wanted.metric_key, found)


def _steps(start: int | None, end: int | None) -> tuple[int, int] | None:
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise InvalidInput(
            "If either start step or end step are specified, both must be specified.", field="start_step"
        )
    if start > end:
        raise InvalidInput(
            f"end_step must be greater than start_step. Found start_step={start} and end_step={end}.", field="end_step"
        )
    return start, end


class BulkHistoryOf(Message, kw_only=True):
    """Names a metric of several runs, as the browser interface does."""

    run_id: list[str] = []
    metric_key: Text
    max_results: Int64 = MOST_IN_BULK


@family.get("metrics/get-history-bulk", permission=READ)
def get_history_bulk(db: Session, actor: Actor, wanted: BulkHistoryOf) -> bytes:
    """Return the points of a metric in several runs."""
    if not 1 <= len(wanted.run_id) <= MOST_RUNS:
        raise InvalidInput(f"Name 1 to {MOST_RUNS} runs in 'run_id'.", field="run_id")
    limit = max(0, min(wanted.max_results, MOST_IN_BULK))
    found = queries.get_histories(db, actor, wanted.run_id, wanted.metric_key, steps=None, limit=max(1, limit))
    return _printed(wanted.metric_key, found[:limit]) if found[:limit] else b'{"metrics":[]}'


def _printed(key: str, found: list[tuple[str, str, int, int]]) -> bytes:
    if not found:
        return b"{}"
    shown = msgspec.json.encode(key).decode()
    points = ",".join(
        f'{{"key":{shown},"value":{value},"timestamp":{timestamp},"step":{step},"run_id":"{run_id}"}}'
        for run_id, value, timestamp, step in found
    )
    return f'{{"metrics":[{points}]}}'.encode()
