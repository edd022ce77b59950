"""What lets a version pass in spite of a policy for a while: waivers and emergency changes, as of a moment."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import String, literal, null, select, union_all
from sqlalchemy.orm import Session

from ..domain.known import EmergencyFact, WaiverFact
from ..tables import EmergencyChange, Waiver


class OfModel(Protocol):
    """A version, as far as waivers are looked up by it."""

    @property
    def model_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Exceptions:
    """Waivers and emergency changes in force, by version."""

    waivers: Mapping[str, tuple[WaiverFact, ...]]
    emergencies: Mapping[str, tuple[EmergencyFact, ...]]


def load_exceptions(db: Session, versions: Mapping[str, OfModel], at: datetime) -> Exceptions:
    """Return what was in force for each version at a moment, in one statement."""
    models = {version.model_id for version in versions.values()}
    waived = select(
        literal("waiver").label("what"),
        Waiver.id.label("id"),
        Waiver.model_id.label("model_id"),
        Waiver.version_id.label("version_id"),
        Waiver.requirement_id.label("word"),
        Waiver.environment_id.label("environment_id"),
        null().cast(String(64)).label("digest"),
        Waiver.from_at.label("from_at"),
        Waiver.to_at.label("to_at"),
        Waiver.tier.label("tier"),
    ).where(Waiver.model_id.in_(models), Waiver.requirement_id.is_not(None), Waiver.from_at <= at, Waiver.to_at > at)
    change = EmergencyChange
    hurried = select(
        literal("emergency"),
        change.id,
        change.model_id,
        change.version_id,
        change.action,
        change.environment_id,
        change.digest,
        change.from_at,
        change.to_at,
        change.tier,
    ).where(change.version_id.in_(list(versions)), change.from_at <= at, change.to_at > at)
    found = union_all(waived, hurried).subquery()
    waivers: dict[str, list[tuple[str | None, WaiverFact]]] = defaultdict(list)
    emergencies: dict[str, list[EmergencyFact]] = defaultdict(list)
    for what, id, model_id, version_id, word, environment_id, digest, since, until, tier in db.execute(
        select(found).order_by(found.c.id)
    ):
        if what == "waiver":
            waivers[model_id].append((version_id, WaiverFact(id, word, environment_id, since, until, tier)))
        else:
            emergencies[version_id].append(EmergencyFact(id, word, environment_id, digest, since, until, tier))
    return Exceptions(
        waivers={
            version_id: tuple(fact for about, fact in waivers[version.model_id] if about in (None, version_id))
            for version_id, version in versions.items()
        },
        emergencies={version_id: tuple(emergencies[version_id]) for version_id in versions},
    )
