"""Reads of traces: heads for writing, records and spans for clients and pages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import NotFound

from ..domain.traces import TraceRecord
from ..tables import TraceAssessment
from .rights import may
from .statements import Row, Statement, marks

_AT_ONCE = 400


@dataclass(slots=True)
class TraceHead:
    """What every write to a trace needs to know of it."""

    id: str
    experiment_id: str
    unit_id: str
    lifecycle: str
    is_told: bool
    object_kind: str = "trace"


def no_trace(trace_id: str) -> NotFound:
    """Return the refusal for a trace that is not there for the caller."""
    return NotFound(f"Trace with ID {trace_id[:80]} is not found.", field="trace_id", value=trace_id[:80])


_HEADS = (
    "SELECT t.id, t.experiment_id, e.unit_id, e.lifecycle, t.is_told FROM traces t"
    " JOIN experiments e ON e.id = t.experiment_id WHERE t.id IN ({}) AND e.workspace_id = ? ORDER BY t.id"
)


def get_heads(db: Session, actor: Actor, trace_ids: Sequence[str], *, to_change: bool = False) -> list[TraceHead]:
    """Return the heads of those of the traces that the actor may see, by id.

    With `to_change` whoever wants to change the same traces waits until this transaction ends.
    """
    found: list[TraceHead] = []
    for chunk in _chunks(sorted(set(trace_ids))):
        statement = Statement(_HEADS.format(marks(len(chunk))), locks="FOR NO KEY UPDATE OF t" if to_change else "")
        found.extend(TraceHead(*row) for row in statement.all(db.connection(), *chunk, actor.workspace_id))
    return [head for head in found if may(actor, Permission.VIEW, head)]


def get_trace_head(db: Session, actor: Actor, trace_id: str, *, to_change: bool = False) -> TraceHead:
    """Return the head of a trace. Raises NotFound, also for a trace that the actor may not see."""
    found = get_heads(db, actor, [trace_id[:300]], to_change=to_change)
    if not found:
        raise no_trace(trace_id)
    return found[0]


_RECORDS = (
    "SELECT id, experiment_id, start_ms, duration_ms, state, client_request_id, request_preview, response_preview,"
    " created_by FROM traces WHERE id IN ({})"
)
_WORDS = "SELECT trace_id, key, value FROM {} WHERE trace_id IN ({}) ORDER BY trace_id, key"


def get_records(db: Session, trace_ids: Sequence[str]) -> list[TraceRecord]:
    """Return traces without their spans, in the order of the ids; the caller has seen to it that they may be seen."""
    connection = db.connection()
    found: dict[str, TraceRecord] = {}
    for chunk in _chunks(trace_ids):
        placed = marks(len(chunk))
        for row in Statement(_RECORDS.format(placed)).all(connection, *chunk):
            found[row[0]] = TraceRecord(*row)
        for table, words in (("trace_tags", "tags"), ("trace_metadata", "metadata")):
            for trace_id, key, value in Statement(_WORDS.format(table, placed)).all(connection, *chunk):
                getattr(found[trace_id], words)[key] = value
        wanted = select(TraceAssessment).where(TraceAssessment.trace_id.in_(chunk))
        for assessment in db.scalars(wanted.order_by(TraceAssessment.created_ms, TraceAssessment.id)):
            found[assessment.trace_id].assessments.append(assessment)
    return [found[trace_id] for trace_id in dict.fromkeys(trace_ids) if trace_id in found]


def get_record(db: Session, actor: Actor, trace_id: str) -> TraceRecord:
    """Return a trace without its spans. Raises NotFound."""
    head = get_trace_head(db, actor, trace_id)
    return get_records(db, [head.id])[0]


def get_complete_record(db: Session, actor: Actor, trace_id: str, *, is_partial_fine: bool) -> TraceRecord:
    """Return a trace whose spans are there, or with `is_partial_fine` any. Raises NotFound."""
    record = get_record(db, actor, trace_id)
    if not is_partial_fine and not count_spans(db, record.id):
        raise NotFound(
            f"Trace with ID {record.id} is not fully exported yet, please try again later.",
            field="trace_id",
            value=record.id,
        )
    return record


def list_visible_records(db: Session, actor: Actor, trace_ids: Sequence[str]) -> list[TraceRecord]:
    """Return those of the traces that the actor may see, in the order of the ids."""
    visible = {head.id for head in get_heads(db, actor, trace_ids)}
    return get_records(db, [trace_id for trace_id in trace_ids if trace_id in visible])


_SPANS = "SELECT trace_id, content FROM spans WHERE trace_id IN ({}) ORDER BY trace_id, start_ns, id"


def get_spans(connection: Connection, trace_ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the spans of traces as clients read them, by trace, in the order they began."""
    found: dict[str, list[str]] = {}
    for chunk in _chunks(trace_ids):
        for trace_id, content in Statement(_SPANS.format(marks(len(chunk)))).all(connection, *chunk):
            found.setdefault(trace_id, []).append(content)
    return found


_STEPS = Statement(
    "SELECT id, parent_id, name, type, status, start_ns, end_ns, content FROM spans WHERE trace_id = ?"
    " ORDER BY start_ns, id LIMIT ?"
)


def list_steps(db: Session, trace_id: str, *, limit: int) -> list[Row]:
    """Return the spans of a trace as pages show them, in the order they began."""
    return _STEPS.all(db.connection(), trace_id, limit)


_RUNS = Statement("SELECT run_id FROM trace_runs WHERE trace_id = ? ORDER BY run_id LIMIT ?")


def list_runs_of_trace(db: Session, trace_id: str, *, limit: int = 100) -> list[str]:
    """Return the ids of the runs that a trace was linked to."""
    return [row[0] for row in _RUNS.all(db.connection(), trace_id, limit)]


_COUNT = Statement("SELECT count(*) FROM spans WHERE trace_id = ?")


def count_spans(db: Session, trace_id: str) -> int:
    """Count the spans of a trace."""
    return int(_COUNT.value(db.connection(), trace_id))


def get_assessment(db: Session, actor: Actor, trace_id: str, assessment_id: str) -> TraceAssessment:
    """Return an assessment. Raises NotFound."""
    head = get_trace_head(db, actor, trace_id)
    found = db.get(TraceAssessment, assessment_id[:300])
    if found is None or found.trace_id != head.id:
        raise NotFound(
            f"Assessment with ID '{assessment_id[:80]}' not found for trace '{head.id}'.",
            field="assessment_id",
            value=assessment_id[:80],
        )
    return found


def _chunks(items: Sequence[str]) -> Iterable[list[Any]]:
    return (list(items[start : start + _AT_ONCE]) for start in range(0, len(items), _AT_ONCE))
