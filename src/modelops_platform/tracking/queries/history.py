"""Histories of metrics, put together as JSON by the database."""

import math
from collections.abc import Sequence

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import InvalidInput, NotFound

from ..domain.tokens import decode_token, encode_token, fingerprint
from .rights import RunHead, may
from .runs import get_head
from .statements import Statement, is_postgres, marks

MOST_RUNS, MOST_POINTS = 100, 2_500
_POINT = "'{\"value\":' || value || ',\"timestamp\":' || timestamp || ',\"step\":' || step || ',\"key\":'"
_PAGE = "SELECT timestamp, step, value FROM metrics WHERE run_id = ? AND key = ?{after} ORDER BY timestamp, step, value"


def get_history(
    db: Session, actor: Actor, run_id: str, key: str, *, limit: int | None, token: str | None, printed_key: str
) -> tuple[str, str | None]:
    """Return the points of a metric as JSON objects with commas between, by time, and the token of the next page.

    An unknown run or metric has none. `printed_key` is the key as JSON.
    """
    try:
        run = get_head(db, actor, run_id)
    except NotFound:
        return "", None
    connection = db.connection()
    bound_to = fingerprint("history", run.id, key)
    after = ""
    values: tuple[object, ...] = (run.id, key)
    if token:
        timestamp, step, value = decode_token(token, bound_to, 3)
        if not (isinstance(timestamp, int) and isinstance(step, int) and isinstance(value, str)):
            raise InvalidInput("Invalid page token.", field="page_token")
        after, values = " AND (timestamp, step, value) > (?, ?, ?)", (*values, timestamp, step, value)
    page = _PAGE.format(after=after)
    if limit is None:
        return _joined(connection, page, values, printed_key), None
    beyond = Statement(f"{page} LIMIT 1 OFFSET ?").one(connection, *values, limit - 1)
    if beyond is None:
        return _joined(connection, page, values, printed_key), None
    more = Statement(f"{page} LIMIT 1 OFFSET ?").one(connection, *values, limit)
    token = encode_token(list(beyond), bound_to) if more is not None else None
    return _joined(connection, f"{page} LIMIT ?", (*values, limit), printed_key), token


def _joined(connection: Connection, page: str, values: Sequence[object], printed_key: str) -> str:
    """Let the database print the points: no object is made for any of them."""
    if is_postgres(connection):
        joined = "string_agg({} || ?, ',' ORDER BY timestamp, step, value)"
    else:
        joined = "group_concat({} || ?, ',')"  # in the order of the rows below
    statement = Statement(f"SELECT {joined.format(_POINT)} FROM ({page}) AS page")
    return str(statement.value(connection, printed_key + "}", *values) or "")


def get_histories(
    db: Session,
    actor: Actor,
    run_ids: Sequence[str],
    key: str,
    *,
    steps: tuple[int, int] | None,
    limit: int,
) -> list[tuple[str, str, int, int]]:
    """Return (run, value as JSON, timestamp, step) of a metric in several runs, by run and step.

    Runs that the actor does not see have none. When there are more than `limit` for a run, steps are left out evenly;
    the first and last step of each run and the ends of the asked range stay.
    """
    connection = db.connection()
    visible = [run_id for run_id in dict.fromkeys(run_ids) if _is_visible(connection, actor, run_id)]
    if not visible:
        return []
    between, values = (" AND step BETWEEN ? AND ?", steps) if steps is not None else ("", ())
    where = f"run_id IN ({marks(len(visible))}) AND key = ?{between}"
    asked = (*visible, key, *values)
    count = Statement(f"SELECT COUNT(*) FROM metrics WHERE {where}").value(connection, *asked) or 0
    picked = ""
    if count > limit:
        taken = _taken_steps(connection, where, asked, limit)
        picked, asked = f" AND step IN ({marks(len(taken))})", (*asked, *taken)
    rows = Statement(
        f"SELECT run_id, value, timestamp, step FROM metrics WHERE {where}{picked}"
        " ORDER BY run_id, step, timestamp, value"
    ).all(connection, *asked)
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def _taken_steps(connection: Connection, where: str, asked: Sequence[object], limit: int) -> list[int]:
    """Choose steps evenly among those that exist, with the least and greatest of each run."""
    found = Statement(f"SELECT DISTINCT step FROM metrics WHERE {where} ORDER BY step").all(connection, *asked)
    steps = [row[0] for row in found]
    ends = Statement(f"SELECT MIN(step), MAX(step) FROM metrics WHERE {where} GROUP BY run_id").all(connection, *asked)
    stride = max(1, math.ceil(len(steps) / limit))
    return sorted({*steps[::stride], *(step for row in ends for step in row)})


_VISIBLE = Statement(
    "SELECT r.id, r.experiment_id, e.unit_id FROM runs r JOIN experiments e ON e.id = r.experiment_id"
    " WHERE r.id = ? AND e.workspace_id = ?"
)


def _is_visible(connection: Connection, actor: Actor, run_id: str) -> bool:
    row = _VISIBLE.one(connection, run_id[:300], actor.workspace_id)
    return row is not None and may(actor, Permission.VIEW, RunHead(row[0], row[1], row[2], "", "", "", "", False))
