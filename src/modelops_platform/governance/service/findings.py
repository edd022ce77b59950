"""Verbs on findings: raise one, work on it, judge it."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotAllowed, Stale
from modelops_platform.events import service as events
from modelops_platform.identity import queries as identity
from modelops_platform.registry import queries as registry
from modelops_platform.registry import service as registry_service
from modelops_platform.registry.tables import Model, Version

from .. import queries
from ..defaults import finding_rules
from ..domain.findings import FindingState, Function, Verb, function_of, next_state, why_not
from ..domain.known import Severity
from ..schemas import DueAnswerIn, DueMoveIn, FindingIn, RatingIn, Step, StepIn
from ..tables import DueMove, Finding, FindingInterval


def raise_finding(db: Session, actor: Actor, wanted: FindingIn, *, validation_id: str | None = None) -> Finding:
    """Raise a finding about a model or one of its versions.

    Raises NotFound (model, version, owner), NotAllowed, InvalidInput (due date).
    """
    model = registry.get_model(db, actor, wanted.model)
    version = registry.get_version(db, actor, wanted.model, wanted.version) if wanted.version else None
    return raise_on(db, actor, model, version, wanted, validation_id=validation_id)


def raise_on(
    db: Session,
    actor: Actor,
    model: Model,
    version: Version | None,
    wanted: FindingIn,
    *,
    validation_id: str | None = None,
    emergency_id: str | None = None,
) -> Finding:
    """Raise a finding about a model or a version at hand. Raises NotFound (owner), NotAllowed, InvalidInput."""
    actor.must(Permission.RAISE_FINDING, model)
    state = FindingState.DRAFT if wanted.is_draft else FindingState.OPEN
    made = Finding(
        workspace_id=model.workspace_id,
        model=model,
        version=version,
        validation_id=validation_id,
        emergency_id=emergency_id,
        title=wanted.title,
        description=wanted.description,
        recommendation=wanted.recommendation,
        source=wanted.source.value,
        category=wanted.category.value,
        likelihood=wanted.likelihood.value,
        function=_function_of(actor, model, wanted).value,
        owner_id=_owner(db, actor, model, wanted),
        raised_by=actor.id,
        raised_at=clock.now(),
        state=state.value,
        severity=wanted.severity.value,
        due=_due(wanted),
        intervals=[],
        moves=[],
    )
    db.add(made)
    _begin(made, actor, made.raised_at, "")
    _refresh_count(db, made)
    events.record(
        db,
        actor,
        "finding.raised",
        made,
        severity=made.severity,
        category=made.category,
        source=made.source,
        function=made.function,
        state=made.state,
        owner=made.owner_id,
        due=made.due.isoformat(),
        version=version.number if version else None,
    )
    return made


def take_step(db: Session, actor: Actor, finding_id: str, step: Step, wanted: StepIn) -> Finding:
    """Move a finding on. Raises NotFound, NotAllowed (says why), Stale (not from where it stands), InvalidInput."""
    finding = queries.get_finding(db, actor, finding_id, lock=True)
    verb = Verb(step.value)
    _must(actor, finding, verb)
    if verb is Verb.SUBMIT:
        finding.remedied_by, finding.remedy = actor.id, wanted.sentence
    elif verb is Verb.CLOSE:
        finding.closed_by, finding.closed_at, finding.closing_evidence = actor.id, clock.now(), wanted.sentence
    other = _successor(db, actor, finding, wanted.by) if verb is Verb.SUPERSEDE else None
    target = next_state(verb, FindingState(finding.state))
    assert target is not None, "checked by the rules"
    change_finding(db, actor, finding, state=target, reason=wanted.sentence)
    events.record(
        db,
        actor,
        "finding.closed" if verb is Verb.CLOSE else "finding.submitted" if verb is Verb.SUBMIT else "finding.moved",
        finding,
        personal={"sentence": wanted.sentence},
        step=verb.value,
        state=finding.state,
        by=other.id if other else None,
    )
    return finding


def rate_finding(db: Session, actor: Actor, finding_id: str, wanted: RatingIn) -> Finding:
    """Change how bad a finding is; its due date moves along, never to a later day than it had when it gets worse.

    Raises NotFound, NotAllowed, Stale, AlreadyExists.
    """
    finding = queries.get_finding(db, actor, finding_id, lock=True)
    _must(actor, finding, Verb.RATE)
    before = finding.severity
    if before == wanted.severity.value:
        raise AlreadyExists(
            f"The finding is {before} already.", remedy="Nothing needs to be done.", field="severity", value=before
        )
    due = min(finding.due, finding_rules().due(wanted.severity, finding.raised_at.date()))
    change_finding(db, actor, finding, severity=wanted.severity, due=due, reason=wanted.sentence)
    events.record(
        db,
        actor,
        "finding.rated",
        finding,
        personal={"sentence": wanted.sentence},
        severity=[before, finding.severity],
        due=due.isoformat(),
    )
    return finding


def ask_due_move(db: Session, actor: Actor, finding_id: str, wanted: DueMoveIn) -> Finding:
    """Ask for another due date; somebody else decides.

    Raises NotFound, NotAllowed, Stale, InvalidInput, AlreadyExists (asked before).
    """
    finding = queries.get_finding(db, actor, finding_id, lock=True)
    _must(actor, finding, Verb.MOVE_DUE)
    if wanted.due <= clock.now().date() or wanted.due == finding.due:
        raise InvalidInput(
            f"{wanted.due} is no other day to come.",
            remedy="Choose a later day than today, and another than it has.",
            field="due",
            value=wanted.due.isoformat(),
        )
    asked = DueMove(
        finding_id=finding.id, before=finding.due, wanted=wanted.due, reason=wanted.sentence, asked_by=actor.id
    )
    taken = AlreadyExists("Another due date has been asked for already.", remedy="Wait for the answer.", field="due")
    with conflicts_as(db, taken):
        db.add(asked)
    events.record(
        db,
        actor,
        "finding.due_asked",
        finding,
        personal={"sentence": wanted.sentence},
        due=[finding.due.isoformat(), wanted.due.isoformat()],
    )
    return queries.get_finding(db, actor, finding_id, lock=True)


def answer_due_move(db: Session, actor: Actor, finding_id: str, wanted: DueAnswerIn) -> Finding:
    """Agree to another due date, or not; each move is counted. Raises NotFound, NotAllowed, Stale."""
    finding = queries.get_finding(db, actor, finding_id, lock=True)
    _must(actor, finding, Verb.ANSWER_MOVE)
    move = next((move for move in finding.moves if move.decided_at is None), None)
    if move is None:
        raise Stale("Nobody asks for another due date.", remedy="Look at the finding again.", finding=finding.id)
    move.is_agreed, move.decided_by, move.decided_at, move.answer = wanted.agree, actor.id, clock.now(), wanted.sentence
    if wanted.agree:
        finding.due_moves += 1
        change_finding(db, actor, finding, due=move.wanted, reason=f"{move.reason} Agreed: {wanted.sentence}")
    events.record(
        db,
        actor,
        "finding.due_moved" if wanted.agree else "finding.due_kept",
        finding,
        personal={"sentence": wanted.sentence},
        due=[move.before.isoformat(), move.wanted.isoformat()],
        asked_by=move.asked_by,
        moves=finding.due_moves,
    )
    return finding


def change_finding(
    db: Session,
    actor: Actor,
    finding: Finding,
    *,
    state: FindingState | None = None,
    severity: Severity | None = None,
    due: date | None = None,
    waiver_id: str | None = None,
    reason: str = "",
) -> None:
    """End the finding's interval and begin the next one, with what is given; the model's summary follows."""
    finding.state = state.value if state else finding.state
    finding.severity = severity.value if severity else finding.severity
    finding.due = due or finding.due
    current = next(interval for interval in finding.intervals if interval.to_at is None)
    current.to_at = at = max(clock.now(), current.from_at)
    db.flush()  # one may be open at a time
    _begin(finding, actor, at, reason, waiver_id)
    _refresh_count(db, finding)


def _begin(finding: Finding, actor: Actor, at: datetime, reason: str, waiver_id: str | None = None) -> None:
    finding.intervals.append(
        FindingInterval(
            state=finding.state,
            severity=finding.severity,
            due=finding.due,
            waiver_id=waiver_id,
            reason=reason,
            set_by=actor.id,
            from_at=at,
        )
    )


def _refresh_count(db: Session, finding: Finding) -> None:
    db.flush()
    count = queries.count_under_way(db, finding.model_id)
    registry_service.summarise(db, finding.model_id, open_findings=count)


def must_be_person(actor: Actor) -> None:
    """Raise NotAllowed unless it is a person who says something in their own name."""
    if actor.kind is not ActorKind.PERSON:
        raise NotAllowed("Only people state this; a service account never does.", remedy="Ask a person to do it.")


def _must(actor: Actor, finding: Finding, verb: Verb) -> None:
    """Raise unless the actor may do this with the finding now."""
    actor.must(Permission.WORK_ON_FINDING, finding.model)
    case = queries.finding_case(finding)
    refusal = why_not(verb, case, queries.finding_person(actor, finding))
    if refusal is None:
        return
    if next_state(verb, case.state) is None:
        raise Stale(refusal, remedy="Look at the finding again.", finding=finding.id, state=finding.state)
    raise NotAllowed(refusal, remedy="Ask somebody whom the finding names.", finding=finding.id)


def _function_of(actor: Actor, model: Model, wanted: FindingIn) -> Function:
    roles = actor.roles_on(model)
    is_admin = "admin" in roles or actor.kind is ActorKind.SYSTEM
    function = function_of(roles, wanted.source, is_admin=is_admin)
    if function is None:
        raise NotAllowed(
            "A finding is raised in the name of validation, risk or compliance, and you hold none of these roles here.",
            remedy="Ask an administrator for one of them.",
            permission=Permission.RAISE_FINDING.value,
        )
    return function


def _owner(db: Session, actor: Actor, model: Model, wanted: FindingIn) -> str:
    if wanted.owner is None:
        return model.owner_id
    user = identity.get_user(db, actor, wanted.owner)
    if user.kind != ActorKind.PERSON or user.disabled_at is not None:
        raise InvalidInput(
            f"{user.name} cannot work on a finding.", remedy="Name a person in use.", field="owner", value=wanted.owner
        )
    return user.id


def _due(wanted: FindingIn) -> date:
    """Return the due date: the one that the severity asks for, or an earlier one."""
    today = clock.now().date()
    latest = finding_rules().due(wanted.severity, today)
    if wanted.due is None:
        return latest
    if not today <= wanted.due <= latest:
        raise InvalidInput(
            f"A finding of severity {wanted.severity.value} is due by {latest} at the latest.",
            remedy="Name a day from today to then; a later one is asked for afterwards, with a reason.",
            field="due",
            value=wanted.due.isoformat(),
        )
    return wanted.due


def _successor(db: Session, actor: Actor, finding: Finding, other_id: str | None) -> Finding:
    other = queries.get_finding(db, actor, other_id) if other_id else None
    if other is None or other.id == finding.id or other.model_id != finding.model_id:
        raise InvalidInput(
            "Another finding about the same model takes the place of this one.",
            remedy="Name its id.",
            field="by",
            value=other_id,
        )
    return other
