"""Asking for a role and answering, without telling what exists."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from modelops_platform.core.db import Database
from modelops_platform.events import service as events
from modelops_platform.identity.tables import User
from modelops_platform.notifications import jobs, service
from tests.factories import Cast, count_events, last_event

service.register(jobs.NOTICES)
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Clients = Callable[..., TestClient]
ASKED = {"about": "/models/loan-default", "role": "viewer", "reason": "I answer for its results."}


@pytest.fixture
def newcomer(cast: Cast) -> User:
    """Somebody at home in a unit who holds no role at all."""
    return cast.person(None, unit="Cards")


@pytest.fixture
def asking(app: FastAPI, cast: Cast, newcomer: User) -> TestClient:
    return TestClient(app, headers={"authorization": f"Bearer {cast.token(newcomer)}"}, follow_redirects=False)


def request_id(client: TestClient) -> str:
    return client.get("/access-requests").text.split('action="/access-requests/')[1].split("/")[0]


def tell(database: Database) -> None:
    with database.write() as db:
        events.seal_events(db)
    with database.write() as db:
        service.follow(db)


def test_a_request_is_granted_and_the_role_acts_at_once(
    client: TestClient, app: FastAPI, cast: Cast, newcomer: User, database: Database
) -> None:
    signed_in = _browser(app, client, newcomer)
    refused = signed_in.get("/models")
    assert refused.status_code == 403
    assert 'href="/request-access?about=%2Fmodels&amp;permission=view"' in refused.text
    assert signed_in.get("/request-access?about=/models&permission=view").status_code == 200
    assert signed_in.post("/request-access", data=ASKED).status_code == 303
    tell(database)
    assert client.get("/access-request-count").text == "1"
    assert [one["topic"] for one in client.get("/api/v1/notifications").json()["items"]] == ["access_wanted"]
    answer = client.post(
        f"/access-requests/{request_id(client)}/grant", data={"role": "viewer", "unit_id": cast.unit("Cards")}
    )
    assert answer.status_code == 303, answer.text
    tell(database)
    assert signed_in.get("/models").status_code == 200
    assert "gave the role viewer that was asked for" in signed_in.get("/notifications").text
    with database.read() as db:
        assert count_events(db, "role.granted") >= 1
        told = last_event(db, "access.requested")
        assert "loan-default" not in str(told["data"])  # what was typed is personal data, outside the hash
    assert client.post(f"/access-requests/{'x' * 36}/grant", data={"role": "viewer"}).status_code == 404


def _browser(app: FastAPI, admin: TestClient, person: User) -> TestClient:
    link = admin.post(f"/api/v1/users/{person.id}/sign-in-link").json()["url"].partition("link=")[2]
    browser = TestClient(app, follow_redirects=False)
    assert browser.post("/login", data={"link": link}).status_code == 303
    return browser


@ON_SQLITE
def test_a_request_says_nothing_about_what_exists(client: TestClient, app: FastAPI, newcomer: User) -> None:
    client.post("/api/v1/models", json={"name": "loan-default"})
    browser = _browser(app, client, newcomer)
    pages = [browser.get(f"/models/{name}") for name in ("loan-default", "no-such-one")]
    assert pages[0].status_code == pages[1].status_code == 403
    answers = [browser.post("/request-access", data={**ASKED, "about": name}) for name in ("loan-default", "no-such")]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].headers["location"] == answers[1].headers["location"]


@ON_SQLITE
def test_who_declines_says_why_and_is_the_only_one_to_answer(
    client: TestClient, app: FastAPI, newcomer: User, database: Database
) -> None:
    browser = _browser(app, client, newcomer)
    browser.post("/request-access", data=ASKED)
    asked = request_id(client)
    assert client.post(f"/access-requests/{asked}/decline", data={"reason": ""}).status_code == 422
    declined = client.post(f"/access-requests/{asked}/decline", data={"reason": "Ask your head first."})
    assert declined.status_code == 303
    assert "Ask your head first." in browser.get("/request-access").text
    assert client.post(f"/access-requests/{asked}/grant", data={"role": "viewer"}).status_code == 412
    assert "Ask your head first." in client.get("/access-requests?state=answered").text
    with database.read() as db:
        assert count_events(db, "access.declined") == 1


def test_only_who_manages_rights_where_they_are_at_home_answers(
    client: TestClient, client_as: Clients, app: FastAPI, newcomer: User, cast: Cast
) -> None:
    _browser(app, client, newcomer).post("/request-access", data=ASKED)
    asked = request_id(client)
    elsewhere = client_as("admin", unit="Treasury")
    assert elsewhere.get("/access-request-count").text == ""
    assert elsewhere.post(f"/access-requests/{asked}/grant", data={"role": "viewer"}).status_code == 404
    here = client_as("admin", unit="Cards")
    assert here.get("/access-request-count").text == "1"
    refused = here.post(f"/access-requests/{asked}/grant", data={"role": "viewer"})  # the whole workspace is not theirs
    assert refused.status_code == 403
    assert client_as("contributor").get("/access-requests").status_code == 403
    unit = cast.unit("Cards")
    assert here.post(f"/access-requests/{asked}/grant", data={"role": "viewer", "unit_id": unit}).status_code == 303


@ON_SQLITE
def test_asking_is_bounded_and_for_people(
    client: TestClient, app: FastAPI, cast: Cast, newcomer: User, nobody: TestClient, asking: TestClient
) -> None:
    assert nobody.get("/request-access").headers["location"].startswith("/login")
    assert asking.post("/request-access", data=ASKED).status_code == 403  # by a token that may do nothing
    service_account = cast.person("service")
    token = TestClient(app, headers={"authorization": f"Bearer {cast.token(service_account)}"})
    assert token.post("/request-access", data=ASKED).status_code == 403
    browser = _browser(app, client, newcomer)
    assert browser.post("/request-access", data={**ASKED, "about": "x" * 301}).status_code == 422
    assert browser.post("/request-access", data={**ASKED, "role": "king"}).status_code == 422
    assert browser.post("/request-access", data={**ASKED, "role": "service"}).status_code == 422  # of programs
    for number in range(20):
        assert browser.post("/request-access", data={**ASKED, "about": f"model {number} \U0001f408"}).status_code == 303
    assert browser.post("/request-access", data={**ASKED, "about": "model 0 \U0001f408"}).status_code in (409, 422)
    assert browser.post("/request-access", data={**ASKED, "about": "one more"}).status_code == 422


@ON_SQLITE
def test_the_same_by_api(client: TestClient, app: FastAPI, newcomer: User) -> None:
    browser = _browser(app, client, newcomer)
    made = browser.post("/api/v1/access-requests", json=ASKED)
    assert made.status_code == 201, made.text
    [listed] = client.get("/api/v1/access-requests").json()["items"]
    assert (listed["id"], listed["about"], listed["state"]) == (made.json()["id"], ASKED["about"], "open")
    path = f"/api/v1/access-requests/{listed['id']}"
    assert client.post(f"{path}/grant", json={"role": "viewer", "model": "no-such-model"}).status_code == 404
    assert client.post(f"{path}/grant", json={"role": "viewer"}).json()["state"] == "granted"
    assert client.post(f"{path}/decline", json={"reason": "late"}).status_code == 412
    assert client.get("/api/v1/access-requests?state=answered").json()["items"][0]["state"] == "granted"
