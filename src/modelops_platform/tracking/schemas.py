"""Shapes of what is asked about experiments and runs, and of what is answered."""

from datetime import datetime
from typing import Annotated

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
