"""Pages of jobs and schedules, and the live stream."""

import threading
import time
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from modelops_platform.core.db import Database
from modelops_platform.core.errors import InvalidInput
from modelops_platform.jobs import service
from modelops_platform.jobs.domain.rhythm import Rhythm
from modelops_platform.jobs.tables import Job
from modelops_platform.operations.pages import jobs as jobs_pages
from tests.factories import SYSTEM, Cast


def ask(database: Database, **options: str) -> Job:
    with database.write() as db:
        return service.enqueue(db, SYSTEM, "test.work", {}, title="Train <b>churn</b>", **options)  # type: ignore[arg-type]


def claim(database: Database) -> Job:
    with database.write() as db:
        (job,) = service.claim(db, ["test.work"], 1, worker="one")
    return job


def test_the_list_shows_jobs_with_counts_by_state_and_says_when_there_are_none(
    client: TestClient, database: Database
) -> None:
    assert "No job here" in client.get("/jobs").text
    job = ask(database)
    page = client.get("/jobs").text
    assert f'href="/jobs/{job.id}"' in page
    assert "Train &lt;b&gt;churn" in page
    assert "?state=queued" in page
    fragment = client.get("/jobs?state=queued", headers={"hx-request": "true", "hx-target": "div#results"}).text
    assert "<html" not in fragment
    assert f'href="/jobs/{job.id}"' in fragment


def test_a_job_is_cancelled_and_run_again_by_plain_forms(client: TestClient, database: Database) -> None:
    job = ask(database)
    address = f"/jobs/{job.id}"
    page = client.get(address).text
    assert f'hx-sse:connect="{address}/events"' in page
    assert f'action="{address}/cancel"' in page
    done = client.post(f"{address}/cancel")
    assert (done.status_code, done.headers["location"]) == (303, address)
    page = client.get(address).text
    assert "hx-sse:connect" not in page
    assert f'action="{address}/retry"' in page
    assert client.post(f"{address}/retry").status_code == 303


def test_what_went_wrong_and_what_came_out_is_shown(client: TestClient, database: Database) -> None:
    failed = ask(database)
    held = claim(database)
    with database.write() as db:
        service.fail(db, held, InvalidInput("Row 7 is empty."))
    assert "Row 7 is empty." in client.get(f"/jobs/{failed.id}").text
    done = ask(database)
    held = claim(database)
    with database.write() as db:
        service.succeed(db, held)
        service.keep_result(db, held, {"rows": 1234})
    assert "1234" in client.get(f"/jobs/{done.id}").text


def test_a_refused_action_is_visible_and_says_why(
    client_as: Callable[..., TestClient], database: Database, cast: Cast
) -> None:
    job = ask(database, unit_id=cast.unit("Cards"))
    page = client_as("auditor", unit="Cards").get(f"/jobs/{job.id}").text
    assert "data-refused" in page
    assert "somebody who manages jobs there" in page


def test_schedules_are_shown_paused_and_resumed(
    client: TestClient, client_as: Callable[..., TestClient], database: Database
) -> None:
    with database.write() as db:
        made = service.set_schedule(db, SYSTEM, "tick", "test.work", {}, Rhythm(every_seconds=3600), title="Look again")
    page = client.get("/schedules").text
    assert "Look again" in page
    assert "every hour" in page
    assert client.post(f"/schedules/{made.id}/pause").status_code == 303
    assert f'action="/schedules/{made.id}/resume"' in client.get("/schedules").text
    assert "An administrator can do this." in client_as("auditor").get("/schedules").text
    assert client_as("viewer").get("/schedules").status_code == 403


def stream_while(client: TestClient, job: Job, happening: Callable[[], None]) -> str:
    """Read the job's whole stream while something happens to the job."""
    doer = threading.Thread(target=happening)
    doer.start()
    answer = client.get(f"/jobs/{job.id}/events")
    doer.join()
    assert answer.headers["content-type"].startswith("text/event-stream")
    return answer.text


def test_the_stream_tells_of_progress_and_ends_with_the_job(
    client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelops_platform.operations.watching.LOOK_SECONDS", 0.1)
    job = ask(database)
    held = claim(database)

    def work() -> None:
        time.sleep(0.4)
        with database.write() as db:
            service.report(db, held, 0.25, "Reading <rows>.")
        time.sleep(0.4)
        with database.write() as db:
            service.succeed(db, held)

    told = stream_while(client, job, work)
    assert "Reading &lt;rows&gt;." in told
    assert 'value="25"' in told
    assert told.index("Reading") < told.index("Succeeded")
    assert told.endswith("event: end\ndata:\n\n")
    assert all(line == "" or line.split(":")[0] in ("data", "event", "") for line in told.split("\n"))


def test_the_stream_of_a_job_that_has_ended_ends_at_once(client: TestClient, database: Database) -> None:
    job = ask(database)
    client.post(f"/jobs/{job.id}/cancel")
    assert stream_while(client, job, lambda: None).count("event: end") == 1


def test_the_stream_ends_when_the_right_to_see_the_job_does(
    client_as: Callable[..., TestClient], database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_pages, "CHECK_RIGHTS_SECONDS", 0.2)
    monkeypatch.setattr(jobs_pages, "PULSE_SECONDS", 0.1)
    job = ask(database, unit_id=cast.unit("Cards"))
    client, loans = client_as("contributor", unit="Cards"), cast.unit("Loans")

    def revoke() -> None:
        time.sleep(0.5)
        with database.write() as db:
            found = db.get(Job, job.id)
            assert found is not None
            found.unit_id = loans

    told = stream_while(client, job, revoke)
    assert ": still here" in told
    assert "event: end" not in told


def test_nobody_follows_a_job_they_may_not_see(
    client_as: Callable[..., TestClient], nobody: TestClient, database: Database
) -> None:
    job = ask(database)
    assert client_as("viewer").get(f"/jobs/{job.id}/events").status_code == 404
    assert nobody.get(f"/jobs/{job.id}/events", follow_redirects=False).status_code == 303
