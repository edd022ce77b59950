"""What follows from points, limits and time: lights, alerts, and the model's summary.

Callers hold the model's row (`registry.queries.get_model(..., to_change=True)`), so that whoever changes the lights
of one model waits for whoever does so already, and the summary never tells of a half.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import system_actor
from modelops_platform.core.portions import leave_the_rest, portion
from modelops_platform.events import service as events
from modelops_platform.registry import service as registry
from modelops_platform.registry.tables import Model

from .. import queries
from ..domain.lights import Light, Move, alert_move, at_moment, is_worse
from ..domain.limits import SPARKLINE_VALUES, primary_of
from ..tables import Alert, Monitor, Point

MOST_MODELS_AT_ONCE = 100


def bring_up_to_date(db: Session, model: Model, changed: Iterable[Monitor]) -> Light:
    """Judge the changed monitors anew, raise or close their alerts, summarise the model, and return its light."""
    for monitor in changed:
        _judge(db, monitor)
    monitors = queries.monitors_of(db, model.id)
    light = queries.light_of(monitors)
    enabled = [monitor for monitor in monitors if monitor.is_enabled]
    primary = primary_of(enabled)
    told = [monitor.standing.latest.at for monitor in enabled if monitor.is_judged and monitor.standing.latest]
    registry.summarise(
        db,
        model.id,
        light=light.value,
        light_at=max(told, default=None),
        sparkline=[] if primary is None else queries.last_values(db, primary.id, SPARKLINE_VALUES),
    )
    return light


def _judge(db: Session, monitor: Monitor) -> None:
    """Write what the monitor shows now, by its latest point, its limits, and the time."""
    now, standing, limits = clock.now(), monitor.standing, monitor.limits
    latest = queries.find_latest(db, monitor.id)
    standing.latest = latest
    if not monitor.is_judged:
        light, stale_at = Light.NOT_MONITORED, None
    else:
        light = Light.NO_DATA if latest is None else limits.judge(latest.value, latest.n, error=latest.error)
        begins = monitor.created_at if latest is None else latest.at
        stale_at = None if limits.stale_after is None else begins + limits.stale_after
    light = at_moment(light, stale_at, now)
    if light != standing.light:
        standing.since = now
    standing.light, standing.stale_at = light.value, stale_at
    db.flush()
    _tell(db, monitor, light, latest, now)


def _tell(db: Session, monitor: Monitor, light: Light, latest: Point | None, now: datetime) -> None:
    """Raise, change or close the monitor's alert."""
    alert = queries.find_open_alert(db, monitor.id)
    why = _why(monitor, light, latest)
    match alert_move(None if alert is None else Light(alert.light), light):
        case Move.RAISE:
            _raise(db, monitor, light, why, latest, now)
        case Move.CHANGE:
            assert alert is not None
            _change(db, alert, light, why, latest)
        case Move.CLOSE:
            assert alert is not None
            close_alert(db, alert, why if light is Light.PASS else "It is no longer monitored.")
        case Move.NOTHING:
            pass


def _why(monitor: Monitor, light: Light, latest: Point | None) -> str:
    if light is Light.STALE:
        after = monitor.limits_in_force.stale_after
        return f"Nobody has told anything newer; a figure holds for {after}."
    if latest is None:
        return "Nobody has told anything yet."
    return monitor.limits.why(latest.value, latest.n, error=latest.error)


def _raise(db: Session, monitor: Monitor, light: Light, why: str, latest: Point | None, now: datetime) -> None:
    began = monitor.standing.stale_at if light is Light.STALE else latest.at if latest else now
    alert = Alert(
        workspace_id=monitor.workspace_id,
        model=monitor.model,
        monitor=monitor,
        light=light.value,
        why=why,
        point=latest,
        since=began or now,
        raised_at=now,
    )
    db.add(alert)
    point_id = latest.id if latest else None
    events.record(
        db, system_actor(alert.workspace_id), "alert.raised", alert, light=light.value, why=why, point=point_id
    )


def _change(db: Session, alert: Alert, light: Light, why: str, latest: Point | None) -> None:
    """Let the open alert tell of another light; when it got worse, what somebody said of it no longer answers it."""
    before = Light(alert.light)
    alert.light, alert.why, alert.point = light.value, why, latest
    if is_worse(light, before):
        alert.acknowledged_at = alert.acknowledged_by = None
        alert.acknowledgement = ""
    point_id = latest.id if latest else None
    system = system_actor(alert.workspace_id)
    events.record(db, system, "alert.changed", alert, light=[before.value, light.value], why=why, point=point_id)


def close_alert(db: Session, alert: Alert, reason: str) -> None:
    """Close an open alert: the light is good again, or nobody watches any more."""
    alert.closed_at, alert.close_reason = clock.now(), reason
    events.record(db, system_actor(alert.workspace_id), "alert.closed", alert, light=alert.light, reason=reason)


def notice_stale(db: Session) -> int:
    """Bring models up to date of which a light became stale, and return how many.

    Safe to run twice, and beside any number of posts: each model's row is held first, and its lights are read after.
    """
    now = clock.now()
    waiting = queries.models_with_news(db, now, MOST_MODELS_AT_ONCE)
    done = 0
    for model in portion(waiting):
        done += 1
        db.execute(select(Model.id).where(Model.id == model.id).with_for_update())
        due = [m for m in queries.monitors_of(db, model.id) if m.light_now != m.standing.light]
        bring_up_to_date(db, model, due)
    if len(waiting) == MOST_MODELS_AT_ONCE:
        leave_the_rest()
    return done
