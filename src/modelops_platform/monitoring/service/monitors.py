"""Verbs on monitors."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import AlreadyExists, InvalidInput
from modelops_platform.core.revisions import must_match
from modelops_platform.deployments import queries as deployments
from modelops_platform.events import service as events
from modelops_platform.registry import queries as registry
from modelops_platform.registry.domain.names import checked_name
from modelops_platform.registry.tables import Model

from .. import queries
from ..domain.limits import MOST_MONITORS, Limits, Measure
from ..schemas import MonitorIn, MonitorPatch, limits_of
from ..tables import Monitor, MonitorLimits, MonitorStanding
from .standings import bring_up_to_date

_LIMITS = ("bad", "warn", "fail", "fewest_rows", "stale_after")


def create_monitor(db: Session, actor: Actor, model_name: str, wanted: MonitorIn) -> Monitor:
    """Watch a series of a model. Raises NotFound, NotAllowed, InvalidInput, AlreadyExists."""
    model = registry.get_model(db, actor, model_name, to_change=True)
    actor.must(Permission.MANAGE_MONITORS, model)
    name = checked_name(wanted.name)
    if db.scalar(select(Monitor.id).where(Monitor.model_id == model.id, Monitor.name == name)) is not None:
        raise AlreadyExists(
            f"{model.name} already has a monitor named {name!r}.",
            remedy="Edit that one, or choose another name.",
            field="name",
            value=name,
        )
    monitor = add_monitor(
        db,
        actor,
        model,
        name,
        wanted.limits(),
        measures=wanted.measures.value,
        unit=wanted.unit,
        description=wanted.description,
        **_labels(db, actor, model, wanted),
    )
    bring_up_to_date(db, model, [monitor])
    return monitor


def add_monitor(db: Session, actor: Actor, model: Model, name: str, limits: Limits, **values: Any) -> Monitor:
    """Add a monitor to a model whose row is held, and record it. Raises InvalidInput when there are too many."""
    count = db.scalar(select(func.count()).select_from(Monitor).where(Monitor.model_id == model.id)) or 0
    if count >= MOST_MONITORS:
        raise InvalidInput(
            f"{model.name} has {count} series already, and {name[:80]!r} would be one more.",
            remedy=f"A model has at most {MOST_MONITORS} series; check that names are not made up for each point.",
            field="metric",
            value=name[:80],
        )
    monitor = Monitor(
        workspace_id=model.workspace_id, model=model, name=name, created_by=actor.id, created_at=clock.now(), **values
    )
    monitor.standing = MonitorStanding(since=clock.now(), latest=None)
    db.add(monitor)
    db.flush()
    _put_in_force(db, actor, monitor, limits)
    for label in ("deployment", "environment"):
        if f"{label}_id" not in values:
            set_committed_value(monitor, label, None)
    events.record(db, actor, "monitor.created", monitor, measures=monitor.measures, limits=limits.to_dict())
    return monitor


def _labels(db: Session, actor: Actor, model: Model, wanted: MonitorIn) -> dict[str, Any]:
    """Return what the monitor is about besides its model. Raises NotFound, InvalidInput."""
    labels: dict[str, Any] = {}
    if wanted.deployment:
        deployment = deployments.get_deployment(db, actor, wanted.deployment)
        if deployment.model_id != model.id:
            raise InvalidInput(
                f"The deployment {deployment.name!r} is one of another model.",
                remedy=f"Name a deployment of {model.name}.",
                field="deployment",
                value=wanted.deployment,
            )
        labels |= {"deployment_id": deployment.id, "deployment": deployment}
    if wanted.environment:
        environment = deployments.get_environment(db, actor, wanted.environment)
        labels |= {"environment_id": environment.id, "environment": environment}
    if wanted.version is not None:
        registry.get_version(db, actor, model.name, wanted.version)
        labels["version_number"] = wanted.version
    return labels


def _put_in_force(db: Session, actor: Actor, monitor: Monitor, limits: Limits) -> None:
    """Let the limits hold from now on; those before end here."""
    now = clock.now()
    before = db.scalars(
        select(MonitorLimits).where(MonitorLimits.monitor_id == monitor.id, MonitorLimits.to_at.is_(None))
    ).one_or_none()
    if before is not None:
        before.to_at = max(now, before.from_at)
        db.flush()
    row = MonitorLimits(
        monitor_id=monitor.id,
        bad=limits.bad.value if limits.bad else None,
        warn=limits.warn,
        fail=limits.fail,
        fewest_rows=limits.fewest_rows,
        stale_after_hours=limits.stale_after_hours,
        set_by=actor.id,
        from_at=now,
    )
    db.add(row)
    db.flush()
    set_committed_value(monitor, "limits_in_force", row)


def edit_monitor(
    db: Session, actor: Actor, model_name: str, name: str, wanted: MonitorPatch, if_match: str | None = None
) -> Monitor:
    """Change what the patch names. Raises NotFound, NotAllowed, InvalidInput, Stale.

    New limits hold from now on: the latest point is judged by them at once, those before keep what was said of them.
    """
    model = registry.get_model(db, actor, model_name, to_change=True)
    monitor = queries.get_monitor(db, actor, model_name, name)
    actor.must(Permission.MANAGE_MONITORS, model)
    must_match(monitor, if_match)
    given = wanted.model_dump(exclude_unset=True)
    changes = _describe_anew(monitor, given)
    before = monitor.limits
    limits = limits_of({field: given.get(field, before.to_dict()[field]) for field in _LIMITS})
    if limits != before:
        _put_in_force(db, actor, monitor, limits)
        changes["limits"] = [before.to_dict(), limits.to_dict()]
    if changes:
        events.record(db, actor, "monitor.changed", monitor, changes=changes)
    is_switched = given.get("is_enabled") not in (None, monitor.is_enabled)
    if is_switched:
        _switch(db, actor, monitor)
    if changes or is_switched:
        monitor.updated_at = clock.now()
        db.flush()
        bring_up_to_date(db, model, [monitor])
    return monitor


def _switch(db: Session, actor: Actor, monitor: Monitor) -> None:
    """Take the monitor out of its model's light, or put it back."""
    if monitor.is_enabled:
        monitor.disabled_at = clock.now()
        events.record(db, actor, "monitor.disabled", monitor)
    else:
        monitor.disabled_at = None
        events.record(db, actor, "monitor.enabled", monitor)


def _describe_anew(monitor: Monitor, given: dict[str, Any]) -> dict[str, list[Any]]:
    changes: dict[str, list[Any]] = {}
    for field in ("measures", "unit", "description"):
        value = given.get(field)
        if value is not None and value != getattr(monitor, field):
            plain = value.value if isinstance(value, Measure) else value
            changes[field] = [getattr(monitor, field), plain]
            setattr(monitor, field, plain)
    return changes
