"""Traces as pages show them: their heads in a list, their steps as a tree, one line each."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from .looks import moment
from .otlp import ToldSpan, numbers_of, preview_of
from .traces import NAME, TOKENS, TraceRecord

LONGEST_SHOWN, DEEPEST_SHOWN = 4_000, 12
_OWN = "mlflow."


@dataclass(frozen=True, slots=True)
class ShownTrace:
    """A trace in a list."""

    id: str
    name: str
    experiment_id: str
    state: str
    started_at: datetime | None
    took: str | None
    given: str | None
    taken: str | None
    tokens: int | None
    own: Sequence[tuple[str, str]] = ()
    technical: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A step of a trace, and how deep below the first it is."""

    id: str
    depth: int
    name: str
    type: str
    state: str
    took: str | None
    after: str
    inputs: str | None
    outputs: str | None
    problem: str | None
    attributes: Sequence[tuple[str, str]] = ()
    events: Sequence[str] = field(default=())


def show_trace(record: TraceRecord) -> ShownTrace:
    """Return a trace as a list shows it."""
    words = sorted({**record.metadata, **record.tags}.items())
    tokens = numbers_of(record.metadata.get(TOKENS)).get("total_tokens")
    return ShownTrace(
        record.id,
        record.tags.get(NAME) or "unnamed",
        record.experiment_id,
        _STATES.get(record.state, "unknown"),
        moment(record.start_ms),
        None if record.duration_ms is None else in_words(record.duration_ms),
        record.request_preview,
        record.response_preview,
        None if tokens is None else int(tokens),
        [(key, value) for key, value in words if not key.startswith(_OWN)],
        [(key, value) for key, value in words if key.startswith(_OWN) and value],
    )


_STATES = {"OK": "done", "ERROR": "failed", "IN_PROGRESS": "running", "UNSET": "done"}


def in_words(ms: float) -> str:
    """Return a duration in words."""
    if ms <= 0:
        return "0 ms"
    if ms < 10:
        return f"{ms:.1f} ms"
    if ms < 1_000:
        return f"{ms:.0f} ms"
    if ms < 60_000:
        return f"{ms / 1000:.2f} s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def show_steps(rows: Iterable[Sequence[Any]]) -> list[ShownStep]:
    """Return the steps of a trace as a tree told line by line; each below the one that began it.

    Args:
        rows: id, parent's id, name, type, status, start and end in nanoseconds, content; in the order they began.
    """
    spans = {row[0]: row for row in rows}
    below: dict[str | None, list[str]] = {}
    for span_id, row in spans.items():
        below.setdefault(row[1] if row[1] in spans and row[1] != span_id else None, []).append(span_id)
    first = min((row[5] for row in spans.values()), default=0)
    found: dict[str, ShownStep] = {}
    waiting = [(span_id, 0) for span_id in reversed(below.get(None, []))]
    while True:
        while waiting:
            span_id, depth = waiting.pop()
            if span_id not in found:
                found[span_id] = _step(spans[span_id], min(depth, DEEPEST_SHOWN), first)
                waiting.extend((child, depth + 1) for child in reversed(below.get(span_id, [])))
        lost = next((span_id for span_id in spans if span_id not in found), None)  # steps that begin each other
        if lost is None:
            return list(found.values())
        waiting.append((lost, 0))


def _step(row: Sequence[Any], depth: int, first: int) -> ShownStep:
    span_id, _parent, name, kind, status, start, end, content = row
    document = msgspec.json.decode(content)
    attributes = {pair["key"]: _plain(pair.get("value", {})) for pair in document.get("attributes", ())}
    span = ToldSpan("", span_id, None, name, status, start, end, attributes)
    others = {key: value for key, value in attributes.items() if not key.startswith(_OWN)}
    return ShownStep(
        span_id,
        depth,
        name or "unnamed",
        "" if kind == "UNKNOWN" else kind.replace("_", " ").lower(),
        _STATES.get(status, "done"),
        in_words((end - start) / 1e6) if end and end >= start else None,
        in_words((start - first) / 1e6),
        _shown(span.inputs),
        _shown(span.outputs),
        document.get("status", {}).get("message"),
        [(key, preview_of(value, 300) or "") for key, value in sorted(others.items())][:40],
        [_event(event) for event in document.get("events", ())][:20],
    )


def _event(event: dict[str, Any]) -> str:
    told = {pair["key"]: _plain(pair.get("value", {})) for pair in event.get("attributes", ())}
    message = told.get("exception.message") or told.get("message")
    return f"{event.get('name', 'event')}: {message}"[:500] if message else str(event.get("name", "event"))[:500]


def _plain(value: dict[str, Any]) -> Any:
    """Return a value of the protocol's JSON as Python has it."""
    for kind, inner in value.items():
        if kind == "array_value":
            return [_plain(one) for one in inner.get("values", ())]
        if kind == "kvlist_value":
            return {pair["key"]: _plain(pair.get("value", {})) for pair in inner.get("values", ())}
        return inner
    return None


def _shown(value: Any) -> str | None:
    """Return inputs or outputs as text that people read."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return preview_of(value, LONGEST_SHOWN)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    return preview_of(text, LONGEST_SHOWN)
