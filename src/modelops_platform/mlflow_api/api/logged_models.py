"""Logged models: what `log_model` makes before anything is registered."""

from typing import Any

from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import InvalidInput
from modelops_platform.tracking import queries, service
from modelops_platform.tracking.domain.logged_models import LoggedModelStatus
from modelops_platform.tracking.queries import ModelOrder, OnData

from ..reading import missing_parameter
from ..routes import Family
from ..wire import Int64, KeyValue, Message, Text
from .artifacts import asked, changed, listed, send
from .experiments import checked_limit

family = Family()
READ, LOG, DOWNLOAD = Permission.VIEW, Permission.LOG_RUNS, Permission.DOWNLOAD_FILE
MOST_ASKED, MOST_MODELS, MOST_DATA_SETS = 2**31, 1_000, 100  # a page has fewer than what is asked for


class CreateLoggedModel(Message, kw_only=True):
    """A logged model to begin."""

    experiment_id: Text
    name: str | None = None
    model_type: str | None = None
    source_run_id: str | None = None
    params: list[KeyValue] = []
    tags: list[KeyValue] = []


@family.post("logged-models", permission=LOG, writes=True)
def create_logged_model(db: Session, actor: Actor, wanted: CreateLoggedModel) -> dict[str, Any]:
    """Begin a logged model."""
    made = service.create_logged_model(
        db,
        actor,
        wanted.experiment_id,
        name=wanted.name,
        model_type=wanted.model_type,
        source_run_id=wanted.source_run_id,
        params=[(one.key, one.value) for one in wanted.params],
        tags=[(one.key, one.value) for one in wanted.tags],
    )
    return {"model": queries.get_logged_model_document(db, actor, made.id)}


class OfModel(Message, kw_only=True):
    """Names a logged model."""

    model_id: Text


class GetLoggedModel(OfModel, kw_only=True):
    """Names a logged model, maybe a deleted one."""

    allow_deleted: bool = False


@family.get("logged-models/{model_id}", permission=READ)
def get_logged_model(db: Session, actor: Actor, wanted: GetLoggedModel) -> dict[str, Any]:
    """Return a logged model."""
    found = queries.get_logged_model_document(db, actor, wanted.model_id, allow_deleted=wanted.allow_deleted)
    return {"model": found}


class FinishLoggedModel(OfModel, kw_only=True):
    """How a logged model ended up."""

    status: LoggedModelStatus


@family.on("PATCH", "logged-models/{model_id}", permission=LOG, writes=True)
def finish_logged_model(db: Session, actor: Actor, wanted: FinishLoggedModel) -> dict[str, Any]:
    """Say that a logged model is ready, or that it failed."""
    service.finish_logged_model(db, actor, wanted.model_id, wanted.status)
    return {"model": queries.get_logged_model_document(db, actor, wanted.model_id)}


@family.stream("DELETE", "/mlflow/logged-models/{model_id}", permission=LOG)
async def delete_logged_model(request: Request) -> Response:
    """Delete a logged model; some clients send no body, and so no content type."""
    return await run_in_threadpool(
        changed, request, lambda db, actor: service.delete_logged_model(db, actor, request.path_params["model_id"])
    )


class TagLoggedModel(OfModel, kw_only=True):
    """Tags for a logged model."""

    tags: list[KeyValue] = []


@family.on("PATCH", "logged-models/{model_id}/tags", permission=LOG, writes=True)
def set_tags(db: Session, actor: Actor, wanted: TagLoggedModel) -> None:
    """Put tags on a logged model."""
    service.set_logged_model_tags(db, actor, wanted.model_id, [(tag.key, tag.value) for tag in wanted.tags])


@family.stream("DELETE", "/mlflow/logged-models/{model_id}/tags/{tag_key:path}", permission=LOG)
async def delete_tag(request: Request) -> Response:
    """Take a tag off a logged model."""
    model_id, key = request.path_params["model_id"], request.path_params["tag_key"]
    return await run_in_threadpool(
        changed, request, lambda db, actor: service.delete_logged_model_tag(db, actor, model_id, key)
    )


class LogParams(OfModel, kw_only=True):
    """Parameters of a logged model."""

    params: list[KeyValue] = []


@family.post("logged-models/{model_id}/params", permission=LOG, writes=True)
def log_params(db: Session, actor: Actor, wanted: LogParams) -> None:
    """Add parameters to a logged model."""
    service.log_logged_model_params(db, actor, wanted.model_id, [(one.key, one.value) for one in wanted.params])


class NamedData(Message, kw_only=True):
    """A data set that metrics were measured on."""

    dataset_name: Text
    dataset_digest: str | None = None


class OrderedBy(Message, kw_only=True):
    """One key of an order."""

    field_name: Text
    ascending: bool = True
    dataset_name: str | None = None
    dataset_digest: str | None = None


class SearchLoggedModels(Message, kw_only=True):
    """A search for logged models."""

    experiment_ids: list[str] = []
    filter: str | None = None
    datasets: list[NamedData] = []
    order_by: list[OrderedBy] = []
    max_results: Int64 = 100
    page_token: str | None = None


@family.post("logged-models/search", permission=READ)
def search_logged_models(db: Session, actor: Actor, wanted: SearchLoggedModels) -> dict[str, Any]:
    """Return a page of the logged models that match."""
    if not wanted.experiment_ids:
        raise missing_parameter("experiment_ids")
    if len(wanted.datasets) > MOST_DATA_SETS:
        raise InvalidInput(f"At most {MOST_DATA_SETS} datasets are taken.", field="datasets")
    found, token = queries.search_logged_models(
        db,
        actor,
        experiment_ids=wanted.experiment_ids,
        text=wanted.filter,
        data_sets=[OnData(one.dataset_name, one.dataset_digest or None) for one in wanted.datasets],
        order_by=[_order(one) for one in wanted.order_by],
        limit=min(checked_limit(wanted.max_results, MOST_ASKED), MOST_MODELS),
        token=wanted.page_token,
    )
    answer: dict[str, Any] = {"models": found} if found else {}
    return answer | {"next_page_token": token} if token else answer


def _order(one: OrderedBy) -> ModelOrder:
    if one.dataset_digest and not one.dataset_name:
        raise InvalidInput("A dataset digest needs the dataset's name.", field="order_by")
    data_set = OnData(one.dataset_name, one.dataset_digest or None) if one.dataset_name else None
    return ModelOrder(one.field_name, one.ascending, data_set)


class ModelFolder(OfModel, kw_only=True):
    """Names a folder of a logged model."""

    artifact_directory_path: str | None = None


@family.get("logged-models/{model_id}/artifacts/directories", permission=READ)
def list_model_artifacts(db: Session, actor: Actor, wanted: ModelFolder) -> dict[str, Any]:
    """List a folder of a logged model, with paths from its root."""
    model = queries.get_logged_model(db, actor, wanted.model_id)
    files = queries.list_below(db, actor, model.artifact_uri, wanted.artifact_directory_path)
    return {"root_uri": model.artifact_uri, "files": listed(files)} if files else {"root_uri": model.artifact_uri}


@family.stream("GET", "/mlflow/logged-models/{model_id}/artifacts/files", permission=DOWNLOAD)
async def download_of_model(request: Request) -> Response:
    """Send a file of a logged model."""
    path = asked(request, "artifact_file_path")

    def find(db: Session, actor: Actor) -> queries.StoredFile:
        model = queries.get_logged_model(db, actor, request.path_params["model_id"])
        return queries.get_file_below(db, actor, model.artifact_uri, path)

    return await run_in_threadpool(send, request, find)
