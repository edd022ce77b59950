"""Training for real: the job process, its child, and what is left behind."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import psutil
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.core.errors import NotAllowed
from modelops_platform.identity.tables import Grant
from modelops_platform.jobs import service as queue
from modelops_platform.jobs.tables import Job, Schedule
from modelops_platform.pipelines import service
from modelops_platform.pipelines.tables import TrainingRun
from tests.factories import count_events, last_event
from tests.pipelines.conftest import Shop, iris

Work = Callable[..., list[str]]
# A training takes seconds; what differs between the databases is the queue, which has tests of its own on both.
on_one = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_run_makes_a_candidate_with_lineage_whose_figures_are_those_of_plain_sklearn(
    shop: Shop, work: Work, database: Database, db: Session
) -> None:
    started = shop.start(shop.recipe())
    assert (started["state"], started["number"], started["starter"]["name"]) == ("queued", 1, "Rosa Park")
    steps = work()
    assert steps, "its progress is told while it runs"
    run = shop.run(started)
    assert (run["state"], run["version_number"], run["error"]) == ("succeeded", 1, None)
    assert run["report"]["format"] == "onnx"

    header, rows = iris()
    x = np.array([row[:4] for row in rows], dtype=float)
    y = np.array([row[4] for row in rows])
    learn, hold = train_test_split(np.arange(len(y)), test_size=0.3, random_state=11, stratify=y)
    plain = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, max_iter=500, random_state=11))
    plain.fit(x[np.sort(learn)], y[np.sort(learn)])
    figures = {metric["name"]: metric["value"] for metric in run["metrics"]}
    assert figures["accuracy"] == pytest.approx(accuracy_score(y[hold], plain.predict(x[hold])))
    assert figures["log_loss"] == pytest.approx(log_loss(y[hold], plain.predict_proba(x[hold])), abs=1e-5)

    version = shop.client.get("/api/v1/models/iris/versions/1").json()
    assert "model.onnx" in [file["path"] for file in version["files"]]
    assert version["digest_state"] == "verified"
    assert version["source"]["recipe_run"] == run["id"]
    assert (version["data_set_id"], version["created_by"]) == (run["data_set_id"], shop.person.id)
    assert version["parameters"]["C"] == 0.5
    assert [column["name"] for column in version["signature"]["inputs"]] == header[:4]
    assert version["metrics"][0]["n"] == len(hold)
    assert shop.client.get("/api/v1/models/iris").json()["aliases"] == {}, "a run never moves an alias"

    event = last_event(db, "recipe.trained")["data"]
    assert isinstance(event, dict)
    assert (event["version"], event["manifest"]) == (1, version["manifest_digest"])
    assert event["data_set_digest"] == run["data_set_digest"]

    with database.write() as write_db:
        write_db.execute(delete(Job))
    outlived = shop.run(started)
    assert (outlived["state"], outlived["job_id"], outlived["version_number"]) == ("succeeded", None, 1)


@on_one
def test_bad_data_fails_at_once_and_names_column_and_row(shop: Shop, work: Work, db: Session) -> None:
    header, rows = iris()
    rows[6][2] = "six"
    shop.data_set("spoilt", header, rows)
    started = shop.start(shop.recipe(data_set_id="spoilt", estimator="LogisticRegression"))
    work()
    run = shop.run(started)
    assert run["state"] == "failed"
    assert "'petal_length', row 7: 'six' is not a number" in run["error"]
    job = shop.client.get(f"/api/v1/jobs/{run['job_id']}").json()
    assert (job["state"], job["attempts"]) == ("failed", 1), "another try would not help"
    event = last_event(db, "recipe.failed")["data"]
    assert isinstance(event, dict)
    assert event["words"] == run["error"]
    assert count_events(db, "recipe.trained") == 0
    assert shop.client.get("/api/v1/models/iris").json()["last_version"] == 0


def children() -> list[psutil.Process]:
    """The training children of this process, each below the process that forked it."""
    found: list[psutil.Process] = []
    for one in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # it may have ended since it was listed
            if "jobs.nursery" in " ".join(one.cmdline()):
                found += one.children()
    return found


@on_one
def test_a_killed_training_is_tried_again(shop: Shop, work: Work, database: Database) -> None:
    started = shop.start(shop.recipe())
    work(until=lambda: bool(children()))
    for child in children():
        os.kill(child.pid, signal.SIGKILL)
    while shop.run(started)["state"] == "running":
        time.sleep(0.05)
    run = shop.run(started)
    assert (run["state"], run["error"].split(".")[0]) == ("queued", "The job's process stopped (SIGKILL)")
    with database.write() as db:
        db.execute(update(Job).values(run_at=clock.now()))
    work()
    run = shop.run(started)
    assert (run["state"], run["version_number"]) == ("succeeded", 1)


@on_one
def test_a_running_training_can_be_cancelled(shop: Shop, work: Work, db: Session) -> None:
    started = shop.start(shop.recipe())
    work(until=lambda: bool(children()))
    answer = shop.client.post(f"/api/v1/training-runs/{started['id']}/cancel")
    assert answer.status_code == 200, answer.text
    work()
    run = shop.run(started)
    assert (run["state"], run["version_number"]) == ("cancelled", None)
    assert not children()
    assert shop.client.post(f"/api/v1/training-runs/{started['id']}/cancel").status_code == 412
    assert count_events(db, "recipe.trained") == 0


def test_who_lost_the_right_meanwhile_gets_no_version(shop: Shop, work: Work, database: Database) -> None:
    started = shop.start(shop.recipe())
    with database.write() as db:
        db.execute(delete(Grant).where(Grant.user_id == shop.person.id))
    work()
    with database.read() as db:
        run = db.get_one(TrainingRun, started["id"])
        job = db.get_one(Job, run.job_id)
        assert (run.version_id, job.state, job.attempts) == (None, "failed", 1)
        assert "Rosa Park, who started this run, may not train this model any more" in str(job.error)


def test_rights_are_checked_once_more_when_the_version_is_made(shop: Shop, database: Database, work: Work) -> None:
    started = shop.start(shop.recipe())
    with database.write() as db:
        db.execute(delete(Grant).where(Grant.user_id == shop.person.id))
    with pytest.raises(NotAllowed, match="makes no version"), database.write() as db:
        service.finish_run(db, started["id"], {"files": {}})


def test_a_schedule_starts_runs_in_the_name_of_the_owner(
    shop: Shop, work: Work, database: Database, db: Session
) -> None:
    recipe = shop.recipe()
    answer = shop.client.put(f"/api/v1/recipes/{recipe['id']}/schedule", json={"cron": "30 6 * * mon"})
    assert answer.status_code == 200, answer.text
    with database.write() as other:
        other.execute(update(Schedule).values(next_run_at=clock.now()))
        queue.fire_due(other)
    work(service.START)
    (run,) = shop.client.get(f"/api/v1/recipes/{recipe['id']}/runs").json()["items"]
    assert (run["state"], run["starter"]["id"]) == ("queued", shop.person.id)
    assert count_events(db, "recipe.started") == 1


def test_a_due_time_is_skipped_while_a_run_is_on_its_way(shop: Shop, work: Work, database: Database) -> None:
    recipe = shop.recipe()
    shop.client.put(f"/api/v1/recipes/{recipe['id']}/schedule", json={"every_seconds": 3600})
    waiting = shop.start(recipe)
    with database.write() as db:
        db.execute(update(Schedule).values(next_run_at=clock.now()))
        queue.fire_due(db)
    work(service.START)
    assert len(shop.client.get(f"/api/v1/recipes/{recipe['id']}/runs").json()["items"]) == 1
    with database.read() as db:
        start = db.scalars(select(Job).where(Job.kind == service.START)).one()
        assert start.result == {"already_on_its_way": waiting["id"]}
