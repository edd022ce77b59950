"""What runs log: metrics, parameters, tags, inputs and outputs. Appended data, which writes no event.

These are the hot paths: statements go to the driver as they stand, nothing is read that need not be.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import InvalidInput, NotFound

from .. import queries
from ..domain.documents import point_text
from ..domain.limits import (
    LONGEST_PARAM,
    LONGEST_TAG,
    MOST_IN_BATCH,
    MOST_METRICS,
    MOST_PARAMS,
    MOST_TAGS,
    checked_key,
)
from ..domain.words import RUN_NAME, Lifecycle
from ..queries import RunHead
from ..queries.statements import Statement, marks
from .experiments import now_ms
from .logged_models import ModelPoint, add_model_points


class Point(NamedTuple):
    """A metric's value at a step and a time."""

    key: str
    value: float
    timestamp: int
    step: int = 0


def log_batch(
    db: Session,
    actor: Actor,
    run_id: str,
    *,
    points: Sequence[Point] = (),
    params: Sequence[tuple[str, str]] = (),
    tags: Sequence[tuple[str, str]] = (),
    of_models: Sequence[ModelPoint] = (),
    is_single: bool = False,
) -> RunHead:
    """Add points, parameters and tags to a run, all or nothing; the same batch again changes nothing.

    Those of the points that are about a logged model come again in `of_models`.
    A refusal names the element, such as `metrics[0].key`, unless there is only the one that was sent (`is_single`).
    Raises NotFound, NotAllowed, InvalidInput.
    """
    _check_batch(points, params, tags, is_single=is_single)
    run = get_to_log(db, actor, run_id)
    connection, now = db.connection(), now_ms()
    by = None if actor.id == run.created_by else actor.id
    if params:
        _add_params(connection, run, params, now, by)
    if points:
        add_points(connection, run, points, now, by)
    if tags:
        put_tags(connection, run, tags, now, by)
    if of_models:
        add_model_points(db, actor, run, of_models, now)
    forget_document(connection, run)
    return run


def get_to_log(db: Session, actor: Actor, run_id: str) -> RunHead:
    """Return the head of a living run that the actor may log to. Raises NotFound, NotAllowed, InvalidInput."""
    run = queries.get_head(db, actor, run_id, to_change=True)
    queries.must(actor, Permission.LOG_RUNS, run)
    must_be_active(run)
    return run


def must_be_active(run: RunHead) -> None:
    """Raise InvalidInput for a deleted run."""
    if run.lifecycle != Lifecycle.ACTIVE:
        raise InvalidInput(
            f"The run {run.id} must be in the 'active' state. Current state is {run.lifecycle}.",
            remedy="Restore it first.",
            field="run_id",
            value=run.id,
        )


_FORGET = Statement("UPDATE runs SET document = NULL WHERE id = ?")


def forget_document(connection: Connection, run: RunHead) -> None:
    """Drop the run's document, because what it says is about to change."""
    if run.has_document:
        _FORGET.do(connection, run.id)


def _check_batch(
    points: Sequence[Point],
    params: Sequence[tuple[str, str]],
    tags: Sequence[tuple[str, str]],
    *,
    is_single: bool,
) -> None:
    for items, most, what in (
        (points, MOST_METRICS, "metrics"),
        (params, MOST_PARAMS, "params"),
        (tags, MOST_TAGS, "tags"),
    ):
        if len(items) > most:
            raise InvalidInput(
                f"A batch logging request can contain at most {most} {what}. Got {len(items)} {what}.",
                remedy="Split it.",
                field=what,
            )
    if len(points) + len(params) + len(tags) > MOST_IN_BATCH:
        raise InvalidInput(f"A batch logging request can contain at most {MOST_IN_BATCH} values.", remedy="Split it.")

    def place(what: str, position: int) -> str:
        return "" if is_single else f"{what}[{position}]."

    for position, point in enumerate(points):
        checked_key(point.key, "Metric name", f"{place('metrics', position)}key")
        if point.timestamp < 0:
            field = f"{place('metrics', position)}timestamp"
            raise InvalidInput(
                f"Invalid value {point.timestamp} for parameter '{field}' supplied: "
                "Timestamp must be a nonnegative long (64-bit integer).",
                field=field,
            )
    for position, (key, _value) in enumerate(params):
        checked_key(key, "Param key", f"{place('params', position)}key")
    if len({key for key, _value in params}) < len(params):
        raise InvalidInput("Duplicate parameter keys have been submitted.", remedy="Send each once.", field="params")
    for position, (key, _value) in enumerate(tags):
        checked_key(key, "Tag key", f"{place('tags', position)}key")


_ADD_POINT = Statement(
    "INSERT INTO metrics (run_id, key, timestamp, step, value, logged_ms, logged_by) VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
_PUT_LATEST = Statement(
    "INSERT INTO latest_metrics (run_id, key, experiment_id, value, timestamp, step) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (run_id, key) DO UPDATE"
    " SET value = excluded.value, timestamp = excluded.timestamp, step = excluded.step"
    " WHERE (excluded.step, excluded.timestamp) > (latest_metrics.step, latest_metrics.timestamp)"
    " OR ((excluded.step, excluded.timestamp) = (latest_metrics.step, latest_metrics.timestamp)"
    " AND excluded.value IS NOT NULL AND (latest_metrics.value IS NULL OR excluded.value > latest_metrics.value))"
)


def add_points(connection: Connection, run: RunHead, points: Iterable[Point], now: int, by: str | None) -> None:
    """Append points, and keep the latest of each metric: the greatest step, then time, then value."""
    rows = []
    latest: dict[str, tuple[int, int, float]] = {}
    for key, value, timestamp, step in points:
        rows.append((run.id, key, timestamp, step, point_text(value), now, by))
        found = (step, timestamp, value)
        if key not in latest or _is_later(found, latest[key]):
            latest[key] = found
    _ADD_POINT.many(connection, rows)
    _PUT_LATEST.many(
        connection,
        [
            (run.id, key, run.experiment_id, None if math.isnan(value) else value, timestamp, step)
            for key, (step, timestamp, value) in latest.items()
        ],
    )


def _is_later(found: tuple[int, int, float], than: tuple[int, int, float]) -> bool:
    if found[:2] != than[:2]:
        return found[:2] > than[:2]
    return math.isnan(than[2]) or found[2] > than[2]  # any number comes after NaN


_ADD_PARAM = Statement("INSERT INTO params (run_id, key, value, logged_ms, logged_by) VALUES (?, ?, ?, ?, ?)")


def _add_params(
    connection: Connection, run: RunHead, params: Sequence[tuple[str, str]], now: int, by: str | None
) -> None:
    keys = [key for key, _value in params]
    asked = Statement(f"SELECT key, value FROM params WHERE run_id = ? AND key IN ({marks(len(keys))})")
    kept = {row[0]: row[1] for row in asked.all(connection, run.id, *keys)}
    rows = []
    for key, value in params:
        value = value[:LONGEST_PARAM]
        if key not in kept:
            rows.append((run.id, key, value, now, by))
        elif kept[key] != value:
            raise InvalidInput(
                f"Changing param values is not allowed. Param with key='{key}' was already logged with "
                f"value='{kept[key][:200]}' for run ID='{run.id}'. Attempted logging new value '{value[:200]}'.",
                field="params",
            )
    _ADD_PARAM.many(connection, rows)


PUT_TAG = Statement(
    "INSERT INTO run_tags (run_id, key, value, logged_ms, logged_by) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (run_id, key) DO UPDATE"
    " SET value = excluded.value, logged_ms = excluded.logged_ms, logged_by = excluded.logged_by"
)
_RENAME = Statement("UPDATE runs SET name = ? WHERE id = ?")


def put_tags(connection: Connection, run: RunHead, tags: Iterable[tuple[str, str]], now: int, by: str | None) -> None:
    """Set tags; the tag of the run's name renames it, an empty one is no name."""
    found = {key: value[:LONGEST_TAG] for key, value in tags if value or key != RUN_NAME}
    PUT_TAG.many(connection, [(run.id, key, value, now, by) for key, value in found.items()])
    name = found.get(RUN_NAME)
    if name and name != run.name:
        _RENAME.do(connection, name, run.id)


_DELETE_TAG = Statement("DELETE FROM run_tags WHERE run_id = ? AND key = ?")


def delete_tag(db: Session, actor: Actor, run_id: str, key: str) -> None:
    """Take a tag off a run. Raises NotFound (the tag too), NotAllowed, InvalidInput."""
    run = get_to_log(db, actor, run_id)
    connection = db.connection()
    if not _DELETE_TAG.do(connection, run.id, key):
        raise NotFound(f"No tag with name: {key[:80]} in run with id {run.id}.", field="key", value=key[:80])
    forget_document(connection, run)
