"""Reads of delegations."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import desc, or_, select
from sqlalchemy.orm import Session, joinedload

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor
from modelops_platform.core.errors import NotFound
from modelops_platform.identity.tables import User

from ..tables import Delegation


def find_delegation(db: Session, holder_id: str, delegate_id: str, at: datetime) -> Delegation | None:
    """Return the delegation from one person to another that holds at a moment; a holder out of use has none."""
    return db.scalars(
        select(Delegation)
        .join(User, User.id == Delegation.holder_id)
        .where(
            Delegation.holder_id == holder_id,
            Delegation.delegate_id == delegate_id,
            Delegation.from_at <= at,
            Delegation.to_at > at,
            User.disabled_at.is_(None),
        )
        .order_by(desc(Delegation.id))
        .limit(1)
    ).first()


def list_delegated_to(db: Session, actor: Actor, at: datetime | None = None) -> Sequence[Delegation]:
    """Return in whose places the actor votes at a moment."""
    moment = at or clock.now()
    return db.scalars(
        select(Delegation)
        .join(User, User.id == Delegation.holder_id)
        .where(
            Delegation.workspace_id == actor.workspace_id,
            Delegation.delegate_id == actor.id,
            Delegation.from_at <= moment,
            Delegation.to_at > moment,
            User.disabled_at.is_(None),
        )
        .options(joinedload(Delegation.holder))
        .order_by(Delegation.id)
    ).all()


def list_delegations(db: Session, actor: Actor, *, limit: int = 200) -> Sequence[Delegation]:
    """Return the actor's own delegations, given and taken, the newest first."""
    return db.scalars(
        select(Delegation)
        .where(
            Delegation.workspace_id == actor.workspace_id,
            or_(Delegation.holder_id == actor.id, Delegation.delegate_id == actor.id),
        )
        .options(joinedload(Delegation.holder), joinedload(Delegation.delegate))
        .order_by(desc(Delegation.id))
        .limit(limit)
    ).all()


def get_delegation(db: Session, actor: Actor, delegation_id: str) -> Delegation:
    """Return a delegation that concerns the actor. Raises NotFound."""
    found = db.scalars(
        select(Delegation)
        .where(Delegation.id == delegation_id, Delegation.workspace_id == actor.workspace_id)
        .options(joinedload(Delegation.holder), joinedload(Delegation.delegate))
    ).one_or_none()
    if found is None or actor.id not in (found.holder_id, found.delegate_id):
        raise NotFound(
            f"There is no delegation {delegation_id[:80]!r}.",
            remedy="Look at your own delegations.",
            field="delegation",
            value=delegation_id[:80],
        )
    return found


def find_overlapping(db: Session, people: set[str], begin: datetime, end: datetime) -> Sequence[Delegation]:
    """Return the delegations from or to these people that overlap a time."""
    return db.scalars(
        select(Delegation).where(
            or_(Delegation.holder_id.in_(people), Delegation.delegate_id.in_(people)),
            Delegation.from_at < end,
            Delegation.to_at > begin,
        )
    ).all()
