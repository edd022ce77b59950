"""Shapes of testing a version: asking for a run, pushing results, and what came of them."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AliasPath, Field, model_validator

from modelops_platform.monitoring.domain.lights import Light
from modelops_platform.web.forms import EmptyIsNone, In, Out, PageIn, filled

from ..domain.parameters import Check
from ..domain.suites import Task
from .shared import Name

_ID = r"^[A-Za-z][A-Za-z0-9_-]{0,99}$"
_DIGEST = r"^[0-9a-f]{64}$"
Figure = Annotated[Annotated[float, Field(ge=-1e300, le=1e300)] | None, EmptyIsNone]
Rows = Annotated[Annotated[int, Field(ge=0, le=2**31 - 1)] | None, EmptyIsNone]
Digest = Annotated[Annotated[str, Field(pattern=_DIGEST)] | None, EmptyIsNone]
Number = Annotated[Annotated[int, Field(ge=1, le=1_000_000)] | None, EmptyIsNone]
Column = Annotated[str, Field(min_length=1, max_length=250)]


Columns = Annotated[list[Column], Field(max_length=20)]


class TestRunIn(In):
    """Ask the platform to test a version on a data set."""

    __test__ = False
    suite: str = Field(pattern=_ID, description="Id of the suite; its latest version is used.", examples=["tier-1"])
    data_set: str = Field(min_length=1, max_length=250, description="Name or id of a data set whose file is kept here.")
    target: Name = Field(default=None, description="The column with the truth.")
    positive: Name = Field(default=None, description="The value of the target that is a yes, or the favourable one.")
    task: Annotated[Task | None, EmptyIsNone] = Field(default=None, description="By default as the answers look.")
    time: Name = Field(default=None, description="The column that orders the rows in time.")
    segments: Columns = Field(default=[], description="Columns that part the rows into segments.")
    groups: Columns = Field(default=[], description="Columns with the groups whose fair treatment is tested.")
    against: Number = Field(default=None, description="The version to compare with; by default the one that is live.")


class TestRunForm(In):
    """A run as a form asks for it: names of columns are parted by commas."""

    __test__ = False
    version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    suite: Annotated[str, Field(max_length=100)]
    data_set: Annotated[str, Field(max_length=250)]
    target: Annotated[str, Field(max_length=250)] = ""
    positive: Annotated[str, Field(max_length=250)] = ""
    task: Annotated[str, Field(max_length=20)] = ""
    time: Annotated[str, Field(max_length=250)] = ""
    segments: Annotated[str, Field(max_length=2_000)] = ""
    groups: Annotated[str, Field(max_length=2_000)] = ""
    against: Annotated[str, Field(max_length=10)] = ""

    def read(self) -> TestRunIn:
        """Return what is asked for. Raises InvalidInput."""
        given: dict[str, Any] = self.model_dump(exclude={"version", "segments", "groups"})
        for name in ("segments", "groups"):
            given[name] = [part.strip() for part in getattr(self, name).split(",") if part.strip()]
        return filled(TestRunIn, **given)


class PushedResult(In):
    """One result of a test that ran in a pipeline."""

    test: str = Field(pattern=_ID)
    title: Annotated[str, Field(max_length=500)] = ""
    check: Check = Check.METRIC
    outcome: Light
    segment: Annotated[str, Field(max_length=200)] = ""
    value: Figure = None
    low: Figure = None
    high: Figure = None
    rows: Rows = None
    limit: Annotated[str, Field(max_length=500)] = Field(default="", description="The limit in words.")
    method: Annotated[str, Field(max_length=500)] = ""
    detail: Annotated[str, Field(max_length=2_000)] = ""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.outcome is Light.NOT_MONITORED:
            raise ValueError("a result that is pushed was looked at; send no_data where there was nothing")
        return self


class TestResultsIn(In):
    """Results of a suite that ran in a pipeline: kept and marked as such, never as computed by the platform."""

    __test__ = False
    suite: str = Field(pattern=_ID)
    suite_version: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="Of a suite that is kept here it is the one in force, which is meant if left out."
    )
    digest: Digest = Field(
        default=None, description="Digest of the manifest that was tested; it must be the version's."
    )
    data_digest: Digest = Field(default=None, description="SHA-256 of the data that it was tested on.")
    key: Annotated[Annotated[str, Field(max_length=200)] | None, EmptyIsNone] = Field(
        default=None, description="The same key and results again change nothing.", examples=["build-1207"]
    )
    link: Annotated[str, Field(max_length=2_000)] = Field(default="", description="Where the pipeline's report is.")
    max_age_days: Annotated[int, Field(ge=1, le=3_650)] = Field(default=90, description="Stale afterwards.")
    results: list[PushedResult] = Field(min_length=1, max_length=500)


class TestResultOut(Out):
    """What one test found, and everything that the figure rests on."""

    __test__ = False
    id: str
    test: str
    title: str
    check: str
    segment: str
    outcome: Light
    value: float | None
    low: float | None
    high: float | None
    noise: float | None
    limit: str
    rows: int | None
    method: str
    detail: str
    figures: list[dict[str, Any]]
    source: str
    digest: str | None
    artifact_digest: str | None
    data_digest: str | None
    suite: str = Field(validation_alias="suite_id")
    suite_version: int = Field(validation_alias="suite_number")
    seed: int | None
    at: datetime
    stale_at: datetime | None
    run_id: str


class TestRunOut(Out):
    """A run of a suite on a version."""

    __test__ = False
    id: str
    model: str = Field(validation_alias=AliasPath("model", "name"))
    version: int = Field(validation_alias=AliasPath("version", "number"))
    suite: str = Field(validation_alias="suite_id")
    suite_version: int = Field(validation_alias="suite_number")
    source: str
    state: str
    light: Light | None
    digest: str | None
    data_set_id: str | None
    data_digest: str | None
    roles: dict[str, Any]
    report: dict[str, Any]
    failure: str
    job_id: str | None
    created_by: str
    created_at: datetime
    ended_at: datetime | None


class TestRunWithResults(TestRunOut):
    """A run with what each test found."""

    results: list[TestResultOut]


class TestRunPage(PageIn):
    """Which runs of a model to list."""

    __test__ = False
    version: Number = Field(default=None, description="Only of this version.")
