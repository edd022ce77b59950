"""What comes due or ends about models: waivers, overrides, evidence, findings, validations, reviews, approvals."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor
from modelops_platform.registry import queries as registry
from modelops_platform.registry.tables import Model, ModelSummary

from ..domain.coming import Coming, ComingKind
from ..domain.exceptions import EmergencyState, WaiverState
from ..domain.findings import UNDER_WAY
from ..domain.states import RequestState
from ..domain.validation import OPEN
from ..tables import (
    ApprovalRequest,
    EmergencyChange,
    EvidenceRecord,
    Finding,
    TierOverride,
    Validation,
    Waiver,
)

MOST = 500  # of each kind, the first by day; whoever shows them says when there may be more


def list_coming(db: Session, actor: Actor, *, now: datetime, until: date) -> list[Coming]:
    """Return what is overdue and what comes due or ends until a day, the first on top."""
    end = datetime.combine(until, time.max, UTC)
    found = [one for source in _SOURCES for one in source(db, actor, now, end)]
    return sorted(found, key=lambda one: (one.on, one.model, one.kind))


def _about(actor: Actor, *columns: Any) -> Select[Any]:
    """Begin with the living models that somebody may see."""
    visible = registry.visible_to(actor).with_only_columns(Model.id)
    return select(Model.name, *columns).where(Model.id.in_(visible)).limit(MOST)


def _waivers(db: Session, actor: Actor, now: datetime, end: datetime) -> Iterator[Coming]:
    asked = _about(actor, Waiver.id, Waiver.to_at, Waiver.requirement_id, Finding.title).join(
        Waiver, Waiver.model_id == Model.id
    )
    rows = db.execute(
        asked.outerjoin(Finding, Finding.id == Waiver.finding_id)
        .where(Waiver.state == WaiverState.APPROVED.value, Waiver.to_at > now, Waiver.to_at <= end)
        .order_by(Waiver.to_at)
    )
    for model, id, at, requirement, finding in rows:
        yield Coming(at.date(), ComingKind.WAIVER, model, finding or "", "show_waiver", {"id": id}, requirement)


def _overrides(db: Session, actor: Actor, now: datetime, end: datetime) -> Iterator[Coming]:
    asked = _about(actor, TierOverride.tier, TierOverride.to_at).join(TierOverride, TierOverride.model_id == Model.id)
    within = (TierOverride.from_at.is_not(None), TierOverride.to_at > now, TierOverride.to_at <= end)
    for model, tier, at in db.execute(asked.where(*within).order_by(TierOverride.to_at)):
        yield Coming(
            at.date(), ComingKind.OVERRIDE, model, f"Tier {tier} for a while", "show_model_governance", {"name": model}
        )


def _evidence(db: Session, actor: Actor, now: datetime, end: datetime) -> Iterator[Coming]:
    row = EvidenceRecord
    asked = _about(actor, row.id, row.kind, row.word, row.title, row.expires_at).join(row, row.model_id == Model.id)
    within = (row.withdrawn_at.is_(None), row.kind != "review", row.expires_at > now, row.expires_at <= end)
    for model, id, kind, word, title, at in db.execute(asked.where(*within).order_by(row.expires_at)):
        what = word.capitalize() if kind == "attestation" else title
        yield Coming(at.date(), ComingKind.EVIDENCE, model, what, "show_record", {"id": id})


def _findings(db: Session, actor: Actor, now: datetime, end: datetime) -> Iterator[Coming]:
    asked = _about(actor, Finding.id, Finding.title, Finding.due).join(Finding, Finding.model_id == Model.id)
    within = (Finding.state.in_([state.value for state in UNDER_WAY]), Finding.due <= end.date())
    for model, id, title, due in db.execute(asked.where(*within).order_by(Finding.due)):
        yield Coming(due, ComingKind.FINDING, model, title, "show_finding", {"id": id})


def _validations(db: Session, actor: Actor, now: datetime, end: datetime) -> Iterator[Coming]:
    asked = _about(actor, Validation.id, Validation.due).join(Validation, Validation.model_id == Model.id)
    within = (Validation.state.in_([state.value for state in OPEN]), Validation.due <= end.date())
    for model, id, due in db.execute(asked.where(*within).order_by(Validation.due)):
        yield Coming(due, ComingKind.VALIDATION, model, "Report to be signed", "show_validation", {"validation_id": id})


def _reviews(db: Session, actor: Actor, now: datetime, end: datetime) -> Iterator[Coming]:
    due = ModelSummary.next_review
    asked = _about(actor, due).join(ModelSummary, ModelSummary.model_id == Model.id)
    for model, on in db.execute(asked.where(due.is_not(None), due <= end.date()).order_by(due)):
        yield Coming(on, ComingKind.REVIEW, model, "Review or assessment", "list_records", {"name": model})


def _approvals(db: Session, actor: Actor, now: datetime, end: datetime) -> Iterator[Coming]:
    row = ApprovalRequest
    asked = _about(actor, row.id, row.message, row.due_at).join(row, row.model_id == Model.id)
    within = (row.state == RequestState.OPEN.value, row.due_at <= end)
    for model, id, message, at in db.execute(asked.where(*within).order_by(row.due_at)):
        yield Coming(at.date(), ComingKind.APPROVAL, model, message, "show_approval", {"id": id})


def _emergencies(db: Session, actor: Actor, now: datetime, end: datetime) -> Iterator[Coming]:
    row = EmergencyChange
    asked = _about(actor, row.id, row.reason, row.to_at).join(row, row.model_id == Model.id)
    within = (row.state == EmergencyState.ACTIVE.value, row.to_at <= end)
    for model, id, reason, at in db.execute(asked.where(*within).order_by(row.to_at)):
        yield Coming(at.date(), ComingKind.EMERGENCY, model, reason, "show_emergency", {"id": id})


_SOURCES: tuple[Callable[[Session, Actor, datetime, datetime], Iterator[Coming]], ...] = (
    _waivers,
    _overrides,
    _evidence,
    _findings,
    _validations,
    _reviews,
    _approvals,
    _emergencies,
)
