"""The sequencer: gives events their place in the log, and seals them."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, desc, exists, func, insert, select
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import system_actor
from modelops_platform.core.logging import get_logger

from ..proof.merkle import root_of
from ..proof.seals import Seal, Signer, Stated
from ..tables import Event, EventPlace, LogSeal, UnplacedEvent
from .recording import record

MOST_UNDER_A_SEAL = 512  # a proof reads them all
PLACED_AT_ONCE = MOST_UNDER_A_SEAL  # whoever writes waits for this transaction
_Row = Row[*tuple[Any, ...]]
_SEQUENCER = 0x6D6F7071  # any number, the same in every process


@dataclass(frozen=True, slots=True)
class _Suspect:
    """An event row that this installation did not write as it stands."""

    id: str
    object_kind: str = "event"
    name: None = None


def seal_events(db: Session) -> int:
    """Give committed events without a place the next places, seal them, and return how many there were.

    Where it returns PLACED_AT_ONCE there may be more: for those there is another transaction.

    Any number of processes may call it: one at a time seals, the others leave it to that one. Places have no gaps,
    and follow commits, not clocks. A row that was forged or edited while it waited gets no place and is told of.
    """
    if not _is_only_sequencer(db):
        return 0
    waiting: Sequence[_Row] = db.execute(
        select(Event.id, Event.workspace_id, Event.content, Event.sha256, Event.hmac)
        .join(UnplacedEvent, UnplacedEvent.event_id == Event.id)
        .order_by(Event.id)
        .limit(PLACED_AT_ONCE)
    ).all()
    ours = [row.id for row in waiting if _is_ours(db, row)]
    if ours:
        last = db.scalar(select(func.max(EventPlace.place))) or 0
        at = clock.now()
        rows = [{"place": last + n, "event_id": event_id, "at": at} for n, event_id in enumerate(ours, start=1)]
        db.execute(insert(EventPlace), rows)
    if waiting:
        db.execute(delete(UnplacedEvent).where(UnplacedEvent.event_id.in_([row.id for row in waiting])))
    while _seal(db):
        pass
    _tell_of_others(db, [row for row in waiting if row.id not in set(ours)])
    return len(ours)


def _is_ours(db: Session, row: _Row) -> bool:
    digest = hashlib.sha256(row.content.encode())
    keyed = hmac.digest(db.info["keys"].events, digest.digest(), "sha256").hex()
    return digest.hexdigest() == row.sha256 and hmac.compare_digest(keyed, row.hmac)


def _tell_of_others(db: Session, rows: Sequence[_Row]) -> None:
    for row in rows:
        get_logger().error("log.tampered", event_id=row.id)
        record(db, system_actor(row.workspace_id), "log.tampered", _Suspect(row.id), found="forged or edited")


def _seal(db: Session) -> bool:
    """Seal the next places above the last seal, and say whether there were any."""
    before = db.scalars(select(LogSeal).order_by(desc(LogSeal.number)).limit(1)).first()
    sealed_to = before.last_place if before is not None else 0
    contents = db.execute(
        select(EventPlace.place, Event.content)
        .outerjoin(Event, Event.id == EventPlace.event_id)
        .where(EventPlace.place > sealed_to)
        .order_by(EventPlace.place)
        .limit(MOST_UNDER_A_SEAL)
    ).all()
    if not contents:
        return False
    signer = Signer(db.info["keys"].seal)
    root = root_of([hashlib.sha256((row.content or "").encode()).digest() for row in contents])
    stated = Stated(
        number=before.number + 1 if before is not None else 1,
        at=clock.now().isoformat(),
        first=contents[0].place,
        last=contents[-1].place,
        count=len(contents),
        root=root.hex(),
        previous=Seal(before.content, before.signature).digest if before is not None else None,
        key=signer.key_id,
    )
    seal = signer.sign(stated)
    db.add(
        LogSeal(
            number=stated.number,
            first_place=stated.first,
            last_place=stated.last,
            content=seal.text,
            sha256=seal.digest,
            signature=seal.signature,
        )
    )
    db.flush()
    return True


def has_unsealed(db: Session) -> bool:
    """Say whether any event waits for its place or its seal."""
    waits = exists().where(UnplacedEvent.event_id.is_not(None))
    placed = select(func.coalesce(func.max(EventPlace.place), 0)).scalar_subquery()
    sealed = select(func.coalesce(func.max(LogSeal.last_place), 0)).scalar_subquery()
    return bool(db.scalar(select(waits | (placed > sealed))))


def hold_log(db: Session) -> None:
    """Wait until nobody else seals, and keep it so until this transaction ends."""
    if db.get_bind().dialect.name == "postgresql":
        db.execute(select(func.pg_advisory_xact_lock(_SEQUENCER)))


def _is_only_sequencer(db: Session) -> bool:
    """Take the right to seal until this transaction ends; SQLite's write transaction is that right already."""
    if db.get_bind().dialect.name != "postgresql":
        return True
    return bool(db.scalar(select(func.pg_try_advisory_xact_lock(_SEQUENCER))))
