"""Runs, and what they log."""

from typing import Any

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.tracking import queries, service
from modelops_platform.tracking.domain.words import RunStatus, View
from modelops_platform.tracking.queries import keep_documents

from ..reading import missing_parameter
from ..routes import Afterwards, Family
from ..wire import Int64, KeyValue, Message, Text
from .experiments import checked_limit

family = Family()
READ, LOG = Permission.VIEW, Permission.LOG_RUNS
MOST_RUNS = 50_000
LARGEST_INPUTS = 40_000_000


class OfRun(Message, kw_only=True):
    """Names a run, by its name of today or of long ago."""

    run_id: str | None = None
    run_uuid: str | None = None

    @property
    def run(self) -> str:
        """The id of the run. Raises InvalidInput when there is none."""
        wanted = self.run_id or self.run_uuid
        if not wanted:
            raise missing_parameter("run_id")
        return wanted


class CreateRun(Message, kw_only=True):
    """A run to begin."""

    experiment_id: Text
    user_id: str = ""
    run_name: str | None = None
    start_time: Int64 | None = None
    tags: list[KeyValue] = []


@family.post("runs/create", permission=LOG, joins=True)
def create_run(db: Session, actor: Actor, wanted: CreateRun) -> bytes:
    """Begin a run."""
    run = service.create_run(
        db,
        actor,
        wanted.experiment_id,
        name=wanted.run_name,
        user_name=wanted.user_id,
        start_ms=wanted.start_time,
        tags=[(tag.key, tag.value) for tag in wanted.tags],
    )
    return b'{"run":%b}' % run


@family.get("runs/get", permission=READ)
def get_run(db: Session, actor: Actor, wanted: OfRun) -> bytes:
    """Return a run, deleted or not."""
    return b'{"run":%b}' % queries.get_run_document(db, actor, wanted.run)


class UpdateRun(OfRun, kw_only=True):
    """What changes in a run."""

    status: RunStatus | None = None
    end_time: Int64 | None = None
    run_name: str | None = None


@family.post("runs/update", permission=LOG, joins=True)
def update_run(db: Session, actor: Actor, wanted: UpdateRun) -> dict[str, Any]:
    """Change status, end or name of a run."""
    info = service.update_run(db, actor, wanted.run, status=wanted.status, end_ms=wanted.end_time, name=wanted.run_name)
    return {"run_info": info}


@family.post("runs/delete", permission=LOG, joins=True)
def delete_run(db: Session, actor: Actor, wanted: OfRun) -> None:
    """Delete a run."""
    service.delete_run(db, actor, wanted.run)


@family.post("runs/restore", permission=LOG, joins=True)
def restore_run(db: Session, actor: Actor, wanted: OfRun) -> None:
    """Bring a run back."""
    service.restore_run(db, actor, wanted.run)


class LogMetric(OfRun, kw_only=True):
    """One point of a metric."""

    key: Text
    value: float
    timestamp: Int64
    step: Int64 = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


@family.post("runs/log-metric", permission=LOG, joins=True)
def log_metric(db: Session, actor: Actor, wanted: LogMetric) -> None:
    """Log one point of a metric."""
    point = service.Point(wanted.key, wanted.value, wanted.timestamp, wanted.step)
    of_models = [_of_model(wanted)] if wanted.model_id else ()
    service.log_batch(db, actor, wanted.run, points=[point], is_single=True, of_models=of_models)


def _of_model(point: "LogMetric | MetricPoint") -> service.ModelPoint:
    return service.ModelPoint(
        point.model_id or "",
        point.key,
        point.value,
        point.timestamp,
        point.step,
        point.dataset_name,
        point.dataset_digest,
    )


class LogParameter(OfRun, kw_only=True):
    """One parameter."""

    key: Text
    value: str = ""


@family.post("runs/log-parameter", permission=LOG, joins=True)
def log_parameter(db: Session, actor: Actor, wanted: LogParameter) -> None:
    """Log a parameter."""
    service.log_batch(db, actor, wanted.run, params=[(wanted.key, wanted.value)], is_single=True)


class RunTagged(OfRun, kw_only=True):
    """One tag."""

    key: Text
    value: str = ""


@family.post("runs/set-tag", permission=LOG, joins=True)
def set_tag(db: Session, actor: Actor, wanted: RunTagged) -> None:
    """Put a tag on a run."""
    service.log_batch(db, actor, wanted.run, tags=[(wanted.key, wanted.value)], is_single=True)


class RunTagNamed(OfRun, kw_only=True):
    """Names a tag of a run."""

    key: Text


@family.post("runs/delete-tag", permission=LOG, joins=True)
def delete_tag(db: Session, actor: Actor, wanted: RunTagNamed) -> None:
    """Take a tag off a run."""
    service.delete_tag(db, actor, wanted.run, wanted.key)


class MetricPoint(Message, kw_only=True):
    """A point of a metric in a batch."""

    key: Text
    value: float
    timestamp: Int64
    step: Int64 = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None
    run_id: str | None = None


class LogBatch(OfRun, kw_only=True):
    """Much at once, all or nothing."""

    metrics: list[MetricPoint] = []
    params: list[KeyValue] = []
    tags: list[KeyValue] = []


@family.post("runs/log-batch", permission=LOG, joins=True)
def log_batch(db: Session, actor: Actor, wanted: LogBatch) -> None:
    """Log points, parameters and tags."""
    service.log_batch(
        db,
        actor,
        wanted.run,
        points=[service.Point(point.key, point.value, point.timestamp, point.step) for point in wanted.metrics],
        params=[(param.key, param.value) for param in wanted.params],
        tags=[(tag.key, tag.value) for tag in wanted.tags],
        of_models=[_of_model(point) for point in wanted.metrics if point.model_id],
    )


class DataSetDescribed(Message, kw_only=True):
    """A data set as a client describes it."""

    name: Text
    digest: Text
    source_type: Text
    source: Text
    schema: str | None = None
    profile: str | None = None


class DataSetInput(Message, kw_only=True):
    """A data set that a run used, and how."""

    dataset: DataSetDescribed
    tags: list[KeyValue] = []


class ModelInput(Message, kw_only=True):
    """A logged model that a run read."""

    model_id: Text


class LogInputs(OfRun, kw_only=True):
    """What a run read."""

    datasets: list[DataSetInput] = []
    models: list[ModelInput] = []


@family.post("runs/log-inputs", permission=LOG, writes=True, largest=LARGEST_INPUTS)
def log_inputs(db: Session, actor: Actor, wanted: LogInputs) -> None:
    """Note what a run read."""
    used = [
        service.UsedData(
            one.dataset.name,
            one.dataset.digest,
            one.dataset.source_type,
            one.dataset.source,
            one.dataset.schema,
            one.dataset.profile,
            tuple((tag.key, tag.value) for tag in one.tags),
        )
        for one in wanted.datasets
    ]
    service.log_inputs(db, actor, wanted.run, data_sets=used, model_ids=[one.model_id for one in wanted.models])


class ModelOutput(Message, kw_only=True):
    """A logged model that a run made."""

    model_id: Text
    step: Int64 = 0


class LogOutputs(OfRun, kw_only=True):
    """What a run made."""

    models: list[ModelOutput]


@family.post("runs/outputs", permission=LOG, joins=True)
def log_outputs(db: Session, actor: Actor, wanted: LogOutputs) -> None:
    """Note what a run made."""
    service.log_outputs(db, actor, wanted.run, [(one.model_id, one.step) for one in wanted.models])


class LogModel(OfRun, kw_only=True):
    """A model's description, as old clients send it."""

    model_json: Text


@family.post("runs/log-model", permission=LOG, writes=True)
def log_model(db: Session, actor: Actor, wanted: LogModel) -> None:
    """Note a model's description on its run."""
    service.log_model(db, actor, wanted.run, wanted.model_json)


class SearchRuns(Message, kw_only=True):
    """A search for runs."""

    experiment_ids: list[str] = []
    filter: str | None = None
    run_view_type: View = View.ACTIVE_ONLY
    max_results: Int64 = 1000
    order_by: list[str] = []
    page_token: str | None = None


@family.post("runs/search", permission=READ)
def search_runs(db: Session, actor: Actor, wanted: SearchRuns) -> bytes | Afterwards:
    """Return a page of the runs that match."""
    found = queries.search_runs(
        db,
        actor,
        experiment_ids=wanted.experiment_ids,
        text=wanted.filter,
        order_by=wanted.order_by,
        view=wanted.run_view_type,
        limit=checked_limit(wanted.max_results, MOST_RUNS),
        token=wanted.page_token,
    )
    if not found.documents:
        return b"{}"
    token = b',"next_page_token":"%b"' % found.next_token.encode() if found.next_token else b""
    answer = b'{"runs":[%b]%b}' % (b",".join(found.documents), token)
    if found.unkept:
        unkept = found.unkept[:200]
        return Afterwards(answer, lambda db: keep_documents(db, unkept))
    return answer
