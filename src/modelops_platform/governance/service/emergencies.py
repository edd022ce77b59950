"""Verbs on changes in an emergency: ask, agree, and see afterwards that the full gate is met in time."""

from dataclasses import replace

from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission, system_actor
from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotAllowed, Stale
from modelops_platform.events import service as events
from modelops_platform.registry import queries as registry

from .. import queries
from ..defaults import exception_rules
from ..domain.decisions import Decision, Outcome, decide_under, find_never_passing
from ..domain.exceptions import EmergencyState, why_not_support
from ..domain.findings import Category, FindingSource, Likelihood
from ..domain.known import Severity
from ..domain.questionnaire import Tier
from ..schemas import EmergencyAnswerIn, EmergencyIn, FindingIn
from ..tables import EmergencyAnswer, EmergencyChange
from .answers import add_answer
from .applying import enqueue_apply, find_deployment
from .findings import raise_on
from .gate import must_judge


def request_emergency(db: Session, actor: Actor, wanted: EmergencyIn) -> EmergencyChange:
    """Ask for a change that cannot wait for the full gate; others agree to it, as many as the tier asks for.

    Raises NotFound, NotAllowed, InvalidInput (nothing guards it, dangerous or other bytes, which deployment),
    AlreadyExists (the gate lets it pass, or it was asked for).
    """
    version = registry.get_version(db, actor, wanted.model, wanted.version)
    actor.must(Permission.REQUEST_APPROVAL, version.model)
    target = queries.find_target(db, actor, wanted.target)
    decision = must_judge(db, version, target)
    _must_be_refused_for_now(decision, wanted.target)
    deployment = find_deployment(db, actor, version.model, target, wanted.deployment)
    rule = exception_rules().of(None if decision.tier_is_assumed else Tier(decision.tier))
    made = EmergencyChange(
        workspace_id=version.workspace_id,
        model=version.model,
        version=version,
        action=str(target.action),
        environment_id=target.environment_id,
        environment=target.environment,
        deployment=deployment,
        digest=version.manifest_digest,
        reason=wanted.reason,
        tier=int(rule.tier),
        approvers=rule.emergency_approvers,
        days=rule.emergency_days,
        asked_by=actor.id,
        asked_at=clock.now(),
        state=EmergencyState.REQUESTED.value,
        answers=[],
    )
    taken = AlreadyExists(
        f"An emergency change of {version.model.name} {version.name} for {target.text} is under way.",
        remedy="Look at it.",
        field="to",
        value=wanted.target,
    )
    with conflicts_as(db, taken):
        db.add(made)
    events.record(
        db,
        actor,
        "emergency.requested",
        made,
        personal={"reason": wanted.reason},
        version=version.number,
        to=target.text,
        digest=made.digest,
        tier=made.tier,
        approvers=made.approvers,
        days=made.days,
        unmet=[judgement.requirement_id for judgement in decision.unmet],
    )
    return made


def answer_emergency(db: Session, actor: Actor, emergency_id: str, wanted: EmergencyAnswerIn) -> EmergencyChange:
    """Agree to an emergency change, or not; once enough people agree it is done, and must be made good in time.

    Raises NotFound, Stale (decided before), NotAllowed (whose word would not count), AlreadyExists (said before).
    """
    emergency = queries.get_emergency(db, actor, emergency_id, lock=True)
    actor.must(Permission.VOTE, emergency.model)
    if emergency.state != EmergencyState.REQUESTED:
        raise Stale(
            f"This emergency change is {emergency.state} already.",
            remedy="Look at it again.",
            emergency=emergency.id,
            state=emergency.state,
        )
    _follow_tier(db, emergency)
    decider = queries.decider_of(db, actor, emergency.model, without=emergency.asked_by)
    refusal = why_not_support(decider, queries.emergency_case(emergency))
    if refusal is not None:
        raise NotAllowed(refusal, remedy="Ask somebody else who may agree.", emergency=emergency.id)
    said = EmergencyAnswer(
        emergency_id=emergency.id,
        person_id=actor.id,
        roles=sorted(decider.roles),
        is_agreed=wanted.agree,
        sentence=wanted.sentence,
        at=clock.now(),
    )
    add_answer(db, said)
    agreed = 1 + sum(answer.is_agreed for answer in emergency.answers if answer.id != said.id)
    events.record(
        db,
        actor,
        "emergency.answered",
        emergency,
        personal={"sentence": wanted.sentence},
        agree=wanted.agree,
        roles=said.roles,
    )
    if not wanted.agree:
        emergency.state, emergency.settled_at = EmergencyState.DENIED.value, clock.now()
        events.record(db, actor, "emergency.denied", emergency)
    elif agreed >= emergency.approvers:
        _begin(db, actor, emergency)
    return queries.get_emergency(db, actor, emergency_id, lock=True)


def _follow_tier(db: Session, emergency: EmergencyChange) -> None:
    """Have a change agreed to by the rules of the model's tier where that became stricter since it was asked for."""
    tier = queries.find_tier_in_force(db, emergency.model)[0] or Tier.CRITICAL
    if tier < emergency.tier:
        rule = exception_rules().of(tier)
        emergency.tier, emergency.approvers, emergency.days = int(tier), rule.emergency_approvers, rule.emergency_days


def _begin(db: Session, actor: Actor, emergency: EmergencyChange) -> None:
    now = clock.now()
    emergency.state, emergency.from_at = EmergencyState.ACTIVE.value, now
    emergency.to_at = exception_rules().emergency_end(emergency.days, now)
    enqueue_apply(db, actor, emergency)
    events.record(db, actor, "emergency.begun", emergency, until=emergency.to_at.isoformat(), digest=emergency.digest)


def settle_emergencies(db: Session, workspace_id: str, *, limit: int = 50) -> int:
    """See which emergency changes have met the full gate by now; one that has not in time leaves a finding."""
    anybody, now, settled = system_actor(workspace_id), clock.now(), 0
    for one in queries.list_emergencies(db, anybody, EmergencyState.ACTIVE, limit=limit):
        emergency = queries.get_emergency(db, anybody, one.id, lock=True)
        if emergency.state != EmergencyState.ACTIVE or emergency.to_at is None:
            continue
        decision = retrospective(db, anybody, emergency)
        if decision is not None and decision.outcome is Outcome.ALLOW:
            emergency.state, emergency.settled_at = EmergencyState.SETTLED.value, now
            events.record(db, anybody, "emergency.settled", emergency)
        elif now >= emergency.to_at:
            emergency.state, emergency.settled_at = EmergencyState.MISSED.value, now
            _leave_finding(db, anybody, emergency, decision)
            events.record(db, anybody, "emergency.missed", emergency, unmet=_unmet(decision))
        else:
            continue
        settled += 1
    return settled


def retrospective(db: Session, actor: Actor, emergency: EmergencyChange) -> Decision | None:
    """Judge the change as if there were no emergency."""
    target = queries.target_of(emergency, queries.protected_environments(db, actor))
    facts = queries.gather(db, queries.Case(emergency.version_id, target))
    return decide_under(queries.policies_in_force(db, emergency.workspace_id), replace(facts, emergencies=()))


def _leave_finding(db: Session, actor: Actor, emergency: EmergencyChange, decision: Decision | None) -> None:
    missing = ", ".join(_unmet(decision)) or "nothing that a policy names"
    wanted = FindingIn(
        model=emergency.model.name,
        version=emergency.version.number,
        title=f"Emergency change of {emergency.version.name} was not made good in time"[:250],
        description=f"The gate let it pass for {emergency.days} days; these are over. Still missing: {missing}.",
        recommendation="Meet what is missing, or take the version back.",
        source=FindingSource.EMERGENCY,
        category=Category.GOVERNANCE,
        severity=Severity.HIGH,
        likelihood=Likelihood.HIGH,
    )
    raise_on(db, actor, emergency.model, emergency.version, wanted, emergency_id=emergency.id)


def _unmet(decision: Decision | None) -> list[str]:
    return [judgement.requirement_id for judgement in decision.unmet] if decision is not None else []


def _must_be_refused_for_now(decision: Decision, to: str) -> None:
    if decision.is_allowed:
        raise AlreadyExists(
            "The gate lets this pass already.", remedy="Nothing stands in the way: just do it.", field="to", value=to
        )
    never = find_never_passing(decision.judgements)
    if never is not None:
        raise InvalidInput(
            f"{never.title}: {never.detail} No emergency lets this pass.",
            remedy=never.remedy.text if never.remedy else "Add a version whose files are whole and clean.",
            field="version",
            value=decision.version_id,
        )
    if decision.policy_id is None:
        raise InvalidInput(
            "No policy covers this, so there is nothing to make good afterwards.",
            remedy="Publish a policy for it.",
            field="to",
            value=to,
        )
