"""Verbs on delegations: let somebody vote in one's place, and take it back."""

from datetime import timedelta

from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.core.errors import AlreadyExists, InvalidInput, NotAllowed, Stale
from modelops_platform.events import service as events
from modelops_platform.identity import queries as identity

from .. import queries
from ..schemas import DelegationIn
from ..tables import Delegation
from .findings import must_be_person

LONGEST = timedelta(days=92)


def delegate_votes(db: Session, actor: Actor, wanted: DelegationIn) -> Delegation:
    """Let somebody vote in the actor's place for a while; what was delegated is not delegated on.

    Raises NotFound, NotAllowed (votes nowhere), InvalidInput (person, time), AlreadyExists (a chain, or the same).
    """
    must_be_person(actor)
    if not actor.may_somewhere(Permission.VOTE):
        raise NotAllowed("You vote nowhere, so there is nothing to delegate.", remedy="Ask for a role that votes.")
    delegate = identity.get_user(db, actor, wanted.delegate)
    if delegate.id == actor.id or delegate.kind != ActorKind.PERSON or delegate.disabled_at is not None:
        raise InvalidInput(
            f"{delegate.name} cannot vote in your place.",
            remedy="Name another person in use.",
            field="delegate",
            value=delegate.id,
        )
    now = clock.now()
    if not (now - timedelta(days=1) < wanted.from_at < wanted.to_at and wanted.to_at > now):
        raise InvalidInput(
            "The time of a delegation begins today or later, and ends after it begins.",
            remedy="Correct the two moments.",
            field="to_at",
            value=wanted.to_at.isoformat(),
        )
    if wanted.to_at - wanted.from_at > LONGEST:
        raise InvalidInput(
            f"A delegation lasts {LONGEST.days} days at the longest.",
            remedy="Choose an earlier end.",
            field="to_at",
            value=wanted.to_at.isoformat(),
        )
    begin = max(wanted.from_at, now)
    _must_make_no_chain(db, actor, delegate.id, wanted)
    made = Delegation(
        workspace_id=actor.workspace_id,
        holder=identity.get_user(db, actor, actor.id),
        delegate=delegate,
        reason=wanted.reason,
        from_at=begin,
        to_at=wanted.to_at,
        made_at=now,
    )
    db.add(made)
    events.record(
        db,
        actor,
        "delegation.made",
        made,
        personal={"reason": wanted.reason},
        to=delegate.id,
        from_at=begin.isoformat(),
        to_at=wanted.to_at.isoformat(),
    )
    return made


def end_delegation(db: Session, actor: Actor, delegation_id: str) -> Delegation:
    """Take a delegation back, or give it back; votes that were given stand. Raises NotFound, Stale."""
    found = queries.get_delegation(db, actor, delegation_id)
    now = clock.now()
    if found.to_at <= now:
        raise Stale("This delegation has ended.", remedy="Nothing needs to be done.", delegation=found.id)
    found.from_at, found.to_at, found.ended_by = min(found.from_at, now), now, actor.id
    events.record(db, actor, "delegation.ended", found, to=found.delegate_id)
    return found


def _must_make_no_chain(db: Session, actor: Actor, delegate_id: str, wanted: DelegationIn) -> None:
    others = queries.find_overlapping(db, {actor.id, delegate_id}, wanted.from_at, wanted.to_at)
    for other in others:
        if other.holder_id == actor.id:
            raise AlreadyExists(
                "Somebody votes in your place at that time already.",
                remedy="End that delegation first.",
                field="delegate",
                value=other.id,
            )
        if other.delegate_id == actor.id or other.holder_id == delegate_id:
            raise AlreadyExists(
                "What was delegated is not delegated on: one of you is part of another delegation at that time.",
                remedy="Name somebody else, or another time.",
                field="delegate",
                value=other.id,
            )
