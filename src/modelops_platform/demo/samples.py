"""Sample data: three small models of the demonstration, brought into an empty installation, and taken out again whole.

What belongs to the sample is what the event `samples.added` names, and what hangs on its models: nothing else is
touched. The tag `modelops.sample` only tells people.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.artifacts import service as artifacts
from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.errors import TransitionRefused
from modelops_platform.events import service as events
from modelops_platform.identity.tables import Workspace
from modelops_platform.jobs.domain.states import JobState
from modelops_platform.operations.queries.welcome import sample_ids
from modelops_platform.pipelines import queries as recipes
from modelops_platform.pipelines import service as pipelines
from modelops_platform.pipelines.schemas import RecipeIn
from modelops_platform.pipelines.tables import TrainingRecipe, TrainingRun
from modelops_platform.registry import queries, service
from modelops_platform.registry.domain.names import SAMPLE_TAG
from modelops_platform.registry.schemas import DataSetIn, ModelIn, UseCaseIn, VersionIn
from modelops_platform.registry.tables import DataSet, Model, UseCase, Version

NAMES = ("household-food-cost", "wine-cultivar-check", "affordability-rules")
PREFIX = "sample-"
Made = dict[str, Any]  # lists of ids by what they are: models, data_sets, use_cases


def add(db: Session, actor: Actor, written: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Register the models with their data and files, and start the trainings. Raises TransitionRefused, NotAllowed."""
    actor.must(Permission.MANAGE_USERS)
    if db.scalar(queries.visible_to(actor).with_only_columns(Model.id).limit(1)) is not None:
        raise TransitionRefused(
            "The inventory holds models already.", remedy="Sample data is for an installation that is empty."
        )
    made: Made = {"models": [], "data_sets": [], "use_cases": []}
    names = [_add_model(db, actor, each, made) for each in written]
    events.record(db, actor, "samples.added", db.get_one(Workspace, actor.workspace_id), **made)
    return {"models": names}


def _add_model(db: Session, actor: Actor, each: Mapping[str, Any], made: Made) -> str:
    name = f"{PREFIX}{each['name']}"
    use_case = _use_case(db, actor, each["use_case"], made)
    data_set = _data_set(db, actor, each["data_set"], made)
    wanted = {
        "name": name,
        "kind": each["kind"],
        "purpose": f"Sample data. {each['purpose']}",
        "use_case": use_case.id,
        "affects_people": each["affects_people"],
        "fields": each["fields"],
        "tags": {SAMPLE_TAG: ""},
    }
    model = service.register_model(db, actor, ModelIn.model_validate(wanted))
    made["models"].append(model.id)
    if each["recipe"] is not None:
        document = each["recipe"] | {"data_set_id": data_set.id}
        recipe = pipelines.create_recipe(db, actor, RecipeIn(name=f"{name} training", model=name, document=document))
        pipelines.start_run(db, actor, recipe.id)
        return name
    files = [
        {"path": path, "sha256": artifacts.add_blob(db, actor, received, name=path).sha256}
        for path, received in each["files"].items()
    ]
    version = {"description": "Sample data.", "files": files, "data_set": data_set.id}
    service.add_version(db, actor, model, VersionIn.model_validate(version))
    return name


def _use_case(db: Session, actor: Actor, name: str, made: Made) -> UseCase:
    sample = f"Sample - {name}"
    found = queries.find_use_case(db, actor, sample)
    if found is None:
        found = service.create_use_case(db, actor, UseCaseIn(name=sample, purpose="Sample data."))
        made["use_cases"].append(found.id)
    return found


def _data_set(db: Session, actor: Actor, each: Mapping[str, Any], made: Made) -> DataSet:
    name = f"{PREFIX}{each['name']}"
    found = queries.find_data_set(db, actor, name)
    if found is not None:
        return found
    blob = artifacts.add_blob(db, actor, each["received"], name=each["file"])
    wanted = {
        "name": name,
        "digest": blob.sha256,
        "file_name": each["file"],
        "size": blob.size,
        "rows": each["rows"],
        "description": f"Sample data. {each['preparation']}",
        "source": each["source"],
        "licence": each["licence"],
    }
    data_set = service.create_data_set(db, actor, DataSetIn.model_validate(wanted))
    made["data_sets"].append(data_set.id)
    return data_set


def remove(db: Session, actor: Actor) -> dict[str, int]:
    """Archive the sample's recipes, models, data sets and use cases: all, or nothing where one of them is live.

    Raises TransitionRefused, NotAllowed. Data sets and use cases that something else uses meanwhile stay.
    """
    actor.must(Permission.MANAGE_USERS)
    made = sample_ids(db, actor)
    models = db.scalars(queries.visible_to(actor).where(Model.id.in_(made["models"]))).all()
    ids = [model.id for model in models]
    _stop_trainings(db, actor, ids)
    for recipe in db.scalars(recipes.visible_to(actor).where(TrainingRecipe.model_id.in_(ids))).all():
        pipelines.archive_recipe(db, actor, recipe.id)
    for model in models:
        service.archive_model(db, actor, model.name)
    still_used = _data_sets_of(db, db.scalars(queries.visible_to(actor).with_only_columns(Model.id)).all())
    for data_set in _living(db, DataSet, made["data_sets"] - still_used):
        service.archive_data_set(db, actor, data_set.name)
    serving = set(db.scalars(queries.visible_to(actor).with_only_columns(Model.use_case_id)).all())
    for use_case in _living(db, UseCase, made["use_cases"] - serving):
        service.archive_use_case(db, actor, use_case.name)
    return {"models": len(models)}


def _data_sets_of(db: Session, model_ids: Sequence[str]) -> set[str]:
    """Return the ids of the data that versions of these models were made of, or recipes for them name."""
    by_version = select(Version.data_set_id).where(Version.model_id.in_(model_ids), Version.data_set_id.is_not(None))
    by_recipe = select(TrainingRecipe.data_set_id).where(TrainingRecipe.model_id.in_(model_ids))
    return {one for one in db.scalars(by_version.union(by_recipe)) if one}


def _living(db: Session, table: type[Any], ids: set[str]) -> Sequence[Any]:
    return db.scalars(select(table).where(table.id.in_(ids), table.archived_at.is_(None)).order_by(table.name)).all()


def _stop_trainings(db: Session, actor: Actor, model_ids: Sequence[str]) -> None:
    """Cancel the sample's trainings that wait or run; what they would make has no model any more."""
    for run in db.scalars(recipes.runs_visible_to(actor).where(TrainingRun.model_id.in_(model_ids))).all():
        if run.job is not None and run.job.state in (JobState.QUEUED, JobState.RUNNING):
            pipelines.cancel_run(db, actor, run.id)
