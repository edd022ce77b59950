"""The log as people and programs read it: words, filters, bounds, export."""

import csv
import hashlib
import io
import json
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.events.queries import activity_of
from modelops_platform.events.service import seal_events
from tests.factories import Cast


def register(client: TestClient, name: str, unit: str) -> str:
    answer = client.post("/api/v1/models", json={"name": name, "unit": unit})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


@pytest.fixture
def two(client: TestClient, cast: Cast) -> dict[str, str]:
    """A model in each of two units."""
    return {name: register(client, name, cast.unit(unit)) for name, unit in (("churn", "Cards"), ("fraud", "Loans"))}


def names(client: TestClient, **wanted: str) -> list[str]:
    found = client.get("/api/v1/events", params={"kind": "model.registered", **wanted})
    assert found.status_code == 200, found.text
    return [event["object"]["name"] for event in found.json()["items"]]


def test_the_newest_event_comes_first_in_words_with_names(client: TestClient, two: dict[str, str]) -> None:
    event = client.get("/api/v1/events", params={"kind": "model"}).json()["items"][0]
    assert event["object"] == {"kind": "model", "id": two["fraud"], "name": "fraud"}
    assert event["words"] == "registered model fraud"
    assert event["actor"]["name"].startswith("Admin")
    assert hashlib.sha256(event["content"].encode()).hexdigest() == event["sha256"]
    assert event["place"] is None


def test_filters_narrow_and_combine(client: TestClient, two: dict[str, str], cast: Cast) -> None:
    today = clock.now().date()
    assert names(client) == ["fraud", "churn"]
    assert names(client, object_id=two["churn"]) == ["churn"]
    assert names(client, q="CHUR") == ["churn"]
    assert names(client, q="100%") == []
    assert names(client, actor="adMIN") == ["fraud", "churn"]
    assert names(client, actor="nobody like this") == []
    assert names(client, since=today.isoformat(), until=today.isoformat()) == ["fraud", "churn"]
    assert names(client, since=(today + timedelta(days=1)).isoformat()) == []
    assert names(client, until=(today - timedelta(days=1)).isoformat()) == []
    assert names(client, since=date.min.isoformat(), until=date.max.isoformat()) == ["fraud", "churn"]


def test_pages_follow_each_other_without_gap_or_repeat(client: TestClient, two: dict[str, str]) -> None:
    everything = [event["id"] for event in client.get("/api/v1/events?limit=200").json()["items"]]
    seen, cursor = [], None
    while True:
        page = client.get("/api/v1/events", params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        seen += [event["id"] for event in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == everything == sorted(everything, reverse=True)


def test_an_auditor_of_a_unit_sees_and_exports_its_events_alone(
    client_as: Callable[..., TestClient], two: dict[str, str]
) -> None:
    auditor = client_as("auditor", unit="Cards")
    assert names(auditor) == ["churn"]
    table = list(csv.DictReader(io.StringIO(auditor.get("/api/v1/events.csv").text.removeprefix("\ufeff"))))
    lines = [json.loads(line) for line in auditor.get("/api/v1/events.jsonl").text.splitlines()]
    assert len(table) == len(lines) > 0
    for text in (str(table), str(lines), auditor.get("/audit").text):
        assert "churn" in text
        assert "fraud" not in text
    whole = client_as("auditor").get("/api/v1/events", params={"object_id": two["fraud"]}).json()["items"][0]
    assert auditor.get(f"/api/v1/events/{whole['id']}").status_code == 404
    assert auditor.get(f"/audit/{whole['id']}").status_code == 404


def test_who_does_not_audit_sees_no_log(client_as: Callable[..., TestClient]) -> None:
    for role in ("viewer", "contributor", "validator", "executive"):
        for path in ("/api/v1/events", "/api/v1/events.csv", "/api/v1/events.jsonl", "/audit", "/administration/users"):
            assert client_as(role).get(path).status_code == 403


def test_the_export_keeps_the_filter_the_exact_text_and_the_places(
    client: TestClient, two: dict[str, str], database: Database
) -> None:
    with database.write() as db:
        placed = seal_events(db)
    answer = client.get("/api/v1/events.jsonl", params={"kind": "model.registered"})
    assert answer.headers["content-disposition"].endswith('.jsonl"')
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [json.loads(line["content"])["object"]["name"] for line in lines] == ["fraud", "churn"]
    assert all(hashlib.sha256(line["content"].encode()).hexdigest() == line["sha256"] for line in lines)
    assert all(1 <= line["place"] <= placed for line in lines)


def test_a_long_export_comes_in_batches_whole(
    client: TestClient, two: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = client.get("/api/v1/events.jsonl").text
    monkeypatch.setattr("modelops_platform.operations.queries.audit.EXPORTED_AT_ONCE", 2)
    assert client.get("/api/v1/events.jsonl").text == whole


def test_a_spreadsheet_runs_no_formula_from_a_name(client: TestClient, cast: Cast) -> None:
    client.post("/api/v1/units", json={"name": '=HYPERLINK("http://evil.example")'})
    table = csv.DictReader(io.StringIO(client.get("/api/v1/events.csv").text.removeprefix("\ufeff")))
    assert not [cell for row in table for cell in row.values() if cell and cell[0] in "=+-@"]


def test_the_page_shows_each_event_and_leads_to_its_exact_text(client: TestClient, two: dict[str, str]) -> None:
    page = client.get("/audit", params={"kind": "model.registered"}).text
    assert "registered model churn" in page
    event = client.get("/api/v1/events", params={"object_id": two["churn"]}).json()["items"][0]
    detail = client.get(f"/audit/{event['id']}").text
    assert event["sha256"] in detail
    assert "registered model churn" in detail
    assert "Nothing matches" in client.get("/audit", params={"q": "no such thing anywhere"}).text
    only = client.get("/audit", headers={"hx-request": "true", "hx-target": "div#results"}).text
    assert "<html" not in only
    assert "registered model fraud" in only


def test_activity_of_a_model_tells_what_happened_to_it(db: Session, client: TestClient, two: dict[str, str]) -> None:
    db.rollback()
    assert [(entry.kind, entry.object_name) for entry in activity_of(db, "model", two["churn"])] == [
        ("model.registered", "churn")
    ]
    assert activity_of(db, "model", "nothing") == []
