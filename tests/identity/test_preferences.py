"""How one wants pages to be."""

from datetime import UTC, datetime

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from starlette.testclient import TestClient

from modelops_platform.core.db import Database
from modelops_platform.core.preferences import Preferences
from modelops_platform.identity.tables import User

CHOSEN = {"theme": "dark", "density": "compact", "time_zone": "Asia/Kathmandu"}  # five hours and 45 minutes ahead


@pytest.fixture
def browser(app: FastAPI, client: TestClient, database: Database) -> TestClient:
    """A browser in which the administrator has signed in."""
    with database.read() as db:
        admin = db.scalars(select(User.id)).first()
    link = client.post(f"/api/v1/users/{admin}/sign-in-link").json()["url"].partition("link=")[2]
    browser = TestClient(app, follow_redirects=False)
    assert browser.post("/login", data={"link": link}).status_code == 303
    return browser


def test_choices_hold_on_every_page(browser: TestClient) -> None:
    page = browser.get("/models").text
    assert 'data-density="comfortable"' in page
    assert 'data-shortcuts="on"' in page
    assert browser.post("/profile/preferences", data=CHOSEN).status_code == 303
    page = browser.get("/models").text
    assert 'data-density="compact" data-wish="dark" data-shortcuts="off" data-bs-theme="dark"' in page
    browser.post("/api/v1/models", json={"name": "churn"})
    shown = browser.get("/models/churn").text
    assert "+0545" in shown.split("<time")[1]
    assert "UTC" not in shown.split("<time")[1].split(">")[0]
    assert 'value="Asia/Kathmandu" selected' in browser.get("/profile").text
    assert (
        browser.post("/profile/theme", data={"theme": "light"}, headers={"referer": "http://testserver/audit"}).headers[
            "location"
        ]
        == "/audit"
    )
    assert 'data-bs-theme="light"' in browser.get("/models").text
    assert 'data-density="compact"' in browser.get("/models").text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "bad", [{"time_zone": "Moon/Base"}, {"time_zone": "../../etc/passwd"}, {"density": "tight"}, {"theme": "pink"}]
)
def test_what_does_not_exist_is_refused(browser: TestClient, bad: dict[str, str]) -> None:
    assert browser.post("/profile/preferences", data={**CHOSEN, **bad}).status_code == 422
    assert browser.post("/profile/theme", data={"theme": "light"}, headers={"referer": "http://["}).is_redirect


def test_a_zone_that_this_machine_does_not_know_is_utc() -> None:
    at = datetime(2026, 5, 3, 12, tzinfo=UTC)
    assert at.astimezone(Preferences(time_zone="Gone/Away").zone).hour == 12
    assert at.astimezone(Preferences(time_zone="/etc/passwd").zone).hour == 12


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_same_by_api(client: TestClient) -> None:
    assert client.get("/api/v1/me/preferences").json()["time_zone"] == "UTC"
    changed = client.patch("/api/v1/me/preferences", json={"density": "compact"}).json()
    assert changed == {"theme": "system", "density": "compact", "time_zone": "UTC", "has_shortcuts": True}
    assert client.patch("/api/v1/me/preferences", json={"time_zone": "Nowhere"}).status_code == 422
    assert client.get("/api/v1/me/preferences").json()["density"] == "compact"
