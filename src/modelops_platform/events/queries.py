"""Reads of the log. What a caller may see is bounded by the rooms above, which know rights."""

import hashlib
import json
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import ColumnElement, Select, desc, func, select
from sqlalchemy.orm import Session

from modelops_platform.core.errors import Conflict
from modelops_platform.core.keys import Keys

from .domain import LogEntry
from .proof.inclusion import Proof
from .proof.merkle import path_to, root_by
from .proof.seals import Seal, Signer, read_pem
from .tables import Event, EventPersonal, EventPlace, LogSeal, UnplacedEvent


def with_place(condition: ColumnElement[bool]) -> Select[Event, int, EventPersonal]:
    """Return events that meet the condition with their places and personal data; unplaced ones too."""
    return (
        select(Event, EventPlace.place, EventPersonal)
        .outerjoin(EventPlace, EventPlace.event_id == Event.id)
        .outerjoin(EventPersonal, EventPersonal.event_id == Event.id)
        .where(condition)
    )


def to_entry(event: Event, place: int | None, personal: EventPersonal | None = None) -> LogEntry:
    """Make an entry of what `with_place` selects."""
    content = json.loads(event.content)
    return LogEntry(
        id=event.id,
        at=event.at,
        kind=event.kind,
        actor_id=event.actor_id,
        actor_kind=event.actor_kind,
        object_kind=event.object_kind,
        object_id=event.object_id,
        object_name=content["object"].get("name"),
        unit_id=event.unit_id,
        model_id=event.model_id,
        data=content["data"],
        personal=personal.data if personal is not None else {},
        place=place,
        workspace_id=event.workspace_id,
    )


def activity_of(db: Session, object_kind: str, object_id: str, limit: int = 50) -> list[LogEntry]:
    """Return what happened to a thing, the newest first; to a model and everything that hangs on it.

    The caller has made sure that the actor may see the thing. Personal data is left out.
    """
    mine: ColumnElement[bool] = (Event.object_kind == object_kind) & (Event.object_id == object_id)
    if object_kind == "model":
        mine = Event.model_id == object_id
    placed = select(Event, EventPlace.place).outerjoin(EventPlace, EventPlace.event_id == Event.id).where(mine)
    return [to_entry(event, place) for event, place in db.execute(placed.order_by(desc(Event.id)).limit(limit))]


class Prover:
    """Proves events one by one; the batch that was read last is kept, for the next is often in it."""

    def __init__(self, db: Session) -> None:
        self._db = db
        self._seal: Seal | None = None
        self._digests: list[bytes] = []

    def prove(self, event_id: str) -> tuple[int, str, Proof]:
        """Return place, text and proof of an event that the caller may see.

        Raises Conflict while no seal covers it, and when the log is not as it was sealed.
        """
        found = self.find(event_id)
        if found is None:
            raise Conflict(
                "No seal covers this event yet.",
                remedy="Ask again in a few seconds; a job process seals what happened.",
                field="event",
                value=event_id,
            )
        return found

    def find(self, event_id: str) -> tuple[int, str, Proof] | None:
        """Return the same, or None while no seal covers the event. Raises Conflict for a damaged log."""
        db = self._db.connection()
        placed = select(EventPlace.place, Event.content).join(Event, Event.id == EventPlace.event_id)
        row = db.execute(placed.where(EventPlace.event_id == event_id)).one_or_none()
        if row is None:
            return None
        seals = select(LogSeal.first_place, LogSeal.content, LogSeal.signature).where(LogSeal.last_place >= row.place)
        over = db.execute(seals.order_by(LogSeal.last_place).limit(1)).one_or_none()
        if over is None or over.first_place > row.place:
            return None
        try:
            return row.place, row.content, self._prove(row.place, row.content, Seal(over.content, over.signature))
        except ValueError as error:
            raise Conflict(
                f"The log is not as it was sealed around place {row.place}: {error}.",
                remedy="Verify the log; it says what was changed.",
                field="event",
                value=event_id,
            ) from None

    def _prove(self, place: int, content: str, seal: Seal) -> Proof:
        stated = seal.stated
        if seal != self._seal:
            batch = select(Event.sha256).join(EventPlace, EventPlace.event_id == Event.id).order_by(EventPlace.place)
            within = batch.where(EventPlace.place.between(stated.first, stated.last))
            self._digests = [bytes.fromhex(digest) for (digest,) in self._db.connection().execute(within)]
            self._seal = seal
        index = place - stated.first
        path = path_to(self._digests, index) if index < len(self._digests) else []
        root = root_by(hashlib.sha256(content.encode()).digest(), index, stated.count, path)
        if root is None or root.hex() != stated.root:
            raise ValueError(f"the events under seal {stated.number} are others")
        return Proof([node.hex() for node in path], seal)


def find_seal(db: Session, number: int | None = None) -> Seal | None:
    """Return the seal with this number, or the newest one; None when there is none."""
    seals = select(LogSeal.content, LogSeal.signature)
    wanted = seals.where(LogSeal.number == number) if number is not None else seals.order_by(desc(LogSeal.number))
    found = db.execute(wanted.limit(1)).one_or_none()
    return Seal(found.content, found.signature) if found is not None else None


def count_unplaced(db: Session) -> int:
    """Count the events that wait for their place and seal."""
    return db.scalar(select(func.count()).select_from(UnplacedEvent)) or 0


def oldest_unplaced(db: Session) -> datetime | None:
    """Return when the event that waits longest happened."""
    return db.scalar(select(func.min(Event.at)).join(UnplacedEvent, UnplacedEvent.event_id == Event.id))


def public_keys(keys: Keys) -> list[Ed25519PublicKey]:
    """Return the public keys of this installation, the one in use first."""
    retired = [key for pem in keys.retired_seals() for key in read_pem(pem)]
    return [Signer(keys.seal).public, *retired]
