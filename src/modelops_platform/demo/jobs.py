"""Jobs of the sample data: what an administrator switches on, and off again."""

from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from modelops_platform.artifacts.store import store_of
from modelops_platform.jobs.handlers import Handler, Task
from modelops_platform.jobs.tables import Job
from modelops_platform.pipelines.service import actor_of

from . import samples


def prepare(db: Session, _job: Job) -> dict[str, Any]:
    """Say which models, and where files are kept."""
    return {"names": list(samples.NAMES), "store": store_of(db)}


def write(task: Task, prepared: dict[str, Any]) -> list[dict[str, Any]]:
    """Have the child write the files, and store them."""
    task.progress(0.0, "Writing data sets and files.")
    written: list[dict[str, Any]] = task.run_heavy({"names": prepared["names"]})
    store, folder = prepared["store"], task.folder
    task.progress(0.7, "Storing them.")
    for each in written:
        data = Path(each["data_set"]["path"])
        each["data_set"] |= {"file": data.name, "received": store.receive_file(folder / data)}
        each["files"] = {Path(path).name: store.receive_file(folder / path) for path in each["files"]}
    return written


def add(db: Session, job: Job, written: list[dict[str, Any]]) -> dict[str, Any]:
    """Register the models in the name of whoever asked."""
    return samples.add(db, actor_of(db, job.created_by), written)


def remove(db: Session, job: Job, _worked: Any) -> dict[str, Any]:
    """Take the sample out again, in the name of whoever asked."""
    return samples.remove(db, actor_of(db, job.created_by))


HANDLERS = {
    "samples.add": Handler(
        prepare=prepare, work=write, finish=add, heavy="modelops_platform.demo.heavy.samples:write_samples"
    ),
    "samples.remove": Handler(finish=remove),
}
