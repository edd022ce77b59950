"""What stands in the cards of models, and where models and versions stand in their life cycles, as of a moment."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import false, literal, or_, select, union_all
from sqlalchemy.orm import Session

from modelops_platform.registry.tables import Version

from ..domain.known import StandingFact
from ..tables import CardEntry, LifeCycleStay
from .lifecycle_states import standing_of


@dataclass(frozen=True, slots=True)
class Written:
    """The entries of cards by model, and the standings by version."""

    cards: Mapping[str, Mapping[str, str]]
    standings: Mapping[str, StandingFact]


def load_written(db: Session, versions: Mapping[str, Version], at: datetime) -> Written:
    """Return both, in one statement."""
    models = {version.model_id for version in versions.values()}
    entries = select(
        literal("card").label("what"),
        CardEntry.model_id.label("subject"),
        CardEntry.field.label("name"),
        CardEntry.text.label("words"),
        false().label("is_barred"),
    ).where(
        CardEntry.model_id.in_(models), CardEntry.from_at <= at, or_(CardEntry.to_at.is_(None), CardEntry.to_at > at)
    )
    stays = select(
        literal("state"), LifeCycleStay.subject_id, LifeCycleStay.state, LifeCycleStay.reason, LifeCycleStay.is_barred
    ).where(
        LifeCycleStay.subject_id.in_([*versions, *models]),
        LifeCycleStay.from_at <= at,
        or_(LifeCycleStay.to_at.is_(None), LifeCycleStay.to_at > at),
    )
    cards: dict[str, dict[str, str]] = defaultdict(dict)
    states: dict[str, tuple[str, bool, str]] = {}
    for what, subject, name, words, is_barred in db.execute(union_all(entries, stays)):
        if what == "card":
            cards[subject][name] = words
        else:
            states[subject] = (name, bool(is_barred), words)
    return Written(cards, standing_of(versions, states))
