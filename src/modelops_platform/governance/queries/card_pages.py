"""The card of a version as pages and answers show it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor
from modelops_platform.registry import queries as registry

from ..domain.cards import Card, FilledField
from ..domain.facts import Action
from ..domain.targets import Target
from ..tables import CardEntry
from .cards import card_of, list_entries, load_entries, written_card
from .facts import Case, gather_all


@dataclass(frozen=True, slots=True)
class ShownCard:
    """The card of a version as pages and answers show it; what people wrote is of the whole model, and counts edits."""

    id: str
    revision: int
    version: int
    card: Card
    written: Sequence[CardEntry]

    @property
    def percent(self) -> int:
        """How much of what the tier wants is filled and valid."""
        return int(self.card.share * 100)

    @property
    def digest(self) -> str:
        """One digest of everything that it says."""
        return self.card.digest

    @property
    def missing(self) -> list[str]:
        """The fields that the tier wants and that are empty or not valid."""
        return [one.title for one in self.card.missing]

    @property
    def fields(self) -> Sequence[FilledField]:
        """Everything that it may say."""
        return self.card.fields


def show_card(db: Session, actor: Actor, name: str, number: int | None = None) -> ShownCard:
    """Return the card of a version, by default the last of the model. Raises NotFound, also without any version."""
    model = registry.get_model(db, actor, name)
    version = registry.get_version(db, actor, name, number or model.last_version or 1)
    facts = gather_all(db, [Case(version.id, Target(Action.alias("champion")))], with_holders=False)[0]
    written = load_entries(db, [model.id], facts.now)
    card = card_of(facts, version, model, written.get(model.id, {}))
    seen = written_card(db, model.id)
    return ShownCard(seen.id, seen.revision, version.number, card, list_entries(db, model.id))
