"""Reads of the log, bounded to what an actor may audit."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import ColumnElement, Text, and_, desc, or_, select, true, type_coerce
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.db import Database
from modelops_platform.core.errors import Conflict, NotFound
from modelops_platform.events.domain import LogEntry, describe, people_in, who
from modelops_platform.events.proof.inclusion import Proof
from modelops_platform.events.proof.report import Tail
from modelops_platform.events.proof.seals import Seal, Stated
from modelops_platform.events.queries import (
    Prover,
    count_unplaced,
    find_seal,
    oldest_unplaced,
    public_keys,
    to_entry,
    with_place,
)
from modelops_platform.events.tables import Event, EventPersonal
from modelops_platform.identity.queries import granted, names_of
from modelops_platform.identity.tables import User
from modelops_platform.jobs.domain.states import UNFINISHED
from modelops_platform.jobs.tables import Job

from ..schemas.audit import EventFilter
from ..verification import VERIFY

EXPORTED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Told:
    """An event with everything that is shown of it."""

    entry: LogEntry
    who: str
    words: str
    object_name: str | None
    content: str
    sha256: str
    hmac: str
    salt: str | None = None
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class LogState:
    """Where the log stands now."""

    seal: Seal | None
    stated: Stated | None
    tail: Tail
    keys: list[Ed25519PublicKey]
    sink: str | None

    @property
    def seal_at(self) -> datetime | None:
        """When the newest seal was made."""
        return datetime.fromisoformat(self.stated.at) if self.stated is not None else None


def auditable(actor: Actor) -> ColumnElement[bool]:
    """Return the condition of events that this actor may audit."""
    return and_(Event.workspace_id == actor.workspace_id, granted(Event, actor, Permission.VIEW_AUDIT))


def list_events(db: Session, actor: Actor, wanted: EventFilter) -> Page[Told]:
    """Return a page of the events that the filter leaves, the newest first."""
    events = select(Event).where(auditable(actor), *_narrowed(wanted))
    page = paginate(db, events, desc(Event.id), cursor=wanted.cursor, limit=wanted.limit)
    return Page(_tell(db, page.items), page.next)


def get_event(db: Session, actor: Actor, event_id: str) -> Told:
    """Return one event. Raises NotFound, also when the actor may not audit it."""
    event = db.scalars(select(Event).where(auditable(actor), Event.id == event_id)).one_or_none()
    if event is None:
        raise _no_event(event_id)
    return _tell(db, [event])[0]


def _no_event(event_id: str) -> NotFound:
    return NotFound(
        f"There is no event {event_id[:80]!r}.", remedy="Search the log.", field="event", value=event_id[:80]
    )


def get_proof(db: Session, actor: Actor, event_id: str) -> dict[str, Any]:
    """Return an event with its proof. Raises NotFound, and Conflict while no seal covers it."""
    if db.scalar(select(Event.id).where(auditable(actor), Event.id == event_id)) is None:
        raise _no_event(event_id)
    return _proved(*Prover(db).prove(event_id))


def find_proof(db: Session, event_id: str) -> str | None:
    """Return the proof of an event that the actor may audit as people copy it, or None when there is none."""
    try:
        found = Prover(db).find(event_id)
    except Conflict:
        return None
    return json.dumps(_proved(*found), ensure_ascii=False, separators=(",", ":")) if found is not None else None


def _proved(place: int, content: str, proof: Proof) -> dict[str, Any]:
    digest = hashlib.sha256(content.encode()).hexdigest()
    return {"place": place, "content": content, "sha256": digest, "proof": msgspec.to_builtins(proof)}


def state_of_log(db: Session) -> LogState:
    """Return where the log stands; checks nothing."""
    seal, oldest = find_seal(db), oldest_unplaced(db)
    age = max(0.0, (clock.now() - oldest).total_seconds()) if oldest is not None else 0.0
    return LogState(
        seal=seal,
        stated=seal.stated if seal is not None else None,
        tail=Tail(count_unplaced(db), round(age, 1)),
        keys=public_keys(db.info["keys"]),
        sink=db.info["settings"].checkpoint_sink,
    )


def last_verification(db: Session, actor: Actor) -> tuple[Job | None, Job | None]:
    """Return the job that verifies the log now, and the last one that did, of anybody."""
    jobs = select(Job).where(Job.workspace_id == actor.workspace_id, Job.kind == VERIFY).order_by(desc(Job.id)).limit(1)
    running = db.scalars(jobs.where(Job.state.in_(UNFINISHED))).first()
    return running, db.scalars(jobs.where(Job.state.not_in(UNFINISHED))).first()


def _tell(db: Session, events: Sequence[Event]) -> list[Told]:
    """Join places, personal data and names to the events of one page."""
    if not events:
        return []
    rows = {row[0].id: row for row in db.execute(with_place(Event.id.in_([event.id for event in events])))}
    entries = [to_entry(*rows[event.id]) for event in events]
    names = names_of(db, people_in(entries))
    return [_told(entry, *rows[entry.id], names=names) for entry in entries]


def _told(
    entry: LogEntry, event: Event, _place: int | None, personal: EventPersonal | None, *, names: dict[str, str]
) -> Told:
    return Told(
        entry=entry,
        who=who(entry, names),
        words=describe(entry, names),
        object_name=names.get(entry.object_id) or entry.object_name,
        content=event.content,
        sha256=event.sha256,
        hmac=event.hmac,
        salt=personal.salt if personal is not None else None,
    )


def _narrowed(wanted: EventFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.kind:
        yield or_(Event.kind == wanted.kind, Event.kind.startswith(f"{wanted.kind}.", autoescape=True))
    if wanted.actor:
        named = or_(*(column.icontains(wanted.actor, autoescape=True) for column in (User.name, User.email)))
        yield or_(Event.actor_id == wanted.actor, Event.actor_id.in_(select(User.id).where(named)))
    if wanted.object_kind:
        yield Event.object_kind == wanted.object_kind
    if wanted.object_id:
        yield Event.object_id == wanted.object_id
    if wanted.since:
        yield Event.at >= _midnight(wanted.since)
    if wanted.until and wanted.until < date.max:
        yield Event.at < _midnight(wanted.until + timedelta(days=1))
    if wanted.q:
        text = json.dumps(wanted.q, ensure_ascii=False)[1:-1]  # as it stands inside the content
        personal = type_coerce(EventPersonal.data, Text).icontains(text, autoescape=True)
        yield or_(
            Event.content.icontains(text, autoescape=True),
            Event.id.in_(select(EventPersonal.event_id).where(personal)),
        )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def list_kinds(db: Session, actor: Actor) -> Sequence[str]:
    """Return the kinds that occur among the events the actor may audit."""
    return db.scalars(select(Event.kind).where(auditable(actor)).distinct().order_by(Event.kind)).all()


def list_object_kinds(db: Session, actor: Actor) -> Sequence[str]:
    """Return the kinds of things that these events are about."""
    return db.scalars(select(Event.object_kind).where(auditable(actor)).distinct().order_by(Event.object_kind)).all()


def export_events(database: Database, actor: Actor, wanted: EventFilter, *, proofs: bool = False) -> Iterator[Told]:
    """Yield every event that the filter leaves, the newest first, whatever their number.

    Each batch is read in a session of its own, so that a slow reader holds nothing up.
    """
    before: ColumnElement[bool] = true()
    while True:
        with database.read() as db:
            batch = select(Event).where(auditable(actor), *_narrowed(wanted), before)
            told = _tell(db, db.scalars(batch.order_by(desc(Event.id)).limit(EXPORTED_AT_ONCE)).all())
            if proofs:
                told = _with_proofs(db, told)
        yield from told
        if len(told) < EXPORTED_AT_ONCE:
            return
        before = Event.id < told[-1].entry.id


def _with_proofs(db: Session, told: Sequence[Told]) -> list[Told]:
    prover = Prover(db)
    found = [prover.find(one.entry.id) for one in told]
    return [replace(one, proof=proof[2] if proof else None) for one, proof in zip(told, found, strict=True)]


def to_shape(told: Told) -> dict[str, Any]:
    """Return an event as the API answers it."""
    entry = told.entry
    return {
        "id": entry.id,
        "place": entry.place,
        "at": entry.at,
        "kind": entry.kind,
        "actor": {"kind": entry.actor_kind, "id": entry.actor_id, "name": told.who},
        "object": {"kind": entry.object_kind, "id": entry.object_id, "name": told.object_name},
        "unit_id": entry.unit_id,
        "model_id": entry.model_id,
        "words": told.words,
        "data": entry.data,
        "personal": entry.personal,
        "content": told.content,
        "sha256": told.sha256,
        "hmac": told.hmac,
    }
