"""Taking personal data out of the log; what was hashed keeps only a salted hash of it, so every proof stays valid."""

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import Text, delete, or_, select, type_coerce, update
from sqlalchemy.orm import Session

from modelops_platform.core.db import count_changed

from ..tables import Event, EventPersonal, Refusal


def erase_personal(db: Session, user_id: str, addresses: Collection[str] = ()) -> int:
    """Erase what the log holds about a person beside its events, and return how many events that concerns.

    That is: what events about them say, the network addresses of what they did, and every event that names one of
    their e-mail addresses, present or past. What they wrote as the reason of a decision stays: it is the record.
    """
    text = type_coerce(EventPersonal.data, Text)
    about = select(Event.id).where(Event.object_kind == "user", Event.object_id == user_id)
    named = {
        *addresses,
        *_addresses_in(db.scalars(select(EventPersonal.data).where(EventPersonal.event_id.in_(about)))),
    }
    done_by = select(Event.id).where(Event.actor_id == user_id)
    hits = [text.contains(json.dumps(address, ensure_ascii=False), autoescape=True) for address in sorted(named)]
    erased = delete(EventPersonal).where(
        or_(
            EventPersonal.event_id.in_(about),
            EventPersonal.event_id.in_(done_by) & text.contains('"address":', autoescape=True),
            *hits,
        )
    )
    db.execute(update(Refusal).where(Refusal.actor_id == user_id).values(address="erased"))
    return count_changed(db, erased)


def _addresses_in(found: Any) -> set[str]:
    """Return the e-mail addresses that events about somebody hold, before and after each change."""
    addresses: set[str] = set()
    for data in found:
        email = data.get("email")
        addresses |= {email} if isinstance(email, str) else set((email or {}).values())
    return addresses
