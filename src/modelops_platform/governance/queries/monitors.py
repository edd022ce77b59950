"""The monitors of models and their lights, now or at a moment."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Select, desc, or_, select
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.monitoring.domain.lights import Light, at_moment
from modelops_platform.monitoring.tables import Monitor, MonitorLimits, MonitorStanding, Point

from ..domain.known import MonitorFact

_FRESH = timedelta(seconds=30)


class OfModel(Protocol):
    """A version, as far as monitors are looked up by it."""

    @property
    def model_id(self) -> str: ...


def load_monitors(db: Session, versions: Mapping[str, OfModel], at: datetime) -> Mapping[str, tuple[MonitorFact, ...]]:
    """Return the monitors that were switched on, each with its light at a moment: one statement."""
    models = {version.model_id for version in versions.values()}
    is_past = at < clock.now() - _FRESH
    statement = _then(at) if is_past else _now()
    rows = db.execute(
        statement.where(
            Monitor.model_id.in_(models),
            Monitor.created_at <= at,
            or_(Monitor.disabled_at.is_(None), Monitor.disabled_at > at),
        ).order_by(Monitor.id)
    )
    found: dict[str, list[MonitorFact]] = defaultdict(list)
    for model_id, id, name, measures, environment_id, light, *times in rows:
        told_at, ends = _ends_then(*times) if is_past else (times[1], times[0])
        shown = at_moment(Light.NO_DATA if light is None else Light(light), ends, at)
        found[model_id].append(MonitorFact(id, name, measures, environment_id, shown, told_at))
    return {version_id: tuple(found[version.model_id]) for version_id, version in versions.items()}


def _ends_then(
    told_at: datetime | None, hours: int | None, created_at: datetime
) -> tuple[datetime | None, datetime | None]:
    """Return when the last figure was of, and when it turned stale."""
    return told_at, None if hours is None else (told_at or created_at) + timedelta(hours=hours)


_COLUMNS = (Monitor.model_id, Monitor.id, Monitor.name, Monitor.measures, Monitor.environment_id)


def _now() -> Select[*tuple[Any, ...]]:
    """Read the standing of each monitor, which is kept as points arrive."""
    return (
        select(*_COLUMNS, MonitorStanding.light, MonitorStanding.stale_at, Point.at)
        .join(MonitorStanding, MonitorStanding.monitor_id == Monitor.id)
        .outerjoin(Point, Point.id == MonitorStanding.latest_point_id)
    )


def _then(at: datetime) -> Select[*tuple[Any, ...]]:
    """Read the last point that had arrived by then, with the light that it got, and the limits of that time."""
    latest = (
        select(Point.id)
        .where(Point.monitor_id == Monitor.id, Point.posted_at <= at)
        .order_by(desc(Point.at), desc(Point.id))
        .limit(1)
        .correlate(Monitor)
        .scalar_subquery()
    )
    in_force = (
        (MonitorLimits.monitor_id == Monitor.id)
        & (MonitorLimits.from_at <= at)
        & or_(MonitorLimits.to_at.is_(None), MonitorLimits.to_at > at)
    )
    return (
        select(
            *_COLUMNS,
            Point.light,
            Point.at,
            MonitorLimits.stale_after_hours,
            Monitor.created_at,
        )
        .outerjoin(Point, Point.id == latest)
        .outerjoin(MonitorLimits, in_force)
    )
