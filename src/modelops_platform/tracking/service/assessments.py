"""Verbs on assessments: what people and programs think of traces."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import InvalidInput, NotFound

from .. import queries
from ..domain.traces import LONGEST_NAME, AssessmentKind, ToldAssessment, checked_length, comparable
from ..queries.traces import TraceHead, get_assessment, get_trace_head
from ..tables import TraceAssessment
from .experiments import now_ms


def create_assessment(db: Session, actor: Actor, trace_id: str, told: ToldAssessment) -> TraceAssessment:
    """Add an assessment; the one that it overrides holds no longer. Raises NotFound, NotAllowed, InvalidInput."""
    told.check()
    head = get_trace_head(db, actor, trace_id, to_change=True)
    queries.must(actor, Permission.LOG_RUNS, head)
    if told.overrides:
        get_assessment(db, actor, head.id, told.overrides).is_valid = False
    row = _row(actor, head, told, now_ms())
    taken = InvalidInput(
        f"The assessment ID {row['id'][:80]!r} is taken.", remedy="Leave it out.", field="assessment_id"
    )
    with conflicts_as(db, taken):
        db.execute(insert(TraceAssessment), [row])
    return db.get_one(TraceAssessment, row["id"])


def add_assessments(db: Session, actor: Actor, head: TraceHead, told: Sequence[ToldAssessment]) -> None:
    """Add the assessments that came with a trace; those that are there already stay."""
    if not told:
        return
    now = now_ms()
    rows = [_row(actor, head, one, now) for one in told]
    known = set(db.scalars(select(TraceAssessment.id).where(TraceAssessment.id.in_([row["id"] for row in rows]))))
    new = {row["id"]: row for row in rows if row["id"] not in known}
    if new:
        db.execute(insert(TraceAssessment), list(new.values()))


def _row(actor: Actor, head: TraceHead, told: ToldAssessment, now: int) -> dict[str, Any]:
    text, number = comparable(told.content.get("value"))
    return {
        "id": told.id or f"a-{secrets.token_hex(16)}",
        "trace_id": head.id,
        "name": told.name,
        "kind": told.kind.value,
        "content": told.content,
        "text": text,
        "number": number,
        "source_type": told.source_type.value,
        "source_id": told.source_id,
        "span_id": told.span_id,
        "overrides": told.overrides,
        "is_valid": told.is_valid,
        "created_ms": told.created_ms or now,
        "updated_ms": now,
        "created_by": actor.id,
        "updated_by": actor.id,
    }


def update_assessment(
    db: Session,
    actor: Actor,
    trace_id: str,
    assessment_id: str,
    *,
    name: str | None = None,
    kind: AssessmentKind | None = None,
    content: Mapping[str, Any],
) -> TraceAssessment:
    """Change name, value, error, rationale of an assessment, and add metadata; its kind, source and span stay.

    Raises NotFound, NotAllowed, InvalidInput.
    """
    head = get_trace_head(db, actor, trace_id, to_change=True)
    queries.must(actor, Permission.LOG_RUNS, head)
    found = get_assessment(db, actor, trace_id, assessment_id)
    if kind is not None and found.kind != kind:
        raise InvalidInput(f"Cannot update the {kind} of what is {found.kind}.", field=f"assessment.{kind}")
    changed = dict(found.content)
    if "metadata" in content:
        changed["metadata"] = {**(changed.get("metadata") or {}), **content["metadata"]}
    if kind is not None:
        changed.pop("error", None)
    changed.update({key: value for key, value in content.items() if key != "metadata"})
    found.content = changed
    found.text, found.number = comparable(changed.get("value"))
    if name is not None:
        if not name:
            raise InvalidInput("An assessment has a name.", field="assessment.assessment_name")
        found.name = checked_length(name, LONGEST_NAME, "assessment_name")
    found.updated_ms, found.updated_by = now_ms(), actor.id
    db.flush()
    return found


def delete_assessment(db: Session, actor: Actor, trace_id: str, assessment_id: str) -> None:
    """Delete an assessment; the one that it overrode holds again. One that is not there is fine.

    Raises NotFound for the trace, NotAllowed.
    """
    head = get_trace_head(db, actor, trace_id, to_change=True)
    queries.must(actor, Permission.LOG_RUNS, head)
    try:
        found = get_assessment(db, actor, trace_id, assessment_id)
    except NotFound:
        return
    if found.overrides:
        restored = update(TraceAssessment).where(
            TraceAssessment.id == found.overrides, TraceAssessment.trace_id == found.trace_id
        )
        db.execute(restored.values(is_valid=True), execution_options={"synchronize_session": False})
    db.delete(found)
    db.flush()
