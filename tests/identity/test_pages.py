"""The profile: who I am, my password, my tokens."""

import re
from collections.abc import Callable

from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from tests.factories import count_events


def test_the_profile_shows_roles_and_makes_a_token_shown_once(
    client_as: Callable[..., TestClient], db: Session
) -> None:
    own = client_as("contributor", unit="Cards", name="Maria Silva")
    page = own.get("/profile").text
    assert "Maria Silva" in page
    assert "<strong>Contributor</strong> on Cards" in page
    made = own.post("/profile/tokens", data={"name": "laptop", "scope": "read", "days": "30"})
    secret = re.search(r"mop_[\w-]+", made.text)
    assert made.status_code == 201
    assert secret is not None
    assert made.headers["cache-control"] == "no-store"
    assert secret[0] not in own.get("/profile").text
    token = next(item for item in own.get("/api/v1/tokens").json()["items"] if item["name"] == "laptop")
    assert own.post(f"/profile/tokens/{token['id']}/revoke").headers["location"] == "/profile"
    assert count_events(db, "token.revoked") == 1


def test_everybody_may_change_their_own_name(client_as: Callable[..., TestClient]) -> None:
    own = client_as("viewer")
    assert own.post("/profile", data={"name": "Dr. Ada Lovelace"}).status_code == 303
    assert "Dr. Ada Lovelace" in own.get("/profile").text
    assert own.post("/profile", data={"name": " "}).status_code == 422


def test_sign_in_page_tells_htmx_what_is_wrong_as_a_fragment(client: TestClient, nobody: TestClient) -> None:
    wrong = nobody.post(
        "/login", data={"email": "x", "password": "y"}, headers={"hx-request": "true", "hx-target": "div#problem"}
    )
    assert wrong.status_code == 401
    assert 'class="problem"' in wrong.text
    assert "<html" not in wrong.text
    assert "hx-redirect" not in wrong.headers
