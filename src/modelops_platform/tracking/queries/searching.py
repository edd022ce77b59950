"""Searching runs: the filter and the order become one statement, whose pages continue behind the last row's keys.

What is missing comes last in both directions, so most keys of an order are two: a rank (0: has a value, 1: NaN,
2: missing) and the value. An order that begins with a metric is asked in phases, one for each rank: the first walks
the index that was made for this question, and the others are asked only when the page is not full.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor
from modelops_platform.core.cursors import Page
from modelops_platform.core.errors import InvalidInput, NotFound

from ..domain.filters import NULLS, Clause, Op, Order, parse_filter, parse_order
from ..domain.looks import ShownRun, read_run
from ..domain.searches import RUNS
from ..domain.tokens import decode_token, encode_token, fingerprint
from ..domain.words import Lifecycle, View
from .bounded import bounded
from .conditions import Text
from .rights import keep_visible
from .runs import get_run_document, make_documents
from .statements import Statement, is_postgres, marks

MOST_RUNS = 50_000
_COLUMNS = {
    "run_id": "r.id",
    "run_name": "r.name",
    "status": "r.status",
    "user_id": "r.user_name",
    "artifact_uri": "r.artifact_uri",
    "start_time": "r.start_ms",
    "end_time": "r.end_ms",
}
_NUMBERS = ("start_time", "end_time")
_TABLES = {"metric": "latest_metrics", "param": "params", "tag": "run_tags"}
_OF_DATA = {"name": "d.name", "digest": "d.digest", "context": "u.context"}


@dataclass(slots=True)
class FoundRuns:
    """A page: documents in order, the token of the next page, and the runs whose document was not kept."""

    documents: list[bytes]
    next_token: str | None
    unkept: list[str]


@dataclass(frozen=True, slots=True)
class _Key:
    """One sort key of the statement."""

    column: str
    descending: bool = False
    is_text: bool = False


@dataclass(slots=True)
class _Question:
    """What is searched, taken apart."""

    clauses: tuple[Clause, ...]
    orders: tuple[Order, ...]
    experiment_ids: list[str]
    view: View
    phases: Sequence[int] = (0,)
    keys: list[_Key] = field(default_factory=list)
    is_by_metric: bool = False


def search_runs(
    db: Session,
    actor: Actor,
    *,
    experiment_ids: Sequence[str],
    text: str | None,
    order_by: Sequence[str],
    view: View,
    limit: int,
    token: str | None,
) -> FoundRuns:
    """Return a page of the runs that match, in the experiments that the actor may see. Raises InvalidInput."""
    clauses, orders = parse_filter(text, RUNS), parse_order(order_by, RUNS)
    connection = db.connection()
    bound_to = fingerprint("runs", sorted(set(experiment_ids)), text or "", list(order_by), view.value)
    visible = keep_visible(connection, actor, experiment_ids)
    if not visible:
        return FoundRuns([], None, [])
    question = _Question(clauses, orders, visible, view)
    question.is_by_metric = bool(orders) and orders[0].entity == "metric"
    if question.is_by_metric:
        question.phases = (0,) if _asks_for(clauses, orders[0]) else (0, 1, 2)
    question.keys = list(_keys(orders))
    after = _decoded(token, bound_to, question)
    with bounded(connection):
        rows = _collect(connection, question, after, limit)
    return _page(connection, rows, limit, bound_to)


def _asks_for(clauses: Sequence[Clause], order: Order) -> bool:
    """Say whether the filter wants a number of the very metric that is ordered by."""
    return any(clause.entity == "metric" and clause.key == order.key and clause.op is not Op.NE for clause in clauses)


def _collect(
    connection: Connection, question: _Question, after: tuple[int, list[Any]] | None, limit: int
) -> list[tuple[int, Any]]:
    """Return the rows of one page and one more, each with the phase it was found in."""
    found: list[tuple[int, Any]] = []
    for phase in question.phases:
        if after is not None and phase < after[0]:
            continue
        keys = after[1] if after is not None and phase == after[0] else None
        text = _statement(question, phase, keys, limit + 1 - len(found), is_postgres=is_postgres(connection))
        rows = Statement("".join(text.parts)).all(connection, *text.values)
        found.extend((phase, row) for row in rows)
        if len(found) > limit:
            break
    return found


def _page(connection: Connection, rows: list[tuple[int, Any]], limit: int, bound_to: str) -> FoundRuns:
    shown = rows[:limit]
    next_token = None
    if len(rows) > limit:
        phase, last = shown[-1]
        next_token = encode_token([phase, *last[2:]], bound_to)
    unkept = [row[0] for _phase, row in shown if row[1] is None]
    made = make_documents(connection, unkept) if unkept else {}
    documents = [made[row[0]] if row[1] is None else row[1].encode() for _phase, row in shown]
    return FoundRuns(documents, next_token, unkept)


def _keys(orders: Sequence[Order]) -> Iterator[_Key]:
    """Return the sort keys of the orders and of what breaks ties: the newest first, then by id."""
    for position, order in enumerate(orders):
        name = f"o{position}.value"
        if order.entity == "attribute":
            name = _COLUMNS[order.key]
            if order.key == "end_time":
                yield _Key("CASE WHEN r.end_ms IS NULL THEN 2 ELSE 0 END")
        elif order.entity == "metric" and position > 0:
            yield _Key(f"CASE WHEN o{position}.run_id IS NULL THEN 2 WHEN {name} IS NULL THEN 1 ELSE 0 END")
        elif order.entity != "metric":
            yield _Key(f"CASE WHEN {name} IS NULL THEN 2 ELSE 0 END")
        is_text = order.entity in ("param", "tag") or (order.entity == "attribute" and order.key not in _NUMBERS)
        yield _Key(name, order.descending, is_text)
    named = {order.key for order in orders if order.entity == "attribute"}
    if "start_time" not in named:
        yield _Key("r.start_ms", descending=True)
    if "run_id" not in named:
        yield _Key("r.id", is_text=True)


def _decoded(token: str | None, bound_to: str, question: _Question) -> tuple[int, list[Any]] | None:
    if not token:
        return None
    phase, *values = decode_token(token, bound_to, len(question.keys) + 1)
    fitting = (
        value is None or isinstance(value, str) is key.is_text for key, value in zip(question.keys, values, strict=True)
    )
    if phase not in question.phases or not all(fitting):
        raise InvalidInput("Invalid page token.", remedy="Start from the first page.", field="page_token")
    return phase, values


def _statement(question: _Question, phase: int, after: list[Any] | None, limit: int, *, is_postgres: bool) -> Text:
    text = Text(is_postgres=is_postgres)
    keys = question.keys
    if question.is_by_metric and phase > 0:  # all are alike in the metric: NaN, or missing
        keys, after = keys[1:], after[1:] if after is not None else None
    sorted_by = [text.sorted_text(key.column) if key.is_text else key.column for key in keys]
    absent = "NULL, " if len(keys) < len(question.keys) else ""
    text.add(f"SELECT r.id, r.document, {absent}{', '.join(key.column for key in keys)}")
    _add_from(text, question, phase)
    _add_where(text, question, phase)
    if after is not None:
        _add_after(text, keys, sorted_by, after)
    directions = (f"{column}{' DESC' if key.descending else ''}" for key, column in zip(keys, sorted_by, strict=True))
    text.add(f" ORDER BY {', '.join(directions)} LIMIT ?", limit)
    return text


def _add_from(text: Text, question: _Question, phase: int) -> None:
    if question.is_by_metric and phase < 2:
        # CROSS JOIN keeps SQLite to the order of the text: the index of the best, then the run of each.
        text.add(
            " FROM latest_metrics o0 CROSS JOIN runs r" if not text.is_postgres else " FROM latest_metrics o0, runs r"
        )
    else:
        text.add(" FROM runs r")
    for position, order in enumerate(question.orders):
        if order.entity == "attribute" or (position == 0 and question.is_by_metric):
            continue
        table = _TABLES[order.entity]
        text.add(f" LEFT JOIN {table} o{position} ON o{position}.run_id = r.id AND o{position}.key = ?", order.key)


def _add_where(text: Text, question: _Question, phase: int) -> None:
    experiments = question.experiment_ids
    placed = "= ?" if len(experiments) == 1 else f"IN ({marks(len(experiments))})"
    if question.is_by_metric and phase < 2:
        text.add(f" WHERE o0.experiment_id {placed} AND o0.key = ?", *experiments, question.orders[0].key)
        text.add(f" AND o0.value IS {'NOT NULL' if phase == 0 else 'NULL'} AND r.id = o0.run_id")
    else:
        text.add(f" WHERE r.experiment_id {placed}", *experiments)
        if question.is_by_metric:
            absent = "SELECT 1 FROM latest_metrics o0 WHERE o0.run_id = r.id AND o0.key = ?"
            text.add(f" AND NOT EXISTS ({absent})", question.orders[0].key)
    if question.view is not View.ALL:
        lifecycle = Lifecycle.ACTIVE if question.view is View.ACTIVE_ONLY else Lifecycle.DELETED
        text.add(" AND r.lifecycle = ?", lifecycle.value)
    for clause in question.clauses:
        text.add(" AND ")
        is_driving = question.is_by_metric and phase == 0 and clause.entity == "metric"
        if is_driving and clause.key == question.orders[0].key:
            text.compare("o0.value", clause)
        else:
            _add_clause(text, clause, "o0.run_id" if question.is_by_metric and phase < 2 else "r.id")


def _add_clause(text: Text, clause: Clause, run: str) -> None:
    """Append a clause; `run` is the first column that names the run, so that what fails is not looked up further."""
    if clause.entity == "attribute":
        text.compare(_COLUMNS[clause.key], clause)
        return
    if clause.entity == "dataset":
        text.add(
            "EXISTS (SELECT 1 FROM run_data_sets u JOIN logged_data_sets d ON d.id = u.data_set_id"
            f" WHERE u.run_id = {run} AND "
        )
        text.compare(_OF_DATA[clause.key], clause)
        text.add(")")
        return
    negated = "NOT " if clause.op is Op.IS_NULL else ""
    text.add(
        f"{negated}EXISTS (SELECT 1 FROM {_TABLES[clause.entity]} f WHERE f.run_id = {run} AND f.key = ?", clause.key
    )
    if clause.op not in NULLS:
        text.add(" AND ")
        if clause.entity == "metric" and clause.op is Op.NE:  # NaN differs from every number
            text.add("(f.value IS NULL OR f.value != ?)", clause.value)
        else:
            text.compare("f.value", clause)
    text.add(")")


def _add_after(text: Text, keys: Sequence[_Key], sorted_by: Sequence[str], after: list[Any]) -> None:
    """Append the condition of the rows behind these keys; where a value is missing, its rank has said so before."""
    first = keys[0]
    if after[0] is not None:  # says again what follows from the rest, but lets an index begin at the right place
        text.add(f" AND {sorted_by[0]} {'<=' if first.descending else '>='} ?", after[0])
    text.add(" AND (")
    is_first = True
    for position, key in enumerate(keys):
        if after[position] is None:
            continue
        text.add("(" if is_first else " OR (")
        is_first = False
        for before in range(position):
            if after[before] is not None:
                text.add(f"{sorted_by[before]} = ? AND ", after[before])
        text.add(f"{sorted_by[position]} {'<' if key.descending else '>'} ?)", after[position])
    text.add(")")


def list_runs(
    db: Session,
    actor: Actor,
    experiment_id: str,
    *,
    text: str | None = None,
    sort: str | None = None,
    view: View = View.ACTIVE_ONLY,
    limit: int = 50,
    token: str | None = None,
) -> Page[ShownRun]:
    """Return a page of the runs of an experiment that match, as pages show them. Raises InvalidInput."""
    found = search_runs(
        db,
        actor,
        experiment_ids=[experiment_id],
        text=text,
        order_by=[sort] if sort else [],
        view=view,
        limit=limit,
        token=token,
    )
    return Page([read_run(document) for document in found.documents], found.next_token)


def find_shown_run(db: Session, actor: Actor, run_id: str | None) -> ShownRun | None:
    """Return a run as pages show it; None when it is not known here, or not to the actor."""
    if run_id is None:
        return None
    try:
        return read_run(get_run_document(db, actor, run_id))
    except NotFound:
        return None


def search_data_sets(
    db: Session, actor: Actor, experiment_ids: Sequence[str], *, limit: int = 1000
) -> list[dict[str, Any]]:
    """Return the data sets that runs of experiments used, each with the context it was used in."""
    connection = db.connection()
    visible = keep_visible(connection, actor, experiment_ids)
    if not visible:
        return []
    rows = Statement(
        "SELECT DISTINCT d.experiment_id, d.name, d.digest, u.context FROM logged_data_sets d"
        f" JOIN run_data_sets u ON u.data_set_id = d.id WHERE d.experiment_id IN ({marks(len(visible))})"
        " ORDER BY d.experiment_id, d.name, d.digest, u.context LIMIT ?"
    ).all(connection, *visible, limit)
    names = ("experiment_id", "name", "digest", "context")
    return [{name: value for name, value in zip(names, row, strict=True) if value is not None} for row in rows]
