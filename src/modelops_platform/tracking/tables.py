"""Experiments, runs, and what runs log.

Times of runs and points are whole milliseconds, because clients send them so and send what they like. Rows that are
only ever appended (points, parameters, tags) carry when they came; who sent them stands there only when it was
somebody else than the run's maker.
"""

from typing import Any, ClassVar

from sqlalchemy import BigInteger, Double, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from modelops_platform.core.db import Base, Id, InWorkspace, Json
from modelops_platform.identity.tables import Unit, User

from .domain.words import Lifecycle

_CLUSTERED = {"sqlite_with_rowid": False}  # rows lie in the order of their key
# Paths compare by code point, so that a folder is one stretch of the index.
_PATH = String(1100).with_variant(String(1100, collation="C"), "postgresql")


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
    __table_args__ = (Index("ix_runs_listing", "experiment_id", "lifecycle", "start_ms", "id"),)
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
    created_by: Mapped[str] = mapped_column(String(36))
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


class LoggedModel(Base):
    """A model that a run made, on its way from training to the registry; rights are those of its experiment."""

    __tablename__ = "logged_models"
    __table_args__ = (Index("ix_logged_models_listing", "experiment_id", "created_ms", "id"),)
    object_kind: ClassVar[str] = "logged_model"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    experiment_id: Mapped[str] = mapped_column(String(36), ForeignKey("experiments.id"))
    source_run_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("runs.id"), index=True)
    name: Mapped[str] = mapped_column(String(500))
    model_type: Mapped[str | None] = mapped_column(String(500))
    status: Mapped[str] = mapped_column(String(30))
    status_message: Mapped[str | None] = mapped_column(Text)
    artifact_uri: Mapped[str] = mapped_column(String(2200))
    created_by: Mapped[str] = mapped_column(String(36))
    created_ms: Mapped[int] = mapped_column(BigInteger)
    updated_ms: Mapped[int] = mapped_column(BigInteger)
    deleted_ms: Mapped[int | None] = mapped_column(BigInteger)


class LoggedModelParam(Base):
    """A parameter of a logged model: set once."""

    __tablename__ = "logged_model_params"
    __table_args__ = (_CLUSTERED,)

    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("logged_models.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    logged_ms: Mapped[int] = mapped_column(BigInteger)
    logged_by: Mapped[str | None] = mapped_column(String(36))


class LoggedModelTag(Base):
    """A word on a logged model."""

    __tablename__ = "logged_model_tags"
    __table_args__ = (_CLUSTERED,)

    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("logged_models.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    logged_ms: Mapped[int] = mapped_column(BigInteger)
    logged_by: Mapped[str | None] = mapped_column(String(36))


class LoggedModelMetric(Base):
    """A point that a run logged about a logged model, maybe measured on a data set. A value of NULL is NaN."""

    __tablename__ = "logged_model_metrics"
    __table_args__ = (Index(None, "run_id"), _CLUSTERED)

    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("logged_models.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    timestamp: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    step: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    run_id: Mapped[str] = mapped_column(String(36), ForeignKey("runs.id"), primary_key=True)
    value: Mapped[float | None] = mapped_column(Double)
    dataset_name: Mapped[str | None] = mapped_column(String(500))
    dataset_digest: Mapped[str | None] = mapped_column(String(36))
    logged_ms: Mapped[int] = mapped_column(BigInteger)
    logged_by: Mapped[str | None] = mapped_column(String(36))


class Artifact(Base):
    """A file that clients know by a path: a label, and the stored bytes that it names now."""

    __tablename__ = "artifacts"
    object_kind: ClassVar[str] = "artifact"

    workspace_id: Mapped[str] = mapped_column(String(36), ForeignKey("workspaces.id"), primary_key=True)
    path: Mapped[str] = mapped_column(_PATH, primary_key=True)
    experiment_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("experiments.id"), index=True)
    owner_kind: Mapped[str] = mapped_column(String(20))
    owner_id: Mapped[str] = mapped_column(String(36))
    sha256: Mapped[str] = mapped_column(String(64), ForeignKey("blobs.sha256"), index=True)
    size: Mapped[int] = mapped_column(BigInteger)
    described: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """What the file says of a model, if it is one of those that do (`domain.described`)."""
    logged_ms: Mapped[int] = mapped_column(BigInteger)
    logged_by: Mapped[str] = mapped_column(String(36))


class FrozenFolder(Base):
    """A folder that a version of the registry points at: what is in it stays as it is."""

    __tablename__ = "frozen_folders"
    __table_args__ = (Index("ix_frozen_folders_path", "workspace_id", "path"),)

    version_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    workspace_id: Mapped[str] = mapped_column(String(36), ForeignKey("workspaces.id"))
    path: Mapped[str] = mapped_column(_PATH)
    model_id: Mapped[str] = mapped_column(String(36), index=True)
    model_name: Mapped[str] = mapped_column(String(250))
    version_number: Mapped[int]


class Trace(Base):
    """One call of an application, as it told of it. `is_told` says that the client sent what it knows of the whole;
    until then times, state and previews are taken from the spans.
    """

    __tablename__ = "traces"
    __table_args__ = (Index("ix_traces_listing", "experiment_id", "start_ms", "id"),)

    id: Mapped[str] = mapped_column(String(250), primary_key=True)
    experiment_id: Mapped[str] = mapped_column(String(36), ForeignKey("experiments.id"))
    start_ms: Mapped[int] = mapped_column(BigInteger)
    duration_ms: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(20))
    client_request_id: Mapped[str | None] = mapped_column(Text)
    request_preview: Mapped[str | None] = mapped_column(Text)
    response_preview: Mapped[str | None] = mapped_column(Text)
    is_told: Mapped[bool]
    created_by: Mapped[str] = mapped_column(String(36))
    created_ms: Mapped[int] = mapped_column(BigInteger)


class TraceTag(Base):
    """A word on a trace, which may change."""

    __tablename__ = "trace_tags"
    __table_args__ = (_CLUSTERED,)

    trace_id: Mapped[str] = mapped_column(String(250), ForeignKey("traces.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    logged_ms: Mapped[int] = mapped_column(BigInteger)
    logged_by: Mapped[str] = mapped_column(String(36))


class TraceMetadata(Base):
    """What a client says of a trace once."""

    __tablename__ = "trace_metadata"
    __table_args__ = (_CLUSTERED,)

    trace_id: Mapped[str] = mapped_column(String(250), ForeignKey("traces.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    logged_ms: Mapped[int] = mapped_column(BigInteger)
    logged_by: Mapped[str] = mapped_column(String(36))


class Span(Base):
    """A step of a trace. `content` is what clients read; `attributes` are its words as a search compares them."""

    __tablename__ = "spans"

    trace_id: Mapped[str] = mapped_column(String(250), ForeignKey("traces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    parent_id: Mapped[str | None] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(Text)
    type: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(10))
    start_ns: Mapped[int] = mapped_column(BigInteger)
    end_ns: Mapped[int | None] = mapped_column(BigInteger)
    attributes: Mapped[str] = mapped_column(Text)
    content: Mapped[str] = mapped_column(Text)
    logged_ms: Mapped[int] = mapped_column(BigInteger)
    logged_by: Mapped[str] = mapped_column(String(36))


class TraceAssessment(Base):
    """What somebody, or a program, thinks of a trace. `text` and `number` are its value as a search compares it."""

    __tablename__ = "trace_assessments"
    __table_args__ = (Index(None, "trace_id", "name"),)

    id: Mapped[str] = mapped_column(String(250), primary_key=True)
    trace_id: Mapped[str] = mapped_column(String(250), ForeignKey("traces.id"))
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(String(20))
    content: Mapped[dict[str, Any]]
    """The value, error, rationale and metadata as the client sent them."""
    text: Mapped[str | None] = mapped_column(Text)
    number: Mapped[float | None] = mapped_column(Double)
    source_type: Mapped[str] = mapped_column(String(30))
    source_id: Mapped[str] = mapped_column(Text)
    span_id: Mapped[str | None] = mapped_column(Text)
    overrides: Mapped[str | None] = mapped_column(String(250))
    is_valid: Mapped[bool]
    created_ms: Mapped[int] = mapped_column(BigInteger)
    updated_ms: Mapped[int] = mapped_column(BigInteger)
    created_by: Mapped[str] = mapped_column(String(36))
    updated_by: Mapped[str] = mapped_column(String(36))


class TraceRun(Base):
    """A trace belongs to a run; it may arrive after its link."""

    __tablename__ = "trace_runs"
    __table_args__ = (Index(None, "trace_id"), _CLUSTERED)

    run_id: Mapped[str] = mapped_column(String(36), ForeignKey("runs.id"), primary_key=True)
    trace_id: Mapped[str] = mapped_column(String(250), primary_key=True)
    logged_ms: Mapped[int] = mapped_column(BigInteger)
    logged_by: Mapped[str] = mapped_column(String(36))


class TracePrompt(Base):
    """A trace used a version of a prompt."""

    __tablename__ = "trace_prompts"
    __table_args__ = (Index(None, "name", "version"), _CLUSTERED)

    trace_id: Mapped[str] = mapped_column(String(250), ForeignKey("traces.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(250), primary_key=True)
    version: Mapped[str] = mapped_column(String(20), primary_key=True)
    logged_ms: Mapped[int] = mapped_column(BigInteger)
    logged_by: Mapped[str] = mapped_column(String(36))


class EvaluationSet(InWorkspace, Base):
    """Examples that applications are evaluated with. It belongs to the home unit of whoever made it."""

    __tablename__ = "evaluation_sets"
    object_kind: ClassVar[str] = "evaluation_set"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    unit_id: Mapped[str] = mapped_column(String(36), ForeignKey("units.id"), index=True)
    name: Mapped[str] = mapped_column(String(500))
    digest: Mapped[str] = mapped_column(String(36))
    schema: Mapped[dict[str, Any] | None] = mapped_column(Json)
    tags: Mapped[dict[str, Any]] = mapped_column(default=dict)
    record_count: Mapped[int] = mapped_column(BigInteger, default=0)
    made_by_name: Mapped[str] = mapped_column(Text)
    changed_by_name: Mapped[str] = mapped_column(Text)
    created_by: Mapped[str] = mapped_column(String(36))
    created_ms: Mapped[int] = mapped_column(BigInteger)
    updated_ms: Mapped[int] = mapped_column(BigInteger)


class EvaluationTag(Base):
    """A word on an evaluation set, as searches find it."""

    __tablename__ = "evaluation_tags"

    set_id: Mapped[str] = mapped_column(String(36), ForeignKey("evaluation_sets.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class EvaluationExperiment(Base):
    """An evaluation set is used in an experiment."""

    __tablename__ = "evaluation_experiments"

    set_id: Mapped[str] = mapped_column(String(36), ForeignKey("evaluation_sets.id"), primary_key=True)
    experiment_id: Mapped[str] = mapped_column(String(36), ForeignKey("experiments.id"), primary_key=True, index=True)


class EvaluationRecord(Base):
    """An example: inputs, which tell it from others, and what is expected."""

    __tablename__ = "evaluation_records"
    __table_args__ = (UniqueConstraint("set_id", "inputs_digest"), Index(None, "set_id", "created_ms", "id"))

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    set_id: Mapped[str] = mapped_column(String(36), ForeignKey("evaluation_sets.id"))
    inputs_digest: Mapped[str] = mapped_column(String(64))
    content: Mapped[dict[str, Any]]
    """Inputs, outputs, expectations, tags and source, as they were sent."""
    made_by_name: Mapped[str] = mapped_column(Text)
    changed_by_name: Mapped[str] = mapped_column(Text)
    created_by: Mapped[str] = mapped_column(String(36))
    created_ms: Mapped[int] = mapped_column(BigInteger)
    updated_ms: Mapped[int] = mapped_column(BigInteger)


class ScorerVersion(Base):
    """A version of a scorer of an experiment, as the client wrote it down. It is kept and never run here."""

    __tablename__ = "scorer_versions"

    experiment_id: Mapped[str] = mapped_column(String(36), ForeignKey("experiments.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(250), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    scorer_id: Mapped[str] = mapped_column(String(36))
    serialized: Mapped[str] = mapped_column(Text)
    created_by: Mapped[str] = mapped_column(String(36))
    created_ms: Mapped[int] = mapped_column(BigInteger)
