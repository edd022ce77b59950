"""The search of traces."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Exists,
    and_,
    asc,
    case,
    cast,
    desc,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor
from modelops_platform.core.cursors import Page
from modelops_platform.core.errors import InvalidInput

from ..domain.correlations import correlation_of
from ..domain.filters import NULLS, NUMERIC, Clause, Op, Order, parse_filter, parse_order
from ..domain.patterns import checked_pattern, matches
from ..domain.tokens import decode_token, encode_token, fingerprint
from ..domain.trace_looks import ShownTrace, show_trace
from ..domain.trace_searches import OF_ATTRIBUTE, TRACES
from ..domain.traces import NAME, RUN, TraceRecord
from ..domain.words import Lifecycle
from ..tables import Experiment, Span, Trace, TraceAssessment, TraceMetadata, TracePrompt, TraceRun, TraceTag
from .bounded import bounded
from .conditions import holds
from .rights import keep_visible, visible_to
from .statements import is_postgres
from .traces import get_records

_COLUMNS: dict[str, Any] = {
    "timestamp_ms": Trace.start_ms,
    "execution_time_ms": Trace.duration_ms,
    "end_time_ms": Trace.start_ms + Trace.duration_ms,
    "status": Trace.state,
    "request_id": Trace.id,
    "experiment_id": Trace.experiment_id,
    "client_request_id": Trace.client_request_id,
}
_NUMBERS = ("timestamp_ms", "execution_time_ms", "end_time_ms")
_WORDS: dict[str, Any] = {"tag": TraceTag, "request_metadata": TraceMetadata}
_MATCHES = "matches_pattern"


@dataclass(frozen=True, slots=True)
class FoundTraces:
    """A page of traces, and the token of the next."""

    traces: list[TraceRecord]
    next_token: str | None


@dataclass(frozen=True, slots=True)
class _Key:
    column: Any
    descending: bool = False
    is_text: bool = False


def search_traces(
    db: Session,
    actor: Actor,
    *,
    experiment_ids: Sequence[str] | None,
    text: str | None = None,
    order_by: Sequence[str] = (),
    limit: int = 100,
    token: str | None = None,
) -> FoundTraces:
    """Return a page of the traces that match, in those of the experiments that the actor may see.

    None stands for all that are not deleted. Raises InvalidInput.
    """
    clauses, orders = parse_filter(text, TRACES), parse_order(order_by, TRACES)
    connection = db.connection()
    dialect = connection.dialect.name
    conditions = [_condition(clause, dialect) for clause in clauses]
    keys = _keys(orders, dialect)
    bound_to = fingerprint("traces", sorted(set(experiment_ids or ["all"])), text or "", list(order_by))
    statement = select(Trace.id, *(key.column for key in keys)).where(*conditions)
    if experiment_ids is None:
        open_ones = visible_to(actor).where(Experiment.lifecycle == Lifecycle.ACTIVE)
        statement = statement.where(Trace.experiment_id.in_(open_ones.with_only_columns(Experiment.id)))
    else:
        visible = keep_visible(connection, actor, experiment_ids)
        if not visible:
            return FoundTraces([], None)
        statement = statement.where(Trace.experiment_id.in_(visible))
    if token:
        statement = statement.where(_after(keys, decode_token(token, bound_to, len(keys))))
    statement = statement.order_by(*(desc(key.column) if key.descending else asc(key.column) for key in keys))
    _know_patterns(connection, clauses)
    with bounded(connection):
        rows = db.execute(statement.limit(limit + 1)).all()
    shown = [row[0] for row in rows[:limit]]
    next_token = encode_token(list(rows[limit - 1][1:]), bound_to) if len(rows) > limit else None
    return FoundTraces(get_records(db, shown), next_token)


def count_matching(db: Session, actor: Actor, *, experiment_ids: Sequence[str], filters: Sequence[str | None]) -> int:
    """Count the traces that all filters match, in the experiments that the actor may see. Raises InvalidInput."""
    clauses = [clause for text in filters for clause in parse_filter(text, TRACES)]
    connection = db.connection()
    conditions = [_condition(clause, connection.dialect.name) for clause in clauses]
    visible = keep_visible(connection, actor, experiment_ids)
    if not visible:
        return 0
    _know_patterns(connection, clauses)
    with bounded(connection):
        counted = select(func.count()).select_from(Trace).where(Trace.experiment_id.in_(visible), *conditions)
        return int(db.scalar(counted) or 0)


def correlate_filters(
    db: Session, actor: Actor, *, experiment_ids: Sequence[str], first: str, second: str, base: str | None
) -> dict[str, Any]:
    """Say how two filters go together among the traces that the base matches. Raises InvalidInput."""
    every, one, other, both = (
        count_matching(db, actor, experiment_ids=experiment_ids, filters=[base, *filters])
        for filters in ([], [first], [second], [first, second])
    )
    return correlation_of(every, one, other, both)


def _know_patterns(connection: Connection, clauses: Sequence[Clause]) -> None:
    """Teach SQLite the comparison with a pattern; PostgreSQL knows it."""
    if any(clause.op is Op.RLIKE for clause in clauses) and not is_postgres(connection):
        raw: Any = connection.connection.driver_connection
        raw.create_function(_MATCHES, 2, matches, deterministic=True)


def _compared(column: Any, clause: Clause, dialect: str) -> ColumnElement[bool]:
    if clause.op is Op.RLIKE:
        pattern = checked_pattern(str(clause.value))
        if dialect == "postgresql":
            found: ColumnElement[bool] = func.left(column, 1000).op("~", is_comparison=True)(pattern)
            return found
        return func.matches_pattern(pattern, column) == literal(1)
    return holds(column, clause, dialect)


def _condition(clause: Clause, dialect: str) -> ColumnElement[bool]:
    match clause.entity:
        case "tag" | "request_metadata":
            return _word(_WORDS[clause.entity], clause.key, clause, dialect)
        case "span":
            return _of_span(clause, dialect)
        case "feedback" | "expectation":
            return _judged(clause, dialect)
        case "issue":
            return _exists_assessment("issue", TraceAssessment.name == clause.value)
    match clause.key:
        case "name":
            return _word(TraceTag, NAME, clause, dialect)
        case "run_id":
            return _of_run(clause, dialect)
        case "prompt":
            name, _slash, version = str(clause.value).rpartition("/")
            return exists().where(
                TracePrompt.trace_id == Trace.id, TracePrompt.name == name, TracePrompt.version == version
            )
        case "text":
            return exists().where(Span.trace_id == Trace.id, _compared(Span.content, clause, dialect))
    return _compared(_COLUMNS[clause.key], clause, dialect)


def _word(table: Any, key: str, clause: Clause, dialect: str) -> ColumnElement[bool]:
    """Return the condition on a tag or a piece of metadata."""
    named = and_(table.trace_id == Trace.id, table.key == key)
    if clause.op in NULLS:
        found = exists().where(named)
        return found if clause.op is Op.IS_NOT_NULL else ~found
    return exists().where(named, _compared(table.value, clause, dialect))


def _of_run(clause: Clause, dialect: str) -> ColumnElement[bool]:
    """Return the condition on the runs of a trace: the one it was made in, and those it was linked to."""
    linked = exists().where(TraceRun.trace_id == Trace.id)
    if clause.op is Op.IS_NULL:
        return and_(_word(TraceMetadata, RUN, clause, dialect), ~linked)
    if clause.op is Op.IS_NOT_NULL:
        return or_(_word(TraceMetadata, RUN, clause, dialect), linked)
    of_linked = exists().where(TraceRun.trace_id == Trace.id, _compared(TraceRun.run_id, clause, dialect))
    return or_(_word(TraceMetadata, RUN, clause, dialect), of_linked)


def _of_span(clause: Clause, dialect: str) -> ColumnElement[bool]:
    if clause.key.startswith(OF_ATTRIBUTE):
        column = attribute_of(clause.key.removeprefix(OF_ATTRIBUTE), dialect)
    else:
        column = {"name": Span.name, "type": Span.type, "status": Span.status, "content": Span.content}[clause.key]
    return exists().where(Span.trace_id == Trace.id, _compared(column, clause, dialect))


def attribute_of(key: str, dialect: str) -> Any:
    """Return an attribute of a span, NULL where it has none."""
    if dialect == "postgresql":
        return cast(Span.attributes, JSONB)[key].astext
    pairs = func.json_each(Span.attributes).table_valued("key", "value")
    return select(pairs.c.value).where(pairs.c.key == key).correlate(Span).scalar_subquery()


def _judged(clause: Clause, dialect: str) -> ColumnElement[bool]:
    """Return the condition on an assessment that holds: a number as a number, anything else as text."""
    kind, named = clause.entity, TraceAssessment.name == clause.key
    if clause.op in NULLS:
        found = _exists_assessment(kind, named)
        return found if clause.op is Op.IS_NOT_NULL else ~found
    value = clause.value
    if isinstance(value, str) and clause.op in NUMERIC and clause.op not in (Op.EQ, Op.NE):
        try:
            value = float(value)
        except ValueError:
            raise InvalidInput(f"{clause.op.value} compares with a number.", field="filter") from None
    if isinstance(value, int | float):
        told = Clause(clause.entity, clause.key, clause.op, value, True)
        return _exists_assessment(kind, and_(named, holds(TraceAssessment.number, told, dialect)))
    return _exists_assessment(kind, and_(named, _compared(TraceAssessment.text, clause, dialect)))


def _exists_assessment(kind: str, condition: ColumnElement[bool]) -> Exists:
    return exists().where(
        TraceAssessment.trace_id == Trace.id,
        TraceAssessment.kind == kind,
        TraceAssessment.is_valid.is_(True),
        condition,
    )


def _keys(orders: Sequence[Order], dialect: str) -> list[_Key]:
    """Return the sort keys: those asked for, what is missing last, then the newest, then by id."""
    found: list[_Key] = []
    for order in orders or (Order("attribute", "timestamp_ms", descending=True),):
        is_number = order.entity == "attribute" and order.key in _NUMBERS
        column = _sorted_by(order)
        if order.entity != "attribute" or order.key in ("execution_time_ms", "end_time_ms", "name", "run_id"):
            found.append(_Key(case((column.is_(None), 1), else_=0)))
        if not is_number and dialect == "postgresql":
            column = column.collate("C")
        found.append(_Key(column, order.descending, not is_number))
    named = {order.key for order in orders if order.entity == "attribute"}
    if orders and "timestamp_ms" not in named:
        found.append(_Key(Trace.start_ms, descending=True))
    if "request_id" not in named:
        found.append(_Key(Trace.id.collate("C") if dialect == "postgresql" else Trace.id, is_text=True))
    return found


def _sorted_by(order: Order) -> Any:
    if order.entity == "attribute" and order.key in _COLUMNS:
        return _COLUMNS[order.key]
    table, key = _WORDS.get(order.entity, TraceTag), order.key
    if order.entity == "attribute":
        table, key = (TraceTag, NAME) if order.key == "name" else (TraceMetadata, RUN)
    return select(table.value).where(table.trace_id == Trace.id, table.key == key).scalar_subquery()


def _after(keys: Sequence[_Key], values: list[Any]) -> ColumnElement[bool]:
    """Return the condition of the rows behind these keys; where a value is missing, its rank has said so before."""
    if any(v is not None and isinstance(v, str) is not key.is_text for key, v in zip(keys, values, strict=True)):
        raise InvalidInput("Invalid page token.", remedy="Start from the first page.", field="page_token")
    choices = []
    for position, key in enumerate(keys):
        if values[position] is None:
            continue
        same = [keys[before].column == values[before] for before in range(position) if values[before] is not None]
        beyond = key.column < values[position] if key.descending else key.column > values[position]
        choices.append(and_(*same, beyond))
    if not choices:
        raise InvalidInput("Invalid page token.", remedy="Start from the first page.", field="page_token")
    return or_(*choices)


def page_traces(
    db: Session,
    actor: Actor,
    *,
    experiment_id: str | None = None,
    text: str | None = None,
    limit: int = 50,
    token: str | None = None,
) -> Page[ShownTrace]:
    """Return a page of traces as pages show them, the newest first. Raises InvalidInput."""
    experiment_ids = None if experiment_id is None else [experiment_id]
    found = search_traces(db, actor, experiment_ids=experiment_ids, text=text, limit=limit, token=token)
    return Page([show_trace(record) for record in found.traces], found.next_token)


def name_experiments(db: Session, experiment_ids: Iterable[str]) -> dict[str, str]:
    """Return the names of experiments, by experiment; the caller has seen to it that they may be seen."""
    wanted = select(Experiment.id, Experiment.name).where(Experiment.id.in_(set(experiment_ids)))
    return {row[0]: row[1] for row in db.execute(wanted)}
