"""Verbs on waivers: ask for one, decide about it, end it before its time, renew it."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotAllowed, Stale
from modelops_platform.deployments import queries as deployments
from modelops_platform.events import service as events
from modelops_platform.registry import queries as registry
from modelops_platform.registry.tables import Model, Version

from .. import queries
from ..defaults import exception_rules
from ..domain.exceptions import Approver, Decider, WaiverState, fill_seats, why_not_decide
from ..domain.findings import UNDER_WAY, FindingState
from ..domain.questionnaire import Tier
from ..schemas import RenewalIn, RevocationIn, WaiverAnswerIn, WaiverIn
from ..tables import Finding, Waiver, WaiverAnswer
from .answers import add_answer
from .findings import change_finding


def request_waiver(db: Session, actor: Actor, wanted: WaiverIn) -> Waiver:
    """Ask for leave to go on without a requirement, or with a finding.

    Where the same was waived lately, it counts as renewing that. Raises NotFound (model, version, environment,
    finding), NotAllowed, InvalidInput (requirement, day, renewed too often), AlreadyExists.
    """
    model = registry.get_model(db, actor, wanted.model)
    actor.must(Permission.REQUEST_WAIVER, model)
    version = registry.get_version(db, actor, wanted.model, wanted.version) if wanted.version else None
    environment = deployments.get_environment(db, actor, wanted.environment) if wanted.environment else None
    finding = _finding(db, actor, model, version, wanted.finding) if wanted.finding else None
    if wanted.requirement:
        _must_be_waivable(db, actor, wanted.requirement)
    tier = queries.find_tier_in_force(db, model)[0]
    made = _asked(actor, model, tier, wanted)
    made.version, made.finding, made.requirement_id = version, finding, wanted.requirement
    made.environment_id = environment.id if environment else ""
    made.environment = environment.name if environment else ""
    _must_be_new(db, actor, made)
    _count_renewals(made, queries.list_earlier_waivers(db, made, clock.now() - exception_rules().period(tier)))
    _add(db, actor, made)
    return made


def renew_waiver(db: Session, actor: Actor, waiver_id: str, wanted: RenewalIn) -> Waiver:
    """Ask for a waiver once more, as often as the tier allows; it is decided anew, and takes the place of the old one.

    Raises NotFound, NotAllowed, Stale (not in force), InvalidInput (renewed too often, day), AlreadyExists.
    """
    old = queries.get_waiver(db, actor, waiver_id, lock=True)
    actor.must(Permission.REQUEST_WAIVER, old.model)
    state = old.state_now
    if state not in (WaiverState.ACTIVE, WaiverState.EXPIRED):
        raise _stale(old, state)
    tier = queries.find_tier_in_force(db, old.model)[0]
    wanted_again = WaiverIn.model_construct(
        model=old.model.name, reason=wanted.reason, control=wanted.control, until=wanted.until
    )
    made = _asked(actor, old.model, tier, wanted_again)
    made.version, made.finding, made.requirement_id = old.version, old.finding, old.requirement_id
    made.environment_id, made.environment = old.environment_id, old.environment
    made.renews_id = old.id
    _must_be_new(db, actor, made)
    _count_renewals(made, [old, *queries.list_earlier_waivers(db, made, clock.now() - exception_rules().period(tier))])
    _add(db, actor, made)
    return made


def answer_waiver(db: Session, actor: Actor, waiver_id: str, wanted: WaiverAnswerIn) -> Waiver:
    """Agree to a waiver, or deny it; it begins when every seat is filled.

    Raises NotFound, Stale (decided before), NotAllowed (whose word would not count), AlreadyExists (said before).
    """
    waiver = queries.get_waiver(db, actor, waiver_id, lock=True)
    actor.must(Permission.DECIDE_WAIVER, waiver.model)
    if waiver.state != WaiverState.REQUESTED:
        raise _stale(waiver, waiver.state_now)
    _follow_tier(db, waiver)
    case = queries.waiver_case(db, waiver)
    seats = [Approver(seat) for seat in waiver.seats]
    decider = queries.decider_of(db, actor, waiver.model, without=waiver.asked_by)
    refusal = why_not_decide(seats, decider, case)
    if refusal is not None:
        raise NotAllowed(refusal, remedy="Ask the people whose word is still wanted.", waiver=waiver.id)
    _say(db, waiver, decider, wanted)
    events.record(
        db,
        actor,
        "waiver.answered",
        waiver,
        personal={"sentence": wanted.sentence},
        agree=wanted.agree,
        roles=sorted(decider.roles),
    )
    if not wanted.agree:
        waiver.state, waiver.ended_by, waiver.end_reason = WaiverState.DENIED.value, actor.id, wanted.sentence
        events.record(db, actor, "waiver.denied", waiver)
        return waiver
    agreed = [Decider(said.person_id, frozenset(said.roles)) for said in waiver.answers if said.is_agreed]
    if len(fill_seats(seats, agreed, case)) == len(seats):
        _begin(db, actor, waiver)
    return waiver


def revoke_waiver(db: Session, actor: Actor, waiver_id: str, wanted: RevocationIn) -> Waiver:
    """End a waiver now; what it set aside counts again. Raises NotFound, NotAllowed, Stale."""
    waiver = queries.get_waiver(db, actor, waiver_id, lock=True)
    actor.must(Permission.DECIDE_WAIVER, waiver.model)
    state = waiver.state_now
    if state is not WaiverState.ACTIVE:
        raise _stale(waiver, state)
    waiver.state, waiver.ended_by, waiver.end_reason = WaiverState.REVOKED.value, actor.id, wanted.reason
    waiver.to_at = clock.now()
    reopen_finding(db, actor, waiver, f"The waiver was revoked: {wanted.reason}")
    events.record(db, actor, "waiver.revoked", waiver, personal={"sentence": wanted.reason})
    return waiver


def reopen_finding(db: Session, actor: Actor, waiver: Waiver, reason: str) -> None:
    """Open the finding again whose risk this waiver accepted, if it is this one that still does."""
    if waiver.finding_id is None:
        return
    finding = queries.get_finding(db, actor, waiver.finding_id, lock=True)
    current = next((interval for interval in finding.intervals if interval.to_at is None), None)
    if finding.state == FindingState.RISK_ACCEPTED and current is not None and current.waiver_id == waiver.id:
        change_finding(db, actor, finding, state=FindingState.OPEN, reason=reason)
        events.record(db, actor, "finding.reopened", finding, waiver=waiver.id)


def _asked(actor: Actor, model: Model, tier: Tier | None, wanted: WaiverIn) -> Waiver:
    now = clock.now()
    latest = exception_rules().latest_end(tier, now)
    until = latest
    if wanted.until is not None:
        until = datetime.combine(wanted.until + timedelta(days=1), time(), now.tzinfo)
        if not now < until <= latest:
            raise InvalidInput(
                f"A waiver for tier {tier or 1} lasts until {latest:%Y-%m-%d} at the latest.",
                remedy="Name a day from today to the day before then.",
                field="until",
                value=wanted.until.isoformat(),
            )
    return Waiver(
        workspace_id=model.workspace_id,
        model=model,
        reason=wanted.reason,
        control=wanted.control,
        seats=[seat.value for seat in exception_rules().of(tier).approvers],
        tier=int(tier or Tier.CRITICAL),
        wanted_until=until,
        asked_by=actor.id,
        asked_at=now,
        renewals=0,
        state=WaiverState.REQUESTED.value,
        answers=[],
    )


def _add(db: Session, actor: Actor, made: Waiver) -> None:
    db.add(made)
    db.flush()
    events.record(
        db,
        actor,
        "waiver.requested",
        made,
        personal={"reason": made.reason, "control": made.control},
        requirement=made.requirement_id,
        finding=made.finding.id if made.finding else None,
        version=made.version.number if made.version else None,
        environment=made.environment,
        until=made.wanted_until.isoformat(),
        seats=made.seats,
        tier=made.tier,
        renews=made.renews_id,
    )


def _follow_tier(db: Session, waiver: Waiver) -> None:
    """Have a waiver decided by the rules of the model's tier where that became stricter since it was asked for."""
    tier = queries.find_tier_in_force(db, waiver.model)[0] or Tier.CRITICAL
    if tier < waiver.tier:
        waiver.tier, waiver.seats = int(tier), [seat.value for seat in exception_rules().of(tier).approvers]


def _begin(db: Session, actor: Actor, waiver: Waiver) -> None:
    """Bring a waiver into force; the one that it renews ends at the same moment."""
    now = clock.now()
    if waiver.wanted_until <= now:
        raise Stale(
            "The last day that was asked for has passed.", remedy="Deny it, and ask for another.", waiver=waiver.id
        )
    if waiver.renews_id is not None:
        old = queries.get_waiver(db, actor, waiver.renews_id, lock=True)
        if old.state_now is WaiverState.ACTIVE:
            old.to_at = now
        old.state, old.ended_by = WaiverState.RENEWED.value, actor.id
        db.flush()
    longest = exception_rules().latest_end(Tier(waiver.tier), now)
    waiver.state, waiver.from_at = WaiverState.APPROVED.value, now
    waiver.to_at = min(waiver.wanted_until, longest)
    if waiver.finding_id is not None:
        finding = queries.get_finding(db, actor, waiver.finding_id, lock=True)
        if finding.state in {*UNDER_WAY, FindingState.RISK_ACCEPTED}:
            change_finding(
                db, actor, finding, state=FindingState.RISK_ACCEPTED, waiver_id=waiver.id, reason=waiver.reason
            )
            events.record(db, actor, "finding.risk_accepted", finding, waiver=waiver.id)
    events.record(db, actor, "waiver.granted", waiver, until=waiver.to_at.isoformat())


def _say(db: Session, waiver: Waiver, decider: Decider, wanted: WaiverAnswerIn) -> None:
    said = WaiverAnswer(
        waiver_id=waiver.id,
        person_id=decider.id,
        roles=sorted(decider.roles),
        is_agreed=wanted.agree,
        sentence=wanted.sentence,
        at=clock.now(),
    )
    add_answer(db, said)
    waiver.answers.append(said)


def _finding(db: Session, actor: Actor, model: Model, version: Version | None, finding_id: str) -> Finding:
    finding = queries.get_finding(db, actor, finding_id)
    fits = finding.model_id == model.id and (version is None or finding.version_id in (None, version.id))
    if not fits or finding.state not in UNDER_WAY:
        raise InvalidInput(
            f"The finding {finding.title!r} is not under way for this model.",
            remedy="Name one that is open.",
            field="finding",
            value=finding_id[:80],
        )
    return finding


def _must_be_waivable(db: Session, actor: Actor, requirement_id: str) -> None:
    """Raise InvalidInput unless a policy in force asks for it, and lets it be set aside."""
    policies = queries.policies_in_force(db, actor.workspace_id)
    known = [one for policy in policies for one in policy.requirements if one.id == requirement_id]
    if not any(requirement.is_waivable for requirement in known):
        what = "is never set aside" if known else "is a requirement of no policy"
        raise InvalidInput(
            f"{requirement_id[:80]!r} {what}.",
            remedy="Take the id of a requirement from the evidence of a version.",
            field="requirement",
            value=requirement_id[:80],
        )


def _must_be_new(db: Session, actor: Actor, made: Waiver) -> None:
    waiting = queries.list_requested_waivers(db, actor, limit=1000)
    thing = (made.requirement_id, made.finding.id if made.finding else None, made.environment_id)
    version_id = made.version.id if made.version else None
    for other in waiting:
        same = (other.requirement_id, other.finding_id, other.environment_id) == thing
        if same and other.model_id == made.model.id and other.version_id == version_id:
            raise AlreadyExists(
                "This waiver has been asked for already.",
                remedy="Wait for the decision.",
                field="requirement",
                value=other.id,
            )


def _count_renewals(made: Waiver, earlier: Sequence[Waiver]) -> None:
    """Count how often the same was waived before. Raises InvalidInput where the tier allows no more."""
    made.renewals = max((one.renewals + 1 for one in earlier), default=0)
    allowed = exception_rules().of(Tier(made.tier)).renewals
    if made.renewals > allowed:
        raise InvalidInput(
            f"The same was waived before, with {made.renewals - 1} renewals; tier {made.tier} allows {allowed}.",
            remedy="Meet the requirement, or close the finding.",
            field="requirement" if made.requirement_id else "finding",
            value=made.requirement_id or earlier[0].finding_id,
        )


def _stale(waiver: Waiver, state: WaiverState) -> Stale:
    return Stale(
        f"This waiver is {state.value}, so this is not to be done now.",
        remedy="Look at the waiver again.",
        waiver=waiver.id,
        state=state.value,
    )
