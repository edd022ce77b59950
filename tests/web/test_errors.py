"""The same refusal as a problem, a page, or a fragment; and where those without a session are led."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient


def test_a_page_without_a_session_leads_to_sign_in_and_everything_else_is_401(
    nobody: TestClient, client: TestClient
) -> None:
    assert nobody.get("/models?q=a").headers["location"] == "/login?next=%2Fmodels%3Fq%3Da"
    assert nobody.get("/").headers["location"] == "/login"
    posted = nobody.post("/register", data={"name": "x"})
    assert (posted.status_code, posted.headers["location"]) == (303, "/login")
    for path in ("/api/v1/models", "/api/openapi.json", "/metrics"):
        answer = nobody.get(path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
    page_with_a_bad_token = nobody.get("/models", headers={"authorization": "Bearer wrong"})
    assert page_with_a_bad_token.status_code == 303


def test_htmx_is_told_to_go_to_sign_in_and_come_back_to_its_page(nobody: TestClient) -> None:
    sent = {"hx-request": "true", "hx-current-url": "http://testserver/models?q=x"}
    answer = nobody.get("/models?q=xy", headers=sent)
    assert answer.headers["hx-redirect"] == "/login?next=%2Fmodels"
    assert "location" not in answer.headers
    for odd in ("http://[::1", "http://evil.example//evil.example", "\x80"):
        raw = [(b"hx-request", b"true"), (b"hx-current-url", odd.encode("latin-1"))]
        answer = nobody.get("/models", headers=raw)
        assert answer.headers["hx-redirect"].startswith("/login"), odd


def test_not_found_is_rendered_for_each_reader(client: TestClient) -> None:
    problem = client.get("/api/v1/models/nothing")
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["code"] == "not_found"
    assert problem.json()["status"] == problem.status_code == 404
    page = client.get("/models/nothing")
    assert page.status_code == 404
    assert "<h1>" in page.text
    fragment = client.get("/models/nothing", headers={"hx-request": "true"})
    assert fragment.status_code == 404
    assert "<html" not in fragment.text
    assert 'class="problem"' in fragment.text


def test_what_is_not_there_is_404(client: TestClient, subtests: pytest.Subtests) -> None:
    for path in ["/nowhere", "/models/", "/api/v1/nowhere", "/login/", "/.env", "/administration/../etc"]:
        with subtests.test(path=path):
            assert client.get(path).status_code == 404


def test_invisible_is_not_found_and_not_forbidden(client: TestClient, client_as: Callable[..., TestClient]) -> None:
    client.post("/api/v1/models", json={"name": "secret-model"})
    outsider = client_as("contributor", unit="Elsewhere")
    hidden = outsider.get("/api/v1/models/secret-model")
    absent = outsider.get("/api/v1/models/secret-modem")
    assert hidden.status_code == absent.status_code == 404
    assert hidden.text.replace("secret-model", "x") == absent.text.replace("secret-modem", "x")
