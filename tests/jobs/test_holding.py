"""Jobs that write for many: they hold the database for a moment at a time, and whoever else writes comes between."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.db import DEFAULT_WORKSPACE, WEB_PATIENCE_SECONDS, Database
from modelops_platform.core.ids import new_id
from modelops_platform.core.portions import brief, leave_the_rest, portion
from modelops_platform.core.settings import Settings
from modelops_platform.events import service as events
from modelops_platform.events.tables import EventPlace
from modelops_platform.governance import jobs as governance
from modelops_platform.governance.tables import LifeCycleCase
from modelops_platform.identity.queries import find_root_unit
from modelops_platform.identity.tables import Workspace
from modelops_platform.jobs import service
from modelops_platform.jobs.handlers import Handler
from modelops_platform.jobs.runner import Worker
from modelops_platform.jobs.tables import Job
from modelops_platform.notifications import jobs as notifications
from modelops_platform.registry.tables import Model, ModelSummary
from tests.factories import SYSTEM, Cast

MODELS = 10_000
LONGEST_WAIT = 1.0  # a portion, and what a busy machine adds; one job that walks through them all holds for a minute


@contextmanager
def working(database: Database, handlers: dict[str, Handler]) -> Iterator[Worker]:
    worker = Worker(database, handlers)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(20)
        assert not thread.is_alive()


def until_ended(database: Database) -> Job:
    """Wait until the job of the test has ended, and return it."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with database.read() as db:
            job = db.scalars(select(Job).where(Job.kind == "test.work")).one()
        if not job.is_unfinished:
            return job
        time.sleep(0.02)
    raise AssertionError("it did not end")


def test_a_loop_goes_to_its_end_unless_it_has_a_turn() -> None:
    assert list(portion(range(3))) == [0, 1, 2]
    leave_the_rest()  # nobody asked
    with brief(0) as turn:
        assert list(portion([])) == []
        assert list(portion([7])) == [7]
        assert not turn.is_cut  # that was all
        assert list(portion(range(3))) == [0]  # always one, so that it ends some time
        assert turn.is_cut
    with brief() as turn:
        leave_the_rest()
    assert turn.is_cut
    assert list(portion(range(3))) == [0, 1, 2]


def test_a_job_goes_on_in_short_transactions_and_does_nothing_twice(database: Database) -> None:
    done: list[int] = []
    transactions: list[int] = []

    def finish(_db: Session, _job: Job, _worked: Any) -> dict[str, int]:
        for number in portion(range(len(done), 12)):
            done.append(number)
            time.sleep(0.03)
        transactions.append(len(done))
        return {"done": len(done)}

    with database.write() as db:
        service.enqueue(db, SYSTEM, "test.work", {"a": 1}, key="once", title="Much work")
    with working(database, {"test.work": Handler(finish=finish)}):
        job = until_ended(database)
    assert done == list(range(12))
    assert (job.result, job.attempts, job.lease_token) == ({"done": 12}, 1, None)
    assert transactions[-1] == 12
    assert len(transactions) > 2


def touch_models(database: Database, owner: str, count: int) -> None:
    """Put in models, and for each that it was edited, as an import would."""
    with database.write() as db:
        unit = find_root_unit(db, DEFAULT_WORKSPACE)
        assert unit is not None
        now, ids = clock.now(), [new_id() for _ in range(count)]
        names = [f"many-{number:05}" for number in range(count)]
        same = {"kind": "ml", "purpose": "Test.", "affects_people": False, "fields": {}, "last_version": 0}
        made = {"created_by": owner, "owner_id": owner, "unit_id": unit.id, "created_at": now, "updated_at": now}
        rows = [
            {"id": id, "workspace_id": DEFAULT_WORKSPACE, "name": name, "skeleton": name, "revision": 1, **same, **made}
            for id, name in zip(ids, names, strict=True)
        ]
        db.execute(insert(Model), rows)
        db.execute(insert(ModelSummary), [{"model_id": id} for id in ids])
        for row in rows:
            events.record(db, SYSTEM, "model.edited", Touched(str(row["id"]), str(row["name"])), changes={})


class Touched:
    """A model as events name it."""

    object_kind = "model"

    def __init__(self, id: str, name: str) -> None:
        self.id, self.name = id, name


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_request_goes_on_while_ten_thousand_models_are_followed(
    database: Database, settings: Settings, cast: Cast
) -> None:
    touch_models(database, cast.person("admin").id, MODELS)
    handlers = {
        governance.FOLLOW: governance.HANDLERS[governance.FOLLOW],
        notifications.FOLLOW: notifications.HANDLERS[notifications.FOLLOW],
    }
    with database.write() as db:
        events.seal_events(db)  # what is followed at once
        for kind in handlers:
            service.enqueue(db, SYSTEM, kind, {}, key=kind)
    web, waits = Database.from_settings(settings, patience=WEB_PATIENCE_SECONDS), []
    until = time.monotonic() + 4.0
    with working(database, handlers):
        while time.monotonic() < until:
            began = time.monotonic()
            with web.write() as db:
                db.execute(update(Workspace).values(name=f"at {began}"))
            waits.append(time.monotonic() - began)
            time.sleep(0.01)
    web.dispose()
    with database.read() as db:
        placed = db.scalar(select(func.count()).select_from(EventPlace)) or 0
        followed = db.scalar(select(func.count()).select_from(LifeCycleCase)) or 0
    assert max(waits) < LONGEST_WAIT
    assert placed > events.PLACED_AT_ONCE  # while it was sealed,
    assert followed > 0  # and followed
