"""Reads of what people decided about a model: overrides of its tier, whether it is a model, its EU class."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, desc, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from modelops_platform.core import clock
from modelops_platform.core.errors import NotFound
from modelops_platform.registry.tables import Model, Version

from ..domain.facts import TierFact
from ..domain.known import Determination
from ..domain.questionnaire import Tier
from ..domain.review import Override, counts, is_independent, overridden, reopened_by
from ..tables import EuClassification, ModelDetermination, RiskAssessment, TierOverride
from .former_records import Recorded


def remember(record: Recorded) -> dict[str, Any]:
    """Return what an assessment rests on of a model's record."""
    return {
        "eu_class": record.eu_class,
        "affects_people": record.affects_people,
        "use_case_id": record.use_case_id,
        "kind": record.kind,
        "vendor": record.fields.get("vendor") or record.fields.get("provider"),
    }


def tier_fact(record: Recorded, assessment: RiskAssessment, override: TierOverride | None, at: datetime) -> TierFact:
    """Return the tier of an assessment as it stands beside the record: what could only rise has risen at once."""
    rises: Mapping[str, int] = assessment.result.get("rises", {})
    was_reviewed = assessment.reviewed_at is not None and assessment.reviewed_at <= at
    return TierFact(
        tier=Tier(min(assessment.tier, rises.get(record.eu_class or "", assessment.tier))),
        assessment_id=assessment.id,
        assessed_at=assessment.from_at,
        total=assessment.total,
        questionnaire=f"questionnaire {assessment.questionnaire_id} v{assessment.questionnaire_version}",
        # What was confirmed later was not confirmed at an earlier moment that is asked about.
        reviewed_by=assessment.reviewed_by if was_reviewed else None,
        override=as_override(override) if override is not None else None,
        reopened=reopened_by(assessment.record, remember(record)),
    )


def as_override(row: TierOverride) -> Override | None:
    """Return an override as rules see it; None while it is only asked."""
    if row.from_at is None or row.confirmed_by is None or row.to_at is None:
        return None
    return Override(
        row.id,
        row.assessment_id,
        Tier(row.computed_tier),
        Tier(row.tier),
        row.reason,
        row.asked_by,
        row.confirmed_by,
        row.from_at,
        row.to_at,
    )


def load_overrides(db: Session, model_ids: Sequence[str], at: datetime) -> Mapping[str, TierOverride]:
    """Return the overrides in force at a moment, by model, in one statement."""
    rows = db.scalars(
        select(TierOverride)
        .where(TierOverride.model_id.in_(model_ids), TierOverride.from_at <= at, TierOverride.to_at > at)
        .order_by(TierOverride.from_at, TierOverride.id)
    )
    return {row.model_id: row for row in rows}


def determination_fact(row: ModelDetermination | None, version: Version, at: datetime) -> Determination | None:
    """Return a determination where it counted at a moment."""
    if row is None or not determination_counts(row, _involved(version), at):
        return None
    return Determination(row.id, row.is_model, row.from_at, row.decided_by)


def _involved(version: Version) -> set[str]:
    model = version.model
    named = (model.owner_id, model.developer_id, version.created_by, version.developer_id)
    return {id for id in named if id}


def determination_counts(
    row: ModelDetermination, involved: set[str] | frozenset[str], at: datetime | None = None
) -> bool:
    """Say whether a determination is in force: "a model" always, "a tool" by the word of somebody not involved."""
    was_reviewed = at is None or (row.reviewed_at is not None and row.reviewed_at <= at)
    return row.is_model or (was_reviewed and is_independent(row.reviewed_by, involved))


def find_determination(db: Session, model_id: str, *, lock: bool = False) -> ModelDetermination | None:
    """Return the determination of a model that nobody has replaced, if there is one."""
    statement = select(ModelDetermination).where(
        ModelDetermination.model_id == model_id, ModelDetermination.to_at.is_(None)
    )
    return db.scalars(statement.with_for_update() if lock else statement).one_or_none()


def get_determination(db: Session, model: Model, determination_id: str) -> ModelDetermination:
    """Return a determination of the model, which nobody changes meanwhile. Raises NotFound."""
    mine = select(ModelDetermination).where(
        ModelDetermination.id == determination_id, ModelDetermination.model_id == model.id
    )
    found = db.scalars(mine.with_for_update()).one_or_none()
    if found is None:
        raise _not_there(model, "determination", determination_id)
    set_committed_value(found, "model", model)
    return found


def list_determinations(db: Session, model_id: str) -> Sequence[ModelDetermination]:
    """Return every determination of a model, the newest first. The caller has made sure that it may be seen."""
    mine = select(ModelDetermination).where(ModelDetermination.model_id == model_id)
    order = (desc(ModelDetermination.from_at), desc(ModelDetermination.id))
    return db.scalars(mine.order_by(*order).limit(200)).all()


def find_asked_override(db: Session, model_id: str) -> TierOverride | None:
    """Return the override that waits for somebody to confirm it, if there is one."""
    return db.scalars(
        select(TierOverride).where(
            TierOverride.model_id == model_id, TierOverride.from_at.is_(None), TierOverride.to_at.is_(None)
        )
    ).one_or_none()


def get_override(db: Session, model: Model, override_id: str) -> TierOverride:
    """Return an override of the model, which nobody changes meanwhile. Raises NotFound."""
    mine = select(TierOverride).where(TierOverride.id == override_id, TierOverride.model_id == model.id)
    found = db.scalars(mine.with_for_update()).one_or_none()
    if found is None:
        raise _not_there(model, "override", override_id)
    set_committed_value(found, "model", model)
    return found


def list_overrides(db: Session, model_id: str) -> Sequence[TierOverride]:
    """Return every override of a model, the newest first. The caller has made sure that it may be seen."""
    mine = select(TierOverride).where(TierOverride.model_id == model_id)
    return db.scalars(mine.order_by(desc(TierOverride.asked_at), desc(TierOverride.id)).limit(200)).all()


def list_expired(db: Session, workspace_id: str, at: datetime, *, limit: int = 500) -> Sequence[TierOverride]:
    """Return the overrides that time has ended and the log has not been told of."""
    return db.scalars(
        select(TierOverride)
        .where(
            TierOverride.workspace_id == workspace_id,
            TierOverride.from_at.is_not(None),
            TierOverride.to_at <= at,
            TierOverride.end_told_at.is_(None),
        )
        .order_by(TierOverride.id)
        .limit(limit)
    ).all()


def _not_there(model: Model, what: str, asked: str) -> NotFound:
    return NotFound(
        f"{model.name!r} has no {what} {asked[:80]!r}.",
        remedy="Look at the model's governance page.",
        field=f"{what}_id",
        value=asked[:80],
    )


def list_classifications(db: Session, model_id: str) -> Sequence[EuClassification]:
    """Return every class that the guide led to, the newest first. The caller has made sure that it may be seen."""
    mine = select(EuClassification).where(EuClassification.model_id == model_id)
    return db.scalars(mine.order_by(desc(EuClassification.from_at), desc(EuClassification.id)).limit(200)).all()


def find_tier_in_force(db: Session, model: Model) -> tuple[Tier | None, bool | None]:
    """Return the tier that counts for a model now, and whether it is determined to be a model (None: nobody has).

    A tool is judged as tier 4, without a score.
    """
    now = clock.now()
    involved = {id for id in (model.owner_id, model.developer_id) if id}
    determination = find_determination(db, model.id)
    is_model = determination.is_model if determination and determination_counts(determination, involved) else None
    if is_model is False:
        return Tier.LOW, False
    row = db.execute(
        select(RiskAssessment, TierOverride)
        .outerjoin(
            TierOverride,
            and_(
                TierOverride.model_id == RiskAssessment.model_id,
                TierOverride.from_at <= now,
                TierOverride.to_at > now,
            ),
        )
        .where(RiskAssessment.model_id == model.id, RiskAssessment.to_at.is_(None))
        .order_by(desc(TierOverride.from_at))
        .limit(1)
    ).first()
    if row is None:
        return None, is_model
    fact = tier_fact(model, row[0], row[1], now)
    if not counts(fact.tier, fact.reviewed_by, involved):
        return None, is_model
    return overridden(fact.tier, fact.assessment_id, fact.override, now, involved), is_model
