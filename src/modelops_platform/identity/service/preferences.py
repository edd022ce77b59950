"""How one wants pages to be. Nobody else is concerned, so these verbs write no event."""

from typing import Any

from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor
from modelops_platform.core.db import try_add

from ..schemas import PreferencesIn
from ..tables import Preference
from .rights import must_own_account


def choose(db: Session, actor: Actor, wanted: PreferencesIn) -> Preference:
    """Keep what the person chose; what they left out stays. Raises NotAllowed for a token that is too narrow."""
    must_own_account(actor)
    return _keep(db, actor.id, wanted.model_dump(exclude_unset=True, exclude_none=True))


def skip_set_up(db: Session, actor: Actor, *, skip: bool) -> None:
    """Leave the set-up for later, or take it up again."""
    must_own_account(actor)
    _keep(db, actor.id, {"set_up_skipped_at": clock.now() if skip else None})


def _keep(db: Session, user_id: str, values: dict[str, Any]) -> Preference:
    kept = db.get(Preference, user_id)
    if kept is None:
        kept = Preference(user_id=user_id)
        if not try_add(db, kept):  # another window of the same person was first
            kept = db.get_one(Preference, user_id)
    for name, value in values.items():
        setattr(kept, name, value)
    return kept
