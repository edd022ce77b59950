"""Runs as pages show them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from .words import DATA_CONTEXT, PARENT, USER

MOST_COLUMNS = 4
_TECHNICAL = "mlflow."
_END_OF_TIME_MS = 253_402_300_799_000


@dataclass(frozen=True, slots=True)
class ShownMetric:
    """The latest point of a metric."""

    key: str
    value: float | str
    step: int
    at: datetime | None


@dataclass(frozen=True, slots=True)
class ShownData:
    """A data set that a run used."""

    name: str
    digest: str
    context: str | None
    source_type: str
    source: str


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run, read from its document."""

    id: str
    name: str
    status: str
    is_deleted: bool
    user_name: str
    started_at: datetime | None
    ended_at: datetime | None
    artifact_uri: str
    metrics: Sequence[ShownMetric] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    data_sets: Sequence[ShownData] = ()
    models_read: Sequence[str] = ()
    models_made: Sequence[str] = ()

    @property
    def took(self) -> str | None:
        """How long it took, in words; None while it is under way."""
        if self.started_at is None or self.ended_at is None or self.ended_at < self.started_at:
            return None
        seconds = (self.ended_at - self.started_at).total_seconds()
        if seconds < 60:
            return f"{seconds:.1f} s"
        minutes, seconds = divmod(round(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"

    @property
    def values(self) -> dict[str, float | str]:
        """The latest values by metric."""
        return {metric.key: metric.value for metric in self.metrics}

    @property
    def own_tags(self) -> dict[str, str]:
        """The tags that people set, without those that clients use among themselves."""
        return {key: value for key, value in self.tags.items() if not key.startswith(_TECHNICAL)}

    @property
    def description(self) -> str | None:
        """What its maker wrote about it."""
        return self.tags.get("mlflow.note.content")

    @property
    def source(self) -> str | None:
        """The script or notebook it came from."""
        return self.tags.get("mlflow.source.name")

    @property
    def commit(self) -> str | None:
        """The commit of its code."""
        return self.tags.get("mlflow.source.git.commit")

    @property
    def parent_id(self) -> str | None:
        """The run it is part of."""
        return self.tags.get(PARENT)

    @property
    def who(self) -> str:
        """Who its client says it runs for."""
        return self.tags.get(USER) or self.user_name


def moment(milliseconds: int | None) -> datetime | None:
    """Return a time of the protocol; None for what no calendar holds."""
    if milliseconds is None or not 0 <= milliseconds <= _END_OF_TIME_MS:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def read_run(document: bytes) -> ShownRun:
    """Return what a run's document says."""
    run: dict[str, Any] = msgspec.json.decode(document)
    info, data, inputs = run["info"], run["data"], run["inputs"]
    return ShownRun(
        id=info["run_id"],
        name=info["run_name"] or info["run_id"],
        status=info["status"],
        is_deleted=info["lifecycle_stage"] == "deleted",
        user_name=info["user_id"],
        started_at=moment(info["start_time"]),
        ended_at=moment(info.get("end_time")),
        artifact_uri=info["artifact_uri"],
        metrics=[
            ShownMetric(one["key"], one["value"], one["step"], moment(one["timestamp"]))
            for one in sorted(data.get("metrics", ()), key=lambda one: str(one["key"]))
        ],
        params={one["key"]: one["value"] for one in data.get("params", ())},
        tags={one["key"]: one["value"] for one in data.get("tags", ())},
        data_sets=[_data_set(one) for one in inputs.get("dataset_inputs", ())],
        models_read=[one["model_id"] for one in inputs.get("model_inputs", ())],
        models_made=[one["model_id"] for one in run.get("outputs", {}).get("model_outputs", ())],
    )


@dataclass(frozen=True, slots=True)
class ShownModel:
    """A logged model, read from its document."""

    id: str
    experiment_id: str
    name: str
    status: str
    kind: str
    made_at: datetime | None
    run_id: str | None
    artifact_uri: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Sequence[Mapping[str, Any]]

    @property
    def own_tags(self) -> dict[str, str]:
        """The tags that people set, without those that clients use among themselves."""
        return {key: value for key, value in self.tags.items() if not key.startswith(_TECHNICAL)}


def read_logged_model(document: Mapping[str, Any]) -> ShownModel:
    """Return what a logged model's document says."""
    model: dict[str, Any] = msgspec.to_builtins(document)
    info, data = model["info"], model["data"]
    return ShownModel(
        id=info["model_id"],
        experiment_id=info["experiment_id"],
        name=info["name"],
        status=str(info["status"]).removeprefix("LOGGED_MODEL_").lower().replace("_", " "),
        kind=info.get("model_type") or "",
        made_at=moment(info["creation_timestamp_ms"]),
        run_id=info.get("source_run_id") or None,
        artifact_uri=info["artifact_uri"],
        params={one["key"]: one["value"] for one in data.get("params", ())},
        tags={one["key"]: one["value"] for one in info.get("tags", ())},
        metrics=data.get("metrics", ()),
    )


def in_one_line(value: Any) -> str:
    """Return what a record holds as text to read at a glance."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _data_set(used: Mapping[str, Any]) -> ShownData:
    described = used["dataset"]
    tags = {tag["key"]: tag["value"] for tag in used.get("tags", ())}
    return ShownData(
        described["name"],
        described["digest"],
        tags.get(DATA_CONTEXT),
        described["source_type"],
        described["source"],
    )


def columns_of(runs: Sequence[ShownRun]) -> tuple[list[str], list[str]]:
    """Return the metrics and the parameters that most of the runs have, few enough for a table."""
    metrics = Counter(metric.key for run in runs for metric in run.metrics)
    params = Counter(key for run in runs for key in run.params)
    return [key for key, _ in metrics.most_common(MOST_COLUMNS)], [key for key, _ in params.most_common(MOST_COLUMNS)]
