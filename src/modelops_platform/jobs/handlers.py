"""What a room writes to have work done: a `Handler` for each kind of job, listed in `HANDLERS` of its `jobs.py`.

A job is done in up to three steps, so that no transaction is open while something slow happens:

1. `prepare(db, job)` reads what the work needs. The session cannot write.
2. `work(task, prepared)` does it, without any session: computing, files, network. A heavy job's work is a function
   named by its dotted name, which runs in a child process that has limits, no database and no secrets.
3. `finish(db, job, worked)` writes the effects. Its transaction also ends the job, and is undone when another
   worker has taken the job over: effects are visible exactly once, however often step 2 ran.

Every step may run again after a crash, so step 2 must be safe to run twice. What `finish` returns is kept as the
job's result.

While a job finishes, whoever else writes waits. What writes for many things loops over `core.portions.portion(things)`:
when the time is over the loop ends, this is committed, and the three steps are done again for what is left.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.orm import Session

from .tables import Job

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Limits:
    """What the child of a heavy job may use."""

    wall_seconds: float = 1_800.0
    cpu_seconds: int = 1_800
    memory_bytes: int = 8 * GIB  # address space: numeric libraries reserve far more than they touch
    output_bytes: int = 16 * 1024**2


class Task(Protocol):
    """A job while it is worked on, as its handler sees it."""

    @property
    def job(self) -> Job:
        """The job as it was claimed; changing it changes nothing."""

    @property
    def folder(self) -> Path:
        """A folder of its own that is removed afterwards."""

    def progress(self, fraction: float | None, step: str) -> None:
        """Tell how far it is (0 to 1, or not known) in a sentence. Raises Cancelled when somebody cancelled the job."""

    def run_heavy(self, prepared: Any) -> Any:
        """Run the handler's heavy function in a child, with `folder` as its working folder, and return its result.

        Raises what the child refused with (InvalidInput), Retry when it crashed or ran out of time, Cancelled.
        """


Prepare = Callable[[Session, Job], Any]
Work = Callable[[Task, Any], Any]
Finish = Callable[[Session, Job, Any], Any]
Fail = Callable[[Session, Job, str], None]


def _nothing(_db: Session, job: Job) -> Any:
    return job.args


def _as_it_is(_task: Task, prepared: Any) -> Any:
    return prepared


def _keep(_db: Session, _job: Job, worked: Any) -> Any:
    return worked


@dataclass(frozen=True, slots=True)
class Handler:
    """How one kind of job is done.

    Args:
        finish: Writes the effects; by default nothing but the job's result is kept.
        prepare: Reads what the work needs, as JSON values; by default the job's arguments.
        work: The work of a light job. For a heavy one: what stands around `task.run_heavy(prepared)`, such as
            fetching and storing files; by default nothing does.
        heavy: The dotted name of the function that does a heavy job, `modelops_platform.room.heavy:function`. It is
            called in the child with what was prepared and with `progress`, and returns JSON values.
        limits: What the child may use.
        fail: Writes what the last try leaves behind when it failed, with the words for people, in the transaction
            that ends the job; not called for a job that was cancelled, or whose worker died without a word.
    """

    finish: Finish = _keep
    prepare: Prepare = _nothing
    work: Work | None = None
    heavy: str | None = None
    limits: Limits = field(default_factory=Limits)
    fail: Fail | None = None

    def do_work(self, task: Task, prepared: Any) -> Any:
        """Do the second step."""
        if self.work is not None:
            return self.work(task, prepared)
        return task.run_heavy(prepared) if self.heavy else _as_it_is(task, prepared)
