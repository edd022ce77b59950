"""Monitors with their limits as intervals, the points posted to them, their lights, and alerts."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, event
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from modelops_platform.core import clock
from modelops_platform.core.db import Base, Id, InWorkspace, unique_while, utc_now
from modelops_platform.deployments.tables import Deployment, Environment
from modelops_platform.identity.tables import Token, User
from modelops_platform.registry.tables import Model

from .domain.lights import Light, at_moment
from .domain.limits import Bad, Limits, Measure, span_words


class Monitor(InWorkspace, Base):
    """A series of figures about a model, and what it is judged by; what people set, never what points change."""

    __tablename__ = "monitors"
    __table_args__ = (UniqueConstraint("model_id", "name"),)
    object_kind: ClassVar[str] = "monitor"

    id: Mapped[Id]
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"))
    name: Mapped[str] = mapped_column(String(250))
    measures: Mapped[str] = mapped_column(String(20), default=Measure.OTHER.value)
    unit: Mapped[str] = mapped_column(String(40), default="")
    description: Mapped[str] = mapped_column(Text, default="")
    deployment_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("deployments.id"))
    environment_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("environments.id"))
    version_number: Mapped[int | None]
    created_by: Mapped[str] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)
    disabled_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012 - the base class declares it so

    model: Mapped[Model] = relationship(lazy="raise")
    deployment: Mapped[Deployment | None] = relationship(lazy="raise")
    environment: Mapped[Environment | None] = relationship(lazy="raise")
    standing: Mapped["MonitorStanding"] = relationship(lazy="raise", back_populates="monitor")
    limits_in_force: Mapped["MonitorLimits"] = relationship(
        lazy="raise",
        viewonly=True,
        uselist=False,
        primaryjoin=lambda: (Monitor.id == MonitorLimits.monitor_id) & MonitorLimits.to_at.is_(None),
    )

    @property
    def unit_id(self) -> str:
        """A monitor is governed where its model is."""
        return self.model.unit_id

    @property
    def is_enabled(self) -> bool:
        """Whether it counts for its model."""
        return self.disabled_at is None

    @property
    def limits(self) -> Limits:
        """The limits in force."""
        return self.limits_in_force.limits

    @property
    def is_judged(self) -> bool:
        """Whether its figures are held against limits."""
        return self.is_enabled and self.limits.is_judging

    @property
    def light_now(self) -> Light:
        """The light at this moment: what nobody has renewed in time is stale, whether or not a job has noticed."""
        return at_moment(Light(self.standing.light), self.standing.stale_at, clock.now())


class MonitorLimits(Base):
    """The limits of a monitor from one moment to another; open ones are in force."""

    __tablename__ = "monitor_limits"
    __table_args__ = (
        CheckConstraint("to_at IS NULL OR to_at >= from_at", name="ends_after_it_begins"),
        unique_while("to_at IS NULL", "uq_monitor_limits_open", "monitor_id"),
        Index(None, "monitor_id", "from_at"),
    )

    id: Mapped[Id]
    monitor_id: Mapped[str] = mapped_column(String(36), ForeignKey("monitors.id"))
    bad: Mapped[str | None] = mapped_column(String(5))
    warn: Mapped[float | None]
    fail: Mapped[float | None]
    fewest_rows: Mapped[int | None]
    stale_after_hours: Mapped[int | None]
    set_by: Mapped[str] = mapped_column(String(36))
    from_at: Mapped[datetime] = mapped_column(default=utc_now)
    to_at: Mapped[datetime | None]

    setter: Mapped[User | None] = relationship(
        lazy="raise", viewonly=True, primaryjoin=lambda: foreign(MonitorLimits.set_by) == User.id
    )

    @property
    def limits(self) -> Limits:
        """The limits as values."""
        bad = None if self.bad is None else Bad(self.bad)
        return Limits(bad, self.warn, self.fail, self.fewest_rows, self.stale_after_hours)

    @property
    def stale_after(self) -> str | None:
        """For how long a figure holds, in words."""
        return None if self.stale_after_hours is None else span_words(self.stale_after_hours)


class Point(Base):
    """A figure as it was posted: by whom, when it arrived, and what it meant then. Never changed, never deleted."""

    __tablename__ = "metric_points"
    __table_args__ = (Index(None, "monitor_id", "at", "id"), Index(None, "corrects_id"))
    object_kind: ClassVar[str] = "point"

    id: Mapped[Id]
    monitor_id: Mapped[str] = mapped_column(String(36), ForeignKey("monitors.id"))
    at: Mapped[datetime]
    value: Mapped[float | None]
    n: Mapped[int | None] = mapped_column(BigInteger)
    error: Mapped[str | None] = mapped_column(String(500))
    window_from: Mapped[datetime | None]
    window_to: Mapped[datetime | None]
    version_number: Mapped[int | None]
    source: Mapped[str] = mapped_column(String(100), default="")
    note: Mapped[str] = mapped_column(String(1000), default="")
    light: Mapped[str] = mapped_column(String(15))
    limits_id: Mapped[str] = mapped_column(String(36), ForeignKey("monitor_limits.id"))
    corrects_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("metric_points.id"))
    actor_id: Mapped[str] = mapped_column(String(36))
    token_id: Mapped[str | None] = mapped_column(String(36))
    posted_at: Mapped[datetime] = mapped_column(default=utc_now)

    monitor: Mapped[Monitor] = relationship(lazy="raise")
    limits_in_force: Mapped[MonitorLimits] = relationship(lazy="raise")
    poster: Mapped[User | None] = relationship(
        lazy="raise", viewonly=True, primaryjoin=lambda: foreign(Point.actor_id) == User.id
    )
    token: Mapped[Token | None] = relationship(
        lazy="raise", viewonly=True, primaryjoin=lambda: foreign(Point.token_id) == Token.id
    )
    correction: Mapped["Point | None"] = relationship(
        lazy="raise",
        viewonly=True,
        uselist=False,
        remote_side=lambda: Point.corrects_id,
        primaryjoin=lambda: Point.id == foreign(Point.corrects_id),
    )

    @property
    def corrected_by(self) -> str | None:
        """The id of the point that replaces this one."""
        return None if self.correction is None else self.correction.id

    @property
    def why(self) -> str:
        """Why it was judged as it was, in a sentence."""
        return self.limits_in_force.limits.why(self.value, self.n, error=self.error)


class MonitorStanding(Base):
    """What a monitor shows now: the light of its latest point, and when that turns stale."""

    __tablename__ = "monitor_standings"
    __table_args__ = (Index(None, "stale_at"),)

    monitor_id: Mapped[str] = mapped_column(String(36), ForeignKey("monitors.id"), primary_key=True)
    light: Mapped[str] = mapped_column(String(15), default=Light.NOT_MONITORED.value)
    since: Mapped[datetime] = mapped_column(default=utc_now)
    stale_at: Mapped[datetime | None]
    latest_point_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("metric_points.id"))

    monitor: Mapped[Monitor] = relationship(lazy="raise", back_populates="standing")
    latest: Mapped[Point | None] = relationship(lazy="raise")


class Alert(InWorkspace, Base):
    """A light that got worse and has not been good since; at most one of a monitor is open."""

    __tablename__ = "alerts"
    __table_args__ = (
        unique_while("closed_at IS NULL", "uq_alerts_open", "monitor_id"),
        Index(None, "model_id", "id"),
        Index(None, "closed_at"),
    )
    object_kind: ClassVar[str] = "alert"

    id: Mapped[Id]
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"))
    monitor_id: Mapped[str] = mapped_column(String(36), ForeignKey("monitors.id"))
    light: Mapped[str] = mapped_column(String(15))
    why: Mapped[str] = mapped_column(String(1000))
    point_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("metric_points.id"))
    since: Mapped[datetime]
    raised_at: Mapped[datetime] = mapped_column(default=utc_now)
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None] = mapped_column(String(36))
    acknowledgement: Mapped[str] = mapped_column(String(1000), default="")
    closed_at: Mapped[datetime | None]
    close_reason: Mapped[str] = mapped_column(String(1000), default="")

    model: Mapped[Model] = relationship(lazy="raise")
    monitor: Mapped[Monitor] = relationship(lazy="raise")
    point: Mapped[Point | None] = relationship(lazy="raise")
    acknowledger: Mapped[User | None] = relationship(
        lazy="raise", viewonly=True, primaryjoin=lambda: foreign(Alert.acknowledged_by) == User.id
    )

    @property
    def name(self) -> str:
        """What the alert is about: its monitor's name."""
        return self.monitor.name

    @property
    def unit_id(self) -> str:
        """An alert is governed where its model is."""
        return self.model.unit_id

    @property
    def is_open(self) -> bool:
        """Whether the light has not been good since."""
        return self.closed_at is None


def _refuse_change(_mapper: Any, _connection: Any, _point: Any) -> None:
    """Points are only ever added; a line of code that forgets it fails here."""
    raise RuntimeError("A point is never changed: post a correction.")


event.listen(Point, "before_update", _refuse_change)
event.listen(Point, "before_delete", _refuse_change)
