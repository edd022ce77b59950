"""Monitoring over HTTP."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import event, select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.monitoring import service
from modelops_platform.monitoring.tables import Alert, Point
from modelops_platform.registry.tables import ModelSummary
from tests.factories import Cast, count_events, last_event
from tests.monitoring.conftest import Watch

Clients = Callable[..., TestClient]
NOW = datetime(2026, 5, 3, 12, tzinfo=UTC)


def iso(days: float = 0) -> str:
    return (NOW + timedelta(days=days)).isoformat()


@contextmanager
def later(days: float = 0) -> Iterator[None]:
    with clock.frozen(NOW + timedelta(days=days)):
        yield


def notice(database: Database) -> int:
    with database.write() as db:
        return service.notice_stale(db)


def test_figures_become_lights_and_the_summary_says_the_same(watch: Watch, db: Session) -> None:
    assert watch.health()["light"] == watch.summary()["light"] == "not_monitored"
    watch.monitor()
    assert watch.health()["light"] == watch.summary()["light"] == "no_data"
    taken = watch.post(*({"value": 0.8 + day / 100, "at": clock.now().isoformat()} for day in (1,)))
    assert (taken["taken"], taken["light"], taken["series"][0]["light"]) == (1, "warn", "warn")
    watch.monitor("psi", measures="drift", bad="above", warn=0.1, fail=0.25)
    assert watch.post({"metric": "psi", "value": 0.3}, {"value": 0.9})["light"] == "fail"
    health = watch.health()
    assert (health["light"], health["is_unknown"], health["counts"]) == ("fail", False, {"pass": 1, "fail": 1})
    summary = db.get_one(ModelSummary, watch.id)
    db.refresh(summary)
    assert summary.light == "fail"
    assert summary.sparkline == [0.81, 0.9]
    assert summary.light_at is not None
    listed = watch.client.get("/api/v1/models", params={"light": "fail"}).json()["items"]
    assert [model["name"] for model in listed] == ["churn"]


def test_the_sparkline_has_twenty_values_and_gaps(watch: Watch, db: Session) -> None:
    watch.monitor()
    with later():
        watch.post(*({"value": None if n == 20 else float(n), "at": iso(n - 30)} for n in range(25)))
    sparkline = db.get_one(ModelSummary, watch.id).sparkline
    assert sparkline == [float(n) if n != 20 else None for n in range(5, 25)]


def test_an_unknown_name_makes_a_series_that_counts_for_nothing(watch: Watch, db: Session) -> None:
    taken = watch.post({"metric": "latency", "value": 12.5})
    assert taken["series"][0] | {"latest": None} == {
        "metric": "latency", "taken": 1, "light": "not_monitored", "latest": None, "is_new": True,
    }  # fmt: skip
    assert (watch.health()["light"], watch.health()["is_unknown"]) == ("not_monitored", True)
    assert watch.post({"metric": "latency", "value": 12.5, "at": iso()})["series"][0]["is_new"] is False
    assert count_events(db, "monitor.created") == 1
    watch.monitor()
    watch.post({"value": 0.99})
    assert watch.health()["light"] == "pass"


def test_a_point_tells_who_posted_it_when_and_under_which_limits(watch: Watch) -> None:
    watch.monitor(unit="AUC", stale_after=None)
    version = watch.client.post(f"{watch.url}/versions", json={"description": "first"})
    assert version.status_code == 201, version.text
    window = {"from": iso(-7), "to": iso()}
    watch.post({"value": 0.83, "at": iso(), "window": window, "version": 1, "source": "replay", "note": "A note."})
    listed = watch.points()[0]
    point = watch.client.get(f"/api/v1/points/{listed['id']}").json()
    assert {key: point[key] for key in listed} == listed
    assert (point["value"], point["n"], point["version"], point["source"], point["light"]) == (
        0.83,
        100,
        1,
        "replay",
        "warn",
    )
    assert datetime.fromisoformat(point["at"]) == NOW
    assert point["posted_by"]["name"].startswith("Admin")
    assert point["posted_with"]["name"] == "test"
    assert point["posted_at"] > point["at"]
    assert (point["model"], point["metric"], point["limits"]["fail"]) == ("churn", "auc", 0.8)
    assert "below the limit 0.85" in point["why"]
    edited = watch.client.patch(f"{watch.url}/monitors/auc", json={"warn": 0.82})
    assert edited.json()["light"] == "pass"
    again = watch.client.get(f"/api/v1/points/{listed['id']}").json()
    assert (again["light"], again["limits"]["warn"]) == ("warn", 0.85)  # what was said then stays


def test_the_same_again_changes_nothing_and_another_value_corrects(watch: Watch, db: Session) -> None:
    watch.monitor()
    at = clock.now().isoformat()
    watch.post({"value": 0.9, "at": at})
    again = watch.post({"value": 0.9, "at": at}, {"value": 0.9, "at": at})
    assert (again["taken"], again["repeated"], again["corrected"]) == (0, 2, 0)
    corrected = watch.post({"value": 0.7, "at": at})
    assert (corrected["taken"], corrected["corrected"], corrected["light"]) == (1, 1, "fail")
    newest, first = sorted(watch.points(), key=lambda point: point["value"])
    assert newest["corrects"] == first["id"]
    assert watch.client.get(f"/api/v1/points/{first['id']}").json()["corrected_by"] == newest["id"]
    assert watch.post({"value": 0.9, "at": at})["light"] == "pass"  # the first value again is a correction, too
    assert db.get_one(ModelSummary, watch.id).sparkline == [0.9]
    twice = watch.post({"metric": "other", "value": 1.0, "at": at}, {"metric": "other", "value": 2.0, "at": at})
    assert (twice["taken"], twice["corrected"]) == (2, 1)


def test_a_figure_of_the_past_does_not_change_the_light(watch: Watch) -> None:
    watch.monitor()
    with later():
        watch.post({"value": 0.9, "at": iso(-1)})
        assert watch.post({"value": 0.1, "at": iso(-2)})["light"] == "pass"
        assert [point["light"] for point in watch.points()] == ["pass", "fail"]
        assert watch.post({"value": 0.1, "at": iso(-1)})["light"] == "fail"


def test_a_light_turns_stale_by_itself_and_the_job_tells_the_summary(
    watch: Watch, database: Database, db: Session
) -> None:
    with later():
        watch.monitor()
        watch.post({"value": 0.9, "at": iso()})
    with later(13.999):
        assert watch.health()["light"] == "pass"
        assert notice(database) == 0
    with later(14):
        assert (watch.health()["light"], watch.health()["is_unknown"]) == ("stale", True)  # before any job has run
        assert watch.health()["counts"] == {"stale": 1}
        assert watch.summary()["light"] == "pass"
        assert notice(database) == 1
        assert notice(database) == 0
        assert watch.summary()["light"] == "stale"
        alert = watch.alerts(state="open")[0]
        assert (alert["light"], alert["since"][:10]) == ("stale", "2026-05-17")
        assert count_events(db, "alert.raised") == 1
        assert last_event(db, "alert.raised")["actor"]["kind"] == "system"  # type: ignore[index]
        watch.post({"value": 0.9, "at": iso(14)})
        assert watch.summary()["light"] == "pass"
        assert not watch.alerts(state="open")
        assert count_events(db, "alert.closed") == 1


def test_a_failure_is_not_forgotten_by_silence(watch: Watch, database: Database) -> None:
    with later():
        watch.monitor()
        watch.post({"value": 0.1, "at": iso()})
    with later(400):
        assert notice(database) == 0
        assert watch.health()["light"] == watch.summary()["light"] == "fail"


def test_a_monitor_that_nobody_feeds_goes_stale(watch: Watch, database: Database) -> None:
    with later():
        watch.monitor()
    with later(14):
        assert notice(database) == 1
        assert watch.summary()["light"] == "stale"
        assert watch.alerts()[0]["point"] is None


def test_an_alert_is_raised_once_changed_closed_and_raised_again(watch: Watch, db: Session) -> None:
    watch.monitor()
    base = clock.now() - timedelta(hours=10)

    def tell(hour: int, value: float | None) -> None:
        watch.post({"value": value, "at": (base + timedelta(hours=hour)).isoformat()})

    def counts() -> tuple[int, ...]:
        return tuple(count_events(db, f"alert.{kind}") for kind in ("raised", "changed", "closed"))

    tell(0, 0.9)
    assert counts() == (0, 0, 0)
    tell(1, 0.84)
    tell(2, 0.83)
    assert counts() == (1, 0, 0)
    alert_id = watch.alerts(state="open")[0]["id"]
    said = watch.client.post(f"/api/v1/alerts/{alert_id}/acknowledge", json={"reason": "Looking into it."})
    assert said.json()["acknowledged_by"]["name"].startswith("Admin")
    assert last_event(db, "alert.acknowledged")["data"]["reason"] == "Looking into it."  # type: ignore[index]
    tell(3, 0.7)
    assert counts() == (1, 1, 0)
    worse = watch.client.get(f"/api/v1/alerts/{alert_id}").json()
    assert (worse["light"], worse["acknowledged_at"]) == ("fail", None)  # it got worse: the answer no longer holds
    tell(4, None)
    assert counts() == (1, 1, 0)
    tell(5, 0.9)
    assert counts() == (1, 1, 1)
    assert not watch.alerts(state="open")
    again = watch.client.post(f"/api/v1/alerts/{alert_id}/acknowledge", json={"reason": "Too late."})
    assert again.status_code == 422
    tell(6, 0.7)
    assert counts() == (2, 1, 1)
    assert [alert["light"] for alert in watch.alerts()] == ["fail", "fail"]
    assert len(watch.alerts(state="closed")) == 1


def test_a_computation_that_failed_is_an_error(watch: Watch) -> None:
    watch.monitor()
    assert watch.post({"error": "no labels arrived", "n": None})["light"] == "error"
    assert watch.alerts()[0]["why"] == "The figure could not be computed: no labels arrived"


def test_a_disabled_monitor_counts_for_nothing_and_closes_its_alert(watch: Watch, db: Session) -> None:
    watch.monitor()
    watch.post({"value": 0.1})
    assert (
        watch.client.patch(f"{watch.url}/monitors/auc", json={"is_enabled": False}).json()["light"] == "not_monitored"
    )
    assert watch.summary()["light"] == "not_monitored"
    assert not watch.alerts(state="open")
    assert watch.post({"value": 0.2})["light"] == "not_monitored"
    watch.client.patch(f"{watch.url}/monitors/auc", json={"is_enabled": True})
    assert watch.summary()["light"] == "fail"
    kinds = ("monitor.disabled", "monitor.enabled", "monitor.changed", "alert.raised")
    assert [count_events(db, kind) for kind in kinds] == [1, 1, 0, 2]


def test_limits_are_kept_as_intervals_and_an_edit_of_what_changed_is_refused(watch: Watch, db: Session) -> None:
    watch.monitor()
    url = f"{watch.url}/monitors/auc"
    tag = watch.client.get(url).headers["etag"]
    watch.post({"value": 0.84})
    assert watch.client.get(url).headers["etag"] == tag  # points are no edits
    assert watch.client.patch(url, json={"warn": 0.82}, headers={"if-match": tag}).status_code == 200
    stale = watch.client.patch(url, json={"warn": 0.83}, headers={"if-match": tag})
    assert (stale.status_code, stale.json()["field"]) == (412, "If-Match")
    assert watch.client.patch(url, json={"warn": 0.7}).json()["field"] == "warn"
    now, before = watch.client.get(f"{url}/limits").json()["items"]
    assert (now["warn"], now["to_at"], before["warn"], before["to_at"]) == (0.82, None, 0.85, now["from_at"])
    assert now["set_by"]["name"].startswith("Admin")
    data: Any = last_event(db, "monitor.changed")["data"]
    assert [limits["warn"] for limits in data["changes"]["limits"]] == [0.85, 0.82]
    unjudged = watch.client.patch(url, json={"warn": None, "fail": None}).json()
    assert (unjudged["light"], unjudged["is_judged"]) == ("not_monitored", False)


BAD_POINTS: list[tuple[dict[str, Any], str]] = [
    ({"value": "0.5"}, "points.1.value"),
    ({"value": True}, "points.1.value"),
    ({"value": [1]}, "points.1.value"),
    ({"at": "2026-05-03T12:00:00"}, "points.1.at"),
    ({"at": "yesterday"}, "points.1.at"),
    ({"at": 1_700_000_000}, "points.1.at"),
    ({"at": "1960-01-01T00:00:00Z"}, "points.1.at"),
    ({"at": "0001-01-01T00:00:00+14:00"}, "points.1.at"),
    ({"at": "9999-12-31T23:59:59-12:00"}, "points.1.at"),
    ({"n": -1}, "points.1.n"),
    ({"n": 1.5}, "points.1.n"),
    ({"n": "12"}, "points.1.n"),
    ({"n": 2**60}, "points.1.n"),
    ({"colour": "red"}, "points.1.colour"),
    ({"metric": ""}, "points.1.metric"),
    ({"metric": "a/b"}, "points.1.metric"),
    ({"metric": "x" * 251}, "points.1.metric"),
    ({"metric": "zero\u200bwidth"}, "points.1.metric"),
    ({"version": 7}, "points.1.version"),
    ({"window": {"from": iso(1), "to": iso()}}, "points.1.window.to"),
    ({"window": {"from": "2026-05-03", "to": iso()}}, "points.1.window.from"),
    ({"source": "x" * 101}, "points.1.source"),
    ({"value": 1.0, "error": "both"}, "points.1.error"),
]


def test_bad_points_are_named_by_place_and_field_and_nothing_is_kept(watch: Watch, db: Session) -> None:
    for point, field in BAD_POINTS:
        problem = watch.post({"value": 0.9}, point, status=422)
        assert problem["field"] == field
        assert problem["remedy"]
    assert db.scalars(select(Point.id)).all() == []
    assert count_events(db, "monitor.created") == 0


def test_numbers_that_are_none_are_refused(watch: Watch) -> None:
    for number in ("NaN", "Infinity", "-Infinity", "1e400", "1" + "0" * 400):
        body = f'{{"points": [{{"metric": "auc", "value": {number}}}]}}'
        answer = watch.client.post(f"{watch.url}/metrics", content=body, headers={"content-type": "application/json"})
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_point_too_far_ahead_is_refused(watch: Watch) -> None:
    at = (clock.now() + timedelta(days=1, minutes=1)).isoformat()
    assert watch.post({"value": 1.0, "at": at}, status=422)["field"] == "points.0.at"


def test_five_thousand_points_are_taken_and_one_more_is_not(watch: Watch, db: Session) -> None:
    start = clock.now() - timedelta(days=10)
    points = [
        {"value": 0.9, "at": (start + timedelta(minutes=n)).isoformat(), "metric": f"m{n % 5}"} for n in range(5_001)
    ]
    assert watch.post(*points, status=422)["field"] == "points"
    assert watch.post(status=422)["field"] == "points"
    taken = watch.post(*points[1:])
    assert (taken["taken"], len(taken["series"])) == (5_000, 5)
    assert watch.post(*points[1:])["repeated"] == 5_000


BAD_MONITORS: list[tuple[dict[str, Any], str]] = [
    ({"name": "a/b"}, "name"),
    ({"warn": 0.7}, "warn"),
    ({"bad": None}, "bad"),
    ({"bad": "sideways"}, "bad"),
    ({"fail": "low"}, "fail"),
    ({"fewest_rows": -1}, "fewest_rows"),
    ({"stale_after": "soon"}, "stale_after"),
    ({"measures": "luck"}, "measures"),
    ({"version": 9}, "version"),
    ({"deployment": "ghost"}, "deployment"),
    ({"environment": "moon"}, "environment"),
    ({"colour": "red"}, "colour"),
]


def test_bad_monitors_are_refused(watch: Watch) -> None:
    for values, field in BAD_MONITORS:
        wanted = {"name": "auc", "bad": "below", "warn": 0.85, "fail": 0.8} | values
        answer = watch.client.post(f"{watch.url}/monitors", json=wanted)
        assert answer.status_code in (404, 422), answer.text
        assert answer.json()["field"] == field


def test_a_name_is_taken_once(watch: Watch, db: Session) -> None:
    watch.monitor()
    assert watch.monitor(status=409)["field"] == "name"
    assert count_events(db, "monitor.created") == 1


def test_who_may_what(watch: Watch, client_as: Clients, as_somebody: Any, cast: Cast, app: Any, db: Session) -> None:
    watch.monitor()
    watch.post({"value": 0.1})
    alert, point = watch.alerts()[0]["id"], watch.points()[0]["id"]
    viewer = as_somebody(client_as("viewer"))
    viewer.post({"value": 0.9}, status=403)
    viewer.monitor("psi", status=403)
    assert viewer.client.patch(f"{watch.url}/monitors/auc", json={"warn": 0.9}).status_code == 403
    assert viewer.client.post(f"/api/v1/alerts/{alert}/acknowledge", json={"reason": "No."}).status_code == 403
    assert viewer.health()["light"] == "fail"
    assert count_events(db, "access.denied") >= 1
    stranger = as_somebody(client_as("contributor", unit="Elsewhere"))
    stranger.post({"value": 0.9}, status=404)
    stranger.monitor("psi", status=404)
    for url in (
        f"{watch.url}/health",
        f"{watch.url}/monitors/auc/points",
        f"/api/v1/points/{point}",
        f"/api/v1/alerts/{alert}",
    ):
        assert stranger.client.get(url).status_code == 404, url
    assert stranger.alerts() == []
    person = cast.person(None)
    cast.grant(person, "contributor", "model", watch.id)
    granted = as_somebody(TestClient(app, headers={"authorization": f"Bearer {cast.token(person)}"}))
    granted.monitor("psi", bad="above", warn=0.1, fail=0.2)
    assert granted.post({"metric": "psi", "value": 0.0})["taken"] == 1
    assert [one["id"] for one in granted.alerts()] == [alert]
    machine = as_somebody(client_as("service"))
    assert machine.post({"value": 0.95})["taken"] == 1
    machine.monitor("ks", status=403)


def test_an_idempotency_key_answers_a_repeat_with_the_first_answer(watch: Watch) -> None:
    body, headers = {"points": [{"metric": "auc", "value": 0.5}]}, {"idempotency-key": "k1"}
    first = watch.client.post(f"{watch.url}/metrics", json=body, headers=headers)
    again = watch.client.post(f"{watch.url}/metrics", json=body, headers=headers)
    assert (first.status_code, again.json()) == (201, first.json())
    assert len(watch.points()) == 1


def test_points_are_paged_bounded_and_exported(watch: Watch) -> None:
    with later():
        watch.post(
            *({"value": float(n), "at": iso(n - 10), "note": "=1+1"} for n in range(7)), {"value": 9.0, "at": iso(-4)}
        )
    url = f"{watch.url}/monitors/auc/points"
    seen, cursor = [], None
    while True:
        page = watch.client.get(url, params={"limit": 3} | ({"cursor": cursor} if cursor else {})).json()
        seen += [point["value"] for point in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [9.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0]
    assert [point["value"] for point in watch.points(since=iso(-8), until=iso(-6))] == [3.0, 2.0]
    assert watch.client.get(url, params={"since": "2026-05-03T12:00:00"}).json()["field"] == "since"
    answer = watch.client.get(f"{url}.csv", params={"since": iso(-6)})
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [float(row["value"]) for row in rows] == [9.0, 6.0, 5.0, 4.0]
    assert rows[0]["corrects"] == rows[1]["id"]
    assert rows[1]["note"] == "'=1+1"  # no spreadsheet runs it
    assert rows[0]["posted_with"] == "test"


def test_labels_name_a_deployment_an_environment_and_a_version(
    watch: Watch, client: TestClient, database: Database
) -> None:
    for name in ("production", "staging"):
        client.post("/api/v1/environments", json={"name": name})
    wanted = {"name": "churn-crm", "environment": "production", "model": "churn"}
    made = client.post("/api/v1/deployments", json=wanted)
    assert made.status_code == 201, made.text
    monitor = watch.monitor("p95", deployment="churn-crm", environment="staging", measures="operations")
    assert (monitor["deployment"]["name"], monitor["environment"]["name"]) == ("churn-crm", "staging")
    Watch(client, "other")
    refused = client.post("/api/v1/models/other/monitors", json={"name": "p95", "deployment": "churn-crm"})
    assert refused.json()["field"] == "deployment"


def test_two_at_once_raise_one_alert_and_the_summary_knows_both(watch: Watch, db: Session) -> None:
    watch.monitor()
    start = clock.now() - timedelta(hours=1)

    def post(n: int) -> int:
        points = [{"metric": "auc", "value": 0.1, "n": 50, "at": (start + timedelta(seconds=n)).isoformat()}]
        return watch.client.post(f"{watch.url}/metrics", json={"points": [*points, *points]}).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(post, [n // 2 for n in range(12)])) == {201}
    assert len(db.scalars(select(Point.id)).all()) == 6
    assert len(db.scalars(select(Alert.id)).all()) == 1
    assert db.get_one(ModelSummary, watch.id).sparkline == [0.1] * 6


def test_a_page_of_monitors_costs_the_same_for_one_and_for_many(watch: Watch, database: Database) -> None:
    def cost(url: str) -> int:
        statements: list[str] = []

        def count(*args: Any) -> None:
            statements.append(args[2])

        event.listen(database.read_engine, "before_cursor_execute", count)
        try:
            assert watch.client.get(url).status_code == 200
        finally:
            event.remove(database.read_engine, "before_cursor_execute", count)
        return len(statements)

    urls = [f"{watch.url}/monitors", f"{watch.url}/health", f"{watch.url}/monitors/auc/points", "/api/v1/alerts"]
    watch.monitor()
    watch.post({"value": 0.1})
    few = [cost(url) for url in urls]
    for n in range(12):
        watch.monitor(f"m{n}")
    watch.post(
        *({"metric": f"m{n}", "value": 0.1} for n in range(12)), *({"value": 0.1, "at": iso(-n)} for n in range(20))
    )
    assert [cost(url) for url in urls] == few


def test_the_log_is_whole_json(watch: Watch, db: Session) -> None:
    watch.monitor()
    content = last_event(db, "monitor.created")
    assert json.dumps(content)
    assert content["object"]["kind"] == "monitor"  # type: ignore[index]
    assert content["model"] == watch.id
