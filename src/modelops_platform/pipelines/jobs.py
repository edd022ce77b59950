"""Jobs of recipes: the training itself, and what a schedule fires."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.artifacts import queries as artifacts_queries
from modelops_platform.artifacts import service as artifacts
from modelops_platform.artifacts.store import Damage, store_of
from modelops_platform.core.errors import AlreadyExists
from modelops_platform.events.domain import LogEntry
from modelops_platform.jobs.handlers import Handler, Limits, Task
from modelops_platform.jobs.tables import Job
from modelops_platform.notifications.domain import Topic
from modelops_platform.notifications.service import Notice

from . import service
from .tables import TrainingRecipe, TrainingRun

LIMITS = Limits(wall_seconds=3_600.0, cpu_seconds=7_200)
RESULT = "result"  # where the heavy part writes, below the job's folder


def prepare(db: Session, job: Job) -> dict[str, Any]:
    """Read the recipe, and where the data set's file is. Raises NotAllowed when the rights are gone."""
    _actor, run = service.get_started(db, job.args["run_id"])
    return {
        "document": run.document,
        "store": store_of(db),
        "data": artifacts_queries.get_stored(db, run.data_set_digest),
    }


def train(task: Task, prepared: dict[str, Any]) -> dict[str, Any]:
    """Fetch the data, train in the child, and store the files it wrote. Raises Unavailable for damaged data."""
    store = prepared["store"]
    task.progress(0.0, "Fetching the data set and checking its digest.")
    try:
        data = store.fetch(prepared["data"], task.folder)
    except Damage as damage:
        raise artifacts.unreadable(damage) from None
    trained: dict[str, Any] = task.run_heavy({"document": prepared["document"], "data": str(data)})
    task.progress(None, "Storing the files of the new version.")
    files = sorted((task.folder / RESULT).iterdir())
    return {**trained, "files": {file.name: store.receive_file(file) for file in files}}


def finish(db: Session, job: Job, trained: dict[str, Any]) -> dict[str, Any]:
    """Make the new version."""
    version = service.finish_run(db, job.args["run_id"], trained)
    return {"model": version.model.name, "version": version.number}


def fail(db: Session, job: Job, words: str) -> None:
    """Tell the log why."""
    service.fail_run(db, job.args["run_id"], words)


def start(db: Session, job: Job, _worked: Any) -> dict[str, str]:
    """Start the run that is due, unless one is on its way. Raises NotFound, NotAllowed, InvalidInput."""
    try:
        return {"run": service.start_scheduled_run(db, job.args["recipe_id"]).id}
    except AlreadyExists as error:
        return {"already_on_its_way": error.details["run"]}


def waiting(db: Session, entry: LogEntry) -> Iterable[str]:
    """Those who wait for the run: whoever began it, and the recipe's owner."""
    began = select(TrainingRun.created_by).where(TrainingRun.id == str(entry.data["run"]))
    owner = select(TrainingRecipe.owner_id).where(TrainingRecipe.id == entry.object_id)
    return db.scalars(began.union(owner)).all()


HANDLERS = {
    service.TRAIN: Handler(
        prepare=prepare,
        work=train,
        heavy="modelops_platform.pipelines.heavy.job:run",
        finish=finish,
        fail=fail,
        limits=LIMITS,
    ),
    service.START: Handler(finish=start),
}
_ENDED = [Notice(Topic.TRAINING, waiting, tells_actor=True)]
NOTICES = {"recipe.trained": _ENDED, "recipe.failed": _ENDED}
