"""Reads of findings: as facts of a moment, as lists, one with its history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from sqlalchemy import ColumnElement, Integer, Select, func, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound
from modelops_platform.identity.queries import granted
from modelops_platform.registry.tables import Model

from ..defaults import finding_rules
from ..domain.findings import UNDER_WAY, Case, FindingState, Function, Person
from ..domain.known import FindingFact, Severity
from ..tables import DueMove, Finding, FindingInterval, Waiver
from .people import find_people

_UNDER_WAY = [state.value for state in UNDER_WAY]


class OfModel(Protocol):
    """A version, as far as facts are looked up by it."""

    @property
    def model_id(self) -> str: ...


def load_findings(db: Session, versions: Mapping[str, OfModel], at: datetime) -> Mapping[str, tuple[FindingFact, ...]]:
    """Return the findings about each version, and about its whole model, as they stood at a moment: one statement.

    Many of a severity count as worse, as the rules say. Where a waiver accepts the risk, the finding is open again the
    moment that the waiver has ended.
    """
    models = {version.model_id for version in versions.values()}
    rows = db.execute(
        select(Finding.id, Finding.model_id, Finding.version_id, Finding.title, Finding.validation_id)
        .add_columns(FindingInterval.state, FindingInterval.severity, FindingInterval.due, Waiver.to_at, Waiver.tier)
        .join(FindingInterval, FindingInterval.finding_id == Finding.id)
        .outerjoin(Waiver, Waiver.id == FindingInterval.waiver_id)
        .where(Finding.model_id.in_(models), *_covering(at))
        .order_by(Finding.id)
    ).all()
    by_model: dict[str, list[tuple[str | None, FindingFact]]] = {}
    for id, model_id, version_id, title, validation_id, state, severity, due, accepted_until, accepted_tier in rows:
        is_accepted = state == FindingState.RISK_ACCEPTED and accepted_until is not None and accepted_until > at
        is_open = state in _UNDER_WAY or (state == FindingState.RISK_ACCEPTED and not is_accepted)
        fact = FindingFact(
            id, title, Severity(severity), state, is_open, due, validation_id, accepted_tier if is_accepted else None
        )
        by_model.setdefault(model_id, []).append((version_id, fact))
    return {
        version_id: finding_rules().weigh(
            [fact for about, fact in by_model.get(version.model_id, ()) if about is None or about == version_id]
        )
        for version_id, version in versions.items()
    }


def _covering(at: datetime) -> tuple[ColumnElement[bool], ...]:
    return FindingInterval.from_at <= at, or_(FindingInterval.to_at.is_(None), FindingInterval.to_at > at)


def visible_findings(actor: Actor) -> Select[Finding]:
    """Return the findings about models this actor may see, with model and version, to narrow further."""
    return (
        select(Finding)
        .join(Finding.model)
        .where(Finding.workspace_id == actor.workspace_id, granted(Model, actor))
        .options(contains_eager(Finding.model), joinedload(Finding.version))
    )


def get_finding(db: Session, actor: Actor, finding_id: str, *, lock: bool = False) -> Finding:
    """Return a finding with its history; locked, others who change it wait. Raises NotFound."""
    statement = visible_findings(actor).where(Finding.id == finding_id)
    statement = statement.options(selectinload(Finding.intervals), selectinload(Finding.moves))
    statement = statement.options(
        contains_eager(Finding.model).options(joinedload(Model.unit), joinedload(Model.owner))
    )
    if lock:
        statement = statement.with_for_update(of=Finding).execution_options(populate_existing=True)
    found = db.scalars(statement).one_or_none()
    if found is None:
        raise NotFound(
            f"There is no finding {finding_id[:80]!r}.",
            remedy="Look at the list of findings.",
            field="finding",
            value=finding_id[:80],
        )
    return found


@dataclass(frozen=True, slots=True)
class FindingFilter:
    """Which findings to list; by default those that are under way."""

    state: FindingState | None = None
    everything: bool = False
    severity: Severity | None = None
    is_overdue: bool = False
    owner_id: str | None = None
    model_id: str | None = None

    def narrow(self, statement: Select[Finding], today: date) -> Select[Finding]:
        """Return the statement with these conditions."""
        if self.state is not None:
            statement = statement.where(Finding.state == self.state.value)
        elif not self.everything:
            statement = statement.where(Finding.state.in_([*_UNDER_WAY, FindingState.DRAFT.value]))
        if self.severity is not None:
            statement = statement.where(Finding.severity == self.severity.value)
        if self.is_overdue:
            statement = statement.where(Finding.state.in_(_UNDER_WAY), Finding.due < today)
        if self.owner_id is not None:
            statement = statement.where(Finding.owner_id == self.owner_id)
        if self.model_id is not None:
            statement = statement.where(Finding.model_id == self.model_id)
        return statement


def page_findings(
    db: Session, actor: Actor, wanted: FindingFilter, *, cursor: str | None = None, limit: int = 50
) -> Page[Finding]:
    """Return a page of findings, what is due first on top."""
    statement = wanted.narrow(visible_findings(actor), clock.now().date())
    return paginate(db, statement, Finding.due, Finding.id, cursor=cursor, limit=limit)


@dataclass(frozen=True, slots=True)
class FindingCounts:
    """How many findings are under way, by severity, and how many of them are overdue."""

    by_severity: Mapping[str, int]
    overdue: int

    @property
    def total(self) -> int:
        """All that are under way."""
        return sum(self.by_severity.values())


def count_findings(db: Session, actor: Actor, *, model_id: str | None = None) -> FindingCounts:
    """Count the findings that are under way."""
    today = clock.now().date()
    late = func.sum(func.coalesce((Finding.due < today).cast(Integer), 0))
    statement = (
        visible_findings(actor)
        .where(Finding.state.in_(_UNDER_WAY))
        .with_only_columns(Finding.severity, func.count(), late, maintain_column_froms=True)
        .group_by(Finding.severity)
    )
    if model_id is not None:
        statement = statement.where(Finding.model_id == model_id)
    rows = db.execute(statement).all()
    return FindingCounts({severity: count for severity, count, _late in rows}, sum(int(row[2] or 0) for row in rows))


def count_under_way(db: Session, model_id: str) -> int:
    """Count the findings of a model that are under way, for its summary."""
    return (
        db.scalar(
            select(func.count()).select_from(Finding).where(Finding.model_id == model_id, Finding.state.in_(_UNDER_WAY))
        )
        or 0
    )


def finding_case(finding: Finding) -> Case:
    """Return what the rules need to know about a finding."""
    model = finding.model
    asked = next((move.asked_by for move in finding.moves if move.decided_at is None), None)
    return Case(
        state=FindingState(finding.state),
        function=Function(finding.function),
        raised_by=finding.raised_by,
        owner=finding.owner_id,
        answerable=frozenset(id for id in (model.owner_id, model.developer_id) if id),
        remedied_by=finding.remedied_by,
        move_asked_by=asked,
    )


def finding_person(actor: Actor, finding: Finding) -> Person:
    """Return the actor as the rules about findings count them."""
    return Person(actor.id, actor.roles_on(finding.model), actor.kind is ActorKind.PERSON)


def find_function(db: Session, finding: Finding) -> list[str]:
    """Return the ids of the people in whose function the finding was raised, who could judge it."""
    people = find_people(db, finding.workspace_id, [finding.model], (), with_holders=True)
    barred = finding_case(finding).answerable | {finding.owner_id}
    return [
        account.id
        for account, _roles in people.with_role(finding.model, {finding.function})
        if account.id not in barred
    ]


def list_for_verification(db: Session, actor: Actor, *, limit: int = 200) -> Sequence[Finding]:
    """Return the findings that wait for somebody's verification, or for an answer about their due date."""
    statement = (
        visible_findings(actor)
        .where(
            Finding.state.in_(_UNDER_WAY),
            Finding.owner_id != actor.id,
            or_(
                Finding.state == FindingState.READY_FOR_REVIEW.value,
                Finding.moves.any(DueMove.decided_at.is_(None)),
            ),
        )
        .options(selectinload(Finding.moves))
        .order_by(Finding.due, Finding.id)
        .limit(limit)
    )
    return db.scalars(statement).all()
