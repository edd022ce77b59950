"""Reads of waivers: as lists, one with what hangs on it. As facts of a moment: `queries.exceptions`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound
from modelops_platform.deployments.tables import Deployment, Revision
from modelops_platform.identity.queries import granted
from modelops_platform.registry.tables import Alias, Model, Version

from ..domain.exceptions import UNIT_HEAD, Approver, Decider, WaiverCase, WaiverState
from ..tables import DecisionRecord, Waiver
from .people import find_people


def visible_waivers(actor: Actor) -> Select[Waiver]:
    """Return the waivers about models this actor may see, to narrow further."""
    return (
        select(Waiver)
        .join(Waiver.model)
        .where(Waiver.workspace_id == actor.workspace_id, granted(Model, actor))
        .options(
            contains_eager(Waiver.model),
            joinedload(Waiver.version),
            joinedload(Waiver.finding),
            selectinload(Waiver.answers),
        )
    )


def get_waiver(db: Session, actor: Actor, waiver_id: str, *, lock: bool = False) -> Waiver:
    """Return a waiver with what was said about it; locked, others who decide about it wait. Raises NotFound."""
    statement = visible_waivers(actor).where(Waiver.id == waiver_id)
    statement = statement.options(contains_eager(Waiver.model).options(joinedload(Model.unit), joinedload(Model.owner)))
    if lock:
        statement = statement.with_for_update(of=Waiver).execution_options(populate_existing=True)
    found = db.scalars(statement).one_or_none()
    if found is None:
        raise NotFound(
            f"There is no waiver {waiver_id[:80]!r}.",
            remedy="Look at the list of waivers.",
            field="waiver",
            value=waiver_id[:80],
        )
    return found


def page_waivers(
    db: Session,
    actor: Actor,
    *,
    everything: bool = False,
    model_id: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Waiver]:
    """Return a page of waivers: those in force, the first to end on top, then those asked for."""
    now = clock.now()
    statement = visible_waivers(actor)
    if model_id is not None:
        statement = statement.where(Waiver.model_id == model_id)
    if not everything:
        statement = statement.where(
            or_(
                Waiver.state == WaiverState.REQUESTED.value,
                and_(Waiver.state == WaiverState.APPROVED.value, Waiver.to_at > now),
            )
        )
    has_ended = case((Waiver.to_at <= now, 1), (Waiver.state == WaiverState.DENIED.value, 1), else_=0)
    ends = func.coalesce(Waiver.to_at, Waiver.wanted_until, type_=Waiver.wanted_until.type)
    return paginate(db, statement, has_ended, ends, Waiver.id, cursor=cursor, limit=limit)


def list_requested_waivers(db: Session, actor: Actor, *, limit: int = 200) -> Sequence[Waiver]:
    """Return the waivers that wait for a decision, the oldest first."""
    waiting = visible_waivers(actor).where(Waiver.state == WaiverState.REQUESTED.value)
    return db.scalars(waiting.order_by(Waiver.id).limit(limit)).all()


def list_earlier_waivers(db: Session, made: Waiver, since: datetime) -> Sequence[Waiver]:
    """Return what was granted of the same, for whatever version, where it may overlap, and still held after a moment.

    What was revoked counts as well: it was granted.
    """
    same = (
        Waiver.requirement_id == made.requirement_id
        if made.requirement_id is not None
        else Waiver.finding_id == (made.finding.id if made.finding else None)
    )
    places = [Waiver.environment_id.in_(["", made.environment_id])] if made.environment_id else []
    earlier = select(Waiver).where(
        Waiver.model_id == made.model.id, same, *places, Waiver.from_at.is_not(None), Waiver.to_at > since
    )
    return db.scalars(earlier.order_by(Waiver.id)).all()


def waiver_case(db: Session, waiver: Waiver) -> WaiverCase:
    """Return what the rules need to know about a waiver; one for every version is about what each of them made."""
    model, version = waiver.model, waiver.version
    makers = {model.developer_id}
    if version is not None:
        makers |= {version.created_by, version.developer_id}
    else:
        made = select(Version.created_by, Version.developer_id).where(
            Version.model_id == model.id, Version.archived_at.is_(None)
        )
        makers |= {id for row in db.execute(made) for id in row}
    return WaiverCase(waiver.asked_by, frozenset(id for id in makers if id), model.owner_id)


def decider_of(db: Session, actor: Actor, model: Model, without: str | None) -> Decider:
    """Return the actor as rules about exceptions count them: granted roles, owner, head of the unit."""
    roles = set(actor.roles_on(model)) - {"owner", UNIT_HEAD}
    if actor.id == model.owner_id:
        roles.add("owner")
    people = find_people(db, model.workspace_id, [model], (), with_holders=False)
    if people.head_above(model.unit_id, without=without) == actor.id:
        roles.add(UNIT_HEAD)
    return Decider(actor.id, frozenset(roles), actor.kind is ActorKind.PERSON)


def find_deciders(db: Session, waiver: Waiver) -> list[str]:
    """Return the ids of those who could decide about a waiver."""
    model, rules = waiver.model, waiver_case(db, waiver)
    people = find_people(db, model.workspace_id, [model], (model.owner_id,), with_holders=True)
    seats = [Approver(seat) for seat in waiver.seats]
    wanted = {seat.value for seat in seats if seat is not Approver.OWNER}
    found = [account.id for account, _roles in people.with_role(model, wanted)]
    if Approver.OWNER in seats:
        owner_is_barred = model.owner_id == waiver.asked_by or model.owner_id in rules.makers
        head = people.head_above(model.unit_id, without=waiver.asked_by)
        found += [id for id in (head if owner_is_barred else model.owner_id,) if id]
    return [id for id in dict.fromkeys(found) if id != rules.asked_by and id not in rules.makers]


@dataclass(frozen=True, slots=True)
class Hanging:
    """Something that stands where it is by leave of a waiver."""

    what: str
    version: int
    since: datetime


def find_hanging(db: Session, waiver: Waiver) -> list[Hanging]:
    """Return the aliases and deployments whose decision rests on the waiver: what a later gate would refuse."""
    aliases = (
        select(Alias.name, Alias.version_number, Alias.from_at, DecisionRecord.decision)
        .join(DecisionRecord, DecisionRecord.id == Alias.decision_id)
        .where(Alias.model_id == waiver.model_id, Alias.to_at.is_(None))
    )
    revisions = (
        select(Deployment.name, Version.number, Revision.from_at, DecisionRecord.decision)
        .join(Revision, Revision.deployment_id == Deployment.id)
        .join(Version, Version.id == Revision.version_id)
        .join(DecisionRecord, DecisionRecord.id == Revision.decision_id)
        .where(Deployment.model_id == waiver.model_id, Revision.to_at.is_(None))
    )
    found = [Hanging(f"alias {row[0]}", row[1], row[2]) for row in db.execute(aliases) if _rests_on(row[3], waiver)]
    found += [
        Hanging(f"deployment {row[0]}", row[1], row[2]) for row in db.execute(revisions) if _rests_on(row[3], waiver)
    ]
    return found


def _rests_on(decision: Mapping[str, object], waiver: Waiver) -> bool:
    judgements = decision.get("judgements")
    if not isinstance(judgements, list):
        return False
    named = {
        piece["id"]
        for judgement in judgements
        for piece in judgement.get("evidence", ())
        if piece["kind"] in ("waiver", "finding")
    }
    return waiver.id in named or waiver.finding_id in named
