"""A job process for the tests that kill it: `python chaos.py URL KEYS`."""

import random
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from modelops_platform.core.actor import system_actor
from modelops_platform.core.db import Database
from modelops_platform.core.keys import load_keys
from modelops_platform.core.logging import configure_logging
from modelops_platform.events import service as events
from modelops_platform.identity import tables  # noqa: F401 - what the queue's tables point to
from modelops_platform.jobs.handlers import Handler, Task
from modelops_platform.jobs.runner import Worker
from modelops_platform.jobs.tables import Job

LEASE = timedelta(seconds=1)


def work(task: Task, prepared: Any) -> Any:
    task.progress(0.5, "Half way.")
    time.sleep(random.uniform(0.04, 0.2))
    return prepared


def take_effect(db: Session, job: Job, worked: Any) -> None:
    db.execute(text("INSERT INTO effects (job_id) VALUES (:id)"), {"id": job.id})
    events.record(db, system_actor(job.workspace_id), "effect.taken", job)


HANDLERS = {
    "test.count": Handler(work=work, finish=take_effect),
    "test.tick": Handler(),
}

if __name__ == "__main__":
    configure_logging("error")
    database = Database(sys.argv[1], keys=load_keys(Path(sys.argv[2])))
    worker = Worker(database, HANDLERS, light=4, lease=LEASE)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    worker.run()
