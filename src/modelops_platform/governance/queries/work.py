"""Everything that waits for one person, from every noun of governance."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.registry.queries import visible_to
from modelops_platform.registry.tables import Model, ModelSummary

from ..defaults import evidence_rules, exception_rules
from ..domain.exceptions import Approver, EmergencyState, WaiverState, why_not_decide, why_not_support
from ..domain.findings import TO_BE_WORKED_ON, FindingState, Verb, why_not
from ..domain.review import REVIEWING, why_not_override
from ..domain.states import RequestState
from ..domain.work import WorkItem, WorkKind, in_order
from ..tables import (
    ApprovalRequest,
    Finding,
    ModelDetermination,
    RiskAssessment,
    SuiteConfirmation,
    SuiteVersion,
    TierOverride,
    Waiver,
)
from .approvals import list_waiting, visible_requests
from .assessments import find_involved, is_in_force
from .emergencies import emergency_case, list_emergencies
from .evidence import list_expiring
from .findings import finding_case, finding_person, list_for_verification, visible_findings
from .tiers import determination_counts
from .validations import list_validations_for
from .waivers import decider_of, list_requested_waivers, visible_waivers, waiver_case

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
        *_tools(db, actor),
        *_overrides(db, actor),
        *_suites(db, actor),
        *_endings(db, actor),
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
        kind = WorkKind.CONDITION if finding.validation_id else WorkKind.FINDING
        yield WorkItem(kind, text, detail, "show_finding", link, finding.due, finding.raised_at)


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


def _tools(db: Session, actor: Actor) -> Iterator[WorkItem]:
    """Return what somebody says is no model, and this person could confirm."""
    if not actor.may_somewhere(Permission.ASSESS_RISK):
        return
    said = (
        visible_to(actor)
        .join(ModelDetermination, ModelDetermination.model_id == Model.id)
        .where(ModelDetermination.to_at.is_(None), ModelDetermination.is_model.is_(False))
        .add_columns(ModelDetermination)
        .order_by(ModelDetermination.from_at)
        .limit(MOST)
    )
    for model, row in db.execute(said):
        if not actor.roles_on(model) & REVIEWING:
            continue
        involved = find_involved(db, model)
        if actor.id not in involved and not determination_counts(row, involved):
            text, link = f"{model.name} is a tool, no model", (("name", model.name),)
            yield WorkItem(WorkKind.DETERMINATION, text, row.reason, "show_model_governance", link, None, row.from_at)


def _overrides(db: Session, actor: Actor) -> Iterator[WorkItem]:
    """Return the overrides that this person could confirm; what is not confirmed by its last day is void."""
    if not actor.may_somewhere(Permission.ASSESS_RISK):
        return
    asked = (
        visible_to(actor)
        .join(TierOverride, TierOverride.model_id == Model.id)
        .where(TierOverride.from_at.is_(None), TierOverride.to_at.is_(None), TierOverride.expires_at > clock.now())
        .add_columns(TierOverride)
        .order_by(TierOverride.asked_at)
        .limit(MOST)
    )
    for model, row in db.execute(asked):
        lowers = row.tier > row.computed_tier
        refusal = why_not_override(
            actor.id,
            actor.roles_on(model),
            find_involved(db, model),
            asked_by=row.asked_by,
            is_person=True,
            lowers=lowers,
        )
        if refusal is None:
            text, link = f"{row.name.capitalize()} for {model.name}", (("name", model.name),)
            due = row.expires_at.date()
            yield WorkItem(WorkKind.OVERRIDE, text, row.reason, "show_model_governance", link, due, row.asked_at)


def _suites(db: Session, actor: Actor) -> Iterator[WorkItem]:
    """Return the versions of suites that wait for a second person."""
    if not actor.may_somewhere(Permission.MANAGE_POLICIES):
        return
    waiting = (
        select(SuiteVersion)
        .outerjoin(SuiteVersion.confirmation)
        .where(
            SuiteVersion.workspace_id == actor.workspace_id,
            SuiteVersion.is_guarding,
            SuiteConfirmation.id.is_(None),
            SuiteVersion.published_by != actor.id,
        )
        .order_by(SuiteVersion.id)
        .limit(MOST)
    )
    for row in db.scalars(waiting):
        link = (("suite_id", row.document_id),)
        yield WorkItem(
            WorkKind.SUITE, f"{row.title} v{row.number}", row.reason, "show_suite", link, None, row.published_at
        )


def _endings(db: Session, actor: Actor) -> Iterator[WorkItem]:
    """Return the waivers that end soon and that this person asked for or needs: to meet what they set aside."""
    now = clock.now()
    soon = now + timedelta(days=max(exception_rules().notice_days))
    mine = visible_waivers(actor).where(
        Waiver.state == WaiverState.APPROVED.value,
        Waiver.to_at > now,
        Waiver.to_at <= soon,
        or_(Waiver.asked_by == actor.id, Model.owner_id == actor.id),
    )
    for waiver in db.scalars(mine.order_by(Waiver.to_at, Waiver.id).limit(MOST)):
        text, link = f"{waiver.name.capitalize()} for {waiver.model.name}", (("id", waiver.id),)
        due = waiver.to_at.date() if waiver.to_at else None
        yield WorkItem(WorkKind.ENDING, text, waiver.reason, "show_waiver", link, due, waiver.from_at)


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
