"""Experiments, runs, and what runs log.

Times of runs and points are whole milliseconds, because clients send them so and send what they like. Rows that are
only ever appended (points, parameters, tags) carry when they came; who sent them stands there only when it was
somebody else than the run's maker.
"""

from typing import Any, ClassVar

from sqlalchemy import BigInteger, Double, ForeignKey, Index, String, Text, UniqueConstraint, desc
from sqlalchemy.orm import Mapped, mapped_column, relationship

from modelops_platform.core.db import Base, Id, InWorkspace
from modelops_platform.identity.tables import Unit, User

from .domain.words import Lifecycle

_CLUSTERED = {"sqlite_with_rowid": False}  # rows lie in the order of their key


class Experiment(InWorkspace, Base):
    """A set of runs that belong together; rights on runs are rights on their experiment."""

    __tablename__ = "experiments"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)
    object_kind: ClassVar[str] = "experiment"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    """The number as text, which clients know it by."""
    number: Mapped[int] = mapped_column(BigInteger, unique=True)
    unit_id: Mapped[str] = mapped_column(String(36), ForeignKey("units.id"), index=True)
    owner_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(500))
    artifact_location: Mapped[str] = mapped_column(String(2100))
    lifecycle: Mapped[str] = mapped_column(String(10), default=Lifecycle.ACTIVE)
    created_ms: Mapped[int] = mapped_column(BigInteger)
    updated_ms: Mapped[int] = mapped_column(BigInteger)

    unit: Mapped[Unit] = relationship(lazy="raise")
    owner: Mapped[User | None] = relationship(lazy="raise")


class ExperimentTag(Base):
    """A word on an experiment."""

    __tablename__ = "experiment_tags"

    experiment_id: Mapped[str] = mapped_column(String(36), ForeignKey("experiments.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    value: Mapped[str] = mapped_column(Text, default="")


class Run(Base):
    """One execution: who, when, how it ended. Its document is what clients read, made when first asked for."""

    __tablename__ = "runs"
    __table_args__ = (Index("ix_runs_listing", "experiment_id", "lifecycle", desc("start_ms"), "id"),)
    object_kind: ClassVar[str] = "run"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    experiment_id: Mapped[str] = mapped_column(String(36), ForeignKey("experiments.id"))
    lifecycle: Mapped[str] = mapped_column(String(10), default=Lifecycle.ACTIVE)
    status: Mapped[str] = mapped_column(String(10))
    start_ms: Mapped[int] = mapped_column(BigInteger)
    end_ms: Mapped[int | None] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(Text)
    user_name: Mapped[str] = mapped_column(Text)
    """What the client says who it runs for; `created_by` is who was signed in."""
    artifact_uri: Mapped[str] = mapped_column(String(2200))
    created_by: Mapped[str] = mapped_column(String(36), index=True)
    created_ms: Mapped[int] = mapped_column(BigInteger)
    deleted_ms: Mapped[int | None] = mapped_column(BigInteger)
    document: Mapped[str | None] = mapped_column(Text, deferred=True)

    experiment: Mapped[Experiment] = relationship(lazy="raise")

    @property
    def unit_id(self) -> str:
        """A run is governed where its experiment is."""
        return self.experiment.unit_id


class RunTag(Base):
    """A word on a run."""

    __tablename__ = "run_tags"
    __table_args__ = (_CLUSTERED,)

    run_id: Mapped[str] = mapped_column(String(36), ForeignKey("runs.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    logged_ms: Mapped[int] = mapped_column(BigInteger)
    logged_by: Mapped[str | None] = mapped_column(String(36))


class Param(Base):
    """A parameter of a run: set once."""

    __tablename__ = "params"
    __table_args__ = (_CLUSTERED,)

    run_id: Mapped[str] = mapped_column(String(36), ForeignKey("runs.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    logged_ms: Mapped[int] = mapped_column(BigInteger)
    logged_by: Mapped[str | None] = mapped_column(String(36))


class Metric(Base):
    """A point of a metric. Its value is kept as its JSON text, so that NaN and infinities stay what they are,
    equal points are one row, and a history is put together by the database.
    """

    __tablename__ = "metrics"
    __table_args__ = (_CLUSTERED,)

    run_id: Mapped[str] = mapped_column(String(36), ForeignKey("runs.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    timestamp: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    step: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    value: Mapped[str] = mapped_column(String(30), primary_key=True)
    logged_ms: Mapped[int] = mapped_column(BigInteger)
    logged_by: Mapped[str | None] = mapped_column(String(36))


class LatestMetric(Base):
    """The latest point of each metric of a run, laid out for the question "which runs have the best".

    A value of NULL is NaN.
    """

    __tablename__ = "latest_metrics"
    __table_args__ = (Index("ix_latest_metrics_best", "experiment_id", "key", "value", "run_id"), _CLUSTERED)

    run_id: Mapped[str] = mapped_column(String(36), ForeignKey("runs.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    experiment_id: Mapped[str] = mapped_column(String(36))
    value: Mapped[float | None] = mapped_column(Double)
    timestamp: Mapped[int] = mapped_column(BigInteger)
    step: Mapped[int] = mapped_column(BigInteger)


class LoggedDataSet(Base):
    """Data that runs of an experiment used, as the client describes it."""

    __tablename__ = "logged_data_sets"
    __table_args__ = (UniqueConstraint("experiment_id", "name", "digest"),)

    id: Mapped[Id]
    experiment_id: Mapped[str] = mapped_column(String(36), ForeignKey("experiments.id"))
    name: Mapped[str] = mapped_column(String(500))
    digest: Mapped[str] = mapped_column(String(36))
    source_type: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    schema: Mapped[str | None] = mapped_column(Text)
    profile: Mapped[str | None] = mapped_column(Text)
    created_by: Mapped[str] = mapped_column(String(36))
    created_ms: Mapped[int] = mapped_column(BigInteger)


class RunDataSet(Base):
    """A run used a data set."""

    __tablename__ = "run_data_sets"

    run_id: Mapped[str] = mapped_column(String(36), ForeignKey("runs.id"), primary_key=True)
    data_set_id: Mapped[str] = mapped_column(String(36), ForeignKey("logged_data_sets.id"), primary_key=True)
    context: Mapped[str | None] = mapped_column(Text)
    tags: Mapped[list[Any]]
    logged_ms: Mapped[int] = mapped_column(BigInteger)
    logged_by: Mapped[str | None] = mapped_column(String(36))


class RunModel(Base):
    """A run read a logged model (`input`), or made it (`output`)."""

    __tablename__ = "run_models"
    __table_args__ = (Index(None, "model_id"),)

    run_id: Mapped[str] = mapped_column(String(36), ForeignKey("runs.id"), primary_key=True)
    direction: Mapped[str] = mapped_column(String(10), primary_key=True)
    model_id: Mapped[str] = mapped_column(String(300), primary_key=True)
    step: Mapped[int] = mapped_column(BigInteger, default=0)
    logged_ms: Mapped[int] = mapped_column(BigInteger)
    logged_by: Mapped[str | None] = mapped_column(String(36))
