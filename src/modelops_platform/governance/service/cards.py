"""Writing into a model's card: what the platform cannot find by itself."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import InvalidInput
from modelops_platform.core.revisions import must_match
from modelops_platform.events import service as events
from modelops_platform.registry import queries as registry
from modelops_platform.registry.tables import Model

from .. import queries
from ..defaults import card_form
from ..schemas import CardIn
from ..tables import CardEntry


def write_card(db: Session, actor: Actor, name: str, wanted: CardIn, if_match: str | None = None) -> Model:
    """Write fields of a card; an empty text takes one out, what is left out stays.

    Raises NotFound, NotAllowed, InvalidInput (a field that no card has), Stale.
    """
    model = registry.get_model(db, actor, name, to_change=True)
    actor.must(Permission.EDIT_MODEL, model)
    must_match(queries.written_card(db, model.id), if_match)
    known = {field.id for field in card_form().fields}
    for key in wanted.fields:
        if key not in known:
            raise InvalidInput(
                f"A card has no field {key[:60]!r}.",
                remedy=f"Use one of: {', '.join(sorted(known))}.",
                field=f"fields.{key[:60]}",
                value=key[:60],
            )
    now = clock.now()
    open_ones = select(CardEntry).where(CardEntry.model_id == model.id, CardEntry.to_at.is_(None))
    standing = {entry.field: entry for entry in db.scalars(open_ones.with_for_update())}
    changed = []
    for key, text in wanted.fields.items():
        before = standing.get(key)
        if (before.text if before else "") == text:
            continue
        if before is not None:
            before.to_at = max(now, before.from_at)
        changed.append((key, text))
    if not changed:
        return model
    db.flush()  # what stood there ends before the new one begins
    db.add_all(
        CardEntry(model_id=model.id, field=key, text=text, written_by=actor.id, from_at=now)
        for key, text in changed
        if text
    )
    events.record(db, actor, "card.written", model, fields=sorted(key for key, _text in changed))
    return model
