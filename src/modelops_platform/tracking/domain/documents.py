"""A run as clients read it: JSON, in the shape that the MLflow protocol gives it."""

import math
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode


def point_text(value: float) -> str:
    """Return a point's value as JSON carries it."""
    if math.isnan(value):
        return '"NaN"'
    if math.isinf(value):
        return '"Infinity"' if value > 0 else '"-Infinity"'
    return repr(value)


def number_of(text: str) -> float:
    """Return the value of a point's text."""
    return float(text.strip('"').replace("Infinity", "inf"))


def printable(value: float | None) -> float | str:
    """Return a value as JSON can carry it; None stands for NaN."""
    if value is None:
        return "NaN"
    return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


class RunInfo(msgspec.Struct, omit_defaults=True):
    """The head of a run."""

    run_id: str
    run_uuid: str
    experiment_id: str
    run_name: str
    user_id: str
    status: str
    start_time: int
    artifact_uri: str
    lifecycle_stage: str
    end_time: int | None = None


class RunParts:
    """A run taken together from its rows."""

    __slots__ = ("data_sets", "info", "logged")

    def __init__(
        self,
        run_id: str,
        experiment_id: str,
        name: str,
        user_name: str,
        status: str,
        start_ms: int,
        end_ms: int | None,
        artifact_uri: str,
        lifecycle: str,
    ) -> None:
        self.info = RunInfo(
            run_id, run_id, experiment_id, name, user_name, status, start_ms, artifact_uri, lifecycle, end_ms
        )
        self.logged: dict[str, list[dict[str, Any]]] = {}
        self.data_sets: list[tuple[str, str, str, str, str | None, str | None, str]] = []

    def add(self, kind: str, key: str, text: str | None, value: float | None, timestamp: int, step: int) -> None:
        """Add something that was logged."""
        if kind == "metric":
            entry = {"key": key, "value": printable(value), "timestamp": timestamp, "step": step}
        elif kind == "input":
            entry = {"model_id": key}
        elif kind == "output":
            entry = {"model_id": key, "step": step}
        else:
            entry = {"key": key, "value": text or ""}
        self.logged.setdefault(kind, []).append(entry)


def print_run(run: RunParts) -> bytes:
    """Return the run's document."""
    logged = run.logged
    data = {name: logged[kind] for kind, name in _DATA if kind in logged}
    inputs: dict[str, Any] = {}
    if run.data_sets:
        inputs["dataset_inputs"] = [_data_set(*row) for row in run.data_sets]
    if "input" in logged:
        inputs["model_inputs"] = logged["input"]
    document: dict[str, Any] = {"info": run.info, "data": data, "inputs": inputs}
    if "output" in logged:
        document["outputs"] = {"model_outputs": logged["output"]}
    return _encode(document)


_DATA = (("metric", "metrics"), ("param", "params"), ("tag", "tags"))


def _data_set(
    name: str, digest: str, source_type: str, source: str, schema: str | None, profile: str | None, tags: str
) -> dict[str, Any]:
    described: dict[str, Any] = {"name": name, "digest": digest, "source_type": source_type, "source": source}
    if schema is not None:
        described["schema"] = schema
    if profile is not None:
        described["profile"] = profile
    found: dict[str, Any] = {"dataset": described}
    pairs = msgspec.json.decode(tags)
    if pairs:
        found["tags"] = pairs
    return found
