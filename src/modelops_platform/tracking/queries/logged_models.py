"""Reads of logged models: one, its document, and the search."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import NotFound

from ..domain.filters import NULLS, Clause, Op, Order, parse_filter, parse_order
from ..domain.logged_models import LOGGED_MODELS, MOST_POINTS, ModelInfo, ModelParts, status_named
from ..domain.tokens import decode_token, encode_token, fingerprint
from .bounded import bounded
from .conditions import Text
from .keyset import SortKey, add_after, add_order
from .rights import keep_visible, may
from .statements import Statement, is_postgres, marks


@dataclass(slots=True)
class LoggedModelHead:
    """What every use of a logged model needs to know of it."""

    id: str
    experiment_id: str
    unit_id: str
    name: str
    status: str
    artifact_uri: str
    source_run_id: str | None
    created_by: str
    deleted_ms: int | None
    object_kind: str = "logged_model"


_HEAD = (
    "SELECT l.id, l.experiment_id, e.unit_id, l.name, l.status, l.artifact_uri, l.source_run_id, l.created_by,"
    " l.deleted_ms FROM logged_models l JOIN experiments e ON e.id = l.experiment_id"
    " WHERE l.id = ? AND e.workspace_id = ?"
)
_TO_READ, _TO_CHANGE = Statement(_HEAD), Statement(_HEAD, locks="FOR NO KEY UPDATE OF l")


def get_logged_model(
    db: Session, actor: Actor, model_id: str, *, to_change: bool = False, allow_deleted: bool = False
) -> LoggedModelHead:
    """Return the head of a logged model. Raises NotFound, also for a deleted one unless that is allowed."""
    statement = _TO_CHANGE if to_change else _TO_READ
    row = statement.one(db.connection(), model_id[:300], actor.workspace_id)
    head = LoggedModelHead(*row) if row else None
    if head is None or not may(actor, Permission.VIEW, head) or (head.deleted_ms is not None and not allow_deleted):
        raise NotFound(f"Logged model with ID '{model_id[:80]}' not found.", field="model_id", value=model_id[:80])
    return head


_INFO = (
    "SELECT id, experiment_id, name, created_ms, updated_ms, artifact_uri, status, model_type, source_run_id,"
    " status_message FROM logged_models WHERE id IN ({})"
)
_PAIRS = "SELECT model_id, key, value FROM {} WHERE model_id IN ({}) ORDER BY model_id, key"
_POINTS = (
    "SELECT model_id, key, value, timestamp, step, run_id, dataset_name, dataset_digest FROM (SELECT m.*,"
    " row_number() OVER (PARTITION BY model_id ORDER BY timestamp DESC, step DESC, key) AS place"
    " FROM logged_model_metrics m WHERE model_id IN ({})) points WHERE place <= {}"
    " ORDER BY model_id, key, timestamp, step"
)


def make_model_documents(connection: Connection, model_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return logged models as clients read them, in this order."""
    found: dict[str, ModelParts] = {}
    for start in range(0, len(model_ids), 400):
        chunk = model_ids[start : start + 400]
        placed = marks(len(chunk))
        for row in Statement(_INFO.format(placed)).all(connection, *chunk):
            found[row[0]] = ModelParts(ModelInfo(*row))
        for model_id, key, value in Statement(_PAIRS.format("logged_model_tags", placed)).all(connection, *chunk):
            found[model_id].info.tags.append({"key": key, "value": value})
        for model_id, key, value in Statement(_PAIRS.format("logged_model_params", placed)).all(connection, *chunk):
            found[model_id].params.append({"key": key, "value": value})
        for model_id, *point in Statement(_POINTS.format(placed, MOST_POINTS)).all(connection, *chunk):
            found[model_id].add_point(*point)
    return [found[model_id].document() for model_id in model_ids]


def get_logged_model_document(
    db: Session, actor: Actor, model_id: str, *, allow_deleted: bool = False
) -> dict[str, Any]:
    """Return a logged model as clients read it. Raises NotFound."""
    head = get_logged_model(db, actor, model_id, allow_deleted=allow_deleted)
    return make_model_documents(db.connection(), [head.id])[0]


_MADE_BY = Statement(
    "SELECT id FROM logged_models WHERE source_run_id = ? AND name = ? AND deleted_ms IS NULL"
    " ORDER BY created_ms DESC, id LIMIT 1"
)


def find_made_by(db: Session, actor: Actor, run_id: str, name: str) -> LoggedModelHead | None:
    """Return the newest living logged model with this name that a run made."""
    model_id = _MADE_BY.value(db.connection(), run_id, name[:300])
    return None if model_id is None else get_logged_model(db, actor, model_id)


@dataclass(frozen=True, slots=True)
class OnData:
    """A data set that metrics were measured on; without a digest any state of it."""

    name: str
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class ModelOrder:
    """One key of an order, maybe of a metric as measured on one data set."""

    field: str
    ascending: bool = True
    data_set: OnData | None = None


_COLUMNS = {
    "name": "l.name",
    "model_id": "l.id",
    "model_type": "l.model_type",
    "status": "l.status",
    "source_run_id": "l.source_run_id",
    "experiment_id": "l.experiment_id",
    "artifact_location": "l.artifact_uri",
    "creation_timestamp": "l.created_ms",
    "last_updated_timestamp": "l.updated_ms",
}
_NUMBERS = frozenset({"creation_timestamp", "last_updated_timestamp"})
_NULLABLE = frozenset({"model_type", "source_run_id"})
_TABLES = {"param": "logged_model_params", "tag": "logged_model_tags"}


def search_logged_models(
    db: Session,
    actor: Actor,
    *,
    experiment_ids: Sequence[str],
    text: str | None,
    data_sets: Sequence[OnData] = (),
    order_by: Sequence[ModelOrder] = (),
    limit: int,
    token: str | None,
) -> tuple[list[dict[str, Any]], str | None]:
    """Return a page of the logged models that match, and the token of the next. Raises InvalidInput."""
    clauses = [_with_status(clause) for clause in parse_filter(text, LOGGED_MODELS)]
    orders = [(_parsed(order), order.data_set) for order in order_by]
    connection = db.connection()
    bound_to = fingerprint(
        "logged models", sorted(set(experiment_ids)), text or "", [str(one) for one in (*data_sets, *order_by)]
    )
    visible = keep_visible(connection, actor, experiment_ids)
    if not visible:
        return [], None
    statement, keys = _statement(connection, visible, clauses, data_sets, orders)
    if token:
        add_after(statement, keys, decode_token(token, bound_to, len(keys)))
    add_order(statement, keys)
    statement.add(" LIMIT ?", limit + 1)
    with bounded(connection):
        rows = Statement("".join(statement.parts)).all(connection, *statement.values)
    next_token = encode_token(rows[limit - 1][1:], bound_to) if len(rows) > limit else None
    return make_model_documents(connection, [row[0] for row in rows[:limit]]), next_token


def _with_status(clause: Clause) -> Clause:
    if clause.key != "status" or clause.entity != "attribute":
        return clause
    if isinstance(clause.value, tuple):
        return replace(clause, value=tuple(status_named(one) for one in clause.value))
    return replace(clause, value=status_named(clause.value)) if isinstance(clause.value, str) else clause


def _parsed(order: ModelOrder) -> Order:
    entity, dot, key = order.field.partition(".")
    if dot and entity == "metrics":
        return Order("metric", key.strip('`"'), not order.ascending)
    found = parse_order([order.field], LOGGED_MODELS)[0]
    return replace(found, descending=found.descending or not order.ascending)


def _statement(
    connection: Connection,
    experiment_ids: Sequence[str],
    clauses: Iterable[Clause],
    data_sets: Sequence[OnData],
    orders: Sequence[tuple[Order, OnData | None]],
) -> tuple[Text, list[SortKey]]:
    """Return the statement up to where the page begins, over a table of ids with their sort keys, and these keys."""
    text = Text(is_postgres=is_postgres(connection))
    keys: list[SortKey] = []
    text.add("SELECT id")
    inner = Text(is_postgres=text.is_postgres)
    for order, data_set in orders:
        _add_key(inner, keys, order, data_set)
    named = {order.key for order, _ in orders if order.entity == "attribute"}
    for name, column, descending, is_text in (
        ("creation_timestamp", "l.created_ms", True, False),
        ("model_id", "l.id", False, True),
    ):
        if name not in named:
            inner.add(f", {column} AS k{len(keys)}")
            keys.append(SortKey(f"k{len(keys)}", descending, is_text))
    text.add("".join(f", {key.column}" for key in keys))
    text.add(f" FROM (SELECT l.id AS id{''.join(inner.parts)} FROM logged_models l", *inner.values)
    text.add(f" WHERE l.experiment_id IN ({marks(len(experiment_ids))}) AND l.deleted_ms IS NULL", *experiment_ids)
    is_measured = False
    for clause in clauses:
        is_measured = is_measured or clause.entity == "metric"
        text.add(" AND ")
        _add_clause(text, clause, data_sets)
    if data_sets and not is_measured:
        text.add(" AND EXISTS (SELECT 1 FROM logged_model_metrics f WHERE f.model_id = l.id")
        _add_data_sets(text, data_sets)
        text.add(")")
    text.add(") found WHERE 1 = 1")
    return text, keys


def _add_key(inner: Text, keys: list[SortKey], order: Order, data_set: OnData | None) -> None:
    column = Text(is_postgres=inner.is_postgres)
    if order.entity == "metric":
        column.add("(SELECT f.value FROM logged_model_metrics f WHERE f.model_id = l.id AND f.key = ?", order.key)
        _add_data_sets(column, [data_set] if data_set else [])
        column.add(" ORDER BY f.timestamp DESC, f.step DESC, f.run_id LIMIT 1)")
    else:
        column.add(_COLUMNS[order.key])
    may_be_missing = order.entity == "metric" or order.key in _NULLABLE
    expression = "".join(column.parts)
    if may_be_missing:
        inner.add(f", CASE WHEN {expression} IS NULL THEN 1 ELSE 0 END AS k{len(keys)}", *column.values)
        keys.append(SortKey(f"k{len(keys)}"))
    inner.add(f", {expression} AS k{len(keys)}", *column.values)
    is_text = order.entity == "attribute" and order.key not in _NUMBERS
    keys.append(SortKey(f"k{len(keys)}", order.descending, is_text, may_be_missing))


def _add_clause(text: Text, clause: Clause, data_sets: Sequence[OnData]) -> None:
    if clause.entity == "attribute":
        text.compare(_COLUMNS[clause.key], clause)
        return
    if clause.entity == "metric":
        text.add("EXISTS (SELECT 1 FROM logged_model_metrics f WHERE f.model_id = l.id AND f.key = ? AND ", clause.key)
        if clause.op is Op.NE:  # NaN differs from every number
            text.add("(f.value IS NULL OR f.value != ?)", clause.value)
        else:
            text.compare("f.value", clause)
        _add_data_sets(text, data_sets)
    else:
        text.add(f"EXISTS (SELECT 1 FROM {_TABLES[clause.entity]} f WHERE f.model_id = l.id AND f.key = ?", clause.key)
        if clause.op not in NULLS:
            text.add(" AND ")
            text.compare("f.value", clause)
    text.add(")")


def _add_data_sets(text: Text, data_sets: Sequence[OnData]) -> None:
    """Append that a metric was measured on one of the data sets."""
    if not data_sets:
        return
    text.add(" AND (")
    for position, one in enumerate(data_sets):
        text.add(" OR " if position else "")
        text.add("(f.dataset_name = ?", one.name)
        if one.digest is not None:
            text.add(" AND f.dataset_digest = ?", one.digest)
        text.add(")")
    text.add(")")
