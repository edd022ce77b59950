"""Release control over HTTP."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.core import clock
from modelops_platform.core.db import Database
from tests.deployments.conftest import GateKeeper, Rig
from tests.factories import count_events, last_event

Clients = Callable[..., TestClient]
URL = "/api/v1/deployments/churn-crm"


@pytest.fixture
def deployed(rig: Rig, gate: GateKeeper) -> Rig:
    """A model with two versions, the first of them live."""
    rig.model()
    rig.deployment()
    rig.activate(1)
    return rig


def test_a_version_goes_live_through_the_gate_and_names_who_allowed_it(
    deployed: Rig, gate: GateKeeper, db: Session
) -> None:
    first = deployed.client.get(URL).json()["live"]
    second = deployed.activate(2)
    assert (second["version"], second["number"], second["decision_id"]) == (2, 2, "decision-2")
    assert second["traffic"] == [{"role": "primary", "version": 2, "share": 100}]
    assert first["approved_digest"] != second["approved_digest"]
    story = deployed.client.get(f"{URL}/revisions").json()["items"]
    assert [(one["version"], one["to_at"] is None, one["end_reason"]) for one in story] == [
        (2, True, None),
        (1, False, "Replaced by v2."),
    ]
    assert story[1]["to_at"] == story[0]["from_at"]
    assert story[1]["ended_by"] == story[0]["activated_by"]
    asked = gate.asked[-1]
    assert (asked.action, asked.thing.number, asked.context["environment"], asked.context["is_protected"]) == (
        "deployment.activate", 2, "production", True,
    )  # fmt: skip
    data: Any = last_event(db, "deployment.activated")["data"]
    assert (data["before"], data["version"], data["decision"]) == (1, 2, "decision-2")
    assert (data["environment"], data["reason"]) == ("production", "Because of 2.")


def test_a_refused_activation_changes_nothing_but_leaves_its_decision(
    deployed: Rig, gate: GateKeeper, db: Session
) -> None:
    gate.is_shut = True
    refused = deployed.activate(2, status=409)
    assert refused["code"] == "transition_refused"
    assert refused["decision"]["outcome"] == "deny"
    assert deployed.live() == [("churn-crm", 1)]
    assert count_events(db, "deployment.activated") == 1
    assert count_events(db, "transition.refused") == 1


def test_without_a_gate_nothing_goes_live(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelops_platform.core.gates._gates", {})
    rig.model()
    rig.deployment(environment="development")
    assert rig.activate(1, status=409)["code"] == "transition_refused"


def test_what_was_live_is_answered_also_after_everything_is_archived(rig: Rig, gate: GateKeeper) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    with clock.frozen(start):
        rig.model()
        deployment_id = rig.deployment()
    with clock.frozen(start + timedelta(days=1)):
        rig.activate(1)
    with clock.frozen(start + timedelta(days=3)):
        assert rig.client.post(f"{URL}/archive").status_code == 409
        assert rig.client.post(f"{URL}/end", json={"reason": "Replaced by a rule."}).status_code == 200
        assert rig.client.post(f"{URL}/archive").status_code == 200
        assert rig.client.post("/api/v1/models/churn/archive").status_code == 200
    assert rig.live() == []
    assert rig.live(at="2026-03-01") == []
    assert rig.live(at="2026-03-02", environment="production", model="churn") == [("churn-crm", 1)]
    assert rig.live(at="2026-03-04T00:00:00Z") == []
    then = rig.client.get("/api/v1/deployments", params={"at": "2026-03-03"}).json()["items"]
    assert [(one["name"], one["live"]["version"], one["standing"]) for one in then] == [
        ("churn-crm", 1, "not_reported")
    ]
    assert rig.client.get("/api/v1/deployments").json()["items"] == []
    assert rig.client.get(URL).status_code == 404  # the name is free again
    assert rig.client.get(f"/api/v1/deployments/{deployment_id}").json()["archived_at"] is not None
    assert (
        rig.client.post(
            f"/api/v1/deployments/{deployment_id}/revisions", json={"version": 1, "reason": "x"}
        ).status_code
        == 422
    )


def test_the_digest_proof_follows_what_the_serving_side_reports(deployed: Rig, db: Session) -> None:
    client, other = deployed.client, "f" * 64
    approved = client.get(URL).json()["live"]["approved_digest"]
    proofs = []
    for digest in (approved, approved, other, approved):
        answer = client.post(f"{URL}/report-digest", json={"digest": digest})
        assert answer.status_code == 200, answer.text
        proofs.append(answer.json()["proof"])
        live = client.get("/api/v1/models/churn").json()["summary"]["live_environments"]
        assert [(one["name"], one["version"], one["proof"]) for one in live] == [("production", 1, proofs[-1])]
    assert proofs == ["match", "match", "differs", "match"]
    assert count_events(db, "deployment.digest_reported") == 2  # the repeat is a sign of life, not a change
    assert count_events(db, "deployment.digest_drifted") == 1
    assert client.get("/api/v1/deployments", params={"standing": "match"}).json()["items"][0]["name"] == "churn-crm"


def test_an_unverified_version_is_never_shown_as_verified(rig: Rig, gate: GateKeeper) -> None:
    rig.model(versions=0)
    rig.version("churn", None)
    rig.deployment()
    assert (rig.activate(1)["proof"], rig.activate(1, status=409)["code"]) == ("unverified", "already_exists")
    reported = rig.client.post(f"{URL}/report-digest", json={"digest": "a" * 64}).json()
    assert (reported["proof"], reported["approved_digest"]) == ("unverified", None)


def test_the_same_request_with_a_key_happens_once(deployed: Rig, db: Session) -> None:
    asked, key = {"version": 2, "reason": "Better."}, {"idempotency-key": "k-1"}
    first, again = (deployed.client.post(f"{URL}/revisions", json=asked, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert count_events(db, "deployment.activated") == 2


def test_who_may_not_see_the_model_sees_no_deployment_and_a_viewer_changes_nothing(
    rig: Rig, gate: GateKeeper, client_as: Clients
) -> None:
    rig.client.post("/api/v1/units", json={"name": "Cards"})
    rig.model(unit="Cards")
    rig.deployment()
    rig.activate(1)
    stranger, viewer = client_as("contributor", unit="Pricing"), client_as("viewer", unit="Cards")
    assert stranger.get(URL).status_code == 404
    assert stranger.post(f"{URL}/revisions", json={"version": 2, "reason": "x"}).status_code == 404
    assert stranger.get("/api/v1/live").json()["items"] == []
    assert stranger.get("/api/v1/deployments").json()["items"] == []
    assert viewer.get(URL).status_code == 200
    assert [item["version"] for item in viewer.get("/api/v1/live").json()["items"]] == [1]
    writes = [
        ("/api/v1/deployments", {"name": "x", "environment": "production", "model": "churn"}),
        (f"{URL}/revisions", {"version": 2, "reason": "x"}),
        (f"{URL}/end", {"reason": "x"}),
        (f"{URL}/report-digest", {"digest": "a" * 64}),
        (f"{URL}/archive", None),
        ("/api/v1/environments", {"name": "x"}),
        ("/api/v1/environments/production/retire", None),
    ]
    assert {viewer.post(url, json=body).status_code for url, body in writes} == {403}
    assert viewer.patch(URL, json={"owner": "me"}).status_code == 403
    assert client_as("service", unit="Cards").post(f"{URL}/report-digest", json={"digest": "a" * 64}).status_code == 200


def test_rights_follow_the_model_into_another_unit(rig: Rig, gate: GateKeeper, client_as: Clients) -> None:
    for unit in ("Cards", "Pricing"):
        rig.client.post("/api/v1/units", json={"name": unit})
    rig.model(unit="Cards", versions=1)
    rig.deployment()
    pricing = client_as("viewer", unit="Pricing")
    assert pricing.get(URL).status_code == 404
    assert rig.client.patch("/api/v1/models/churn", json={"unit": "Pricing"}).status_code == 200
    assert pricing.get(URL).status_code == 200


def test_environments_are_protected_for_good_and_retired_only_when_empty(deployed: Rig, db: Session) -> None:
    client = deployed.client
    url = "/api/v1/environments/production"
    assert client.patch(url, json={"is_protected": False}).json()["field"] == "is_protected"
    assert client.post(f"{url}/retire").status_code == 409
    assert client.post("/api/v1/environments", json={"name": "production"}).status_code == 409
    assert client.post("/api/v1/environments", json={"name": "eu-west", "rank": 40}).status_code == 201
    stale = client.get("/api/v1/environments/eu-west").headers["etag"]
    assert client.patch("/api/v1/environments/eu-west", json={"is_protected": True}).json()["is_protected"]
    assert (
        client.patch("/api/v1/environments/eu-west", json={"rank": 1}, headers={"if-match": stale}).status_code == 412
    )
    client.post(f"{URL}/end", json={"reason": "Moved."})
    assert client.post(f"{url}/retire").json()["retired_at"] is not None
    assert deployed.activate(1, status=422)["field"] == "environment"
    assert client.post(f"{url}/restore").json()["retired_at"] is None
    assert [one["name"] for one in client.get("/api/v1/environments").json()["items"]][-1] == "eu-west"
    assert count_events(db, "environment.retired") == count_events(db, "environment.restored") == 1


def test_protecting_an_environment_shows_in_the_summary_of_what_is_live_there(rig: Rig, gate: GateKeeper) -> None:
    rig.model(versions=1)
    rig.deployment(environment="staging")
    rig.activate(1)
    rig.client.patch("/api/v1/environments/staging", json={"is_protected": True})
    live = rig.client.get("/api/v1/models/churn").json()["summary"]["live_environments"]
    assert [(one["name"], one["is_protected"]) for one in live] == [("staging", True)]


def test_records_are_edited_with_an_etag_and_names_are_unique_among_the_living(deployed: Rig, db: Session) -> None:
    client = deployed.client
    tag = client.get(URL).headers["etag"]
    assert client.patch(URL, json={"name": "churn-sales", "owner": "Ann"}, headers={"if-match": tag}).status_code == 200
    assert "Ann" not in str(last_event(db, "deployment.edited"))
    url = "/api/v1/deployments/churn-sales"
    assert client.patch(url, json={"owner": "Bob"}, headers={"if-match": tag}).status_code == 412
    live = client.get("/api/v1/models/churn").json()["summary"]["live_environments"]
    assert [one["deployment"] for one in live] == ["churn-sales"]
    deployed.deployment()
    assert client.patch(url, json={"name": "churn-crm"}).status_code == 409


def test_bad_activations_are_refused_with_the_field(deployed: Rig, db: Session) -> None:
    bad: list[tuple[dict[str, object], str | None]] = [
        ({"version": 0, "reason": "x"}, "version"),
        ({"version": 99, "reason": "x"}, "version"),
        ({"version": 2**70, "reason": "x"}, None),
        ({"version": 2**31, "reason": "x"}, "version"),
        ({"version": 2, "reason": "  "}, "reason"),
        ({"version": 2, "reason": "x", "share": 5}, "share"),
        ({"version": "two", "reason": "x"}, "version"),
    ]
    for wanted, field in bad:
        answer = deployed.client.post(f"{URL}/revisions", json=wanted)
        assert 400 <= answer.status_code < 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert field is None or answer.json()["field"] == field
    assert count_events(db, "deployment.activated") == 1


def test_bad_records_and_questions_are_refused_with_the_field(rig: Rig) -> None:
    rig.model(versions=0)
    good = {"name": "churn-crm", "environment": "production", "model": "churn"}
    for bad, field in (
        ({"name": "a/b"}, "name"),
        ({"name": "x\u200by"}, "name"),
        ({"environment": "moon"}, "environment"),
        ({"model": "nothing"}, "model"),
        ({"served": "nowhere"}, "served"),
        ({"endpoint": "x" * 2001}, "endpoint"),
    ):
        answer = rig.client.post("/api/v1/deployments", json=good | bad)
        assert (answer.status_code, answer.json()["field"]) == (422, field)
    for query in ("at=tomorrow", "at=2999-01-01", "cursor=x", "limit=0", "colour=red"):
        for url in ("/api/v1/live", "/api/v1/deployments"):
            assert rig.client.get(f"{url}?{query}").status_code == 422, query
    rig.deployment()
    assert rig.client.post(f"{URL}/end", json={"reason": "x"}).status_code == 404
    assert rig.client.post(f"{URL}/report-digest", json={"digest": "A" * 64}).status_code == 422


def test_lists_page_and_cost_the_same_number_of_queries(rig: Rig, gate: GateKeeper, database: Database) -> None:
    rig.model(versions=1)

    def queries_of(url: str) -> int:
        seen: list[str] = []

        def note(_c: object, _k: object, statement: str, *_more: object) -> None:
            seen.append(statement)

        event.listen(database.read_engine, "before_cursor_execute", note)
        try:
            assert rig.client.get(url).status_code == 200
        finally:
            event.remove(database.read_engine, "before_cursor_execute", note)
        return len(seen)

    def deploy(number: int) -> None:
        rig.deployment(f"churn-{number}", environment=("staging", "production")[number % 2])
        rig.activate(1, f"churn-{number}")

    deploy(0)
    urls = ("/api/v1/live", "/api/v1/deployments", "/deployments", "/models/churn/deployments")
    before = [queries_of(url) for url in urls]
    for number in range(1, 7):
        deploy(number)
    assert [queries_of(url) for url in urls] == before
    seen: list[str] = []
    cursor = None
    while cursor or not seen:
        page = rig.client.get("/api/v1/live", params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        seen += [item["deployment"]["name"] for item in page["items"]]
        cursor = page["next"]
    assert seen == ["churn-1", "churn-3", "churn-5", "churn-0", "churn-2", "churn-4", "churn-6"]
