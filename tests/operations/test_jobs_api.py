"""Jobs and schedules over HTTP: seen as far as rights reach, cancelled, run again, paused."""

from collections.abc import Callable

from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.core.db import Database
from modelops_platform.jobs import service
from modelops_platform.jobs.domain.rhythm import Rhythm
from modelops_platform.jobs.tables import Job, Schedule
from tests.factories import SYSTEM, Cast, count_events


def ask(database: Database, title: str, **options: str) -> Job:
    with database.write() as db:
        return service.enqueue(db, SYSTEM, "test.work", {}, title=title, **options)  # type: ignore[arg-type]


def tick(database: Database) -> Schedule:
    with database.write() as db:
        return service.set_schedule(db, SYSTEM, "tick", "test.work", {}, Rhythm(every_seconds=60))


def titles(client: TestClient, query: str = "") -> set[str]:
    answer = client.get(f"/api/v1/jobs{query}")
    assert answer.status_code == 200, answer.text
    return {job["title"] for job in answer.json()["items"]}


def test_jobs_are_seen_as_far_as_rights_reach_and_ones_own_always(
    client: TestClient, client_as: Callable[..., TestClient], database: Database, cast: Cast
) -> None:
    cards, loans = cast.unit("Cards"), cast.unit("Loans")
    ask(database, "of cards", unit_id=cards)
    hidden = ask(database, "of loans", unit_id=loans)
    ask(database, "of the platform")
    person = cast.person("viewer", unit="Cards")
    with database.write() as db:
        service.enqueue(db, cast.actor(person), "test.work", {}, title="my own")
    of_cards, viewer = client_as("contributor", unit="Cards"), client_as("viewer", unit="Cards")
    viewer.headers["authorization"] = f"Bearer {cast.token(person)}"
    assert titles(client) == {"of cards", "of loans", "of the platform", "my own"}
    assert titles(of_cards) == {"of cards"}
    assert titles(viewer) == {"my own"}
    for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/retry")):
        assert of_cards.request(method, f"/api/v1/jobs/{hidden.id}{path}").status_code == 404


def test_the_list_is_narrowed_and_paged(client: TestClient, database: Database) -> None:
    for number in range(3):
        ask(database, f"job {number}")
    assert titles(client, "?state=queued&kind=test.work") == {"job 0", "job 1", "job 2"}
    assert (
        titles(client, "?state=running") == titles(client, "?kind=other.work") == titles(client, "?model_id=m") == set()
    )
    first = client.get("/api/v1/jobs?limit=2").json()
    assert [job["title"] for job in first["items"]] == ["job 2", "job 1"]
    assert titles(client, f"?cursor={first['next']}") == {"job 0"}
    assert client.get("/api/v1/jobs?state=lost").status_code == 422


def test_a_job_is_cancelled_and_run_again(client: TestClient, database: Database, db: Session) -> None:
    address = f"/api/v1/jobs/{ask(database, 'x').id}"
    assert client.post(f"{address}/cancel").json()["state"] == "cancelled"
    again = client.post(f"{address}/cancel")
    assert (again.status_code, again.json()["code"], again.json()["state"]) == (412, "stale", "cancelled")
    assert client.post(f"{address}/retry").json()["state"] == "queued"
    assert client.post(f"{address}/retry").status_code == 412
    assert client.get(address).json()["state"] == "queued"
    assert count_events(db, "job.cancelled") == count_events(db, "job.retried") == 1


def test_a_viewer_changes_no_job_and_only_administrators_a_schedule(
    client: TestClient, client_as: Callable[..., TestClient], database: Database
) -> None:
    job, schedule = ask(database, "x"), tick(database)
    assert client_as("viewer").post(f"/api/v1/jobs/{job.id}/cancel").status_code == 403
    assert client_as("contributor").post(f"/api/v1/schedules/{schedule.id}/pause").status_code == 403
    assert client.post(f"/api/v1/schedules/{schedule.id}/pause").json()["paused_at"] is not None
    assert client.post(f"/api/v1/schedules/{schedule.id}/resume").json()["paused_at"] is None
    assert [found["name"] for found in client.get("/api/v1/schedules").json()["items"]] == ["tick"]
    assert client.post("/api/v1/schedules/nothing/pause").status_code == 404
