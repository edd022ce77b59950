"""Traces: what applications tell of their calls, and the searches over it."""

from collections.abc import Sequence
from typing import Any, NoReturn

import msgspec
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import InvalidInput
from modelops_platform.tracking import queries, service
from modelops_platform.tracking.domain.traces import (
    ToldTrace,
    TraceRecord,
    TraceState,
    print_duration,
    print_time,
    read_duration,
    read_time,
)

from ..envelope import NotOffered
from ..reading import missing_parameter
from ..routes import Family
from ..wire import Int64, KeyValue, Message, Pair, Reply, Text
from .assessments import Assessment, AssessmentReply, shown_assessment, told_assessment
from .experiments import checked_limit

family = Family()
READ, LOG = Permission.VIEW, Permission.LOG_RUNS
MOST_FOUND, MOST_AT_ONCE, MOST_INFOS = 500, 100, 1_000
LARGEST_TRACE = 16_000_000
EXPERIMENT = "MLFLOW_EXPERIMENT"


class InExperiment(Message, kw_only=True):
    """Names an experiment."""

    experiment_id: Text


class Location(Message, kw_only=True):
    """Where traces are; here that is an experiment."""

    type: str = EXPERIMENT
    mlflow_experiment: InExperiment | None = None

    @property
    def experiment(self) -> str:
        """The id of the experiment. Raises InvalidInput for any other place."""
        if self.mlflow_experiment is None:
            raise missing_parameter("trace_location.mlflow_experiment.experiment_id")
        return self.mlflow_experiment.experiment_id


class LocationReply(Reply, kw_only=True):
    """Where a trace is, as it is answered."""

    type: str
    mlflow_experiment: dict[str, str]


class InfoReply(Reply, kw_only=True):
    """A trace without its spans as it is answered."""

    trace_id: str
    trace_location: LocationReply
    request_time: str
    state: str
    client_request_id: str | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    execution_duration: str | None = None
    trace_metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    assessments: list[AssessmentReply] = []


def shown(trace: TraceRecord) -> InfoReply:
    """Return a trace in the protocol's shape."""
    return InfoReply(
        trace_id=trace.id,
        trace_location=LocationReply(type=EXPERIMENT, mlflow_experiment={"experiment_id": trace.experiment_id}),
        request_time=print_time(trace.start_ms),
        state=trace.state,
        client_request_id=trace.client_request_id,
        request_preview=trace.request_preview,
        response_preview=trace.response_preview,
        execution_duration=None if trace.duration_ms is None else print_duration(trace.duration_ms),
        trace_metadata=trace.metadata,
        tags=trace.tags,
        assessments=[shown_assessment(assessment) for assessment in trace.assessments],
    )


def with_spans(db: Session, traces: Sequence[TraceRecord]) -> list[dict[str, Any]]:
    """Return traces with their spans in the protocol's shape."""
    spans = queries.get_spans(db.connection(), [trace.id for trace in traces])
    answers: list[dict[str, Any]] = []
    for trace in traces:
        answer: dict[str, Any] = {"trace_info": shown(trace)}
        if trace.id in spans:
            answer["spans"] = [msgspec.Raw(span.encode()) for span in spans[trace.id]]
        answers.append(answer)
    return answers


class Info(Message, kw_only=True):
    """What a client tells of a trace."""

    trace_id: Text
    trace_location: Location
    request_time: Any = None
    execution_duration: Any = None
    state: TraceState = TraceState.STATE_UNSPECIFIED
    client_request_id: str | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    request: str | None = None
    response: str | None = None
    trace_metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    assessments: list[Assessment] = []

    def told(self) -> ToldTrace:
        """Return what it tells. Raises InvalidInput."""
        return ToldTrace(
            self.trace_id,
            service.now_ms() if self.request_time is None else read_time(self.request_time, "request_time"),
            self.state,
            None if self.execution_duration is None else read_duration(self.execution_duration, "execution_duration"),
            self.client_request_id,
            self.request_preview if self.request_preview is not None else self.request,
            self.response_preview if self.response_preview is not None else self.response,
            self.tags,
            self.trace_metadata,
            [told_assessment(assessment) for assessment in self.assessments],
        )


class WholeTrace(Message, kw_only=True):
    """A trace as a client sends it; its spans come by OTLP."""

    trace_info: Info


class StartTrace(Message, kw_only=True):
    """A trace to keep."""

    trace: WholeTrace


@family.post("traces", version="3.0", permission=LOG, writes=True, largest=LARGEST_TRACE)
def start_trace(db: Session, actor: Actor, wanted: StartTrace) -> dict[str, Any]:
    """Keep what a client tells of a trace."""
    info = wanted.trace.trace_info
    record = service.put_trace(db, actor, info.trace_location.experiment, info.told())
    return {"trace": {"trace_info": shown(record)}}


class GetTrace(Message, kw_only=True):
    """Names a trace that is wanted with its spans."""

    trace_id: Text
    allow_partial: bool = False


@family.get("traces/get", version="3.0", permission=READ)
def get_trace(db: Session, actor: Actor, wanted: GetTrace) -> dict[str, Any]:
    """Return a trace with its spans."""
    record = queries.get_complete_record(db, actor, wanted.trace_id, is_partial_fine=wanted.allow_partial)
    return {"trace": with_spans(db, [record])[0]}


class ManyTraces(Message, kw_only=True):
    """Names traces, and perhaps the experiments they must be in."""

    trace_ids: list[str] = []
    experiment_ids: list[str] = []

    def visible(self, db: Session, actor: Actor, most: int) -> list[TraceRecord]:
        """Return those that the actor may see. Raises InvalidInput when it is too many."""
        if not self.trace_ids:
            raise missing_parameter("trace_ids")
        if len(self.trace_ids) > most:
            raise InvalidInput(f"At most {most:,} traces are returned at once.", field="trace_ids")
        found = queries.list_visible_records(db, actor, self.trace_ids)
        return [one for one in found if not self.experiment_ids or one.experiment_id in self.experiment_ids]


@family.get("traces/batchGet", version="3.0", permission=READ)
def batch_get_traces(db: Session, actor: Actor, wanted: ManyTraces) -> dict[str, Any]:
    """Return traces with their spans; those that are not there are left out."""
    found = with_spans(db, wanted.visible(db, actor, MOST_AT_ONCE))
    return {"traces": found} if found else {}


@family.get("traces/batchGetInfos", version="3.0", permission=READ)
@family.post("traces/batchGetInfos", version="3.0", permission=READ)
def batch_get_infos(db: Session, actor: Actor, wanted: ManyTraces) -> dict[str, Any]:
    """Return traces without their spans; those that are not there are left out."""
    found = [shown(trace) for trace in wanted.visible(db, actor, MOST_INFOS)]
    return {"trace_infos": found} if found else {}


class SearchTraces(Message, kw_only=True):
    """A search for traces."""

    locations: list[Location] = []
    filter: str | None = None
    max_results: Int64 = 100
    order_by: list[str] = []
    page_token: str | None = None


@family.post("traces/search", version="3.0", permission=READ)
def search_traces(db: Session, actor: Actor, wanted: SearchTraces) -> dict[str, Any]:
    """Return a page of the traces that match, without their spans."""
    found = queries.search_traces(
        db,
        actor,
        experiment_ids=[location.experiment for location in wanted.locations],
        text=wanted.filter,
        order_by=wanted.order_by,
        limit=checked_limit(wanted.max_results, MOST_FOUND),
        token=wanted.page_token,
    )
    return _page([shown(trace) for trace in found.traces], found.next_token)


def _page(traces: Sequence[Any], next_token: str | None) -> dict[str, Any]:
    answer: dict[str, Any] = {"traces": traces} if traces else {}
    if next_token:
        answer["next_page_token"] = next_token
    return answer


class TraceById(Message, kw_only=True):
    """Names a trace."""

    trace_id: Text


@family.get("traces/{trace_id}", version="3.0", permission=READ)
def get_info(db: Session, actor: Actor, wanted: TraceById) -> dict[str, Any]:
    """Return a trace without its spans."""
    return {"trace": {"trace_info": shown(queries.get_record(db, actor, wanted.trace_id))}}


class TraceTagged(Message, kw_only=True):
    """A tag for a trace."""

    trace_id: Text
    key: Text
    value: str = ""


@family.on("PATCH", "traces/{trace_id}/tags", version=("2.0", "3.0"), permission=LOG, joins=True)
def set_tag(db: Session, actor: Actor, wanted: TraceTagged) -> None:
    """Put a tag on a trace."""
    service.set_trace_tag(db, actor, wanted.trace_id, wanted.key, wanted.value)


class TraceTagNamed(Message, kw_only=True):
    """Names a tag of a trace."""

    trace_id: Text
    key: Text


@family.on("DELETE", "traces/{trace_id}/tags", version=("2.0", "3.0"), permission=LOG, joins=True)
def delete_tag(db: Session, actor: Actor, wanted: TraceTagNamed) -> None:
    """Take a tag off a trace."""
    service.delete_trace_tag(db, actor, wanted.trace_id, wanted.key)


class DeleteTraces(Message, kw_only=True):
    """Which traces to delete: the named ones, or the oldest."""

    experiment_id: Text
    request_ids: list[str] = []
    max_timestamp_millis: Int64 | None = None
    max_traces: Int64 | None = None


@family.post("traces/delete-traces", version=("2.0", "3.0"), permission=LOG, writes=True)
def delete_traces(db: Session, actor: Actor, wanted: DeleteTraces) -> dict[str, int]:
    """Delete traces for good."""
    deleted = service.delete_traces(
        db,
        actor,
        wanted.experiment_id,
        trace_ids=wanted.request_ids,
        until_ms=wanted.max_timestamp_millis,
        most=wanted.max_traces,
    )
    return {"traces_deleted": deleted}


class LinkToRun(Message, kw_only=True):
    """Traces that belong to a run."""

    run_id: Text
    trace_ids: list[Text] = []


@family.post("traces/link-to-run", permission=LOG, joins=True)
def link_to_run(db: Session, actor: Actor, wanted: LinkToRun) -> None:
    """Note that traces belong to a run."""
    service.link_to_run(db, actor, wanted.run_id, wanted.trace_ids)


class PromptVersion(Message, kw_only=True):
    """Names a version of a prompt."""

    name: Text
    version: Text


class LinkPrompts(Message, kw_only=True):
    """Versions of prompts that a trace used."""

    trace_id: Text
    prompt_versions: list[PromptVersion] = []


@family.post("traces/link-prompts", permission=LOG, joins=True)
def link_prompts(db: Session, actor: Actor, wanted: LinkPrompts) -> None:
    """Note which versions of prompts a trace used."""
    service.link_prompts(db, actor, wanted.trace_id, [(one.name, one.version) for one in wanted.prompt_versions])


class Correlation(Message, kw_only=True):
    """Two filters, and what both stand on."""

    experiment_ids: list[str] = []
    filter_string1: Text
    filter_string2: Text
    base_filter: str | None = None


@family.post("traces/calculate-filter-correlation", version="3.0", permission=READ)
def correlate(db: Session, actor: Actor, wanted: Correlation) -> dict[str, Any]:
    """Say how much likelier traces that match one filter match the other."""
    return queries.correlate_filters(
        db,
        actor,
        experiment_ids=wanted.experiment_ids,
        first=wanted.filter_string1,
        second=wanted.filter_string2,
        base=wanted.base_filter,
    )


class OldInfo(Reply, kw_only=True):
    """A trace as clients from before the release 3.0 read it."""

    request_id: str
    experiment_id: str
    timestamp_ms: int
    status: str
    execution_time_ms: int | None = None
    request_metadata: list[Pair] = []
    tags: list[Pair] = []


def shown_old(trace: TraceRecord) -> OldInfo:
    """Return a trace in the shape of old clients."""
    return OldInfo(
        request_id=trace.id,
        experiment_id=trace.experiment_id,
        timestamp_ms=trace.start_ms,
        status=trace.state,
        execution_time_ms=trace.duration_ms,
        request_metadata=[Pair(key, value) for key, value in trace.metadata.items()],
        tags=[Pair(key, value) for key, value in trace.tags.items()],
    )


class OldStart(Message, kw_only=True):
    """A trace that begins, as old clients tell it."""

    experiment_id: Text
    timestamp_ms: Int64 | None = None
    request_metadata: list[KeyValue] = []
    tags: list[KeyValue] = []


@family.post("traces", permission=LOG, writes=True)
def start_old_trace(db: Session, actor: Actor, wanted: OldStart) -> dict[str, Any]:
    """Begin a trace, as old clients do."""
    record = service.begin_trace(
        db,
        actor,
        wanted.experiment_id,
        start_ms=wanted.timestamp_ms,
        metadata=_words(wanted.request_metadata),
        tags=_words(wanted.tags),
    )
    return {"trace_info": shown_old(record)}


class OldEnd(Message, kw_only=True):
    """A trace that ends, as old clients tell it."""

    request_id: Text
    timestamp_ms: Int64 | None = None
    status: TraceState = TraceState.STATE_UNSPECIFIED
    request_metadata: list[KeyValue] = []
    tags: list[KeyValue] = []


@family.on("PATCH", "traces/{request_id}", permission=LOG, writes=True)
def end_old_trace(db: Session, actor: Actor, wanted: OldEnd) -> dict[str, Any]:
    """End a trace, as old clients do."""
    record = service.end_trace(
        db,
        actor,
        wanted.request_id,
        end_ms=wanted.timestamp_ms,
        state=wanted.status,
        metadata=_words(wanted.request_metadata),
        tags=_words(wanted.tags),
    )
    return {"trace_info": shown_old(record)}


def _words(pairs: Sequence[KeyValue]) -> dict[str, str]:
    return {pair.key: pair.value for pair in pairs}


class OldById(Message, kw_only=True):
    """Names a trace, as old clients do."""

    request_id: Text


@family.get("traces/{request_id}/info", permission=READ)
def get_old_info(db: Session, actor: Actor, wanted: OldById) -> dict[str, Any]:
    """Return a trace in the shape of old clients."""
    return {"trace_info": shown_old(queries.get_record(db, actor, wanted.request_id))}


class OldSearch(Message, kw_only=True):
    """A search for traces, as old clients send it."""

    experiment_ids: list[str] = []
    filter: str | None = None
    max_results: Int64 = 100
    order_by: list[str] = []
    page_token: str | None = None


@family.get("traces", permission=READ)
def search_old_traces(db: Session, actor: Actor, wanted: OldSearch) -> dict[str, Any]:
    """Return a page of the traces that match, in the shape of old clients."""
    found = queries.search_traces(
        db,
        actor,
        experiment_ids=wanted.experiment_ids,
        text=wanted.filter,
        order_by=wanted.order_by,
        limit=checked_limit(wanted.max_results, MOST_FOUND),
        token=wanted.page_token,
    )
    return _page([shown_old(trace) for trace in found.traces], found.next_token)


class TraceMetrics(Message, kw_only=True):
    """Figures over traces, as charts of MLflow's own interface ask for them."""

    experiment_ids: list[str] = []


@family.post("traces/metrics", version="3.0", permission=READ)
def compute_trace_metrics(_db: Session, _actor: Actor, _wanted: TraceMetrics) -> NoReturn:
    """Say that charts over traces are not made here."""
    raise NotOffered(
        "Metrics over traces are not offered.", remedy="Search the traces, and take the figures from what is found."
    )
