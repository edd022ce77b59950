"""Whom the events about findings, exceptions, reviews and requests concern."""

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, system_actor
from modelops_platform.events.domain import LogEntry
from modelops_platform.identity.tables import User
from modelops_platform.notifications.domain import Topic
from modelops_platform.notifications.service import Notice
from modelops_platform.registry.tables import Model

from . import queries
from .queries.people import find_people
from .tables import Finding


def _anybody(entry: LogEntry) -> Actor:
    return system_actor(entry.workspace_id)


def _finding(db: Session, entry: LogEntry) -> Finding:
    return queries.get_finding(db, _anybody(entry), entry.object_id)


def finding_owner(db: Session, entry: LogEntry) -> Iterator[str]:
    """Whoever works on the finding, once it is no draft."""
    finding = _finding(db, entry)
    if finding.state != "draft":
        yield finding.owner_id


def finding_function(db: Session, entry: LogEntry) -> Iterator[str]:
    """Those in whose function it was raised, who judge it."""
    yield from queries.find_function(db, _finding(db, entry))


def _above(db: Session, model: Model, roles: set[str]) -> Iterator[str]:
    """The head of the model's unit, and who holds one of the roles there."""
    people = find_people(db, model.workspace_id, [model], (), with_holders=True)
    head = people.head_above(model.unit_id, without=None)
    if head is not None:
        yield head
    for account, _roles in people.with_role(model, roles):
        yield account.id


def finding_superiors(db: Session, entry: LogEntry) -> Iterator[str]:
    """Executives and the head of the unit, and whose the finding is."""
    finding = _finding(db, entry)
    yield finding.owner_id
    yield from _above(db, finding.model, {"executive"})


def waiver_deciders(db: Session, entry: LogEntry) -> Iterator[str]:
    """Those who could decide about the waiver."""
    yield from queries.find_deciders(db, queries.get_waiver(db, _anybody(entry), entry.object_id))


def waiver_people(db: Session, entry: LogEntry) -> Iterator[str]:
    """Whoever asked for the waiver, and the owner of the model."""
    waiver = queries.get_waiver(db, _anybody(entry), entry.object_id)
    yield waiver.asked_by
    yield waiver.model.owner_id


def emergency_supporters(db: Session, entry: LogEntry) -> Iterator[str]:
    """Those who could agree to the emergency change."""
    yield from queries.find_supporters(db, queries.get_emergency(db, _anybody(entry), entry.object_id))


def emergency_people(db: Session, entry: LogEntry) -> Iterator[str]:
    """Whoever asked for the emergency change, and the owner of the model."""
    emergency = queries.get_emergency(db, _anybody(entry), entry.object_id)
    yield emergency.asked_by
    yield emergency.model.owner_id


def emergency_superiors(db: Session, entry: LogEntry) -> Iterator[str]:
    """Those above, where an emergency change was not made good."""
    emergency = queries.get_emergency(db, _anybody(entry), entry.object_id)
    yield from (emergency.asked_by, emergency.model.owner_id)
    yield from _above(db, emergency.model, {"risk", "executive"})


def request_superiors(db: Session, entry: LogEntry) -> Iterator[str]:
    """The head of the unit and its executives, where nobody decided in time."""
    request = queries.get_request(db, _anybody(entry), entry.object_id)
    yield from _above(db, request.model, {"executive"})


def model_owner(db: Session, entry: LogEntry) -> Iterator[str | None]:
    """The owner of the model that the event is about."""
    yield db.scalars(select(Model.owner_id).where(Model.id == entry.model_id)).one_or_none()


def override_confirmers(db: Session, entry: LogEntry) -> Iterator[str]:
    """Those who could bring the override that was asked for into force."""
    model = db.scalars(select(Model).where(Model.id == entry.model_id)).one_or_none()
    if model is not None:
        yield from queries.risk_officers(db, model, {*queries.find_involved(db, model), entry.actor_id})


def delegate(db: Session, entry: LogEntry) -> Iterator[str | None]:
    """Whoever votes in somebody's place from now on."""
    yield db.scalars(select(User.id).where(User.id == entry.data.get("to"))).one_or_none()


_OWNER = [Notice(Topic.FINDING, finding_owner)]
_JUDGES = [Notice(Topic.FINDING, finding_function)]
_WAIVER = [Notice(Topic.EXCEPTION, waiver_people)]
_EMERGENCY = [Notice(Topic.EXCEPTION, emergency_people)]
_REVIEW = [Notice(Topic.REVIEW, model_owner)]
_STOPPED = [Notice(Topic.DEPLOYMENT, model_owner)]

NOTICES: Mapping[str, Sequence[Notice]] = {
    "approval.escalated": [Notice(Topic.APPROVAL_WANTED, request_superiors)],
    "delegation.made": [Notice(Topic.APPROVAL_WANTED, delegate, is_personal=True)],
    "emergency.begun": _EMERGENCY,
    "emergency.denied": _EMERGENCY,
    "emergency.missed": [Notice(Topic.EXCEPTION, emergency_superiors)],
    "emergency.not_applied": _EMERGENCY,
    "emergency.requested": [Notice(Topic.EXCEPTION, emergency_supporters)],
    "emergency.settled": _EMERGENCY,
    "evidence.expired": _REVIEW,
    "finding.closed": _OWNER,
    "finding.due_asked": _JUDGES,
    "finding.due_kept": _OWNER,
    "finding.due_moved": _OWNER,
    "finding.escalated": [Notice(Topic.FINDING, finding_superiors)],
    "finding.moved": _OWNER,
    "finding.raised": _OWNER,
    "finding.rated": _OWNER,
    "finding.reopened": _OWNER,
    "finding.submitted": _JUDGES,
    "model.restricted": _STOPPED,
    "model.suspended": _STOPPED,
    "review.due": _REVIEW,
    "review.overdue": _REVIEW,
    "risk.due": _REVIEW,
    "risk.reopened": _REVIEW,
    "tier.override_asked": [Notice(Topic.REVIEW, override_confirmers)],
    "tier.override_expired": _REVIEW,
    "version.revoked": _STOPPED,
    "waiver.denied": _WAIVER,
    "waiver.ending": _WAIVER,
    "waiver.expired": _WAIVER,
    "waiver.granted": _WAIVER,
    "waiver.requested": [Notice(Topic.EXCEPTION, waiver_deciders)],
    "waiver.revoked": _WAIVER,
}
