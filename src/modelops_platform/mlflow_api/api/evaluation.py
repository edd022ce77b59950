"""Evaluation data sets with their records, and scorers. Tags, records and schema travel as JSON text."""

import json
from typing import Any, NoReturn

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.tracking import queries
from modelops_platform.tracking.domain.evaluation import MOST_RECORDS, read_records, read_tags, source_of
from modelops_platform.tracking.queries import evaluation as sets
from modelops_platform.tracking.service import evaluation as service
from modelops_platform.tracking.tables import EvaluationRecord, EvaluationSet, ScorerVersion

from ..envelope import NotOffered
from ..reading import missing_parameter
from ..routes import Family
from ..wire import Int64, Message, Reply, Text
from .experiments import checked_limit

family = Family()
READ, LOG = Permission.VIEW, Permission.LOG_RUNS
MOST_SETS = 1_000
LARGEST_RECORDS = 32_000_000


class SetReply(Reply, kw_only=True):
    """An evaluation data set as it is answered."""

    dataset_id: str
    name: str
    tags: str
    digest: str
    created_time: int
    last_update_time: int
    created_by: str
    last_updated_by: str
    schema: str | None = None
    profile: str | None = None
    experiment_ids: list[str] = []


def shown(one: EvaluationSet, experiment_ids: list[str] | None = None) -> SetReply:
    """Return an evaluation data set in the protocol's shape."""
    return SetReply(
        dataset_id=one.id,
        name=one.name,
        tags=json.dumps(one.tags, ensure_ascii=False),
        digest=one.digest,
        created_time=one.created_ms,
        last_update_time=one.updated_ms,
        created_by=one.made_by_name,
        last_updated_by=one.changed_by_name,
        schema=None if one.schema is None else json.dumps(one.schema, ensure_ascii=False),
        profile=json.dumps({"num_records": one.record_count}) if one.record_count else None,
        experiment_ids=experiment_ids or [],
    )


def _whole(db: Session, actor: Actor, one: EvaluationSet) -> dict[str, Any]:
    return {"dataset": shown(one, sets.list_experiments_of(db, actor, one.id))}


class CreateSet(Message, kw_only=True):
    """An evaluation data set to make."""

    name: Text
    experiment_ids: list[str] = []
    tags: str | None = None


@family.post("datasets/create", version="3.0", permission=LOG, writes=True)
def create_set(db: Session, actor: Actor, wanted: CreateSet) -> dict[str, Any]:
    """Make an evaluation data set."""
    tags = read_tags(wanted.tags)
    made = service.create_evaluation_set(db, actor, wanted.name, tags=tags, experiment_ids=wanted.experiment_ids)
    return _whole(db, actor, made)


class SearchSets(Message, kw_only=True):
    """A search for evaluation data sets."""

    experiment_ids: list[str] = []
    filter_string: str | None = None
    max_results: Int64 = MOST_SETS
    order_by: list[str] = []
    page_token: str | None = None


@family.get("datasets/search", version="3.0", permission=READ)
@family.post("datasets/search", version="3.0", permission=READ)
def search_sets(db: Session, actor: Actor, wanted: SearchSets) -> dict[str, Any]:
    """Return a page of the evaluation data sets that match."""
    found, next_token = sets.search_evaluation_sets(
        db,
        actor,
        experiment_ids=wanted.experiment_ids,
        text=wanted.filter_string,
        order_by=wanted.order_by,
        limit=checked_limit(wanted.max_results, MOST_SETS),
        token=wanted.page_token,
    )
    answer: dict[str, Any] = {"datasets": [shown(one) for one in found]} if found else {}
    if next_token:
        answer["next_page_token"] = next_token
    return answer


class SetById(Message, kw_only=True):
    """Names an evaluation data set."""

    dataset_id: Text


@family.get("datasets/{dataset_id}", version="3.0", permission=READ)
def get_set(db: Session, actor: Actor, wanted: SetById) -> dict[str, Any]:
    """Return an evaluation data set without its records."""
    return _whole(db, actor, sets.get_evaluation_set(db, actor, wanted.dataset_id))


@family.on("DELETE", "datasets/{dataset_id}", version="3.0", permission=LOG, writes=True)
def delete_set(db: Session, actor: Actor, wanted: SetById) -> None:
    """Delete an evaluation data set with its records."""
    service.delete_evaluation_set(db, actor, wanted.dataset_id)


class SetTags(Message, kw_only=True):
    """Tags for an evaluation data set."""

    dataset_id: Text
    tags: Text


@family.on("PATCH", "datasets/{dataset_id}/tags", version="3.0", permission=LOG, writes=True)
def set_tags(db: Session, actor: Actor, wanted: SetTags) -> dict[str, Any]:
    """Put tags on an evaluation data set."""
    return _whole(db, actor, service.set_evaluation_tags(db, actor, wanted.dataset_id, read_tags(wanted.tags)))


class SetTagNamed(Message, kw_only=True):
    """Names a tag of an evaluation data set."""

    dataset_id: Text
    key: Text


@family.on("DELETE", "datasets/{dataset_id}/tags/{key}", version="3.0", permission=LOG, writes=True)
def delete_tag(db: Session, actor: Actor, wanted: SetTagNamed) -> None:
    """Take a tag off an evaluation data set; one that is not there is fine."""
    service.set_evaluation_tags(db, actor, wanted.dataset_id, {wanted.key: None})


class PutRecords(Message, kw_only=True):
    """Records to add to an evaluation data set."""

    dataset_id: Text
    records: Text
    updated_by: str | None = None


@family.post("datasets/{dataset_id}/records", version="3.0", permission=LOG, writes=True, largest=LARGEST_RECORDS)
def put_records(db: Session, actor: Actor, wanted: PutRecords) -> dict[str, int]:
    """Add records; those whose inputs are there already take what is new."""
    told = read_records(wanted.records)
    inserted, updated = service.put_records(db, actor, wanted.dataset_id, told, by=wanted.updated_by or None)
    return {"inserted_count": inserted, "updated_count": updated}


class RecordsOf(Message, kw_only=True):
    """Names an evaluation data set whose records are wanted."""

    dataset_id: Text
    max_results: Int64 = 1_000
    page_token: str | None = None


@family.get("datasets/{dataset_id}/records", version="3.0", permission=READ)
def get_records(db: Session, actor: Actor, wanted: RecordsOf) -> dict[str, str]:
    """Return a page of the records, as JSON text."""
    limit = checked_limit(wanted.max_results or 1_000, MOST_RECORDS)
    found, next_token = sets.page_records(db, actor, wanted.dataset_id, limit=limit, token=wanted.page_token)
    answer = {"records": json.dumps([_record(one) for one in found], ensure_ascii=False)}
    if next_token:
        answer["next_page_token"] = next_token
    return answer


def _record(one: EvaluationRecord) -> dict[str, Any]:
    """Return a record in the protocol's shape."""
    kind, source_id = source_of(one.content)
    answer = {
        "dataset_record_id": one.id,
        "dataset_id": one.set_id,
        "created_time": one.created_ms,
        "last_update_time": one.updated_ms,
        "created_by": one.made_by_name,
        "last_updated_by": one.changed_by_name,
        "tags": {},
        **one.content,
    }
    if "source" in one.content:
        answer["source_type"] = kind
        if source_id is not None:
            answer["source_id"] = source_id
    return answer


class RecordsNamed(Message, kw_only=True):
    """Names records of an evaluation data set."""

    dataset_id: Text
    dataset_record_ids: list[str] = []


@family.on("DELETE", "datasets/{dataset_id}/records", version="3.0", permission=LOG, writes=True)
def delete_records(db: Session, actor: Actor, wanted: RecordsNamed) -> dict[str, int]:
    """Delete records of an evaluation data set."""
    if not wanted.dataset_record_ids:
        raise missing_parameter("dataset_record_ids")
    return {"deleted_count": service.delete_records(db, actor, wanted.dataset_id, wanted.dataset_record_ids)}


@family.get("datasets/{dataset_id}/experiment-ids", version="3.0", permission=READ)
def get_experiment_ids(db: Session, actor: Actor, wanted: SetById) -> dict[str, Any]:
    """Return the experiments that an evaluation data set is used in."""
    found = sets.get_evaluation_set(db, actor, wanted.dataset_id)
    ids = sets.list_experiments_of(db, actor, found.id)
    return {"experiment_ids": ids} if ids else {}


class SetExperiments(Message, kw_only=True):
    """Names an evaluation data set and experiments."""

    dataset_id: Text
    experiment_ids: list[str] = []


@family.post("datasets/{dataset_id}/add-experiments", version="3.0", permission=LOG, writes=True)
def add_experiments(db: Session, actor: Actor, wanted: SetExperiments) -> dict[str, Any]:
    """Note that an evaluation data set is used in experiments."""
    return _whole(db, actor, service.add_to_experiments(db, actor, wanted.dataset_id, wanted.experiment_ids))


@family.post("datasets/{dataset_id}/remove-experiments", version="3.0", permission=LOG, writes=True)
def remove_experiments(db: Session, actor: Actor, wanted: SetExperiments) -> dict[str, Any]:
    """Note that an evaluation data set is used no longer in experiments."""
    return _whole(db, actor, service.remove_from_experiments(db, actor, wanted.dataset_id, wanted.experiment_ids))


class RegisterScorer(Message, kw_only=True):
    """A version of a scorer to keep."""

    experiment_id: Text
    name: Text
    serialized_scorer: Text


def shown_scorer(one: ScorerVersion) -> dict[str, Any]:
    """Return a scorer's version in the protocol's shape."""
    return {
        "experiment_id": int(one.experiment_id),
        "scorer_name": one.name,
        "scorer_version": one.version,
        "serialized_scorer": one.serialized,
        "creation_time": one.created_ms,
        "scorer_id": one.scorer_id,
    }


@family.post("scorers/register", version="3.0", permission=LOG, writes=True)
def register_scorer(db: Session, actor: Actor, wanted: RegisterScorer) -> dict[str, Any]:
    """Keep a version of a scorer."""
    made = service.register_scorer(db, actor, wanted.experiment_id, wanted.name, wanted.serialized_scorer)
    return {
        "version": made.version,
        "scorer_id": made.scorer_id,
        "experiment_id": made.experiment_id,
        "name": made.name,
        "serialized_scorer": made.serialized,
        "creation_time": made.created_ms,
    }


class ListScorers(Message, kw_only=True):
    """Names experiments whose scorers are wanted."""

    experiment_id: str | None = None
    experiment_ids: list[str] = []


@family.get("scorers/list", version="3.0", permission=READ)
def list_scorers(db: Session, actor: Actor, wanted: ListScorers) -> dict[str, Any]:
    """Return the newest version of each scorer."""
    named = [wanted.experiment_id] if wanted.experiment_id else wanted.experiment_ids
    found = sets.list_scorers(db, actor, named or None)
    return {"scorers": [shown_scorer(one) for one in found]} if found else {}


class ScorerNamed(Message, kw_only=True):
    """Names a scorer, and perhaps a version."""

    experiment_id: Text
    name: Text
    version: Int64 | None = None


@family.get("scorers/versions", version="3.0", permission=READ)
def list_scorer_versions(db: Session, actor: Actor, wanted: ScorerNamed) -> dict[str, Any]:
    """Return all versions of a scorer."""
    experiment = queries.get_experiment(db, actor, wanted.experiment_id)
    found = sets.list_scorer_versions(db, experiment, wanted.name)
    return {"scorers": [shown_scorer(one) for one in reversed(found)]}


@family.get("scorers/get", version="3.0", permission=READ)
def get_scorer(db: Session, actor: Actor, wanted: ScorerNamed) -> dict[str, Any]:
    """Return a version of a scorer, the newest unless one is named."""
    experiment = queries.get_experiment(db, actor, wanted.experiment_id)
    return {"scorer": shown_scorer(sets.list_scorer_versions(db, experiment, wanted.name, version=wanted.version)[0])}


@family.on("DELETE", "scorers/delete", version="3.0", permission=LOG, writes=True)
def delete_scorer(db: Session, actor: Actor, wanted: ScorerNamed) -> None:
    """Delete a version of a scorer, or all."""
    service.delete_scorer(db, actor, wanted.experiment_id, wanted.name, version=wanted.version)


class OnlineScoring(Message, kw_only=True):
    """Names scorers that might be run on traces as they arrive."""

    scorer_ids: list[str] = []
    experiment_id: str = ""
    name: str = ""
    sample_rate: float = 0.0
    filter_string: str | None = None


@family.get("scorers/online-configs", version="3.0", permission=READ)
def list_online_scoring(_db: Session, _actor: Actor, _wanted: OnlineScoring) -> dict[str, Any]:
    """Say that no scorer is run here; clients ask whenever they list scorers."""
    return {"configs": []}


@family.on("PUT", "scorers/online-config", version="3.0", permission=LOG)
def set_online_scoring(_db: Session, _actor: Actor, _wanted: OnlineScoring) -> NoReturn:
    """Say that no scorer is run here."""
    raise NotOffered(
        "Online scoring is not supported: scorers are kept here and run by clients.",
        remedy="Run them in a job of your own, and log what they say as assessments.",
    )
