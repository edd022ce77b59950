"""Shapes of what is asked about experiments and runs, and of what is answered."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from modelops_platform.web.forms import EmptyIsNone, Out, PageIn

from .domain.filters import LONGEST


class ExperimentPage(PageIn):
    """Which experiments."""

    q: Annotated[Annotated[str, Field(max_length=500)] | None, EmptyIsNone] = None
    deleted: bool = False


class RunPage(PageIn):
    """Which runs: a filter of the protocol's search language, and what they are ordered by."""

    q: Annotated[Annotated[str, Field(max_length=LONGEST)] | None, EmptyIsNone] = None
    sort: Annotated[Annotated[str, Field(max_length=1000)] | None, EmptyIsNone] = None
    deleted: bool = False


class TracePage(PageIn):
    """Which traces: a filter of the protocol's search language."""

    q: Annotated[Annotated[str, Field(max_length=LONGEST)] | None, EmptyIsNone] = None


class LoggedModelPage(TracePage):
    """Which logged models: a filter of the protocol's search language."""


class EvaluationPage(TracePage):
    """Which evaluation sets: a filter of the protocol's search language."""


class FolderOf(PageIn):
    """Which folder of a run's artifacts."""

    folder: Annotated[Annotated[str, Field(max_length=1100)] | None, EmptyIsNone] = None


class MetricOf(PageIn):
    """Which metric of a run."""

    key: Annotated[str, Field(max_length=250)]


class ExperimentOut(Out):
    """An experiment."""

    id: str = Field(description="Its number as text; clients of MLflow know it by this.")
    name: str
    unit_id: str
    owner_id: str | None
    artifact_location: str
    lifecycle: str = Field(description="`active` or `deleted`.")


class RunOut(Out):
    """A run with what it logged."""

    id: str
    name: str
    status: str = Field(description="`RUNNING`, `SCHEDULED`, `FINISHED`, `FAILED` or `KILLED`.")
    is_deleted: bool
    started_at: datetime | None
    ended_at: datetime | None
    artifact_uri: str
    values: dict[str, float | str] = Field(description="The latest value of each metric; NaN and infinities as text.")
    params: dict[str, str]
    tags: dict[str, str]


class LoggedModelOut(Out):
    """A model as a run made it, before anything is registered."""

    id: str
    experiment_id: str
    name: str
    status: str = Field(description="`pending`, `ready` or `upload failed`.")
    kind: str = Field(description="What its client calls its type; empty when it does not say.")
    made_at: datetime | None
    run_id: str | None
    artifact_uri: str
    params: dict[str, str]
    tags: dict[str, str]
    metrics: list[dict[str, Any]] = Field(description="Points of all runs that measured it.")


class EvaluationSetOut(Out):
    """Examples that applications are evaluated with."""

    id: str
    name: str
    unit_id: str
    record_count: int
    tags: dict[str, Any]
    made_by_name: str
    changed_by_name: str


class EvaluationRecordOut(Out):
    """One example of an evaluation set."""

    id: str
    content: dict[str, Any] = Field(description="Inputs, outputs, expectations, tags and source, as they were sent.")


class ScorerOut(Out):
    """The newest version of a scorer, as its client wrote it down."""

    scorer_id: str
    name: str
    version: int
    serialized: str
