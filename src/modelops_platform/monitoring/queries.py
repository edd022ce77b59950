"""Reads of monitoring; all start from what the actor may see."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, desc, func, select
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload
from sqlalchemy.orm.interfaces import ORMOption

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.db import Database
from modelops_platform.core.errors import NotFound
from modelops_platform.identity.queries import granted
from modelops_platform.identity.tables import Token, User
from modelops_platform.registry import queries as registry
from modelops_platform.registry.tables import Model

from .domain.lights import KNOWN, Light, at_moment, worst
from .schemas import AlertFilter
from .tables import Alert, Monitor, MonitorLimits, MonitorStanding, Point

SHOWN_PER_SERIES = 400
_PERSON = (User.id, User.name, User.kind)
_Later = aliased(Point)


# ---- monitors -------------------------------------------------------------------------------------------------------


def visible_to(actor: Actor) -> Select[Monitor]:
    """Return the monitors of living models that this actor may see; the model comes along."""
    return (
        select(Monitor)
        .join(Monitor.model)
        .options(contains_eager(Monitor.model))
        .where(Model.workspace_id == actor.workspace_id, Model.archived_at.is_(None), granted(Model, actor))
    )


def as_shown() -> list[ORMOption]:
    """Load with a monitor what pages and answers show of it: limits, standing with its latest point, labels."""
    return [
        joinedload(Monitor.limits_in_force).joinedload(MonitorLimits.setter).load_only(*_PERSON),
        joinedload(Monitor.standing).joinedload(MonitorStanding.latest).joinedload(Point.poster).load_only(*_PERSON),
        joinedload(Monitor.deployment),
        joinedload(Monitor.environment),
    ]


def get_monitor(db: Session, actor: Actor, model_name: str, name: str) -> Monitor:
    """Return the model's monitor with this name or id. Raises NotFound, also when the actor may not see the model."""
    model = registry.get_model(db, actor, model_name)
    named = select(Monitor).where(Monitor.model_id == model.id, (Monitor.name == name) | (Monitor.id == name))
    named = named.order_by(desc(Monitor.name == name)).limit(1).options(joinedload(Monitor.model), *as_shown())
    found = db.scalars(named).one_or_none()
    if found is None:
        raise NotFound(
            f"The model {model.name!r} has no monitor {name[:80]!r}.",
            remedy="Look at the model's monitoring page.",
            field="monitor",
            value=name[:80],
        )
    return found


def list_monitors(
    db: Session, actor: Actor, model_name: str, *, cursor: str | None = None, limit: int = 50
) -> Page[Monitor]:
    """Return a page of the model's monitors by name. Raises NotFound."""
    model = registry.get_model(db, actor, model_name)
    mine = select(Monitor).where(Monitor.model_id == model.id).options(joinedload(Monitor.model), *as_shown())
    return paginate(db, mine, Monitor.name, Monitor.id, cursor=cursor, limit=limit)


def monitors_of(db: Session, model_id: str) -> Sequence[Monitor]:
    """Return all monitors of a model, the oldest first. The caller has made sure that it may be seen."""
    mine = select(Monitor).where(Monitor.model_id == model_id).order_by(Monitor.id)
    mine = mine.options(joinedload(Monitor.model), *as_shown())
    return db.scalars(mine).all()


def list_limits(db: Session, monitor: Monitor) -> Sequence[MonitorLimits]:
    """Return the monitor's limits over time, the newest first."""
    mine = select(MonitorLimits).where(MonitorLimits.monitor_id == monitor.id)
    return db.scalars(
        mine.options(joinedload(MonitorLimits.setter).load_only(*_PERSON)).order_by(
            desc(MonitorLimits.from_at), desc(MonitorLimits.id)
        )
    ).all()


# ---- lights ---------------------------------------------------------------------------------------------------------


def light_of(monitors: Sequence[Monitor]) -> Light:
    """Return the light of a model: the worst of its judged monitors at this moment."""
    return worst(monitor.light_now for monitor in monitors if monitor.is_judged)


def lights_of_models(db: Session, model_ids: Collection[str]) -> dict[str, Light]:
    """Return the lights of these models at this moment, in one statement.

    The caller has made sure that they may be seen. Unlike the summary row this does not wait for the job that
    notices stale lights.
    """
    found = db.execute(
        select(Monitor.model_id, MonitorStanding.light, MonitorStanding.stale_at)
        .join(MonitorStanding, MonitorStanding.monitor_id == Monitor.id)
        .where(Monitor.model_id.in_(model_ids), MonitorStanding.light != Light.NOT_MONITORED.value)
    )
    now, lights = clock.now(), dict.fromkeys(model_ids, Light.NOT_MONITORED)
    for model_id, light, stale_at in found:
        shown = at_moment(Light(light), stale_at, now)
        before = lights[model_id]
        lights[model_id] = shown if before is Light.NOT_MONITORED else worst((before, shown))
    return lights


@dataclass(frozen=True, slots=True)
class Health:
    """How a model does, from its monitors as they are at this moment."""

    model: str
    light: Light
    is_unknown: bool
    as_of: datetime
    counts: dict[Light, int]
    monitors: Sequence[Monitor]
    alerts: Sequence[Alert]


# ---- points ---------------------------------------------------------------------------------------------------------


def is_current() -> ColumnElement[bool]:
    """Return the condition that no later arrival corrects a point."""
    return ~select(_Later.id).where(_Later.corrects_id == Point.id).exists()


def _within(since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if since is not None:
        conditions.append(Point.at >= since)
    if until is not None:
        conditions.append(Point.at < until)
    return conditions


def _with_people() -> list[ORMOption]:
    return [
        joinedload(Point.poster).load_only(*_PERSON),
        joinedload(Point.token).load_only(Token.id, Token.name),
        joinedload(Point.limits_in_force).joinedload(MonitorLimits.setter).load_only(*_PERSON),
        joinedload(Point.correction).load_only(_id()),
    ]


def _id() -> Any:
    return Point.id


def list_points(
    db: Session,
    monitor: Monitor,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Point]:
    """Return a page of the monitor's points, the latest first, corrected ones too."""
    mine = select(Point).where(Point.monitor_id == monitor.id, *_within(since, until)).options(*_with_people())
    return paginate(db, mine, desc(Point.at), desc(Point.id), cursor=cursor, limit=limit)


def get_point(db: Session, actor: Actor, point_id: str) -> Point:
    """Return a point with its monitor and model. Raises NotFound, also when the actor may not see the model."""
    found = db.scalars(
        select(Point)
        .join(Point.monitor)
        .join(Monitor.model)
        .where(Point.id == point_id, Model.workspace_id == actor.workspace_id, granted(Model, actor))
        .options(contains_eager(Point.monitor).contains_eager(Monitor.model), *_with_people())
        .options(contains_eager(Point.monitor).joinedload(Monitor.limits_in_force))
        .options(contains_eager(Point.monitor).joinedload(Monitor.standing))
    ).one_or_none()
    if found is None:
        raise NotFound(
            f"There is no point {point_id[:80]!r}.",
            remedy="Look at the series it belongs to.",
            field="point",
            value=point_id[:80],
        )
    return found


def shown_points(
    db: Session, monitor_ids: Collection[str], since: datetime | None, until: datetime | None
) -> dict[str, list[Point]]:
    """Return what charts of these monitors show: the last points in the stretch that nothing corrects, oldest first."""
    place = func.row_number().over(partition_by=Point.monitor_id, order_by=[Point.at.desc(), Point.id.desc()])
    counted = (
        select(Point.id, place.label("place"))
        .where(Point.monitor_id.in_(monitor_ids), is_current(), *_within(since, until))
        .subquery()
    )
    last = select(Point).join(counted, counted.c.id == Point.id).where(counted.c.place <= SHOWN_PER_SERIES)
    found: dict[str, list[Point]] = {monitor_id: [] for monitor_id in monitor_ids}
    for point in db.scalars(last.order_by(Point.at, Point.id)):
        found[point.monitor_id].append(point)
    return found


def points_at(db: Session, monitor_ids: Collection[str], times: Collection[datetime]) -> Sequence[Point]:
    """Return the points of these monitors at exactly these times that nothing corrects, in order of arrival."""
    mine = select(Point).where(Point.monitor_id.in_(monitor_ids), Point.at.in_(times), is_current())
    return db.scalars(mine.order_by(Point.id)).all()


def find_latest(db: Session, monitor_id: str) -> Point | None:
    """Return the point with the latest time that nothing corrects; of several, the one that arrived last."""
    mine = select(Point).where(Point.monitor_id == monitor_id, is_current())
    return db.scalars(mine.order_by(desc(Point.at), desc(Point.id)).limit(1)).one_or_none()


def last_values(db: Session, monitor_id: str, count: int) -> list[float | None]:
    """Return the monitor's last values, the oldest of them first; none where a point has no value."""
    mine = select(Point.value).where(Point.monitor_id == monitor_id, is_current())
    return list(db.scalars(mine.order_by(desc(Point.at), desc(Point.id)).limit(count)))[::-1]


def export_points(
    database: Database, monitor_id: str, since: datetime | None, until: datetime | None
) -> Iterator[Point]:
    """Yield all points of a monitor in the stretch, the latest first, from short transactions of their own."""
    cursor: str | None = None
    mine = select(Point).where(Point.monitor_id == monitor_id, *_within(since, until)).options(*_with_people())
    while True:
        with database.read() as db:
            page = paginate(db, mine, desc(Point.at), desc(Point.id), cursor=cursor, limit=200)
        yield from page.items
        cursor = page.next
        if cursor is None:
            return


# ---- alerts ---------------------------------------------------------------------------------------------------------


def alerts_visible_to(actor: Actor) -> Select[Alert]:
    """Return the alerts of living models that this actor may see, as a statement to narrow further."""
    return (
        select(Alert)
        .join(Alert.model)
        .join(Alert.monitor)
        .options(contains_eager(Alert.model), contains_eager(Alert.monitor))
        .options(joinedload(Alert.acknowledger).load_only(*_PERSON), joinedload(Alert.point))
        .where(Model.workspace_id == actor.workspace_id, Model.archived_at.is_(None), granted(Model, actor))
    )


def list_alerts(
    db: Session, actor: Actor, wanted: AlertFilter, *, cursor: str | None = None, limit: int = 50
) -> Page[Alert]:
    """Return a page of the alerts that match, the last raised first."""
    return paginate(db, _matching(actor, wanted), desc(Alert.raised_at), desc(Alert.id), cursor=cursor, limit=limit)


def _matching(actor: Actor, wanted: AlertFilter, *, without: str | None = None) -> Select[Alert]:
    statement = alerts_visible_to(actor)
    if wanted.state and without != "state":
        statement = statement.where(
            Alert.closed_at.is_(None) if wanted.state == "open" else Alert.closed_at.is_not(None)
        )
    if wanted.light and without != "light":
        statement = statement.where(Alert.light == wanted.light.value)
    if wanted.acknowledged is not None:
        seen = Alert.acknowledged_at.is_not(None)
        statement = statement.where(seen if wanted.acknowledged else ~seen)
    return statement.where(Model.name == wanted.model) if wanted.model else statement


def count_alerts(db: Session, actor: Actor, wanted: AlertFilter) -> dict[tuple[bool, Light], int]:
    """Count the alerts by whether they are open and by light, whatever was chosen of these two."""
    others = AlertFilter(acknowledged=wanted.acknowledged, model=wanted.model)
    is_open = Alert.closed_at.is_(None)
    counted = _matching(actor, others).with_only_columns(is_open, Alert.light, func.count(), maintain_column_froms=True)
    return {
        (bool(opened), Light(light)): count
        for opened, light, count in db.execute(counted.group_by(is_open, Alert.light))
    }


def count_waiting(db: Session, actor: Actor) -> int:
    """Count the open alerts about which nobody has said anything yet."""
    waiting = alerts_visible_to(actor).where(Alert.closed_at.is_(None), Alert.acknowledged_at.is_(None))
    return db.scalar(waiting.with_only_columns(func.count(), maintain_column_froms=True)) or 0


def get_alert(db: Session, actor: Actor, alert_id: str) -> Alert:
    """Return an alert. Raises NotFound."""
    found = db.scalars(alerts_visible_to(actor).where(Alert.id == alert_id)).one_or_none()
    if found is None:
        raise NotFound(
            f"There is no alert {alert_id[:80]!r}.",
            remedy="Look at the list of alerts.",
            field="alert",
            value=alert_id[:80],
        )
    return found


def list_alerts_of(db: Session, monitor: Monitor, *, limit: int = 20) -> Sequence[Alert]:
    """Return the monitor's last alerts, the newest first. The caller has made sure that it may be seen."""
    mine = select(Alert).where(Alert.monitor_id == monitor.id).order_by(desc(Alert.raised_at), desc(Alert.id))
    return db.scalars(mine.options(joinedload(Alert.acknowledger).load_only(*_PERSON)).limit(limit)).all()


def find_open_alert(db: Session, monitor_id: str) -> Alert | None:
    """Return the monitor's open alert, if there is one."""
    mine = select(Alert).where(Alert.monitor_id == monitor_id, Alert.closed_at.is_(None))
    return db.scalars(mine.options(joinedload(Alert.model), joinedload(Alert.monitor))).one_or_none()


def get_health(db: Session, actor: Actor, model_name: str) -> Health:
    """Return how a model does at this moment. Raises NotFound."""
    model = registry.get_model(db, actor, model_name)
    monitors = monitors_of(db, model.id)
    light = light_of(monitors)
    counts: dict[Light, int] = {}
    for monitor in monitors:
        if monitor.is_judged:
            counts[monitor.light_now] = counts.get(monitor.light_now, 0) + 1
    opened = alerts_visible_to(actor).where(Alert.model_id == model.id, Alert.closed_at.is_(None))
    alerts = db.scalars(opened.order_by(desc(Alert.raised_at), desc(Alert.id))).all()
    return Health(model.name, light, light not in KNOWN, clock.now(), counts, monitors, alerts)


# ---- what has become stale ------------------------------------------------------------------------------------------


def models_with_news(db: Session, now: datetime, limit: int) -> Sequence[Model]:
    """Return living models with a light that became stale and was not noticed yet, in order of id."""
    lasting = (Light.STALE.value, Light.FAIL.value, Light.ERROR.value, Light.NOT_MONITORED.value)
    due = (
        select(Monitor.model_id)
        .join(MonitorStanding, MonitorStanding.monitor_id == Monitor.id)
        .where(MonitorStanding.stale_at <= now, MonitorStanding.light.not_in(lasting))
    )
    found = select(Model).where(Model.id.in_(due), Model.archived_at.is_(None)).order_by(Model.id).limit(limit)
    return db.scalars(found).all()
