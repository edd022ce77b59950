"""Runs of test suites on a version, and every result that came of them."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Float, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from modelops_platform.core.db import Base, Id, InWorkspace, unique_while, utc_now
from modelops_platform.jobs.tables import Job
from modelops_platform.registry.tables import DataSet, Version

from .about import AboutModel
from .frozen import freeze


class TestRun(AboutModel, Base):
    """One suite, tested on one version: by the platform as a job, or by a pipeline that pushed what it found."""

    __test__ = False  # the name is the field's; pytest must not collect it
    __tablename__ = "test_runs"
    __table_args__ = (
        unique_while("key IS NOT NULL", "uq_test_runs_key", "version_id", "key"),
        Index(None, "model_id", "id"),
        Index(None, "version_id", "id"),
    )
    object_kind: ClassVar[str] = "test_run"

    version_id: Mapped[str] = mapped_column(String(36), ForeignKey("versions.id"))
    suite_id: Mapped[str] = mapped_column(String(100))
    suite_number: Mapped[int]
    source: Mapped[str] = mapped_column(String(10))
    key: Mapped[str | None] = mapped_column(String(200))
    digest: Mapped[str | None] = mapped_column(String(64))
    artifact_digest: Mapped[str | None] = mapped_column(String(64))
    data_set_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("data_sets.id"))
    data_digest: Mapped[str | None] = mapped_column(String(64))
    champion_id: Mapped[str | None] = mapped_column(String(36))
    roles: Mapped[dict[str, Any]] = mapped_column(default=dict)
    seed: Mapped[int | None] = mapped_column(BigInteger)
    link: Mapped[str] = mapped_column(Text, default="")
    """Where a pipeline says that its own report is."""
    job_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    report: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What was skipped and why, notes, the task, counts; empty until it ends."""
    light: Mapped[str | None] = mapped_column(String(20))
    failure: Mapped[str] = mapped_column(Text, default="")
    created_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None]

    version: Mapped[Version] = relationship(lazy="raise")
    data_set: Mapped[DataSet | None] = relationship(lazy="raise")
    job: Mapped[Job | None] = relationship(lazy="raise")
    results: Mapped[list["TestResult"]] = relationship(lazy="raise", order_by="TestResult.id", back_populates="run")

    @property
    def name(self) -> str:
        """The run in words, inside its model."""
        return f"{self.suite_id} v{self.suite_number} on {self.version.name}"

    @property
    def state(self) -> str:
        """Where it stands: queued, running, finished, failed or cancelled."""
        if self.ended_at is not None:
            return "failed" if self.failure else "finished"
        if self.job is None:
            return "cancelled"
        return "failed" if self.job.state == "dead" else str(self.job.state)

    @property
    def is_unfinished(self) -> bool:
        """Tell whether it still waits or runs."""
        return self.state in ("queued", "running")


class TestResult(InWorkspace, Base):
    """What one test found, on all rows or on one segment, with everything that the figure rests on."""

    __test__ = False
    __tablename__ = "test_results"
    __table_args__ = (Index(None, "version_id", "at"), Index(None, "model_id", "id"))
    object_kind: ClassVar[str] = "test_result"

    id: Mapped[Id]
    run_id: Mapped[str] = mapped_column(String(36), ForeignKey("test_runs.id"), index=True)
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"))
    version_id: Mapped[str] = mapped_column(String(36), ForeignKey("versions.id"))
    suite_id: Mapped[str] = mapped_column(String(100))
    suite_number: Mapped[int]
    test: Mapped[str] = mapped_column(String(100))
    title: Mapped[str] = mapped_column(Text)
    check: Mapped[str] = mapped_column("check_name", String(30))
    segment: Mapped[str] = mapped_column(String(200), default="")
    outcome: Mapped[str] = mapped_column(String(20))
    value: Mapped[float | None] = mapped_column(Float)
    low: Mapped[float | None] = mapped_column(Float)
    high: Mapped[float | None] = mapped_column(Float)
    noise: Mapped[float | None] = mapped_column(Float)
    limit: Mapped[str] = mapped_column("limit_words", Text, default="")
    rows: Mapped[int | None]
    method: Mapped[str] = mapped_column(Text, default="")
    detail: Mapped[str] = mapped_column(Text, default="")
    figures: Mapped[list[Any]] = mapped_column(default=list)
    source: Mapped[str] = mapped_column(String(10))
    digest: Mapped[str | None] = mapped_column(String(64))
    artifact_digest: Mapped[str | None] = mapped_column(String(64))
    data_digest: Mapped[str | None] = mapped_column(String(64))
    seed: Mapped[int | None] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(default=utc_now)
    stale_at: Mapped[datetime | None]

    run: Mapped[TestRun] = relationship(lazy="raise", back_populates="results")


freeze(TestResult)
