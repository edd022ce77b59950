"""Signing in by a provider that others wrote (oidc-provider-mock): over real connections, and in a real browser."""

from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from httpx2 import Client
from playwright.sync_api import Browser
from pydantic import SecretStr
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.identity import queries, service
from modelops_platform.identity.domain import Role
from tests.factories import SYSTEM, Cast, count_events
from tests.identity.provider import callback

pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # it is written against the Authlib before
]
GROUPS = [f"group-{number}" for number in range(499)] + ["risk-officers"]
MARIA = {"email": "maria@corp.example", "email_verified": True, "name": "Maria Silva", "groups": GROUPS}


@pytest.fixture
def mock(configure: Callable[..., None], cast: Cast, database: Database) -> Iterator[str]:
    """The address of a provider that knows Maria, and that the platform trusts."""
    from oidc_provider_mock import run_server_in_thread

    with run_server_in_thread() as server:
        issuer = f"http://localhost:{server.server_port}"
        configure(
            outgoing_allow=f"localhost:{server.server_port}",
            oidc_issuer=issuer,
            oidc_client_id="modelops",
            oidc_client_secret=SecretStr("secret"),
        )
        cast.person("admin")
        with database.write() as db:
            service.add_group_mapping(db, SYSTEM, "risk-officers", Role.RISK)
        with Client(trust_env=False) as client:
            assert client.put(f"{issuer}/users/maria", json=MARIA).status_code == 204
        yield issuer


def test_a_person_with_five_hundred_groups_comes_in(nobody: TestClient, mock: str, db: Session) -> None:
    location = nobody.get("/login/company").headers["location"]
    with Client(trust_env=False) as browser:
        answer = browser.post(location, data={"sub": "maria"})
    assert answer.status_code == 302, answer.text
    brought = dict(answer.next_request.url.params) if answer.next_request else {}
    assert nobody.get(callback(brought)).status_code == 303
    assert nobody.get("/api/v1/me").json()["name"] == "Maria Silva"
    user = queries.find_user_by_email(db, DEFAULT_WORKSPACE, "maria@corp.example")
    assert user is not None
    assert [(grant.role, grant.source) for grant in queries.list_grants_of(db, user.id)] == [("risk", "group")]
    assert nobody.get(callback(brought)).status_code == 401


def test_a_browser_goes_there_and_back_and_out(
    app: FastAPI, live: int, mock: str, browser: Browser, db: Session
) -> None:
    app.state.settings = app.state.settings.model_copy(update={"local_passwords": False})
    context = browser.new_context(base_url=f"http://127.0.0.1:{live}")
    page = context.new_page()
    page.set_default_timeout(20_000)
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.goto("/models")  # led to the sign-in page, and back to where one wanted to go
    assert page.locator("input[type=password]").count() == 0
    page.get_by_role("link", name="Sign in with your company account").click()
    page.locator("input[name=sub]").fill("maria")
    page.get_by_role("button", name="Authorize").click()
    page.wait_for_url(f"http://127.0.0.1:{live}/models")
    assert page.get_by_role("heading", name="Models", exact=True).count() == 1
    page.evaluate("document.querySelector('form[action=\"/logout\"]').requestSubmit()")
    page.wait_for_url(f"{mock}/oauth2/end_session**")  # by way of a page of ours
    assert not [text for text in heard if "Security Policy" in text]  # a form of ours may not lead there by itself
    page.goto("/models")
    page.wait_for_url("**/login**")
    assert count_events(db, "signin.ended") == 1
    context.close()
