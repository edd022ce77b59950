"""Reads of approval requests and votes."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, desc, func, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound
from modelops_platform.identity.queries import granted, list_grants
from modelops_platform.identity.service import to_actor
from modelops_platform.registry.tables import Model

from ..domain.approvals import Seat, voting_roles, why_not_vote
from ..domain.decisions import Decision, decide, question_of
from ..domain.facts import Facts, Vote, Voter
from ..domain.policies import Policy, select_policy
from ..domain.states import RequestState
from ..domain.targets import Target
from ..tables import ApprovalRequest
from .cards import texts_of
from .delegations import list_delegated_to
from .facts import Case, covers_of, gather, gather_all
from .policies import policies_in_force
from .targets import protected_environments, target_of


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody in whose place a person may vote, and why such a vote would not count here."""

    holder_id: str
    name: str
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as one person sees it: `refusal` says why their vote would not count, `mine` what they said.

    `places` are those of others in which they may vote.
    """

    request: ApprovalRequest
    target: Target
    state: RequestState
    decision: Decision
    refusal: str | None
    mine: Vote | None
    places: tuple[Place, ...] = ()

    @property
    def open_places(self) -> tuple[Place, ...]:
        """The places of others in which a vote would count."""
        return tuple(place for place in self.places if place.refusal is None)

    @property
    def seats(self) -> tuple[Seat, ...]:
        """The approvals that are wanted, given or not."""
        return tuple(seat for judgement in self.decision.judgements for seat in judgement.seats)

    @property
    def is_for_me(self) -> bool:
        """Tell whether this person's vote is wanted."""
        has_voice = self.refusal is None or bool(self.open_places)
        return self.state is RequestState.OPEN and has_voice and self.mine is None


def visible_requests(actor: Actor) -> Select[ApprovalRequest]:
    """Return the requests about models this actor may see, with model and version, to narrow further."""
    return (
        select(ApprovalRequest)
        .join(ApprovalRequest.model)
        .where(ApprovalRequest.workspace_id == actor.workspace_id, granted(Model, actor))
        .options(contains_eager(ApprovalRequest.model), joinedload(ApprovalRequest.version))
    )


def get_request(db: Session, actor: Actor, request_id: str, *, lock: bool = False) -> ApprovalRequest:
    """Return a request with its votes; locked, others who change it wait. Raises NotFound."""
    statement = visible_requests(actor).where(ApprovalRequest.id == request_id)
    statement = statement.options(selectinload(ApprovalRequest.votes), selectinload(ApprovalRequest.comments))
    statement = statement.options(
        contains_eager(ApprovalRequest.model).options(joinedload(Model.unit), joinedload(Model.owner))
    )
    if lock:
        statement = statement.with_for_update(of=ApprovalRequest)
    request = db.scalars(statement).one_or_none()
    if request is None:
        raise NotFound(
            f"There is no approval request {request_id[:80]!r}.",
            remedy="Look at the list of approvals.",
            field="request",
            value=request_id[:80],
        )
    return request


def state_of(request: ApprovalRequest) -> RequestState:
    """Return how a request stands: what it covered may have been edited since, which nobody needed to notice."""
    state = RequestState(request.state)
    is_same = request.covers == covers_of(request.model, request.version, texts_of(request.card))
    has_ended = state in (RequestState.WITHDRAWN, RequestState.REJECTED, RequestState.EXPIRED)
    return state if is_same or has_ended else RequestState.VOID


def page_requests(
    db: Session,
    actor: Actor,
    *,
    states: Sequence[str] = (),
    model_id: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[ApprovalRequest]:
    """Return a page of requests in these states (as stored), the newest first."""
    statement = visible_requests(actor).options(
        selectinload(ApprovalRequest.votes), selectinload(ApprovalRequest.comments)
    )
    if states:
        statement = statement.where(ApprovalRequest.state.in_(states))
    if model_id:
        statement = statement.where(ApprovalRequest.model_id == model_id)
    return paginate(db, statement, desc(ApprovalRequest.id), cursor=cursor, limit=limit)


def count_open(db: Session, actor: Actor) -> int:
    """Count the open requests about models this actor may see, whoever has to vote."""
    opened = visible_requests(actor).where(ApprovalRequest.state == RequestState.OPEN.value)
    return db.scalar(opened.with_only_columns(func.count(), maintain_column_froms=True)) or 0


def list_waiting(db: Session, actor: Actor, *, limit: int = 200) -> list[Seen]:
    """Return the open requests, the oldest first, and whether this actor's vote is wanted on each."""
    statement = visible_requests(actor).where(ApprovalRequest.state == RequestState.OPEN.value)
    requests = db.scalars(statement.order_by(ApprovalRequest.id).limit(limit)).all()
    if not requests:
        return []
    protected = protected_environments(db, actor)
    cases = [Case(request.version_id, target_of(request, protected)) for request in requests]
    policies = policies_in_force(db, actor.workspace_id)
    gathered = gather_all(db, cases, with_holders=False)
    holders = find_holders(db, actor)
    return [
        _see(actor, request, case.target, policies, facts, holders)
        for request, case, facts in zip(requests, cases, gathered, strict=True)
    ]


def look_at(db: Session, actor: Actor, request: ApprovalRequest, target: Target) -> Seen:
    """Return one request as this actor sees it, with everybody who could still vote."""
    facts = gather(db, Case(request.version_id, target))
    holders = find_holders(db, actor)
    return _see(actor, request, target, policies_in_force(db, actor.workspace_id), facts, holders)


def _see(
    actor: Actor,
    request: ApprovalRequest,
    target: Target,
    policies: Sequence[Policy],
    facts: Facts,
    holders: Sequence[Actor],
) -> Seen:
    decision = decide(select_policy(policies, question_of(facts)), facts)
    refusal = why_not(actor, request.model, policies, facts)
    places = tuple(
        Place(holder.id, holder.name, why_not(actor, request.model, policies, facts, holder=holder))
        for holder in holders
    )
    return Seen(request, target, state_of(request), decision, refusal, standing_vote(actor, facts), places)


def find_holders(db: Session, actor: Actor) -> list[Actor]:
    """Return those in whose place the actor votes now, each with the rights of now."""
    if actor.kind is not ActorKind.PERSON:
        return []
    return [to_actor(list_grants(db, delegation.holder_id)) for delegation in list_delegated_to(db, actor)]


def count_waiting_for(db: Session, actor: Actor) -> int:
    """Count the open requests on which this actor's vote is wanted."""
    if not actor.may_somewhere(Permission.VOTE):
        return 0
    return sum(waiting.is_for_me for waiting in list_waiting(db, actor))


def voter_of(actor: Actor, model: Model, facts: Facts, *, holder: Actor | None = None) -> Voter:
    """Return the actor as a vote counts them: the roles held now on this model, or those of whose place they take."""
    right = holder or actor
    roles = voting_roles(right.id, right.roles_on(model), facts)
    return Voter(actor.id, roles, right.unit_id, actor.kind is ActorKind.PERSON)


def why_not(
    actor: Actor, model: Model, policies: Sequence[Policy], facts: Facts, *, holder: Actor | None = None
) -> str | None:
    """Say why the actor's vote would not count, in the holder's place if there is one; None when it would."""
    policy = select_policy(policies, question_of(facts))
    if policy is None:
        return "No policy covers this, so there is nothing to approve under."
    voter = voter_of(actor, model, facts, holder=holder)
    refusal = why_not_vote(policy, facts, voter, holder=holder.id if holder else None)
    if holder is not None and refusal is None and not holder.may(Permission.VOTE, model):
        return f"{holder.name} does not vote on this model, so nobody does in that place."
    if holder is None and refusal is None and not actor.may(Permission.VOTE, model):
        return "Your roles do not vote on this model; ask an administrator for one that does."
    return refusal


def standing_vote(actor: Actor, facts: Facts) -> Vote | None:
    """Return the actor's last vote that is about these very bytes and words, if there is one."""
    mine = [
        vote
        for vote in facts.votes
        if vote.voter.id == actor.id and vote.digest == facts.digest and vote.covers == facts.covers
    ]
    return max(mine, key=lambda vote: (vote.at, vote.id), default=None)
