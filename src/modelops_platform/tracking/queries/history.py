"""Histories of metrics, put together as JSON by the database."""

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
_PAGE = (
    "SELECT timestamp, step, value, value || ',\"timestamp\":' || timestamp || ',\"step\":' || step AS point"
    " FROM metrics WHERE run_id = ? AND key = ?{after} ORDER BY timestamp, step, value"
)


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
        return _joined(connection, page, values, printed_key)[0], None
    points, count = _joined(connection, f"{page} LIMIT ?", (*values, limit), printed_key)
    if count < limit:
        return points, None
    last, *more = Statement(f"{page} LIMIT 2 OFFSET ?").all(connection, *values, limit - 1)
    return points, encode_token(list(last[:3]), bound_to) if more else None


def _joined(connection: Connection, page: str, values: Sequence[object], printed_key: str) -> tuple[str, int]:
    """Let the database print the points, no object is made for any of them; return them and how many there are."""
    in_order = " ORDER BY timestamp, step, value" if is_postgres(connection) else ""  # SQLite: as the page has them
    join = "string_agg" if is_postgres(connection) else "group_concat"
    statement = Statement(f"SELECT {join}(point, ?{in_order}), COUNT(*) FROM ({page}) AS page")
    ends = f',"key":{printed_key}}}'
    points, count = statement.all(connection, f'{ends},{{"value":', *values)[0]
    return f'{{"value":{points}{ends}' if count else "", count


def get_histories(
    db: Session,
    actor: Actor,
    run_ids: Sequence[str],
    key: str,
    *,
    steps: tuple[int, int] | None,
    limit: int,
) -> list[tuple[str, str, int, int]]:
    """Return (run, value as JSON, timestamp, step) of a metric in several runs, run after run as asked, by step.

    Runs that the actor does not see have none. Of a run with more than `limit` points so many are left, evenly, with
    the first and the last; of one point only the last.
    """
    connection = db.connection()
    visible = [run_id for run_id in dict.fromkeys(run_ids) if _is_visible(connection, actor, run_id)]
    if not visible:
        return []
    between, values = (" AND step BETWEEN ? AND ?", steps) if steps is not None else ("", ())
    where = f"run_id IN ({marks(len(visible))}) AND key = ?{between}"
    picked = _PICKED if limit > 1 else "place = points"
    spaces = [limit - 1] * picked.count("?")
    rows = Statement(f"{_PLACED.format(where)} WHERE points <= ? OR {picked} ORDER BY run_id, place").all(
        connection, *visible, key, *values, limit, *spaces
    )
    by_run: dict[str, list[tuple[str, str, int, int]]] = {run_id: [] for run_id in visible}
    for row in rows:
        by_run[row[0]].append((row[0], row[1], row[2], row[3]))
    return [point for points in by_run.values() for point in points]


_PLACED = (
    "SELECT run_id, value, timestamp, step FROM (SELECT run_id, value, timestamp, step,"
    " ROW_NUMBER() OVER (PARTITION BY run_id ORDER BY step, timestamp, value) AS place,"
    " COUNT(*) OVER (PARTITION BY run_id) AS points FROM metrics WHERE {}) AS placed"
)
# The first point, and each that is the first in its share of the way.
_PICKED = "place = 1 OR (place - 1) * ? / NULLIF(points - 1, 0) > (place - 2) * ? / NULLIF(points - 1, 0)"


_VISIBLE = Statement(
    "SELECT r.id, r.experiment_id, e.unit_id FROM runs r JOIN experiments e ON e.id = r.experiment_id"
    " WHERE r.id = ? AND e.workspace_id = ?"
)


def _is_visible(connection: Connection, actor: Actor, run_id: str) -> bool:
    row = _VISIBLE.one(connection, run_id[:300], actor.workspace_id)
    return row is not None and may(actor, Permission.VIEW, RunHead(row[0], row[1], row[2], "", "", "", "", False))
