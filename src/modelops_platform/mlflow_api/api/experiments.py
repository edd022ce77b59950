"""Experiments."""

from typing import Any

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import InvalidInput, NotFound
from modelops_platform.tracking import queries, service
from modelops_platform.tracking.domain.words import View
from modelops_platform.tracking.tables import Experiment, ExperimentTag

from ..routes import Family
from ..wire import Int64, KeyValue, Message, Pair, Reply, Text

family = Family()
READ, LOG, MANAGE = Permission.VIEW, Permission.LOG_RUNS, Permission.MANAGE_EXPERIMENTS
MOST_EXPERIMENTS = 50_000
WORKSPACE = "default"


class ExperimentReply(Reply, kw_only=True):
    """An experiment as it is answered."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str
    creation_time: int
    last_update_time: int
    workspace: str
    tags: list[Pair] = []


def shown(experiment: Experiment, tags: list[ExperimentTag]) -> ExperimentReply:
    """Return the experiment in the protocol's shape."""
    return ExperimentReply(
        experiment_id=experiment.id,
        name=experiment.name,
        artifact_location=experiment.artifact_location,
        lifecycle_stage=experiment.lifecycle,
        creation_time=experiment.created_ms,
        last_update_time=experiment.updated_ms,
        workspace=WORKSPACE,
        tags=[Pair(tag.key, tag.value) for tag in tags],
    )


class CreateExperiment(Message, kw_only=True):
    """An experiment to make."""

    name: Text
    artifact_location: str | None = None
    tags: list[KeyValue] = []


@family.post("experiments/create", permission=LOG, writes=True)
def create_experiment(db: Session, actor: Actor, wanted: CreateExperiment) -> dict[str, str]:
    """Make an experiment."""
    tags = {tag.key: tag.value for tag in wanted.tags}
    made = service.create_experiment(db, actor, wanted.name, location=wanted.artifact_location, tags=tags)
    return {"experiment_id": made.id}


class ExperimentById(Message, kw_only=True):
    """Names an experiment."""

    experiment_id: Text


@family.get("experiments/get", permission=READ)
def get_experiment(db: Session, actor: Actor, wanted: ExperimentById) -> dict[str, Any]:
    """Return an experiment, deleted or not."""
    experiment = queries.get_experiment(db, actor, wanted.experiment_id)
    tags = queries.list_experiment_tags(db, [experiment.id])
    return {"experiment": shown(experiment, tags.get(experiment.id, []))}


class ExperimentByName(Message, kw_only=True):
    """Names an experiment by its name."""

    experiment_name: Text


@family.get("experiments/get-by-name", permission=READ)
def get_experiment_by_name(db: Session, actor: Actor, wanted: ExperimentByName) -> dict[str, Any]:
    """Return the experiment with this name, deleted or not."""
    experiment = queries.find_experiment_by_name(db, actor, wanted.experiment_name)
    if experiment is None:
        name = wanted.experiment_name[:80]
        raise NotFound(f"Could not find experiment with name '{name}'.", field="experiment_name", value=name)
    tags = queries.list_experiment_tags(db, [experiment.id])
    return {"experiment": shown(experiment, tags.get(experiment.id, []))}


class SearchExperiments(Message, kw_only=True):
    """A search for experiments."""

    max_results: Int64 = 0
    filter: str | None = None
    order_by: list[str] = []
    view_type: View = View.ACTIVE_ONLY
    page_token: str | None = None


@family.get("experiments/search", permission=READ)
@family.post("experiments/search", permission=READ)
def search_experiments(db: Session, actor: Actor, wanted: SearchExperiments) -> dict[str, Any]:
    """Return a page of the experiments that match."""
    limit = checked_limit(wanted.max_results, MOST_EXPERIMENTS)
    found, next_token = queries.search_experiments(
        db,
        actor,
        text=wanted.filter,
        order_by=wanted.order_by,
        view=wanted.view_type,
        limit=limit,
        token=wanted.page_token,
    )
    tags = queries.list_experiment_tags(db, [experiment.id for experiment in found])
    answer: dict[str, Any] = {}
    if found:
        answer["experiments"] = [shown(experiment, tags.get(experiment.id, [])) for experiment in found]
    if next_token:
        answer["next_page_token"] = next_token
    return answer


class ListExperiments(SearchExperiments, kw_only=True):
    """What clients from before the search ask: all of a kind, without saying how many."""

    max_results: Int64 = MOST_EXPERIMENTS


@family.get("experiments/list", permission=READ)
def list_experiments(db: Session, actor: Actor, wanted: ListExperiments) -> dict[str, Any]:
    """Return the experiments, as old clients ask for them."""
    return search_experiments(db, actor, wanted)


def checked_limit(asked: int, most: int) -> int:
    """Return how many results are wanted. Raises InvalidInput."""
    if asked < 1:
        raise InvalidInput(
            f"Invalid value {asked} for parameter 'max_results' supplied. It must be a positive integer.",
            field="max_results",
        )
    if asked > most:
        raise InvalidInput(
            f"Invalid value {asked} for parameter 'max_results' supplied. It must be at most {most}.",
            field="max_results",
        )
    return asked


class UpdateExperiment(Message, kw_only=True):
    """A new name for an experiment."""

    experiment_id: Text
    new_name: Text


@family.post("experiments/update", permission=MANAGE, writes=True)
def update_experiment(db: Session, actor: Actor, wanted: UpdateExperiment) -> None:
    """Rename an experiment."""
    service.rename_experiment(db, actor, wanted.experiment_id, wanted.new_name)


@family.post("experiments/delete", permission=MANAGE, writes=True)
def delete_experiment(db: Session, actor: Actor, wanted: ExperimentById) -> None:
    """Delete an experiment with its runs."""
    service.delete_experiment(db, actor, wanted.experiment_id)


@family.post("experiments/restore", permission=MANAGE, writes=True)
def restore_experiment(db: Session, actor: Actor, wanted: ExperimentById) -> None:
    """Bring an experiment back with its runs."""
    service.restore_experiment(db, actor, wanted.experiment_id)


class ExperimentTagged(Message, kw_only=True):
    """A tag for an experiment."""

    experiment_id: Text
    key: Text
    value: str = ""


@family.post("experiments/set-experiment-tag", permission=LOG, writes=True)
def set_experiment_tag(db: Session, actor: Actor, wanted: ExperimentTagged) -> None:
    """Put a tag on an experiment."""
    service.set_experiment_tag(db, actor, wanted.experiment_id, wanted.key, wanted.value)


class ExperimentTagNamed(Message, kw_only=True):
    """Names a tag of an experiment."""

    experiment_id: Text
    key: Text


@family.post("experiments/delete-experiment-tag", permission=LOG, writes=True)
def delete_experiment_tag(db: Session, actor: Actor, wanted: ExperimentTagNamed) -> None:
    """Take a tag off an experiment."""
    service.delete_experiment_tag(db, actor, wanted.experiment_id, wanted.key)


class SearchDataSets(Message, kw_only=True):
    """Names experiments whose data sets are wanted."""

    experiment_ids: list[str] = []


@family.post("experiments/search-datasets", permission=READ)
def search_data_sets(db: Session, actor: Actor, wanted: SearchDataSets) -> dict[str, Any]:
    """Return the data sets that runs of the experiments used."""
    if not 1 <= len(wanted.experiment_ids) <= 20:
        raise InvalidInput("Name 1 to 20 experiments in 'experiment_ids'.", field="experiment_ids")
    found = queries.search_data_sets(db, actor, wanted.experiment_ids)
    return {"dataset_summaries": found} if found else {}
