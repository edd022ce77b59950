"""What the governance page of a model shows of its risk: the tier that counts, and everything that bears on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.registry.tables import Model

from ..domain.facts import TierFact
from ..domain.questionnaire import Assessment, Tier, assess
from ..tables import EuClassification, ModelDetermination, QuestionnaireVersion, RiskAssessment, TierOverride
from .assessments import find_assessment
from .documents import parse_questionnaire, questionnaire_row
from .people import find_people
from .tiers import (
    determination_counts,
    find_tier_in_force,
    list_classifications,
    list_determinations,
    list_overrides,
    load_overrides,
    tier_fact,
)


@dataclass(frozen=True, slots=True)
class Newer:
    """A questionnaire that the assessment in force was not made by, and what the same answers would say under it."""

    row: QuestionnaireVersion
    result: Assessment


@dataclass(frozen=True, slots=True)
class RiskView:
    """Everything that bears on a model's tier now."""

    tier: Tier | None
    fact: TierFact | None
    override: TierOverride | None  # in force
    asked: TierOverride | None  # waits for somebody's word
    overrides: Sequence[TierOverride]
    determination: ModelDetermination | None
    determination_counts: bool
    classification: EuClassification | None
    newer: Newer | None
    now: datetime

    @property
    def is_tool(self) -> bool:
        """Tell whether it is determined to be no model at all."""
        return self.determination is not None and not self.determination.is_model and self.determination_counts

    @property
    def is_overridden(self) -> bool:
        """Tell whether another tier counts than the answers give."""
        return self.override is not None and self.fact is not None and not self.is_tool and self.tier != self.fact.tier

    @property
    def people(self) -> set[str]:
        """The ids of everybody whom the page names."""
        named: set[str | None] = set()
        for override in self.overrides:
            named |= {override.asked_by, override.confirmed_by, override.ended_by}
        if self.determination is not None:
            named |= {self.determination.decided_by, self.determination.reviewed_by}
        if self.classification is not None:
            named.add(self.classification.decided_by)
        return {id for id in named if id}


def look_at_risk(db: Session, model: Model) -> RiskView:
    """Return everything that bears on the tier of a model. The caller has made sure that it may be seen."""
    now = clock.now()
    current = find_assessment(db, model.id)
    override = load_overrides(db, [model.id], now).get(model.id)
    overrides = list_overrides(db, model.id)
    determination = next((row for row in list_determinations(db, model.id) if row.to_at is None), None)
    involved = {id for id in (model.owner_id, model.developer_id) if id}
    return RiskView(
        tier=find_tier_in_force(db, model)[0],
        fact=tier_fact(model, current, override, now) if current is not None else None,
        override=override,
        asked=next((row for row in overrides if row.from_at is None and row.to_at is None), None),
        overrides=overrides,
        determination=determination,
        determination_counts=determination is not None and determination_counts(determination, involved),
        classification=next((row for row in list_classifications(db, model.id) if row.to_at is None), None),
        newer=_newer(db, model, current) if current is not None else None,
        now=now,
    )


def _newer(db: Session, model: Model, current: RiskAssessment) -> Newer | None:
    row = questionnaire_row(db, model.workspace_id)
    if (row.document_id, row.number) == (current.questionnaire_id, current.questionnaire_version):
        return None
    questionnaire = parse_questionnaire(row.document)
    questions = {question.id for question in questionnaire.questions}
    facts = {fact.id: fact.values for fact in questionnaire.facts}
    return Newer(
        row,
        assess(
            questionnaire,
            {id: score for id, score in current.answers.items() if id in questions},
            {id: value for id, value in current.facts.items() if value in facts.get(id, ())},
        ),
    )


def risk_officers(db: Session, model: Model, without: set[str]) -> list[str]:
    """Return the ids of the people who could lower the model's tier now."""
    people = find_people(db, model.workspace_id, [model], (), with_holders=True)
    return [account.id for account, _roles in people.with_role(model, {"risk"}) if account.id not in without]
