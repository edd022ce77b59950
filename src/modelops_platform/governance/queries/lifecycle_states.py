"""The states of models and versions as policies ask about them."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from modelops_platform.registry.tables import Version

from ..domain.known import StandingFact
from ..tables import LifeCycleStay


def load_states(db: Session, versions: Mapping[str, Version], at: datetime) -> Mapping[str, StandingFact]:
    """Return where each version and its model stood at a moment, in one statement."""
    models = {version.model_id for version in versions.values()}
    rows = db.execute(
        select(LifeCycleStay.subject_id, LifeCycleStay.state, LifeCycleStay.is_barred, LifeCycleStay.reason).where(
            LifeCycleStay.subject_id.in_([*versions, *models]),
            LifeCycleStay.from_at <= at,
            or_(LifeCycleStay.to_at.is_(None), LifeCycleStay.to_at > at),
        )
    )
    return standing_of(versions, {subject: (state, barred, reason) for subject, state, barred, reason in rows})


def standing_of(
    versions: Mapping[str, Version], found: Mapping[str, tuple[str, bool, str]]
) -> Mapping[str, StandingFact]:
    """Join the states of each version and of its model."""
    return {
        id: StandingFact(*_fact_of(found.get(version.model_id), found.get(id)))
        for id, version in versions.items()
        if id in found or version.model_id in found
    }


def _fact_of(
    model: tuple[str, bool, str] | None, version: tuple[str, bool, str] | None
) -> tuple[str | None, str | None, tuple[str, ...]]:
    barred = []
    for what, found in (("model", model), ("version", version)):
        if found is not None and found[1]:
            reason = f": {found[2]}" if found[2] else ""
            barred.append(f"The {what} is {found[0].replace('_', ' ')}{reason}")
    return (model[0] if model else None, version[0] if version else None, tuple(barred))
