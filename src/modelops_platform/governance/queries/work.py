"""Everything that waits for one person, from every noun of governance."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.registry.queries import visible_to
from modelops_platform.registry.tables import Model, ModelSummary

from ..defaults import evidence_rules
from ..domain.exceptions import Approver, EmergencyState, why_not_decide, why_not_support
from ..domain.findings import TO_BE_WORKED_ON, FindingState, Verb, why_not
from ..domain.review import REVIEWING
from ..domain.states import RequestState
from ..domain.work import WorkItem, WorkKind, in_order
from ..tables import ApprovalRequest, Finding, RiskAssessment
from .approvals import list_waiting, visible_requests
from .assessments import find_involved, is_in_force
from .emergencies import emergency_case, list_emergencies
from .evidence import list_expiring
from .findings import finding_case, finding_person, list_for_verification, visible_findings
from .validations import list_validations_for
from .waivers import decider_of, list_requested_waivers, waiver_case

MOST = 200


def list_work(db: Session, actor: Actor) -> list[WorkItem]:
    """Return what waits for this person, what is due first on top; a program has no work of its own."""
    if actor.kind is not ActorKind.PERSON:
        return []
    items = [
        *_votes(db, actor),
        *_emergencies(db, actor),
        *_waivers(db, actor),
        *_judging(db, actor),
        *_working(db, actor),
        *_validations(db, actor),
        *_tiers(db, actor),
        *_reviews(db, actor),
        *_attestations(db, actor),
        *_requests(db, actor),
    ]
    return in_order(items)


def count_work(db: Session, actor: Actor) -> int:
    """Count what this person is wanted for."""
    return sum(item.is_mine_to_do for item in list_work(db, actor))


def _votes(db: Session, actor: Actor) -> Iterator[WorkItem]:
    if not actor.may_somewhere(Permission.VOTE):
        return
    for seen in list_waiting(db, actor):
        if seen.is_for_me:
            request = seen.request
            place = "" if seen.refusal is None else f"In the place of {seen.open_places[0].name}. "
            yield WorkItem(
                WorkKind.VOTE,
                seen.target.question(f"{request.model.name} {request.version.name}"),
                f"{place}{request.message}",
                "show_approval",
                (("id", request.id),),
                request.due_at.date() if request.due_at else None,
                request.asked_at,
            )


def _emergencies(db: Session, actor: Actor) -> Iterator[WorkItem]:
    if not actor.may_somewhere(Permission.VOTE):
        return
    for emergency in list_emergencies(db, actor, EmergencyState.REQUESTED, limit=MOST):
        if any(said.person_id == actor.id for said in emergency.answers):
            continue
        if not actor.may(Permission.VOTE, emergency.model):
            continue
        decider = decider_of(db, actor, emergency.model, without=emergency.asked_by)
        if why_not_support(decider, emergency_case(emergency)) is None:
            text = f"{emergency.model.name} {emergency.name}, in an emergency".replace(":", " ")
            yield WorkItem(
                WorkKind.EMERGENCY,
                text,
                emergency.reason,
                "show_emergency",
                (("id", emergency.id),),
                emergency.asked_at.date(),
                emergency.asked_at,
            )


def _waivers(db: Session, actor: Actor) -> Iterator[WorkItem]:
    if not actor.may_somewhere(Permission.DECIDE_WAIVER):
        return
    for waiver in list_requested_waivers(db, actor, limit=MOST):
        if any(said.person_id == actor.id for said in waiver.answers):
            continue
        if not actor.may(Permission.DECIDE_WAIVER, waiver.model):
            continue
        decider = decider_of(db, actor, waiver.model, without=waiver.asked_by)
        if why_not_decide([Approver(seat) for seat in waiver.seats], decider, waiver_case(db, waiver)) is None:
            what = (waiver.requirement_id or "").replace("-", " ") or (waiver.finding.title if waiver.finding else "")
            text = f"Waiver of {what} for {waiver.model.name}"
            link = (("id", waiver.id),)
            yield WorkItem(WorkKind.WAIVER, text, waiver.reason, "show_waiver", link, None, waiver.asked_at)


def _judging(db: Session, actor: Actor) -> Iterator[WorkItem]:
    """Return the findings that wait for verification, and due dates that wait for an answer."""
    if not actor.may_somewhere(Permission.RAISE_FINDING):
        return
    for finding in list_for_verification(db, actor, limit=MOST):
        case, person = finding_case(finding), finding_person(actor, finding)
        text, link = f"{finding.title}, of {finding.model.name}", (("id", finding.id),)
        if finding.state == FindingState.READY_FOR_REVIEW and why_not(Verb.CLOSE, case, person) is None:
            yield WorkItem(WorkKind.VERIFY, text, finding.remedy, "show_finding", link, finding.due)
        asked = next((move for move in finding.moves if move.decided_at is None), None)
        if asked is not None and why_not(Verb.ANSWER_MOVE, case, person) is None:
            yield WorkItem(WorkKind.DUE_DATE, text, asked.reason, "show_finding", link, finding.due, asked.asked_at)


def _working(db: Session, actor: Actor) -> Iterator[WorkItem]:
    mine = visible_findings(actor).where(
        Finding.owner_id == actor.id, Finding.state.in_([state.value for state in TO_BE_WORKED_ON])
    )
    for finding in db.scalars(mine.order_by(Finding.due, Finding.id).limit(MOST)):
        text = f"{finding.title}, of {finding.model.name}"
        detail = f"{finding.severity.capitalize()}, {finding.state.replace('_', ' ')}"
        link = (("id", finding.id),)
        yield WorkItem(WorkKind.FINDING, text, detail, "show_finding", link, finding.due, finding.raised_at)


def _validations(db: Session, actor: Actor) -> Iterator[WorkItem]:
    for validation in list_validations_for(db, actor, limit=MOST):
        text = f"{validation.model.name} {validation.version.name}"
        link = (("validation_id", validation.id),)
        yield WorkItem(
            WorkKind.VALIDATION, text, validation.note, "show_validation", link, validation.due, validation.assigned_at
        )


def _tiers(db: Session, actor: Actor) -> Iterator[WorkItem]:
    """Return the tiers that are proposed and that this person could confirm."""
    if not actor.may_somewhere(Permission.ASSESS_RISK):
        return
    proposed = (
        visible_to(actor)
        .join(RiskAssessment, RiskAssessment.model_id == Model.id)
        .where(RiskAssessment.to_at.is_(None), RiskAssessment.reviewed_by.is_(None), RiskAssessment.tier > 1)
        .add_columns(RiskAssessment)
        .order_by(RiskAssessment.from_at)
        .limit(MOST)
    )
    for model, assessment in db.execute(proposed):
        if not actor.roles_on(model) & REVIEWING or is_in_force(model, assessment):
            continue
        if actor.id not in find_involved(db, model):
            text, link = f"Tier {assessment.tier} of {model.name}", (("name", model.name),)
            detail = "It is judged as tier 1 until somebody independent confirms it."
            yield WorkItem(WorkKind.TIER, text, detail, "show_model_governance", link, None, assessment.from_at)


def _reviews(db: Session, actor: Actor) -> Iterator[WorkItem]:
    soon = clock.now().date() + timedelta(days=evidence_rules().review_due_notice_days)
    mine = (
        select(Model.name, ModelSummary.next_review)
        .join(Model.summary)
        .where(
            Model.workspace_id == actor.workspace_id,
            Model.owner_id == actor.id,
            Model.archived_at.is_(None),
            ModelSummary.next_review <= soon,
        )
        .order_by(ModelSummary.next_review, Model.name)
        .limit(MOST)
    )
    for name, due in db.execute(mine):
        detail = "Its review or its risk assessment is asked for anew."
        link = (("name", name),)
        yield WorkItem(WorkKind.REVIEW, f"Review {name}", detail, "show_model_governance", link, due)


def _attestations(db: Session, actor: Actor) -> Iterator[WorkItem]:
    soon = clock.now() + timedelta(days=evidence_rules().review_due_notice_days)
    for piece in list_expiring(db, actor, soon, limit=MOST):
        due = piece.expires_at.date() if piece.expires_at else None
        text, link = f"{piece.word.capitalize()} of {piece.model.name}", (("name", piece.model.name),)
        yield WorkItem(WorkKind.ATTESTATION, text, piece.text, "list_records", link, due, piece.at)


def _requests(db: Session, actor: Actor) -> Iterator[WorkItem]:
    mine = visible_requests(actor).where(
        ApprovalRequest.asked_by == actor.id, ApprovalRequest.state == RequestState.OPEN.value
    )
    for request in db.scalars(mine.order_by(ApprovalRequest.id).limit(MOST)):
        due = request.due_at.date() if request.due_at else None
        text = f"{request.model.name} {request.name}".replace(":", " ")
        link = (("id", request.id),)
        yield WorkItem(WorkKind.REQUEST, text, request.message, "show_approval", link, due, request.asked_at)
