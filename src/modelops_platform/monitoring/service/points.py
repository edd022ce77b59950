"""Taking figures in: many points of many series of one model in one call."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import InvalidInput, PlatformError
from modelops_platform.core.ids import new_id
from modelops_platform.registry import queries as registry
from modelops_platform.registry.domain.names import checked_name
from modelops_platform.registry.tables import Model, Version

from .. import queries
from ..domain.lights import Light
from ..domain.limits import Limits
from ..domain.times import checked_time
from ..schemas import PointIn, PointsIn, PointsTaken, SeriesTaken
from ..tables import Monitor, Point
from .monitors import add_monitor
from .standings import bring_up_to_date

TIMES_AT_ONCE = 500
Key = tuple[str, datetime, int | None]
_CONTENT = ("value", "n", "error", "window_from", "window_to", "source", "note")


def post_points(db: Session, actor: Actor, model_name: str, wanted: PointsIn) -> PointsTaken:
    """Add figures to a model's series, and judge the model anew.

    A name that the model does not know yet makes a series without limits. A point whose series, time and version
    are here already is a repeat when everything else is the same too, and then writes nothing; else it corrects
    the earlier one: both are kept, the later arrival counts.
    Raises NotFound, NotAllowed, InvalidInput naming the point by its place in the list.
    """
    model = registry.get_model(db, actor, model_name, to_change=True)
    actor.must(Permission.POST_METRICS, model)
    _check_versions(db, model, wanted.points)
    known = {monitor.name: monitor for monitor in queries.monitors_of(db, model.id)}
    before = set(known)
    now = clock.now()
    rows = [_row(db, actor, model, known, place, point, now) for place, point in enumerate(wanted.points)]
    kept = _without_repeats(db, rows)
    if kept:
        db.execute(insert(Point), kept)
    counts: dict[str, int] = {}
    for row in kept:
        counts[row["monitor_id"]] = counts.get(row["monitor_id"], 0) + 1
    named = {row["monitor_id"] for row in rows}
    posted = [monitor for monitor in known.values() if monitor.id in named]
    light = bring_up_to_date(db, model, [monitor for monitor in posted if monitor.id in counts])
    return PointsTaken(
        taken=len(kept),
        repeated=len(rows) - len(kept),
        corrected=sum(row["corrects_id"] is not None for row in kept),
        light=light,
        series=[
            SeriesTaken(
                metric=monitor.name,
                taken=counts.get(monitor.id, 0),
                light=monitor.light_now,
                latest=monitor.standing.latest_point_id,
                is_new=monitor.name not in before,
            )
            for monitor in posted
        ],
    )


def _check_versions(db: Session, model: Model, points: Sequence[PointIn]) -> None:
    named = {point.version for point in points} - {None}
    if not named:
        return
    there = set(db.scalars(select(Version.number).where(Version.model_id == model.id, Version.number.in_(named))))
    for place, point in enumerate(points):
        if point.version is not None and point.version not in there:
            raise InvalidInput(
                f"{model.name} has no version {point.version}.",
                remedy="Name a version of this model, or none.",
                field=f"points.{place}.version",
                value=point.version,
            )


def _row(
    db: Session, actor: Actor, model: Model, known: dict[str, Monitor], place: int, point: PointIn, now: datetime
) -> dict[str, Any]:
    """Return the row of a point, judged by the limits of now; a series that is missing is made."""
    monitor = known.get(point.metric) or _new_series(db, actor, model, known, place, point.metric)
    limits = monitor.limits_in_force
    light = limits.limits.judge(point.value, point.n, error=point.error) if monitor.is_enabled else Light.NOT_MONITORED
    return {
        "monitor_id": monitor.id,
        "at": now if point.at is None else checked_time(point.at, now, f"points.{place}.at"),
        "value": point.value,
        "n": point.n,
        "error": point.error,
        "window_from": _window(point, "from_at", place),
        "window_to": _window(point, "to_at", place),
        "version_number": point.version,
        "source": point.source,
        "note": point.note,
        "light": light.value,
        "limits_id": limits.id,
        "actor_id": actor.id,
        "token_id": actor.token_id,
        "posted_at": now,
    }


def _window(point: PointIn, end: str, place: int) -> datetime | None:
    if point.window is None:
        return None
    given = getattr(point.window, end)
    return checked_time(given, clock.now(), f"points.{place}.window.{end.removesuffix('_at')}")


def _new_series(db: Session, actor: Actor, model: Model, known: dict[str, Monitor], place: int, metric: str) -> Monitor:
    try:
        name = checked_name(metric, "metric")
        monitor = known.get(name) or add_monitor(db, actor, model, name, Limits())
    except PlatformError as error:
        error.details["field"] = f"points.{place}.metric"
        raise
    known[name] = monitor
    return monitor


def _without_repeats(db: Session, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows to keep, with their ids and what they correct, in the order in which they came."""
    latest: dict[Key, tuple[str, tuple[Any, ...]]] = {}
    times = sorted({row["at"] for row in rows})
    monitor_ids = {row["monitor_id"] for row in rows}
    for start in range(0, len(times), TIMES_AT_ONCE):
        for point in queries.points_at(db, monitor_ids, times[start : start + TIMES_AT_ONCE]):
            content = tuple(getattr(point, name) for name in _CONTENT)
            latest[point.monitor_id, point.at, point.version_number] = (point.id, content)
    kept = []
    for row in rows:
        key = (row["monitor_id"], row["at"], row["version_number"])
        content = tuple(row[name] for name in _CONTENT)
        before = latest.get(key)
        if before is not None and before[1] == content:
            continue
        row |= {"id": new_id(), "corrects_id": None if before is None else before[0]}
        latest[key] = (row["id"], content)
        kept.append(row)
    return kept
