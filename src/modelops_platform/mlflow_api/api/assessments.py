"""Assessments of traces: feedback, expectations, and issues."""

from typing import Any

import msgspec
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import InvalidInput
from modelops_platform.tracking import queries, service
from modelops_platform.tracking.domain.traces import (
    AssessmentKind,
    SourceType,
    ToldAssessment,
    checked_json,
    print_time,
    read_time,
)
from modelops_platform.tracking.tables import TraceAssessment

from ..reading import missing_parameter
from ..routes import Family
from ..wire import Message, Reply, Text

family = Family()
READ, LOG = Permission.VIEW, Permission.LOG_RUNS


class Source(Message, kw_only=True):
    """Who assesses."""

    source_type: SourceType = SourceType.SOURCE_TYPE_UNSPECIFIED
    source_id: str = ""


class AssessmentError(Message, kw_only=True):
    """Why there is no value."""

    error_code: str = ""
    error_message: str = ""
    stack_trace: str = ""

    def kept(self) -> dict[str, str]:
        """Return what it says."""
        found = {"error_code": self.error_code, "error_message": self.error_message, "stack_trace": self.stack_trace}
        return {key: value for key, value in found.items() if value}


class Feedback(Message, kw_only=True):
    """How good it was."""

    value: Any = None
    error: AssessmentError | None = None


class Serialized(Message, kw_only=True):
    """A value as text."""

    serialization_format: str = ""
    value: str = ""


class Expectation(Message, kw_only=True):
    """What it should have been."""

    value: Any = None
    serialized_value: Serialized | None = None


class IssueReference(Message, kw_only=True):
    """Which problem it shows."""

    issue_name: str = ""


class Assessment(Message, kw_only=True):
    """An assessment as it is sent."""

    assessment_id: str | None = None
    assessment_name: str = ""
    trace_id: str | None = None
    span_id: str | None = None
    source: Source = msgspec.field(default_factory=Source)
    create_time: Any = None
    last_update_time: Any = None
    feedback: Feedback | None = None
    expectation: Expectation | None = None
    issue: IssueReference | None = None
    rationale: str | None = None
    error: AssessmentError | None = None
    metadata: dict[str, str] = {}
    overrides: str | None = None
    valid: bool = True

    @property
    def kind(self) -> AssessmentKind | None:
        """What sort it is, None when it has no value. Raises InvalidInput when it has several."""
        given = [kind for kind in AssessmentKind if getattr(self, kind.value) is not None]
        if len(given) > 1:
            raise InvalidInput(
                "Exactly one of `expectation`, `feedback` and `issue` should be specified.", field="assessment"
            )
        return given[0] if given else None

    def value(self) -> dict[str, Any]:
        """Return the value as it is kept. Raises InvalidInput."""
        kept: dict[str, Any] = {}
        error = self.error
        if self.feedback is not None:
            kept["value"], error = self.feedback.value, self.feedback.error or error
        elif self.expectation is not None:
            serialized = self.expectation.serialized_value
            kept["value"] = self.expectation.value if serialized is None else serialized.value
            if serialized is not None:
                kept["serialization_format"] = serialized.serialization_format
        elif self.issue is not None:
            kept["value"] = self.issue.issue_name
        if error is not None:
            kept["error"] = error.kept()
        checked_json(kept.get("value"), "assessment.value")
        return kept


def told_assessment(sent: Assessment) -> ToldAssessment:
    """Return what was sent, checked. Raises InvalidInput."""
    if not sent.assessment_name:
        raise missing_parameter("assessment.assessment_name")
    kind = sent.kind
    if kind is None:
        raise missing_parameter("assessment.feedback")
    content = sent.value()
    if sent.rationale is not None:
        content["rationale"] = sent.rationale
    if sent.metadata:
        content["metadata"] = sent.metadata
    return ToldAssessment(
        sent.assessment_name,
        kind,
        content,
        sent.source.source_type,
        sent.source.source_id,
        sent.assessment_id or None,
        sent.span_id or None,
        sent.overrides or None,
        sent.valid,
        None if sent.create_time is None else read_time(sent.create_time, "create_time"),
    )


class AssessmentReply(Reply, kw_only=True):
    """An assessment as it is answered."""

    assessment_id: str
    assessment_name: str
    trace_id: str
    source: dict[str, str]
    create_time: str
    last_update_time: str
    valid: bool
    span_id: str | None = None
    feedback: dict[str, Any] | None = None
    expectation: dict[str, Any] | None = None
    issue: dict[str, Any] | None = None
    rationale: str | None = None
    metadata: dict[str, str] = {}
    overrides: str | None = None


def shown_assessment(one: TraceAssessment) -> AssessmentReply:
    """Return an assessment in the protocol's shape."""
    content, value = one.content, one.content.get("value")
    told: dict[str, Any] = {"value": value}
    if one.kind == AssessmentKind.ISSUE:
        told = {"issue_name": value}
    elif "serialization_format" in content:
        told = {"serialized_value": {"serialization_format": content["serialization_format"], "value": value}}
    if "error" in content:
        told["error"] = content["error"]
    return AssessmentReply(
        assessment_id=one.id,
        assessment_name=one.name,
        trace_id=one.trace_id,
        source={"source_type": one.source_type, "source_id": one.source_id},
        create_time=print_time(one.created_ms),
        last_update_time=print_time(one.updated_ms),
        valid=one.is_valid,
        span_id=one.span_id,
        feedback=told if one.kind == AssessmentKind.FEEDBACK else None,
        expectation=told if one.kind == AssessmentKind.EXPECTATION else None,
        issue=told if one.kind == AssessmentKind.ISSUE else None,
        rationale=content.get("rationale"),
        metadata=content.get("metadata") or {},
        overrides=one.overrides,
    )


class CreateAssessment(Message, kw_only=True):
    """An assessment to add."""

    trace_id: Text
    assessment: Assessment


@family.post("traces/{trace_id}/assessments", version="3.0", permission=LOG, writes=True)
def create_assessment(db: Session, actor: Actor, wanted: CreateAssessment) -> dict[str, Any]:
    """Add an assessment to a trace."""
    made = service.create_assessment(db, actor, wanted.trace_id, told_assessment(wanted.assessment))
    return {"assessment": shown_assessment(made)}


class AssessmentById(Message, kw_only=True):
    """Names an assessment."""

    trace_id: Text
    assessment_id: Text


@family.get("traces/{trace_id}/assessments/{assessment_id}", version="3.0", permission=READ)
def get_assessment(db: Session, actor: Actor, wanted: AssessmentById) -> dict[str, Any]:
    """Return an assessment."""
    return {"assessment": shown_assessment(queries.get_assessment(db, actor, wanted.trace_id, wanted.assessment_id))}


class UpdateAssessment(Message, kw_only=True):
    """What changes in an assessment; the mask says which fields are meant, without one it is those that were sent."""

    trace_id: Text
    assessment_id: Text
    assessment: Assessment
    update_mask: Any = None

    def fields(self) -> set[str]:
        """Return the fields that change. Raises InvalidInput."""
        mask = self.update_mask.get("paths") if isinstance(self.update_mask, dict) else self.update_mask
        named = mask.split(",") if isinstance(mask, str) else mask
        if named is None:
            sent = ("feedback", "expectation", "issue", "rationale", "metadata", "assessment_name")
            return {name for name in sent if getattr(self.assessment, name)}
        if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
            raise InvalidInput("The update_mask is a list of fields with commas between.", field="update_mask")
        found = {"".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in name.strip()) for name in named}
        unknown = found - {"feedback", "expectation", "issue", "rationale", "metadata", "assessment_name", ""}
        if unknown:
            raise InvalidInput(
                f"The update_mask names {min(unknown)[:80]!r}, which cannot be changed.", field="update_mask"
            )
        return found


@family.on("PATCH", "traces/{trace_id}/assessments/{assessment_id}", version="3.0", permission=LOG, writes=True)
def update_assessment(db: Session, actor: Actor, wanted: UpdateAssessment) -> dict[str, Any]:
    """Change an assessment."""
    sent, fields = wanted.assessment, wanted.fields()
    kind = sent.kind if fields & set(AssessmentKind) else None
    content: dict[str, Any] = sent.value() if kind is not None else {}
    if "rationale" in fields:
        content["rationale"] = sent.rationale
    if "metadata" in fields:
        content["metadata"] = sent.metadata
    changed = service.update_assessment(
        db,
        actor,
        wanted.trace_id,
        wanted.assessment_id,
        name=sent.assessment_name if "assessment_name" in fields else None,
        kind=kind,
        content=content,
    )
    return {"assessment": shown_assessment(changed)}


@family.on("DELETE", "traces/{trace_id}/assessments/{assessment_id}", version="3.0", permission=LOG, writes=True)
def delete_assessment(db: Session, actor: Actor, wanted: AssessmentById) -> None:
    """Delete an assessment."""
    service.delete_assessment(db, actor, wanted.trace_id, wanted.assessment_id)
