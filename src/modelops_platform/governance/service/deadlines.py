"""What time alone brings about: reminders, timeouts, notices, what ends, and what was not made good.

Each step about a thing is taken once (`take_once`), in the transaction of its effect, however many processes keep
time and however often the clock is set.
"""

from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload

from modelops_platform.core import clock
from modelops_platform.core.actor import system_actor
from modelops_platform.core.portions import portion
from modelops_platform.events import service as events
from modelops_platform.registry.tables import Model

from ..defaults import evidence_rules, exception_rules, finding_rules
from ..domain.exceptions import WaiverState
from ..domain.findings import UNDER_WAY
from ..domain.known import EvidenceKind, Severity
from ..domain.states import RequestState
from ..tables import ApprovalRequest, EvidenceRecord, Finding, StepTaken, Waiver
from .approvals import time_out
from .emergencies import settle_emergencies
from .steps import steps_taken, take_once
from .waivers import reopen_finding

AT_ONCE = 500


def keep_time(db: Session, workspace_id: str) -> dict[str, int]:
    """Do what is due by the minute: approvals, ends of waivers, emergencies. Returns how much of each."""
    return {
        "approvals": _watch_approvals(db, workspace_id),
        "waivers": _end_waivers(db, workspace_id),
        "emergencies": settle_emergencies(db, workspace_id),
    }


def keep_days(db: Session, workspace_id: str) -> dict[str, int]:
    """Do what is due by the day: late findings, waivers about to end, reviews, evidence. Returns how much of each."""
    return {
        "findings": _escalate_findings(db, workspace_id),
        "waivers": _announce_ends(db, workspace_id),
        "reviews": _announce_reviews(db, workspace_id),
        "attestations": _note_expired(db, workspace_id),
    }


def _watch_approvals(db: Session, workspace_id: str) -> int:
    """Remind at half of the time and on the day before, then do what the policy says."""
    now, done = clock.now(), 0
    waiting = (
        select(ApprovalRequest)
        .where(
            ApprovalRequest.workspace_id == workspace_id,
            ApprovalRequest.state == RequestState.OPEN.value,
            ApprovalRequest.due_at.is_not(None),
        )
        .options(joinedload(ApprovalRequest.model), joinedload(ApprovalRequest.version))
        .order_by(ApprovalRequest.due_at)
        .limit(AT_ONCE)
        .with_for_update(of=ApprovalRequest)
    )
    for request in portion(db.scalars(waiting).all()):
        assert request.due_at is not None, "asked for above"
        steps = due_steps(request.asked_at, request.due_at, now)
        taken = [step for step in steps if take_once(db, request.id, step)]
        if "due" in taken:
            time_out(db, request)
        elif taken:
            events.record(db, system_actor(workspace_id), "approval.reminded", request, due=request.due_at.isoformat())
        done += bool(taken)
    return done


def due_steps(asked_at: datetime, due_at: datetime, now: datetime) -> list[str]:
    """Return the steps about a request that are due: half of the time, the day before, and the end itself."""
    half, day_before = asked_at + (due_at - asked_at) / 2, due_at - timedelta(days=1)
    steps = {"half": half, "day": max(day_before, half), "due": due_at}
    return [step for step, at in steps.items() if now >= at]


def _end_waivers(db: Session, workspace_id: str) -> int:
    """Tell of the waivers that have ended, and open the findings again whose risk they accepted."""
    ended = (
        select(Waiver)
        .join(Waiver.model)
        .outerjoin(StepTaken, (StepTaken.subject_id == Waiver.id) & (StepTaken.step == "ended"))
        .where(
            Waiver.workspace_id == workspace_id,
            Waiver.state == WaiverState.APPROVED.value,
            Waiver.to_at <= clock.now(),
            StepTaken.step.is_(None),
        )
        .options(contains_eager(Waiver.model))
        .order_by(Waiver.id)
        .limit(AT_ONCE)
    )
    done, actor = 0, system_actor(workspace_id)
    for waiver in portion(db.scalars(ended).all()):
        if take_once(db, waiver.id, "ended"):
            events.record(db, actor, "waiver.expired", waiver)
            reopen_finding(db, actor, waiver, "The waiver that accepted its risk has ended.")
            done += 1
    return done


def _announce_ends(db: Session, workspace_id: str) -> int:
    now, done = clock.now(), 0
    first = max(exception_rules().notice_days)
    ending = (
        select(Waiver)
        .join(Waiver.model)
        .where(
            Waiver.workspace_id == workspace_id,
            Waiver.state == WaiverState.APPROVED.value,
            Waiver.to_at > now,
            Waiver.to_at <= now + timedelta(days=first),
        )
        .options(contains_eager(Waiver.model))
        .order_by(Waiver.to_at)
    )
    waivers = db.scalars(ending).all()
    known = steps_taken(db, [waiver.id for waiver in waivers])
    notices = [
        (
            waiver,
            waiver.to_at,
            [
                days
                for days in exception_rules().notices_due(waiver.to_at, now)
                if (waiver.id, f"ends in {days}") not in known
            ],
        )
        for waiver in waivers
        if waiver.to_at is not None
    ]
    for waiver, to_at, due in portion([notice for notice in notices if notice[2]]):
        taken = [days for days in due if take_once(db, waiver.id, f"ends in {days}")]
        if taken:
            until, left = to_at.isoformat(), (to_at - now).days
            events.record(db, system_actor(workspace_id), "waiver.ending", waiver, until=until, days=left)
            done += 1
    return done


def _escalate_findings(db: Session, workspace_id: str) -> int:
    today, done = clock.now().date(), 0
    soonest = min(step for rule in finding_rules().severities.values() for step in (*rule.escalate_days_late, 0))
    late = (
        select(Finding)
        .join(Finding.model)
        .where(
            Finding.workspace_id == workspace_id,
            Finding.state.in_([state.value for state in UNDER_WAY]),
            Finding.due <= today - timedelta(days=soonest),
        )
        .options(contains_eager(Finding.model))
        .order_by(Finding.due)
    )
    findings = db.scalars(late).all()
    known = steps_taken(db, [finding.id for finding in findings])
    due_steps = [
        (
            finding,
            [
                step
                for step in finding_rules().late_steps(Severity(finding.severity), finding.due, today)
                if (finding.id, f"late {finding.due} {step}") not in known
            ],
        )
        for finding in findings
    ]
    for finding, steps in portion([(finding, steps) for finding, steps in due_steps if steps]):
        taken = [step for step in steps if take_once(db, finding.id, f"late {finding.due} {step}")]
        if taken:
            events.record(
                db,
                system_actor(workspace_id),
                "finding.escalated",
                finding,
                severity=finding.severity,
                due=finding.due.isoformat(),
                late_days=(today - finding.due).days,
            )
            done += 1
    return done


def _announce_reviews(db: Session, workspace_id: str) -> int:
    """Tell of the reviews that are due within the time of the rules, and once more when they are overdue."""
    today, done = clock.now().date(), 0
    notice = timedelta(days=evidence_rules().review_due_notice_days)
    later = aliased(EvidenceRecord)
    is_review = EvidenceRecord.kind == EvidenceKind.REVIEW.value
    newer = exists().where(
        later.model_id == EvidenceRecord.model_id,
        later.kind == EvidenceKind.REVIEW.value,
        later.withdrawn_at.is_(None),
        later.id > EvidenceRecord.id,
    )
    rows = db.execute(
        select(Model.id, EvidenceRecord.next_due)
        .join(EvidenceRecord, EvidenceRecord.model_id == Model.id)
        .where(
            Model.workspace_id == workspace_id,
            Model.archived_at.is_(None),
            is_review,
            EvidenceRecord.withdrawn_at.is_(None),
            EvidenceRecord.next_due <= today + notice,
            ~newer,
        )
        .order_by(EvidenceRecord.next_due)
    )
    dues = [(id, due, f"review {due} {'late' if due < today else 'soon'}") for id, due in rows if due is not None]
    known = steps_taken(db, [id for id, _due, _step in dues])
    for id, due, step in portion([one for one in dues if (one[0], one[2]) not in known]):
        if take_once(db, id, step):
            events.record(
                db,
                system_actor(workspace_id),
                "review.overdue" if due < today else "review.due",
                db.get_one(Model, id),
                due=due.isoformat(),
            )
            done += 1
    return done


def _note_expired(db: Session, workspace_id: str) -> int:
    """Tell of evidence that has expired."""
    expired = (
        select(EvidenceRecord)
        .join(EvidenceRecord.model)
        .outerjoin(StepTaken, (StepTaken.subject_id == EvidenceRecord.id) & (StepTaken.step == "expired"))
        .where(
            EvidenceRecord.workspace_id == workspace_id,
            EvidenceRecord.expires_at <= clock.now(),
            EvidenceRecord.withdrawn_at.is_(None),
            Model.archived_at.is_(None),
            StepTaken.step.is_(None),
        )
        .options(contains_eager(EvidenceRecord.model))
        .order_by(EvidenceRecord.id)
        .limit(AT_ONCE)
    )
    done = 0
    for piece in portion(db.scalars(expired).all()):
        if take_once(db, piece.id, "expired"):
            events.record(db, system_actor(workspace_id), "evidence.expired", piece, word=piece.word)
            done += 1
    return done
