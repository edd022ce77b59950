"""The cards of models: what the platform knows of the fields, and what people wrote into them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from modelops_platform.registry.tables import Version

from ..defaults import card_form
from ..domain.cards import Card, fill_card
from ..domain.facts import Facts
from ..domain.questionnaire import judged_tier
from ..tables import CardEntry
from .former_records import Recorded

Written = Mapping[str, Mapping[str, str]]


def load_entries(db: Session, model_ids: Sequence[str], at: datetime) -> Written:
    """Return what people had written into the cards of models at a moment, by model and field, in one statement."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    rows = db.execute(
        select(CardEntry.model_id, CardEntry.field, CardEntry.text).where(
            CardEntry.model_id.in_(model_ids),
            CardEntry.from_at <= at,
            or_(CardEntry.to_at.is_(None), CardEntry.to_at > at),
        )
    )
    for model_id, field, text in rows:
        found[model_id][field] = text
    return found


def texts_of(entries: Iterable[CardEntry]) -> dict[str, str]:
    """Return the texts of a card by their fields."""
    return {entry.field: entry.text for entry in entries}


def list_entries(db: Session, model_id: str) -> Sequence[CardEntry]:
    """Return what stands in a model's card now, with who wrote it. The caller has made sure that it may be seen."""
    mine = select(CardEntry).where(CardEntry.model_id == model_id, CardEntry.to_at.is_(None))
    return db.scalars(mine.order_by(CardEntry.field)).all()


@dataclass(frozen=True, slots=True)
class WrittenCard:
    """What people wrote into a model's card, as far as an edit has to match it."""

    id: str
    revision: int


def written_card(db: Session, model_id: str) -> WrittenCard:
    """Return the number of the last edit: each begins an entry, ends one, or both."""
    made, ended = db.execute(
        select(func.count(), func.count(CardEntry.to_at)).where(CardEntry.model_id == model_id)
    ).one()
    return WrittenCard(model_id, made + ended + 1)


def card_of(facts: Facts, version: Version, record: Recorded, written: Mapping[str, str]) -> Card:
    """Fill the card of a version with what has been gathered about it."""
    return fill_card(
        card_form(),
        _known(facts, version, record),
        written,
        tier=judged_tier(facts.tier_in_force),
        people_affected=facts.people_affected is not False,
        today=facts.now.date(),
    )


def _known(facts: Facts, version: Version, record: Recorded) -> dict[str, Any]:
    """Name what the platform knows, by the names that the form looks for."""
    signature = version.signature or {}
    source = version.source or {}
    known: dict[str, Any] = {
        "model.name": version.model.name,
        "model.owner": record.owner_id,
        "model.developer": record.developer_id,
        "model.purpose": record.purpose,
        "model.use_case": record.use_case_id,
        "model.eu_class": facts.eu_class,
        "version.name": version.name,
        "version.digest": facts.digest,
        "version.location": source.get("location"),
        "version.created_at": version.created_at,
        "version.made_by": version.created_by,
        "version.description": version.description,
        "version.is_first": True if version.number == 1 else None,
        "version.inputs": signature.get("inputs"),
        "version.outputs": signature.get("outputs"),
        "version.metrics": version.metrics,
        "version.parameters": version.parameters,
        "version.environment": version.environment,
        "version.commit": source.get("commit"),
        "version.run": version.run_id or source.get("run"),
        "version.data_set": facts.lineage.data_set if facts.lineage else None,
        "version.scanned": bool(facts.scans) or None,
        "version.evaluation_data": sorted({one.data_set for one in facts.metrics if one.data_set}),
        "known.tests": [test.test for test in facts.tests or ()],
        "known.monitors": [monitor.name for monitor in facts.monitors or ()],
        "known.validation": facts.validation.opinion.value if facts.validation else None,
        "known.findings": [finding.title for finding in facts.findings or ()],
    }
    known |= {f"field.{key}": value for key, value in record.fields.items()}
    return known
