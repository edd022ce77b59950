"""Shapes of monitoring's outside."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AliasPath, Field, ValidationInfo, field_validator

from modelops_platform.registry.schemas import Named
from modelops_platform.web.forms import EmptyIsNone, In, Moment, Out, PageIn

from .domain.lights import Light
from .domain.limits import Bad, Limits, Measure, read_span

MOST_POINTS = 5_000
DEFAULT_FEWEST_ROWS = 30
DEFAULT_STALE_AFTER = "35 days"

Limit = Annotated[float | None, EmptyIsNone]
FewestRows = Annotated[Annotated[int, Field(ge=0, le=2**31 - 1)] | None, EmptyIsNone]
Span = Annotated[Annotated[str, Field(max_length=40, examples=["14 days", "36 hours"])] | None, EmptyIsNone]
Reference = Annotated[Annotated[str, Field(max_length=250)] | None, EmptyIsNone]
VersionNumber = Annotated[Annotated[int, Field(ge=1, le=2**31 - 1)] | None, EmptyIsNone]
Day = Annotated[date | None, EmptyIsNone]


class LimitsIn(In):
    """When a figure warns or fails. Without `warn` and `fail` the series is shown but not judged."""

    bad: Annotated[Bad | None, EmptyIsNone] = Field(
        default=None, description="On which side of a limit a value is bad; the limit itself is still good."
    )
    warn: Limit = Field(default=None, description="The limit of the warning.")
    fail: Limit = Field(default=None, description="The limit of the failure.")
    fewest_rows: FewestRows = Field(
        default=DEFAULT_FEWEST_ROWS, description="A figure on fewer rows is not judged; null or 0: any number will do."
    )
    stale_after: Span = Field(
        default=DEFAULT_STALE_AFTER, description="How long a figure holds, such as `14 days`; null: for ever."
    )


class MonitorIn(LimitsIn):
    """A series of figures to watch."""

    name: str = Field(min_length=1, max_length=250, examples=["roc_auc"])
    measures: Measure = Field(default=Measure.OTHER, description="What sort of thing it tells about the model.")
    unit: str = Field(default="", max_length=40, examples=["AUC"])
    description: str = Field(default="", max_length=4000, description="How it is computed, for those who read it.")
    deployment: Reference = Field(default=None, description="The deployment it is about, by name or id.")
    environment: Reference = Field(default=None, description="The environment it is about, by name or id.")
    version: VersionNumber = Field(default=None, description="The version it is about, when it is about one only.")

    def limits(self) -> Limits:
        """Return the limits. Raises InvalidInput when they contradict each other."""
        return limits_of(self.model_dump())


class MonitorPatch(In):
    """What to change of a monitor; what is left out stays, null takes a value away."""

    measures: Measure | None = None
    unit: str | None = Field(default=None, max_length=40)
    description: str | None = Field(default=None, max_length=4000)
    bad: Annotated[Bad | None, EmptyIsNone] = None
    warn: Limit = None
    fail: Limit = None
    fewest_rows: FewestRows = None
    stale_after: Span = None
    is_enabled: bool | None = Field(default=None, description="false: it no longer counts; its points stay.")


class NewMonitorForm(MonitorIn):
    """The form of a new monitor: a field left empty is no limit, not the default."""

    fewest_rows: FewestRows = None
    stale_after: Span = None


class MonitorForm(LimitsIn):
    """The form of an existing monitor: all that it shows, and the entity tag of what its reader saw."""

    measures: Measure
    unit: str = Field(default="", max_length=40)
    description: str = Field(default="", max_length=4000)
    fewest_rows: FewestRows = None
    stale_after: Span = None
    seen: str = Field(max_length=100)

    def as_patch(self) -> MonitorPatch:
        """Return the change that it asks for; a field left empty takes the value away."""
        return MonitorPatch.model_validate(self.model_dump(exclude={"seen"}))


class EnabledForm(In):
    """Whether a monitor shall count."""

    is_enabled: bool

    def as_patch(self) -> MonitorPatch:
        """Return the change that it asks for."""
        return MonitorPatch(is_enabled=self.is_enabled)


def limits_of(values: dict[str, Any]) -> Limits:
    """Return the limits that a shape names. Raises InvalidInput when they contradict each other."""
    stale_after = values["stale_after"]
    hours = None if stale_after is None else read_span(stale_after)
    bad = None if values["bad"] is None else Bad(values["bad"])
    return Limits(bad, values["warn"], values["fail"], values["fewest_rows"], hours)


class WindowIn(In):
    """The stretch of time that a figure was computed over: [from, to)."""

    from_at: Moment = Field(alias="from")
    to_at: Moment = Field(alias="to")

    @field_validator("to_at")
    @classmethod
    def _in_order(cls, to_at: datetime, info: ValidationInfo) -> datetime:
        if "from_at" in info.data and info.data["from_at"] > to_at:
            raise ValueError("the window ends before it begins")
        return to_at


class PointIn(In):
    """A figure."""

    metric: str = Field(min_length=1, max_length=250, description="Name of the series; a new one is made, unjudged.")
    value: float | None = Field(
        default=None, strict=True, description="A finite number; null: there was nothing to compute it from."
    )
    at: Moment | None = Field(
        default=None, description="The time it is about, with its zone; at most a day ahead; by default now."
    )
    n: int | None = Field(default=None, strict=True, ge=0, le=2**53 - 1, description="Rows that it stands on.")
    window: WindowIn | None = None
    version: int | None = Field(default=None, strict=True, ge=1, le=2**31 - 1, description="The version it is about.")
    source: str = Field(default="", max_length=100, description="Where it comes from, such as `replay`.")
    note: str = Field(default="", max_length=1000)
    error: Annotated[Annotated[str, Field(max_length=500)] | None, EmptyIsNone] = Field(
        default=None, description="Why the figure could not be computed; then there is no value."
    )

    @field_validator("error")
    @classmethod
    def _value_or_error(cls, error: str | None, info: ValidationInfo) -> str | None:
        if error and info.data.get("value") is not None:
            raise ValueError("a figure that could not be computed has no value: leave out `value` or `error`")
        return error


class PointsIn(In):
    """Figures of one model, for any number of its series."""

    points: list[PointIn] = Field(min_length=1, max_length=MOST_POINTS)


class PointFilter(In):
    """Which points: those whose time lies in [since, until)."""

    since: Annotated[Moment | None, EmptyIsNone] = None
    until: Annotated[Moment | None, EmptyIsNone] = None


class PointPage(PointFilter, PageIn):
    """A page of the points."""


class RangeChoice(In):
    """The stretch of time that a page shows."""

    range: Reference = None
    first: Day = None
    last: Day = None


class SeriesPage(RangeChoice, PageIn):
    """A page of a series' points in a stretch of time."""


class ModelsPage(In):
    """What the page of all models is narrowed by."""

    light: Reference = None
    kind: Reference = None
    tier: Reference = None
    environment: Reference = None
    unit: Reference = None
    owner: Reference = None
    cursor: str | None = Field(default=None, max_length=4000)
    limit: int = Field(default=50, ge=1, le=200)


class AlertFilter(In):
    """What the list of alerts is narrowed by; page and API take the same."""

    state: Annotated[Literal["open", "closed"] | None, EmptyIsNone] = None
    light: Annotated[Light | None, EmptyIsNone] = None
    acknowledged: Annotated[bool | None, EmptyIsNone] = None
    model: Reference = None


class AlertPage(AlertFilter, PageIn):
    """A page of the alerts."""


class AcknowledgeIn(In):
    """What somebody says about an alert."""

    reason: str = Field(min_length=1, max_length=1000, description="A sentence: what it is, and what is done about it.")


class LimitsOut(Out):
    """Limits, and when they were in force."""

    id: str
    bad: Bad | None
    warn: float | None
    fail: float | None
    fewest_rows: int | None
    stale_after: str | None
    from_at: datetime
    to_at: datetime | None = Field(description="null: in force.")
    set_by: Named | None = Field(validation_alias="setter", description="null: the platform itself.")


class PointOut(Out):
    """A figure as it was posted."""

    id: str
    at: datetime
    value: float | None
    n: int | None
    error: str | None
    window_from: datetime | None
    window_to: datetime | None
    version: int | None = Field(validation_alias="version_number")
    source: str
    note: str
    light: Light = Field(description="What it meant under the limits in force when it arrived.")
    corrects: str | None = Field(validation_alias="corrects_id", description="The point that this one replaces.")
    posted_by: Named | None = Field(validation_alias="poster", description="null: the platform itself.")
    posted_with: Named | None = Field(validation_alias="token", description="The token; null: a browser.")
    posted_at: datetime = Field(description="When it arrived.")


class PointDetail(PointOut):
    """A figure with what it was judged by."""

    model: str = Field(validation_alias=AliasPath("monitor", "model", "name"))
    metric: str = Field(validation_alias=AliasPath("monitor", "name"))
    limits: LimitsOut = Field(validation_alias="limits_in_force")
    why: str
    corrected_by: str | None = Field(description="The point that replaces this one.")


class LatestOut(Out):
    """The latest point of a series."""

    id: str
    at: datetime
    value: float | None
    n: int | None
    source: str


class MonitorOut(Out):
    """A series with what it is judged by and what it shows now."""

    id: str
    name: str
    measures: Measure
    unit: str
    description: str
    deployment: Named | None
    environment: Named | None
    version: int | None = Field(validation_alias="version_number")
    bad: Bad | None = Field(validation_alias=AliasPath("limits_in_force", "bad"))
    warn: float | None = Field(validation_alias=AliasPath("limits_in_force", "warn"))
    fail: float | None = Field(validation_alias=AliasPath("limits_in_force", "fail"))
    fewest_rows: int | None = Field(validation_alias=AliasPath("limits_in_force", "fewest_rows"))
    stale_after: str | None = Field(validation_alias=AliasPath("limits_in_force", "stale_after"))
    is_enabled: bool
    is_judged: bool
    light: Light = Field(validation_alias="light_now")
    since: datetime = Field(validation_alias=AliasPath("standing", "since"), description="When the light began.")
    stale_at: datetime | None = Field(validation_alias=AliasPath("standing", "stale_at"))
    latest: LatestOut | None = Field(validation_alias=AliasPath("standing", "latest"))
    created_at: datetime
    revision: int


class SeriesTaken(Out):
    """A series that a call posted to, as it stands afterwards."""

    metric: str
    taken: int
    light: Light
    latest: str | None = Field(description="Id of its latest point.")
    is_new: bool


class PointsTaken(Out):
    """What became of a call's points."""

    taken: int = Field(description="Points that were kept.")
    repeated: int = Field(description="Points that were here already, exactly so; nothing was written for them.")
    corrected: int = Field(
        description="Of those kept: points that replace an earlier one of the same time and version."
    )
    light: Light = Field(description="The model's light now.")
    series: list[SeriesTaken]


class AlertOut(Out):
    """A light that got worse, and what was said about it."""

    id: str
    model: Named
    monitor: Named
    light: Light
    why: str
    point: str | None = Field(validation_alias="point_id")
    since: datetime
    raised_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: Named | None = Field(validation_alias="acknowledger")
    acknowledgement: str
    closed_at: datetime | None
    close_reason: str


class HealthOut(Out):
    """How a model does: its light, those it comes from, and what is open."""

    model: str
    light: Light
    is_unknown: bool = Field(description="Whether the light says that nobody knows; that is never good.")
    as_of: datetime
    counts: dict[Light, int] = Field(description="Judged series by light.")
    monitors: list[MonitorOut]
    alerts: list[AlertOut] = Field(description="Open alerts.")
