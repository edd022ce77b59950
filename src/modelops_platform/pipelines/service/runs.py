"""Verbs on runs: ask for one, and end it one way or another."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from modelops_platform.artifacts import service as artifacts
from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, Permission, system_actor
from modelops_platform.core.errors import AlreadyExists, NotAllowed, PlatformError, Stale
from modelops_platform.core.ids import new_id
from modelops_platform.events import service as events
from modelops_platform.identity import queries as identity_queries
from modelops_platform.identity import service as identity
from modelops_platform.jobs import service as jobs
from modelops_platform.registry import queries as registry_queries
from modelops_platform.registry import service as registry
from modelops_platform.registry.schemas import VersionIn
from modelops_platform.registry.tables import Version

from .. import queries
from ..domain.recipes import Recipe
from ..tables import TrainingRecipe, TrainingRun
from .recipes import data_set_of

TRAIN = "pipelines.train"
TRIES = 3


def start_run(db: Session, actor: Actor, recipe_id: str) -> TrainingRun:
    """Ask for a training. Raises NotFound, NotAllowed, InvalidInput (the data is gone), AlreadyExists (one waits)."""
    record = queries.get_recipe(db, actor, recipe_id)
    _must_train(actor, record)
    data_set = data_set_of(db, actor, record.data_set_id)
    run_id = new_id()
    job = jobs.enqueue(
        db,
        actor,
        TRAIN,
        {"run_id": run_id},
        title=f"Train {record.model.name} by {record.name}",
        key=f"{TRAIN}.{record.id}",
        max_attempts=TRIES,
        unit_id=record.unit_id,
        model_id=record.model_id,
    )
    if job.args["run_id"] != run_id:
        raise AlreadyExists(
            f"A run of {record.name!r} is {job.state} already; one at a time is enough.",
            remedy="Wait for it, or cancel it.",
            field="recipe",
            value=record.id,
            run=job.args["run_id"],
        )
    run = TrainingRun(
        id=run_id,
        workspace_id=record.workspace_id,
        recipe_id=record.id,
        model_id=record.model_id,
        number=_next_number(db, record),
        recipe_revision=record.revision,
        document=record.document,
        data_set_id=data_set.id,
        data_set_digest=data_set.digest,
        job_id=job.id,
        created_by=actor.id,
    )
    db.add(run)
    events.record(
        db, actor, "recipe.started", record, run=run_id, number=run.number, job=job.id, data_set_digest=data_set.digest
    )
    return queries.get_run(db, actor, run_id)


def _must_train(actor: Actor, record: TrainingRecipe) -> None:
    """Raise NotAllowed unless the actor may run the recipe and add the version that comes of it."""
    actor.must(Permission.RUN_RECIPE, record)
    actor.must(Permission.ADD_VERSION, record)


def _next_number(db: Session, record: TrainingRecipe) -> int:
    """Take the recipe's next number; the recipe's own revision stays."""
    number = db.execute(
        update(TrainingRecipe)
        .where(TrainingRecipe.id == record.id)
        .values(last_run=TrainingRecipe.last_run + 1, updated_at=record.updated_at)
        .returning(TrainingRecipe.last_run),
        execution_options={"synchronize_session": False},
    ).scalar_one()
    set_committed_value(record, "last_run", number)
    return number


def cancel_run(db: Session, actor: Actor, run_id: str) -> TrainingRun:
    """Cancel a run that waits or runs. Raises NotFound, NotAllowed, Stale when it has ended."""
    run = queries.get_run(db, actor, run_id)
    if run.job is None:
        raise Stale(f"{run.name} has ended.", remedy="Look at what came of it.", field="run", value=run.id)
    jobs.cancel_job(db, actor, run.job)
    return run


def actor_of(db: Session, user_id: str) -> Actor:
    """Return somebody as they are now, to act in their name. Raises NotAllowed when they are gone or disabled."""
    rows = identity_queries.list_grants(db, user_id)
    if not rows or rows[0].disabled_at is not None:
        raise NotAllowed(
            "The account in whose name this runs is not in use any more.",
            remedy="Start it yourself, or take the recipe over.",
            user=user_id,
        )
    return identity.to_actor(rows)


def get_started(db: Session, run_id: str) -> tuple[Actor, TrainingRun]:
    """Return a run with whoever asked for it, whose rights are checked again. Raises NotAllowed, NotFound."""
    actor = actor_of(db, queries.get_any_run(db, run_id).created_by)
    try:
        run = queries.get_run(db, actor, run_id)
        _must_train(actor, run.recipe)
    except PlatformError:
        raise NotAllowed(
            f"{actor.name}, who started this run, may not train this model any more, so it makes no version.",
            remedy="Somebody else who may can start it again.",
            user=actor.id,
        ) from None
    return actor, run


def finish_run(db: Session, run_id: str, trained: Mapping[str, Any]) -> Version:
    """Make the version of what was trained, in the name of whoever asked for it; no alias is touched.

    Args:
        trained: `signature`, `metrics`, `environment`, `report` and `files` (path to what the store received).
    Raises: NotAllowed when they have lost the right meanwhile, InvalidInput when the data set is gone.
    """
    actor, run = get_started(db, run_id)
    for path, received in sorted(trained["files"].items(), key=lambda file: file[1].sha256):
        artifacts.add_blob(db, actor, received, name=path)
    model = registry_queries.get_model_by_id(db, actor, run.model_id)
    version = registry.add_version(db, actor, model, _version_of(run, trained))
    run.version, run.metrics, run.report = version, trained["metrics"], trained["report"]
    run.started_at, run.ended_at = run.job.started_at if run.job else None, clock.now()
    events.record(
        db,
        actor,
        "recipe.trained",
        run.recipe,
        run=run.id,
        number=run.number,
        recipe_revision=run.recipe_revision,
        version=version.number,
        manifest=version.manifest_digest,
        data_set=run.data_set_id,
        data_set_digest=run.data_set_digest,
        metrics={metric["name"]: metric["value"] for metric in trained["metrics"]},
    )
    return version


def _version_of(run: TrainingRun, trained: Mapping[str, Any]) -> VersionIn:
    """Return the version to add: a candidate, which nothing uses until somebody decides so."""
    measured_on = f"{run.data_set.name}, held out"
    return VersionIn.model_validate(
        {
            "description": f"A candidate, trained by run {run.number} of the recipe {run.recipe.name}.",
            "files": [{"path": path, "sha256": received.sha256} for path, received in trained["files"].items()],
            "signature": {side: [_column(one) for one in trained["signature"][side]] for side in ("inputs", "outputs")},
            "metrics": [{**metric, "data_set": measured_on} for metric in trained["metrics"]],
            "parameters": _parameters(run.plan),
            "environment": trained["environment"],
            "source": {"recipe_run": run.id},
            "data_set": run.data_set_id,
        }
    )


def _column(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return a column as versions keep it; shape and classes stand in the file `signature.json`."""
    return {key: described[key] for key in ("name", "type", "is_required") if key in described}


def _parameters(recipe: Recipe) -> dict[str, Any]:
    """Return what decided the training, flat, as versions show and compare it."""
    split = recipe.split
    return {
        "estimator": recipe.estimator,
        "target": recipe.target,
        **recipe.parameters,
        "split": split.kind.value,
        "test_share": split.test_share,
        "seed": split.seed,
        **({"split_by": split.by} if split.by is not None else {}),
        **({"lags": ", ".join(map(str, recipe.lags))} if recipe.lags else {}),
    }


def fail_run(db: Session, run_id: str, words: str) -> None:
    """Tell the log why a run failed; where it stands is known from its job."""
    run = queries.get_any_run(db, run_id)
    run.ended_at = clock.now()
    events.record(
        db,
        system_actor(run.workspace_id),
        "recipe.failed",
        run.recipe,
        run=run.id,
        number=run.number,
        data_set_digest=run.data_set_digest,
        words=words,
    )


def start_scheduled_run(db: Session, recipe_id: str) -> TrainingRun:
    """Start the run that is due, in the name of the recipe's owner. Raises what `start_run` raises."""
    owner_id = db.scalar(select(TrainingRecipe.owner_id).where(TrainingRecipe.id == recipe_id))
    return start_run(db, actor_of(db, owner_id or ""), recipe_id)
