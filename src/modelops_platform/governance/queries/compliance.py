"""How models stand towards protected environments: worked out now, as kept, and counted."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Text, case, func, or_, select, type_coerce
from sqlalchemy.orm import Session, contains_eager, joinedload

from modelops_platform.core.actor import Actor
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.db import table_of
from modelops_platform.deployments.tables import Deployment, Environment, Revision
from modelops_platform.identity import queries as identity
from modelops_platform.identity.queries import granted
from modelops_platform.identity.tables import Unit
from modelops_platform.registry.tables import Model, Version

from ..domain.decisions import Decision, decide_under
from ..domain.facts import Facts, Kind, digest_of_facts
from ..domain.targets import Target, activation
from ..schemas import CompliancePage
from ..tables import ComplianceInterval
from .facts import Case, gather_all
from .policies import policies_in_force

BATCH = 500
_TABLE = table_of(ComplianceInterval)


@dataclass(frozen=True, slots=True)
class Subject:
    """A version towards a protected environment: the one that runs there or, where none does, the newest."""

    model_id: str
    unit_id: str
    version_id: str
    target: Target
    is_live: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """What the gate would answer for a subject."""

    subject: Subject
    decision: Decision
    facts: Facts

    @property
    def key(self) -> tuple[str, str]:
        """The model, and the environment that it is judged towards."""
        return self.subject.model_id, self.subject.target.environment_id

    @property
    def facts_digest(self) -> str:
        """The digest of what it rests on."""
        return digest_of_facts(self.facts)

    @property
    def unmet(self) -> list[str]:
        """The ids of the requirements in the way."""
        return [judgement.requirement_id for judgement in self.decision.unmet]

    def values(self) -> dict[str, Any]:
        """What an interval keeps of it."""
        return {
            "version_id": self.subject.version_id,
            "environment": self.subject.target.environment,
            "is_live": self.subject.is_live,
            "tier": int(self.decision.tier),
            "outcome": self.decision.outcome.value,
            "unmet": self.unmet,
            "policy_id": self.decision.policy_id,
            "policy_version": self.decision.policy_version,
        }


def protected_targets(db: Session, workspace_id: str) -> list[Target]:
    """Return the activations in the protected environments of a workspace."""
    rows = db.execute(
        select(Environment.id, Environment.name)
        .where(Environment.workspace_id == workspace_id, Environment.is_protected, Environment.retired_at.is_(None))
        .order_by(Environment.rank, Environment.name)
    )
    return [activation(id, name, is_protected=True) for id, name in rows]


def list_model_ids(db: Session, workspace_id: str, *, after: str = "", limit: int = BATCH) -> Sequence[str]:
    """Return the ids of the living models behind one, in order; prompts go to no environment."""
    statement = (
        select(Model.id)
        .where(
            Model.workspace_id == workspace_id,
            Model.archived_at.is_(None),
            Model.kind != Kind.PROMPT.value,
            Model.id > after,
        )
        .order_by(Model.id)
        .limit(limit)
    )
    return db.scalars(statement).all()


def find_subjects(db: Session, workspace_id: str, model_ids: Collection[str]) -> list[Subject]:
    """Return what is judged of these models, in three statements."""
    targets = protected_targets(db, workspace_id)
    newest = (
        select(Version.model_id, func.max(Version.number).label("number"))
        .where(Version.model_id.in_(model_ids), Version.archived_at.is_(None))
        .group_by(Version.model_id)
        .subquery()
    )
    rows = db.execute(
        select(Model.id, Model.unit_id, Version.id)
        .join(newest, newest.c.model_id == Model.id)
        .join(Version, (Version.model_id == Model.id) & (Version.number == newest.c.number))
        .where(Model.archived_at.is_(None), Model.kind != Kind.PROMPT.value)
        .order_by(Model.id)
    ).all()
    live = _live(db, model_ids)
    return [
        Subject(
            model_id,
            unit_id,
            live.get((model_id, target.environment_id), version_id),
            target,
            (model_id, target.environment_id) in live,
        )
        for model_id, unit_id, version_id in rows
        for target in targets
    ]


def _live(db: Session, model_ids: Collection[str]) -> Mapping[tuple[str, str], str]:
    """Return the version that was activated last, by model and environment, of those that run."""
    rows = db.execute(
        select(Deployment.model_id, Deployment.environment_id, Revision.version_id)
        .join(Revision, Revision.deployment_id == Deployment.id)
        .where(Deployment.model_id.in_(model_ids), Revision.to_at.is_(None))
        .order_by(Revision.from_at, Revision.id)
    )
    return {(model_id, environment_id): version_id for model_id, environment_id, version_id in rows}


def gather_subjects(db: Session, workspace_id: str, model_ids: Collection[str]) -> Iterator[tuple[Subject, Facts]]:
    """Return what is judged of these models, with everything that is known about it."""
    subjects = find_subjects(db, workspace_id, model_ids)
    cases = [Case(subject.version_id, subject.target) for subject in subjects]
    return zip(subjects, gather_all(db, cases, with_holders=False), strict=True)


def judge_models(db: Session, workspace_id: str, model_ids: Collection[str]) -> Iterator[Judged]:
    """Work out how these models stand now, one after the other."""
    policies = policies_in_force(db, workspace_id)
    for subject, facts in gather_subjects(db, workspace_id, model_ids):
        decision = decide_under(policies, facts)
        if decision is not None:
            yield Judged(subject, decision, facts)


def open_standings(
    db: Session, model_ids: Collection[str], *, lock: bool = False
) -> Mapping[tuple[str, str], Row[Any]]:
    """Return how these models stand as kept, by model and environment."""
    statement = select(_TABLE).where(_TABLE.c.model_id.in_(model_ids), _TABLE.c.to_at.is_(None))
    rows = db.execute(statement.with_for_update() if lock else statement)
    return {(row.model_id, row.environment_id): row for row in rows}


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Which standings are asked about."""

    unit_id: str | None = None
    tier: int | None = None
    outcome: str | None = None
    environment: str | None = None
    is_live: bool | None = None
    requirement: str | None = None
    at: datetime | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Return the conditions."""
        row = ComplianceInterval
        if self.at is None:
            yield row.to_at.is_(None)
        else:
            yield row.from_at <= self.at
            yield or_(row.to_at.is_(None), row.to_at > self.at)
        if self.unit_id is not None:
            yield Model.unit_id == self.unit_id
        if self.tier is not None:
            yield row.tier == self.tier
        if self.outcome is not None:
            yield row.outcome == self.outcome
        if self.environment is not None:
            yield row.environment == self.environment
        if self.is_live is not None:
            yield row.is_live.is_(self.is_live)
        if self.requirement is not None:
            yield type_coerce(row.unmet, Text).contains(json.dumps(self.requirement), autoescape=True)


def narrow(db: Session, actor: Actor, wanted: CompliancePage) -> Narrowed:
    """Turn what was asked into conditions; a unit that is not there has no rows."""
    unit = identity.find_unit_by_name(db, actor.workspace_id, wanted.unit) if wanted.unit else None
    unit_id = (unit.id if unit else "") if wanted.unit else None
    return Narrowed(
        unit_id, wanted.tier, wanted.outcome, wanted.environment, wanted.live, wanted.requirement, wanted.at
    )


def visible_compliance(actor: Actor, wanted: Narrowed) -> Select[ComplianceInterval]:
    """Return the standings of models this actor may see."""
    return (
        select(ComplianceInterval)
        .join(ComplianceInterval.model)
        .where(ComplianceInterval.workspace_id == actor.workspace_id, granted(Model, actor), *wanted.conditions())
        .options(contains_eager(ComplianceInterval.model), joinedload(ComplianceInterval.version))
    )


def page_compliance(
    db: Session, actor: Actor, wanted: Narrowed, *, cursor: str | None = None, limit: int = 50
) -> Page[ComplianceInterval]:
    """Return a page of standings: the strictest tier first, by model."""
    statement = visible_compliance(actor, wanted)
    return paginate(
        db,
        statement,
        ComplianceInterval.tier,
        Model.name,
        ComplianceInterval.environment,
        ComplianceInterval.id,
        cursor=cursor,
        limit=limit,
    )


@dataclass(frozen=True, slots=True)
class Group:
    """How many stand how in one group; `key` narrows the list to them."""

    key: str
    label: str
    total: int
    unmet: int
    live_unmet: int

    @property
    def met(self) -> int:
        """How many meet everything."""
        return self.total - self.unmet


@dataclass(frozen=True, slots=True)
class Counts:
    """How many stand how: in all, by tier, by unit, and which requirements are in the way most often."""

    total: int
    unmet: int
    live_unmet: int
    by_tier: tuple[Group, ...]
    by_unit: tuple[Group, ...]
    by_requirement: tuple[tuple[str, int], ...]

    @property
    def met(self) -> int:
        """How many meet everything."""
        return self.total - self.unmet


def count_compliance(db: Session, actor: Actor, wanted: Narrowed) -> Counts:
    """Count the standings that the filters leave, in two statements."""
    row = ComplianceInterval
    is_unmet = case((row.outcome == "deny", 1), else_=0)
    columns = (
        row.tier,
        Unit.name,
        func.count(),
        func.sum(is_unmet),
        func.sum(case((row.is_live, is_unmet), else_=0)),
    )
    statement = visible_compliance(actor, wanted).join(Unit, Unit.id == Model.unit_id)
    grouped = db.execute(
        statement.with_only_columns(*columns, maintain_column_froms=True).group_by(row.tier, Unit.name)
    ).all()
    open_ones = visible_compliance(actor, wanted).where(row.outcome == "deny")
    unmet = db.execute(
        open_ones.with_only_columns(row.unmet, func.count(), maintain_column_froms=True).group_by(row.unmet)
    ).all()
    by_requirement: dict[str, int] = defaultdict(int)
    for ids, number in unmet:
        for id in ids:
            by_requirement[id] += number
    tiers = _grouped([(str(tier), f"Tier {tier}", *rest) for tier, _unit, *rest in grouped])
    units = _grouped([(unit, unit, *rest) for _tier, unit, *rest in grouped])
    return Counts(
        sum(group.total for group in tiers),
        sum(group.unmet for group in tiers),
        sum(group.live_unmet for group in tiers),
        tiers,
        units,
        tuple(sorted(by_requirement.items(), key=lambda pair: (-pair[1], pair[0]))),
    )


def _grouped(rows: Sequence[Any]) -> tuple[Group, ...]:
    sums: dict[tuple[str, str], list[int]] = {}
    for key, label, *numbers in rows:
        kept = sums.setdefault((key, label), [0, 0, 0])
        for place, number in enumerate(numbers):
            kept[place] += int(number or 0)
    return tuple(Group(key, label, *numbers) for (key, label), numbers in sorted(sums.items()))
