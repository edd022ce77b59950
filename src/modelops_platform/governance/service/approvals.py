"""Asking for approvals, and giving them."""

from datetime import datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission, system_actor
from modelops_platform.core.db import conflicts_as
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotAllowed, Stale
from modelops_platform.events import service as events
from modelops_platform.identity import queries as identity
from modelops_platform.identity.service import to_actor
from modelops_platform.registry import queries as registry
from modelops_platform.registry.tables import Version

from .. import queries
from ..domain.approvals import count_votes
from ..domain.checks.approvals import ApprovalsGiven, Timeout
from ..domain.decisions import Decision, Status, decide, question_of
from ..domain.facts import Facts, Vote
from ..domain.policies import Approvals, Policy, select_policy
from ..domain.states import RequestState
from ..domain.targets import Target
from ..schemas import ApprovalIn, CommentIn, VoteIn
from ..tables import ApprovalComment, ApprovalRequest, Delegation, VoteRecord
from .applying import enqueue_apply, find_deployment
from .gate import must_judge
from .states import invalidate_changed, refresh_state


def request_approval(db: Session, actor: Actor, wanted: ApprovalIn) -> ApprovalRequest:
    """Ask others to approve a version for a target.

    Raises NotFound, NotAllowed, InvalidInput (nothing to approve, due date, deployment), AlreadyExists (asked or
    approved before).
    """
    version = registry.get_version(db, actor, wanted.model, wanted.version)
    actor.must(Permission.REQUEST_APPROVAL, version.model)
    target = queries.find_target(db, actor, wanted.target)
    decision = must_judge(db, version, target)
    _must_want_approvals(decision, wanted.target)
    _invalidate_earlier(db, actor, version)
    due_at, on_timeout = _timeout_of(db, version, target, wanted)
    deployment = find_deployment(db, actor, version.model, target, wanted.deployment) if wanted.apply else None
    request = ApprovalRequest(
        workspace_id=version.workspace_id,
        model=version.model,
        version=version,
        action=str(target.action),
        environment_id=target.environment_id,
        environment=target.environment,
        digest=version.manifest_digest,
        covers=queries.covers_now(db, version.model, version),
        message=wanted.message,
        asked_by=actor.id,
        asked_at=clock.now(),
        due_at=due_at,
        on_timeout=on_timeout.value,
        is_auto=wanted.apply,
        deployment=deployment,
        votes=[],
        comments=[],
    )
    taken = AlreadyExists(
        f"Approval of {version.model.name} {version.name} for {target.text} has been asked for already.",
        remedy="Look at the open request, or withdraw it first.",
        field="to",
        value=wanted.target,
    )
    with conflicts_as(db, taken):
        db.add(request)
    refresh_state(db, version.model)
    events.record(
        db,
        actor,
        "approval.requested",
        request,
        personal={"message": wanted.message},
        version=version.number,
        to=target.text,
        digest=request.digest,
        covers=request.covers,
        due=due_at.isoformat() if due_at else None,
        on_timeout=request.on_timeout,
        apply=request.is_auto,
    )
    return request


def vote(db: Session, actor: Actor, request_id: str, wanted: VoteIn) -> ApprovalRequest:
    """Approve or reject; the request closes when every seat is filled, or somebody who matters says no.

    Raises NotFound, Stale (not open any more), NotAllowed (whose vote would not count), AlreadyExists (said before).
    """
    request = queries.get_request(db, actor, request_id, lock=True)
    _must_be_open(request)
    target = queries.target_of(request, queries.protected_environments(db, actor))
    facts = queries.gather(db, queries.Case(request.version_id, target))
    policies = queries.policies_in_force(db, actor.workspace_id)
    holder, delegation = _holder(db, actor, wanted.in_place_of, facts.now)
    refusal = queries.why_not(actor, request.model, policies, facts, holder=holder)
    if refusal is not None:
        raise NotAllowed(refusal, remedy="Ask the people whose approval is still wanted.", request=request.id)
    policy = select_policy(policies, question_of(facts))
    assert policy is not None, "without a policy there is a refusal"
    _must_say_more(queries.standing_vote(actor, facts), holder, request, wanted)
    voter = queries.voter_of(actor, request.model, facts, holder=holder)
    made = VoteRecord(
        workspace_id=request.workspace_id,
        request=request,
        version_id=request.version_id,
        voter_id=actor.id,
        roles=sorted(voter.roles),
        unit_id=voter.unit_id,
        is_person=voter.is_person,
        answer=wanted.answer.value,
        sentence=wanted.sentence,
        digest=facts.digest,
        covers=facts.covers,
        policy_id=policy.id,
        policy_version=policy.version,
        at=facts.now,
        holder_id=holder.id if holder else None,
        delegation_id=delegation.id if delegation else None,
    )
    db.add(made)
    events.record(
        db,
        actor,
        "approval.voted",
        request,
        personal={"sentence": wanted.sentence},
        vote=made.id,
        answer=made.answer,
        roles=made.roles,
        digest=made.digest,
        covers=made.covers,
        policy=f"{policy.id} v{policy.version}",
        in_place_of=made.holder_id,
        delegation=made.delegation_id,
    )
    _close_if_decided(db, actor, request, policy, queries.gather(db, queries.Case(request.version_id, target)))
    return request


def withdraw_request(db: Session, actor: Actor, request_id: str) -> ApprovalRequest:
    """Take a request back; the votes on it are no longer meant. Raises NotFound, Stale, NotAllowed."""
    request = queries.get_request(db, actor, request_id, lock=True)
    if actor.id not in (request.asked_by, request.model.owner_id):
        raise NotAllowed(
            "Only who asked, or the owner of the model, takes a request back.",
            remedy="Ask one of them.",
            request=request.id,
        )
    if request.state != RequestState.OPEN:
        raise _not_open(request)
    _close(request, RequestState.WITHDRAWN)
    refresh_state(db, request.model)
    events.record(db, actor, "approval.withdrawn", request, version=request.version_id)
    return request


def comment_on(db: Session, actor: Actor, request_id: str, wanted: CommentIn) -> ApprovalRequest:
    """Say something about a request, also after it was decided. Raises NotFound, NotAllowed."""
    request = queries.get_request(db, actor, request_id)
    if actor.id != request.asked_by:
        actor.must(Permission.VOTE, request.model)
    said = ApprovalComment(request=request, said_by=actor.id, text=wanted.text, at=clock.now())
    db.add(said)
    events.record(db, actor, "approval.commented", request, personal={"text": wanted.text})
    return request


def _invalidate_earlier(db: Session, actor: Actor, version: Version) -> None:
    """Void what was asked about this version before, where its words were edited since."""
    earlier = db.scalars(
        select(ApprovalRequest)
        .where(ApprovalRequest.version_id == version.id)
        .options(joinedload(ApprovalRequest.model), joinedload(ApprovalRequest.version))
    ).all()
    invalidate_changed(db, actor, list(earlier))


def time_out(db: Session, request: ApprovalRequest) -> None:
    """Do with a locked request that is due what the policy said when it was asked for."""
    actor = system_actor(request.workspace_id)
    events.record(db, actor, "approval.timed_out", request, on_timeout=request.on_timeout, due=str(request.due_at))
    if request.on_timeout == Timeout.DENY:
        _close(request, RequestState.EXPIRED)
        refresh_state(db, request.model)
    elif request.on_timeout == Timeout.ESCALATE:
        request.escalated_at = clock.now()
        events.record(db, actor, "approval.escalated", request)


def _timeout_of(db: Session, version: Version, target: Target, wanted: ApprovalIn) -> tuple[datetime | None, Timeout]:
    """Return by when the votes are wanted, and what happens then. Raises InvalidInput for a day that is no use."""
    now = clock.now()
    policies = queries.policies_in_force(db, version.workspace_id)
    policy = select_policy(policies, question_of(queries.gather(db, queries.Case(version.id, target))))
    checks = [requirement.check for requirement in policy.requirements] if policy else []
    timed = [check for check in checks if isinstance(check, ApprovalsGiven) and check.due_days is not None]
    latest = min((now + timedelta(days=check.due_days or 0) for check in timed), default=None)
    on_timeout = timed[0].on_timeout if timed else Timeout.NOTHING
    if wanted.due is None:
        return latest, on_timeout
    due = datetime.combine(wanted.due + timedelta(days=1), time(), now.tzinfo)
    if due <= now or (latest is not None and due > latest + timedelta(days=1)):
        until = f", and {latest:%Y-%m-%d} at the latest" if latest else ""
        raise InvalidInput(
            f"{wanted.due} is no day by which this is decided.",
            remedy=f"Choose a day to come{until}.",
            field="due",
            value=wanted.due.isoformat(),
        )
    return due, on_timeout


def _holder(db: Session, actor: Actor, holder_id: str | None, at: datetime) -> tuple[Actor | None, Delegation | None]:
    """Return in whose place the actor votes, and by which delegation. Raises NotAllowed without one."""
    if holder_id is None:
        return None, None
    found = queries.find_delegation(db, holder_id, actor.id, at)
    if found is None:
        raise NotAllowed(
            "Nobody of that id has delegated their votes to you for now.",
            remedy="Vote in your own place, or ask them to delegate.",
            in_place_of=holder_id[:80],
        )
    return to_actor(identity.list_grants(db, holder_id)), found


def _must_want_approvals(decision: Decision, to: str) -> None:
    wanted = [judgement for judgement in decision.judgements if judgement.check == Approvals.name]
    if not wanted:
        raise InvalidInput(
            "The policy that covers this asks for no approvals.", remedy="Look at the evidence.", field="to", value=to
        )
    if all(judgement.status is Status.MET for judgement in wanted):
        raise AlreadyExists(
            "This version is approved already.", remedy="Nothing needs to be done.", field="to", value=to
        )


def _must_say_more(standing: Vote | None, holder: Actor | None, request: ApprovalRequest, wanted: VoteIn) -> None:
    """Raise NotAllowed for a second vote in another's place, AlreadyExists for the same word again."""
    if standing is not None and standing.holder != (holder.id if holder else None):
        raise NotAllowed(
            "You have voted on this already, and one person counts once, whether in their own place or another's.",
            remedy="Let somebody else vote.",
            request=request.id,
        )
    if standing is not None and standing.answer == wanted.answer:
        raise AlreadyExists(
            f"You have said {wanted.answer.value} already.", remedy="Nothing needs to be done.", field="answer"
        )


def _must_be_open(request: ApprovalRequest) -> None:
    if queries.state_of(request) is not RequestState.OPEN:
        raise _not_open(request)


def _not_open(request: ApprovalRequest) -> Stale:
    state = queries.state_of(request)
    what = "what it covers was edited since" if state is RequestState.VOID else f"it is {state.value}"
    return Stale(
        f"This request is not open any more: {what}.",
        remedy="Ask for a new approval.",
        request=request.id,
        state=state.value,
    )


def _close_if_decided(db: Session, actor: Actor, request: ApprovalRequest, policy: Policy, facts: Facts) -> None:
    """Close the request when the votes decide it."""
    rules = [requirement.check for requirement in policy.requirements if isinstance(requirement.check, Approvals)]
    rejections = [vote for rule in rules for vote in count_votes(rule, policy, facts).rejections]
    judged = [judgement for judgement in decide(policy, facts).judgements if judgement.check == Approvals.name]
    if rejections:
        _close(request, RequestState.REJECTED)
        events.record(db, actor, "approval.denied", request, votes=[vote.id for vote in rejections])
    elif all(judgement.status is Status.MET for judgement in judged):
        _close(request, RequestState.GRANTED)
        votes = [evidence.id for judgement in judged for evidence in judgement.evidence]
        events.record(db, actor, "approval.granted", request, votes=votes, digest=request.digest)
        if request.is_auto:
            enqueue_apply(db, actor, request)
    else:
        return
    refresh_state(db, request.model)


def _close(request: ApprovalRequest, state: RequestState) -> None:
    request.state, request.closed_at = state.value, clock.now()
