"""Reads over every model the actor may see, now or on an earlier day, in a fixed number of queries."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, case, desc, func, literal_column, or_, select
from sqlalchemy.orm import Session, load_only

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.identity import queries as identity
from modelops_platform.identity.queries import granted
from modelops_platform.identity.tables import UnitAncestor
from modelops_platform.registry.tables import Model, ModelSummary, SummaryInterval

from ..domain import (
    FAILING_LIGHTS,
    LIGHTS,
    UNKNOWN_LIGHTS,
    Attention,
    Standing,
    Tally,
    TrendPoint,
    attention,
    sentence,
    tally,
)
from ..schemas import PortfolioFilter

TREND_WEEKS = 12


@dataclass(frozen=True, slots=True)
class Row:
    """One model as the portfolio's table shows it."""

    model: Model
    standing: SummaryInterval
    summary: ModelSummary
    attention: Attention | None
    owner: str
    unit: str


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Everything the leader's page shows."""

    at: datetime
    is_now: bool
    tally: Tally
    trend: list[TrendPoint]
    sentence: str
    units: dict[str, str]
    rows: list[Row]
    next: str | None


def _standing_at(actor: Actor, at: datetime) -> Select[SummaryInterval]:
    """Return how each model the actor may see stood at that moment."""
    return (
        select(SummaryInterval)
        .join(Model, Model.id == SummaryInterval.model_id)
        .where(
            Model.workspace_id == actor.workspace_id,
            granted(Model, actor),
            SummaryInterval.from_at <= at,
            or_(SummaryInterval.to_at.is_(None), SummaryInterval.to_at > at),
        )
    )


_NEEDS: dict[Attention, ColumnElement[bool]] = {
    Attention.FAILING: SummaryInterval.light.in_(FAILING_LIGHTS),
    Attention.BLIND: and_(
        SummaryInterval.is_live, SummaryInterval.light.in_(UNKNOWN_LIGHTS), SummaryInterval.light.not_in(FAILING_LIGHTS)
    ),
    Attention.UNASSESSED: and_(
        SummaryInterval.is_live,
        SummaryInterval.tier.is_(None),
        SummaryInterval.light.not_in(FAILING_LIGHTS | UNKNOWN_LIGHTS),
    ),
}
_NEEDS_ANY = or_(*_NEEDS.values())


def _narrowed(statement: Select[Any], wanted: PortfolioFilter) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.unit is not None:
        below = select(UnitAncestor.unit_id).where(UnitAncestor.ancestor_id == wanted.unit)
        conditions.append(Model.unit_id.in_(below))
    if wanted.tier is not None:
        is_none = wanted.tier == "none"
        conditions.append(SummaryInterval.tier.is_(None) if is_none else SummaryInterval.tier == int(wanted.tier))
    for column, value in (
        (SummaryInterval.light, wanted.light),
        (SummaryInterval.state, wanted.state),
        (SummaryInterval.impact, wanted.impact),
        (SummaryInterval.likelihood, wanted.likelihood),
        (SummaryInterval.is_live, wanted.live),
    ):
        if value is not None:
            conditions.append(column == value)
    if wanted.attention is not None:
        conditions.append(_NEEDS.get(wanted.attention, _NEEDS_ANY))  # type: ignore[call-overload]
    return statement.where(*conditions)


def get_portfolio(db: Session, actor: Actor, wanted: PortfolioFilter) -> Portfolio:
    """Return the portfolio as the actor may see it; the numbers follow the unit, the rows the whole filter."""
    now = clock.now()
    at = min(wanted.at, now) if wanted.at else now
    only_unit = PortfolioFilter(unit=wanted.unit)
    counted = tally(_standings(db, actor, at, only_unit))
    trend = _trend(db, actor, at, only_unit)
    page = _page(db, actor, at, wanted)
    month_ago = trend[-5] if len(trend) >= 5 else None
    units = {unit.id: unit.name for unit in identity.list_units(db, actor)}
    return Portfolio(
        at=at,
        is_now=wanted.at is None,
        tally=counted,
        trend=trend,
        sentence=sentence(counted, month_ago),
        units=units,
        rows=_rows(db, page, units),
        next=page.next,
    )


_COUNTED = (  # in the order of `Standing`
    Model.unit_id,
    SummaryInterval.tier,
    SummaryInterval.impact,
    SummaryInterval.likelihood,
    SummaryInterval.light,
    SummaryInterval.state,
    SummaryInterval.is_live,
)


def _standings(db: Session, actor: Actor, at: datetime, wanted: PortfolioFilter) -> list[Standing]:
    statement = _narrowed(_standing_at(actor, at), wanted).with_only_columns(
        *_COUNTED, func.count(), maintain_column_froms=True
    )
    return [Standing(*tuple(row)) for row in db.execute(statement.group_by(*_COUNTED))]


_DAYS = range(TREND_WEEKS + 1)


def _first_day(column: Any, low: int = 0, high: int = len(_DAYS)) -> ColumnElement[int]:
    """Return the number of the first day that is not before the column's time, found by halving; none is after all."""
    if low == high:
        return literal_column(str(low), Integer)
    middle = (low + high) // 2
    is_by_then = column <= bindparam(f"day{middle}")
    return case((is_by_then, _first_day(column, low, middle)), else_=_first_day(column, middle + 1, high))


_TREND = select(
    _first_day(SummaryInterval.from_at).label("begins"),
    _first_day(SummaryInterval.to_at).label("ends"),  # of an open interval no comparison holds: after all days
    case((_NEEDS_ANY, 1), else_=0).label("needs"),
    func.count(),
).group_by("begins", "ends", "needs")


def _trend(db: Session, actor: Actor, at: datetime, wanted: PortfolioFilter) -> list[TrendPoint]:
    """Count total and attention on the last weeks' days, in one pass over the intervals that touch them.

    An interval holds from the first day that it had begun by, until before the first day that it had ended by.
    """
    days = [at - timedelta(weeks=back) for back in reversed(_DAYS)]
    touching = (
        _TREND.select_from(SummaryInterval)
        .join(Model, Model.id == SummaryInterval.model_id)
        .where(
            Model.workspace_id == actor.workspace_id,
            granted(Model, actor),
            SummaryInterval.from_at <= at,
            or_(SummaryInterval.to_at.is_(None), SummaryInterval.to_at > days[0]),
        )
    )
    totals, needing = [0] * len(_DAYS), [0] * len(_DAYS)
    for begins, ends, needs, count in db.execute(
        _narrowed(touching, wanted), {f"day{n}": day for n, day in enumerate(days)}
    ):
        for n in range(begins, ends):
            totals[n] += count
            needing[n] += count * needs
    return [TrendPoint(day.date().isoformat(), *counts) for day, *counts in zip(days, totals, needing, strict=True)]


_URGENCY = case((_NEEDS_ANY, 0), (SummaryInterval.light == "warn", 1), (SummaryInterval.is_live, 2), else_=3)
_RANK = case({light: position for position, light in enumerate(LIGHTS)}, value=SummaryInterval.light, else_=9)


def _page(db: Session, actor: Actor, at: datetime, wanted: PortfolioFilter) -> Page[SummaryInterval]:
    return paginate(
        db,
        _narrowed(_standing_at(actor, at), wanted),
        _URGENCY,
        func.coalesce(SummaryInterval.tier, 1),
        _RANK,
        desc(SummaryInterval.model_id),
        cursor=wanted.cursor,
        limit=wanted.limit,
    )


_SHOWN = (
    select(Model, ModelSummary)
    .join(ModelSummary, ModelSummary.model_id == Model.id)
    .options(
        load_only(Model.name, Model.unit_id, Model.owner_id, raiseload=True),
        load_only(ModelSummary.live_environments, ModelSummary.sparkline, ModelSummary.next_review, raiseload=True),
    )
)


def _rows(db: Session, page: Page[SummaryInterval], units: dict[str, str]) -> list[Row]:
    ids = [standing.model_id for standing in page.items]
    found = db.execute(_SHOWN.where(Model.id.in_(ids)))
    models = {model.id: (model, summary) for model, summary in found}
    owners = identity.names_of(db, {model.owner_id for model, _summary in models.values()})
    return [
        Row(
            model=models[standing.model_id][0],
            standing=standing,
            summary=models[standing.model_id][1],
            attention=attention(light=standing.light, tier=standing.tier, is_live=standing.is_live),
            owner=owners.get(models[standing.model_id][0].owner_id, "nobody"),
            unit=units.get(models[standing.model_id][0].unit_id, ""),
        )
        for standing in page.items
    ]
