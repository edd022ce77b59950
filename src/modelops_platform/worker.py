"""The job process: the entry point that knows the job handlers of every room."""

import queue
import signal
import sys
import threading
from types import ModuleType

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from modelops_platform.artifacts import jobs as artifact_jobs
from modelops_platform.core.actor import system_actor
from modelops_platform.core.db import Database
from modelops_platform.core.logging import configure_logging, get_logger
from modelops_platform.core.processes import end_with_parent, keep_temporary_files_in, name_process
from modelops_platform.core.schema import is_current
from modelops_platform.core.settings import Settings, get_settings
from modelops_platform.demo import jobs as sample_jobs
from modelops_platform.deployments import service as deployments
from modelops_platform.governance import jobs as governance_jobs
from modelops_platform.governance import service as governance
from modelops_platform.identity.tables import Workspace
from modelops_platform.jobs import jobs as queue_jobs
from modelops_platform.jobs import service
from modelops_platform.jobs.handlers import Handler
from modelops_platform.jobs.runner import Worker
from modelops_platform.monitoring import jobs as monitoring_jobs
from modelops_platform.notifications import jobs as notification_jobs
from modelops_platform.notifications import service as notifications
from modelops_platform.notifications.webhooks import delivering
from modelops_platform.operations import jobs as operation_jobs
from modelops_platform.operations.checkpoints import Keeper
from modelops_platform.pipelines import jobs as pipeline_jobs
from modelops_platform.registry import jobs as registry_jobs
from modelops_platform.reporting import jobs as reporting_jobs
from modelops_platform.tracking import jobs as tracking_jobs

# Each has HANDLERS (kind of job -> Handler), and may have SCHEDULES (kind -> title and Rhythm) of the platform itself,
# NOTICES (kind of event -> whom to tell of it, and why) and WEBHOOKS (kind of event -> what it means to webhooks).
ROOMS: list[ModuleType] = [
    queue_jobs,
    artifact_jobs,
    governance_jobs,
    monitoring_jobs,
    operation_jobs,
    notification_jobs,
    pipeline_jobs,
    registry_jobs,
    reporting_jobs,
    sample_jobs,
    tracking_jobs,
]
NAME = "modelops-jobs"
LOOK_SECONDS = 1.0
SEALS_KEPT_WITHIN_SECONDS = 1.0


def make_worker(settings: Settings, database: Database) -> Worker:
    """Return the job process with every room's handlers."""
    governance.register_gates()
    deployments.register_gates()
    handlers: dict[str, Handler] = {}
    for room in ROOMS:
        handlers.update(room.HANDLERS)
        notifications.register(getattr(room, "NOTICES", {}))
        delivering.register(getattr(room, "WEBHOOKS", {}))
    return Worker(database, handlers, light=settings.job_threads, heavy=settings.heavy_jobs, engine=settings.engine)


def set_own_schedules(database: Database) -> None:
    """Make the schedules of the platform's own upkeep, once."""
    with database.write() as db:
        for workspace_id in db.scalars(select(Workspace.id)).all():
            for room in ROOMS:
                for kind, (title, rhythm) in getattr(room, "SCHEDULES", {}).items():
                    service.set_schedule(db, system_actor(workspace_id), kind, kind, {}, rhythm, title=title)


def wait_for_migrations(database: Database, stopping: threading.Event) -> None:
    """Wait until the database answers and has this code's schema, then set the platform's schedules; never migrates."""
    log = get_logger()
    waited = False
    while not stopping.is_set():
        try:
            with database.read() as db:
                is_there = is_current(db)
            if is_there:
                set_own_schedules(database)
                return
            reason = "migrations are pending: run `modelops db upgrade`"
        except (DBAPIError, PoolTimeout) as error:
            reason = f"the database does not answer ({type(error).__name__})"
        if not waited:
            log.warning("worker.waiting", reason=reason)
        waited = True
        stopping.wait(LOOK_SECONDS)


def main(parent: int | None = None) -> None:
    """Run the job process until SIGTERM or SIGINT; with `parent`, the process id of `modelops serve`, end with it."""
    name_process(NAME)
    settings = get_settings()
    configure_logging(settings.log_level)
    keep_temporary_files_in(settings.home)
    database = Database.from_settings(settings)
    worker = make_worker(settings, database)
    stopping = threading.Event()
    asked: queue.SimpleQueue[None] = queue.SimpleQueue()

    def stop() -> None:
        asked.get()
        stopping.set()
        worker.stop()

    # A signal comes in the midst of anything, also while this thread holds the lock of an event: `set` would wait for
    # that for ever. `put` of a simple queue is made to be called then.
    threading.Thread(target=stop, name="stop", daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.put(None))
    if parent is not None:
        end_with_parent(signal.SIGTERM, parent)
    wait_for_migrations(database, stopping)
    if not stopping.is_set():
        seals = Keeper(database, settings)
        keeper = threading.Thread(target=seals.keep_on, args=(stopping,), name="seals", daemon=True)
        keeper.start()
        worker.run()
        keeper.join(SEALS_KEPT_WITHIN_SECONDS)
    database.dispose()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else None)
