"""Verbs on traces. What is logged is appended data, which writes no event; deleting traces leaves one."""

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from modelops_platform.artifacts import service as artifacts
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import InvalidInput, NotFound
from modelops_platform.events import service as events

from .. import queries
from ..domain.limits import LONGEST_TAG, checked_experiment_id, checked_key
from ..domain.otlp import TAG_PREFIX, ToldSpan, preview_of, total_of
from ..domain.places import Place
from ..domain.traces import (
    ARTIFACTS_AT,
    COST,
    HERE,
    MOST_AT_ONCE,
    MOST_LINKS,
    MOST_PROMPTS,
    NAME,
    PROMPTS,
    SESSION,
    SHOWN_PREVIEW,
    SPANS_AT,
    TOKENS,
    USER,
    ToldTrace,
    TraceRecord,
    TraceState,
    checked_length,
    keeps_word,
    read_time,
)
from ..domain.words import Lifecycle
from ..queries.rights import no_experiment
from ..queries.statements import Statement, marks
from ..queries.traces import TraceHead, count_spans, get_heads, get_records, get_trace_head, no_trace
from ..tables import Experiment
from .assessments import add_assessments
from .experiments import now_ms
from .logging import get_to_log

_ADD = Statement(
    "INSERT INTO traces (id, experiment_id, start_ms, duration_ms, state, is_told, created_by, created_ms)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
)
_TELL = Statement(
    "UPDATE traces SET start_ms = ?, duration_ms = ?, state = ?, client_request_id = ?, request_preview = ?,"
    " response_preview = ?, is_told = ? WHERE id = ?"
)
_PUT = "INSERT INTO {} (trace_id, key, value, logged_ms, logged_by) VALUES (?, ?, ?, ?, ?) ON CONFLICT (trace_id, key)"
_CHANGE = " DO UPDATE SET value = excluded.value, logged_ms = excluded.logged_ms, logged_by = excluded.logged_by"
_PUT_TAG, _PUT_METADATA = (Statement(_PUT.format(name) + _CHANGE) for name in ("trace_tags", "trace_metadata"))
_ADD_TAG, _ADD_METADATA = (Statement(_PUT.format(name) + " DO NOTHING") for name in ("trace_tags", "trace_metadata"))
_EXPERIMENT = Statement(
    "SELECT id, unit_id, lifecycle, artifact_location FROM experiments WHERE id = ? AND workspace_id = ?",
    locks="FOR SHARE",
)


@dataclass(slots=True)
class _Place:
    """Where traces go."""

    experiment_id: str
    unit_id: str
    lifecycle: str
    artifact_location: str
    object_kind: str = "trace"

    def artifacts_of(self, trace_id: str) -> str:
        return f"{self.artifact_location}/traces/{trace_id}/artifacts"


def put_trace(db: Session, actor: Actor, experiment_id: str, told: ToldTrace) -> TraceRecord:
    """Keep what a client says of a trace, new or not. Raises NotFound, NotAllowed, InvalidInput."""
    told.check()
    place, connection, now = _place_to_log(db, actor, experiment_id), db.connection(), now_ms()
    _ADD.do(connection, told.id, place.experiment_id, told.start_ms, None, told.state.value, False, actor.id, now)
    head = _to_log(db, actor, told.id, place)
    _TELL.do(
        connection, told.start_ms, told.duration_ms, told.state.value, told.client_request_id, told.request_preview,
        told.response_preview, True, head.id,
    )  # fmt: skip
    tags = {**told.tags, ARTIFACTS_AT: place.artifacts_of(head.id)}
    if not count_spans(db, head.id):
        tags.pop(SPANS_AT, None)  # the client may believe it; only spans that came make it true
    _put_words(connection, _PUT_TAG, head.id, tags, now, actor)
    _put_words(connection, _PUT_METADATA, head.id, told.metadata, now, actor)
    _link_told_prompts(connection, head.id, told.tags.get(PROMPTS), now, actor)
    add_assessments(db, actor, head, told.assessments)
    return get_records(db, [head.id])[0]


def begin_trace(
    db: Session,
    actor: Actor,
    experiment_id: str,
    *,
    start_ms: int | None,
    metadata: Mapping[str, str],
    tags: Mapping[str, str],
) -> TraceRecord:
    """Make a trace that has only begun, as clients from before 3.0 do. Raises NotFound, NotAllowed, InvalidInput."""
    started = now_ms() if start_ms is None else read_time(start_ms, "timestamp_ms")
    told = ToldTrace(f"tr-{secrets.token_hex(16)}", started, TraceState.IN_PROGRESS)
    told.tags, told.metadata = dict(tags), dict(metadata)
    return put_trace(db, actor, experiment_id, told)


def end_trace(
    db: Session,
    actor: Actor,
    trace_id: str,
    *,
    end_ms: int | None,
    state: TraceState,
    metadata: Mapping[str, str],
    tags: Mapping[str, str],
) -> TraceRecord:
    """End a trace, as clients from before 3.0 do. Raises NotFound, NotAllowed, InvalidInput."""
    head = _head_to_log(db, actor, trace_id)
    before = get_records(db, [head.id])[0]
    told = ToldTrace(head.id, before.start_ms, state)
    ended = now_ms() if end_ms is None else read_time(end_ms, "timestamp_ms")
    told.duration_ms = max(ended - before.start_ms, 0)
    told.client_request_id = before.client_request_id
    told.request_preview, told.response_preview = before.request_preview, before.response_preview
    told.tags, told.metadata = dict(tags), dict(metadata)
    return put_trace(db, actor, head.experiment_id, told)


def _place_to_log(db: Session, actor: Actor, experiment_id: str) -> _Place:
    row = _EXPERIMENT.one(db.connection(), checked_experiment_id(experiment_id), actor.workspace_id)
    place = _Place(*row) if row else None
    if place is None or not queries.may(actor, Permission.VIEW, place):
        raise no_experiment(experiment_id)
    queries.must(actor, Permission.LOG_RUNS, place)
    _must_be_active(place.experiment_id, place.lifecycle)
    return place


def _must_be_active(experiment_id: str, lifecycle: str) -> None:
    if lifecycle != Lifecycle.ACTIVE:
        raise InvalidInput(
            f"The experiment {experiment_id} must be in the 'active' state. Current state is {lifecycle}.",
            remedy="Restore it first.",
            field="experiment_id",
            value=experiment_id,
        )


def _to_log(db: Session, actor: Actor, trace_id: str, place: _Place) -> TraceHead:
    """Return the head of a trace that is or was just made in the experiment. Raises InvalidInput."""
    found = get_heads(db, actor, [trace_id], to_change=True)
    if not found or found[0].experiment_id != place.experiment_id:
        raise InvalidInput(
            f"The trace ID {trace_id[:80]!r} is taken by another experiment.",
            remedy="Give each trace an ID of its own.",
            field="trace_id",
        )
    return found[0]


def _put_words(
    connection: Connection, statement: Statement, trace_id: str, words: dict[str, str], now: int, actor: Actor
) -> None:
    statement.many(connection, [(trace_id, key, value, now, actor.id) for key, value in sorted(words.items())])


_ADD_SPAN = Statement(
    "INSERT INTO spans (trace_id, id, parent_id, name, type, status, start_ns, end_ns, attributes, content, logged_ms,"
    " logged_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (trace_id, id) DO UPDATE SET"
    " parent_id = excluded.parent_id, name = excluded.name, type = excluded.type, status = excluded.status,"
    " start_ns = excluded.start_ns, end_ns = excluded.end_ns, attributes = excluded.attributes,"
    " content = excluded.content, logged_ms = excluded.logged_ms, logged_by = excluded.logged_by"
)


def log_spans(
    db: Session, actor: Actor, experiment_id: str, spans: Sequence[ToldSpan], *, run_id: str | None = None
) -> None:
    """Keep spans, the same span again in the place of the first, and make traces that nobody told of yet.

    Spans of a trace that is in another experiment go there. Raises NotFound, NotAllowed, InvalidInput.
    """
    place, connection, now = _place_to_log(db, actor, experiment_id), db.connection(), now_ms()
    by_trace: dict[str, dict[str, ToldSpan]] = {}
    for span in spans:
        by_trace.setdefault(span.trace_id, {})[span.id] = span
    ids = sorted(by_trace)
    _ADD.many(
        connection,
        [(one, place.experiment_id, _starts(by_trace[one].values()), None, TraceState.IN_PROGRESS.value, False,
          actor.id, now) for one in ids],
    )  # fmt: skip
    heads = {head.id: head for head in get_heads(db, actor, ids, to_change=True)}
    for trace_id in ids:
        if trace_id not in heads:
            raise no_trace(trace_id)
        head = heads[trace_id]
        queries.must(actor, Permission.LOG_RUNS, head)
        _must_be_active(head.experiment_id, head.lifecycle)
    _ADD_SPAN.many(
        connection,
        [(trace_id, span.id, span.parent_id, span.name[:LONGEST_TAG], span.type, span.status, span.start_ns,
          span.end_ns, span.comparable(), span.content, now, actor.id)
         for trace_id in ids for span in sorted(by_trace[trace_id].values(), key=lambda one: one.id)],
    )  # fmt: skip
    for trace_id in ids:
        _take_from_spans(connection, actor, heads[trace_id], list(by_trace[trace_id].values()), place, now)
    if run_id:
        link_to_run(db, actor, run_id, [trace_id for trace_id in ids if _root(by_trace[trace_id].values())])


def _starts(spans: Iterable[ToldSpan]) -> int:
    return min(span.start_ns for span in spans) // 1_000_000


def _root(spans: Iterable[ToldSpan]) -> ToldSpan | None:
    return next((span for span in spans if span.parent_id is None), None)


_LOOK = Statement("SELECT start_ms, duration_ms, state, request_preview, response_preview FROM traces WHERE id = ?")
_TAKE = Statement(
    "UPDATE traces SET start_ms = ?, duration_ms = ?, state = ?, request_preview = ?, response_preview = ? WHERE id = ?"
)


def _take_from_spans(
    connection: Connection, actor: Actor, head: TraceHead, spans: list[ToldSpan], place: _Place, now: int
) -> None:
    """Fill what the client has not told of the whole trace from its spans."""
    row = _LOOK.one(connection, head.id)
    assert row is not None, "the caller holds its head"
    start, duration, state, given, taken = row
    root = _root(spans)
    if not head.is_told:
        ends = [span.end_ns // 1_000_000 for span in spans if span.end_ns]
        end = max([*ends, *([start + duration] if duration is not None else [])], default=None)
        start = min(start, _starts(spans))
        duration = None if end is None else max(end - start, 0)
    if root is not None:
        if state not in (TraceState.OK, TraceState.ERROR):
            state = TraceState.ERROR.value if root.status == "ERROR" else TraceState.OK.value
        given = given if given is not None else preview_of(root.inputs, SHOWN_PREVIEW)
        taken = taken if taken is not None else preview_of(root.outputs, SHOWN_PREVIEW)
    if (start, duration, state, given, taken) != row:
        _TAKE.do(connection, start, duration, state, given, taken, head.id)
    about = {key: _as_text(value) for key, value in spans[0].resource.items() if _tells_something(key)}
    tags = {key: value for key, value in about.items() if keeps_word(key)}
    if root is not None:
        tags[NAME] = root.name[:LONGEST_TAG]
        told = {key.removeprefix(TAG_PREFIX): _as_text(root.attributes[key]) for key in root.attributes
                if key.startswith(TAG_PREFIX)}  # fmt: skip
        tags.update((key, value) for key, value in told.items() if keeps_word(key))
    tags.pop(SPANS_AT, None)
    tags[ARTIFACTS_AT] = place.artifacts_of(head.id)
    _put_words(connection, _ADD_TAG, head.id, tags, now, actor)
    _put_words(connection, _PUT_TAG, head.id, {SPANS_AT: HERE}, now, actor)
    _put_words(connection, _ADD_METADATA, head.id, _session_and_user(spans), now, actor)
    _add_up(connection, actor, head, spans, now)


def _tells_something(key: str) -> bool:
    return not key.startswith(("telemetry.sdk.", "mlflow."))


def _as_text(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:LONGEST_TAG]


def _session_and_user(spans: Sequence[ToldSpan]) -> dict[str, str]:
    found = {
        SESSION: next((span.session for span in spans if span.session), None),
        USER: next((span.user for span in spans if span.user), None),
    }
    return {key: value[:LONGEST_TAG] for key, value in found.items() if value}


_USAGES = Statement("SELECT id, parent_id, attributes FROM spans WHERE trace_id = ?")


def _add_up(connection: Connection, actor: Actor, head: TraceHead, spans: Sequence[ToldSpan], now: int) -> None:
    """Note the tokens and the cost of all spans, those that came before too, unless the client told them."""
    if not any(span.usage() or span.cost() for span in spans):
        return
    kept = [
        ToldSpan(head.id, row[0], row[1], "", "", 0, None, msgspec.json.decode(row[2]))
        for row in _USAGES.all(connection, head.id)
    ]
    put = _ADD_METADATA if head.is_told else _PUT_METADATA
    for key, numbers in ((TOKENS, ToldSpan.usage), (COST, ToldSpan.cost)):
        total = total_of((span.id, span.parent_id, numbers(span)) for span in kept)
        if total:
            whole = {name: int(number) if number == int(number) else number for name, number in total.items()}
            _put_words(connection, put, head.id, {key: json.dumps(whole)}, now, actor)


_REMOVE_TAG = Statement("DELETE FROM trace_tags WHERE trace_id = ? AND key = ?")


def set_trace_tag(db: Session, actor: Actor, trace_id: str, key: str, value: str) -> None:
    """Put a tag on a trace. Raises NotFound, NotAllowed, InvalidInput."""
    checked_key(key, "Trace tag key")
    head = _head_to_log(db, actor, trace_id)
    _put_words(db.connection(), _PUT_TAG, head.id, {key: value[:LONGEST_TAG]}, now_ms(), actor)
    if key == PROMPTS:
        _link_told_prompts(db.connection(), head.id, value, now_ms(), actor)


def delete_trace_tag(db: Session, actor: Actor, trace_id: str, key: str) -> None:
    """Take a tag off a trace. Raises NotFound (the tag too), NotAllowed."""
    head = _head_to_log(db, actor, trace_id)
    if not _REMOVE_TAG.do(db.connection(), head.id, key):
        raise NotFound(f"No trace tag with key '{key[:80]}' for trace with ID '{head.id}'.", field="key")


def _head_to_log(db: Session, actor: Actor, trace_id: str) -> TraceHead:
    head = get_trace_head(db, actor, trace_id, to_change=True)
    queries.must(actor, Permission.LOG_RUNS, head)
    return head


_LINK = Statement(
    "INSERT INTO trace_runs (run_id, trace_id, logged_ms, logged_by) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
)


def link_to_run(db: Session, actor: Actor, run_id: str, trace_ids: Sequence[str]) -> None:
    """Note that traces belong to a run; a trace may still be on its way. Raises NotFound, NotAllowed, InvalidInput."""
    if len(trace_ids) > MOST_LINKS:
        raise InvalidInput(
            f"Cannot link more than {MOST_LINKS} traces to a run in a single request. "
            f"Provided {len(trace_ids)} traces.",
            field="trace_ids",
        )
    for trace_id in trace_ids:
        checked_length(trace_id, 250, "trace_ids")
    run = get_to_log(db, actor, run_id)
    now = now_ms()
    _LINK.many(db.connection(), [(run.id, trace_id, now, actor.id) for trace_id in sorted(set(trace_ids))])


_LINK_PROMPT = Statement(
    "INSERT INTO trace_prompts (trace_id, name, version, logged_ms, logged_by) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
_PROMPTS = Statement("SELECT name, version FROM trace_prompts WHERE trace_id = ? ORDER BY name, version")


def link_prompts(db: Session, actor: Actor, trace_id: str, prompts: Sequence[tuple[str, str]]) -> None:
    """Note which versions of prompts a trace used. Raises NotFound, NotAllowed, InvalidInput."""
    if len(prompts) > MOST_PROMPTS:
        raise InvalidInput(f"At most {MOST_PROMPTS} prompts are linked at once.", field="prompt_versions")
    for name, version in prompts:
        checked_length(name, 250, "prompt_versions.name")
        checked_length(version, 20, "prompt_versions.version")
    head, connection, now = _head_to_log(db, actor, trace_id), db.connection(), now_ms()
    _LINK_PROMPT.many(connection, [(head.id, name, version, now, actor.id) for name, version in prompts])
    linked = [{"name": name, "version": version} for name, version in _PROMPTS.all(connection, head.id)]
    if linked:
        _put_words(connection, _PUT_TAG, head.id, {PROMPTS: json.dumps(linked)[:LONGEST_TAG]}, now, actor)


def _link_told_prompts(connection: Connection, trace_id: str, told: str | None, now: int, actor: Actor) -> None:
    """Note the prompts that a trace's tag names, as far as it can be read."""
    try:
        named = msgspec.json.decode(told or "[]", type=list[dict[str, str]])
    except (msgspec.MsgspecError, RecursionError):
        return
    found = [(one.get("name", ""), one.get("version", "")) for one in named[:MOST_PROMPTS]]
    fitting = [(name, version) for name, version in found if 0 < len(name) <= 250 and 0 < len(version) <= 20]
    _LINK_PROMPT.many(connection, [(trace_id, name, version, now, actor.id) for name, version in fitting])


_OLDEST = Statement("SELECT id FROM traces WHERE experiment_id = ? AND start_ms <= ? ORDER BY start_ms, id LIMIT ?")
_NAMED = "SELECT id FROM traces WHERE experiment_id = ? AND id IN ({})"
_OF_TRACES = ("trace_prompts", "trace_runs", "trace_assessments", "spans", "trace_metadata", "trace_tags")
_MOST_DELETED = 100_000


def delete_traces(
    db: Session,
    actor: Actor,
    experiment_id: str,
    *,
    trace_ids: Sequence[str] = (),
    until_ms: int | None = None,
    most: int | None = None,
) -> int:
    """Delete traces of an experiment for good, those that are named or the oldest, and say how many there were.

    Raises NotFound, NotAllowed, InvalidInput.
    """
    if (until_ms is None) is not bool(trace_ids):
        raise InvalidInput(
            "Exactly one of `max_timestamp_millis` or `request_ids` must be specified.", field="request_ids"
        )
    if most is not None and (trace_ids or most <= 0):
        raise InvalidInput(
            "`max_traces` must be a positive integer, and goes with `max_timestamp_millis`.", field="max_traces"
        )
    if len(trace_ids) > MOST_AT_ONCE:
        raise InvalidInput(f"At most {MOST_AT_ONCE:,} traces are deleted by name at once.", field="request_ids")
    experiment = queries.get_experiment(db, actor, experiment_id)
    queries.must(actor, Permission.LOG_RUNS, experiment)
    connection = db.connection()
    if trace_ids:
        rows = Statement(_NAMED.format(marks(len(trace_ids)))).all(connection, experiment.id, *trace_ids)
    else:
        rows = _OLDEST.all(connection, experiment.id, until_ms, min(most or _MOST_DELETED, _MOST_DELETED))
    ids = sorted(row[0] for row in rows)
    for start in range(0, len(ids), 400):
        _delete_files(db, experiment, ids[start : start + 400])
        _delete(connection, ids[start : start + 400])
    if ids:
        events.record(db, actor, "traces.deleted", experiment, traces=len(ids))
    return len(ids)


_OF_FILES = "FROM artifacts WHERE owner_kind = 'trace' AND experiment_id = ? AND owner_id IN ({})"
_FILES, _DELETE_FILES = f"SELECT DISTINCT owner_id, sha256 {_OF_FILES}", f"DELETE {_OF_FILES}"


def _delete_files(db: Session, experiment: Experiment, ids: Sequence[str]) -> None:
    """Delete what clients stored beside traces, and let its bytes go."""
    connection, placed = db.connection(), marks(len(ids))
    by_trace: dict[str, set[str]] = {}
    for trace_id, sha256 in Statement(_FILES.format(placed)).all(connection, experiment.id, *ids):
        by_trace.setdefault(trace_id, set()).add(sha256)
    if by_trace:
        Statement(_DELETE_FILES.format(placed)).do(connection, experiment.id, *ids)
    for trace_id, digests in by_trace.items():
        artifacts.release_blobs(db, Place("trace", trace_id, experiment.id, experiment.unit_id), digests)


def _delete(connection: Connection, ids: Sequence[str]) -> None:
    placed = marks(len(ids))
    for table in _OF_TRACES:
        Statement(f"DELETE FROM {table} WHERE trace_id IN ({placed})").do(connection, *ids)
    Statement(f"DELETE FROM traces WHERE id IN ({placed})").do(connection, *ids)
