"""What holds for every request: hosts, other sites, headers, addresses, one log line."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from sqlalchemy.orm import Session
from starlette.testclient import TestClient
from structlog.testing import LogCapture

from tests.factories import Cast, count_events

FORM = {"email": "a@example.org", "password": "whatever it is"}


def test_own_hosts_are_answered(nobody: TestClient, subtests: pytest.Subtests) -> None:
    for host in ["testserver", "localhost", "localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST"]:
        with subtests.test(host=host):
            assert nobody.get("/healthz", headers={"host": host}).status_code == 200
            assert nobody.get("/api/v1/me", headers={"host": host}).status_code == 401


def test_other_hosts_are_refused_except_on_health(nobody: TestClient, subtests: pytest.Subtests) -> None:
    for host in [
        "evil.example",
        "localhost.evil.example",
        "evil@localhost",
        "localhost:80@evil.example",
        "[::1].evil.example",
        "localhost.",
        "",
        "localhost:80:80",
        "[::1",
        "*",
    ]:
        with subtests.test(host=host):
            refused = nobody.get("/api/v1/me", headers={"host": host})
            assert (refused.status_code, refused.json()["code"]) == (421, "wrong_host")
            assert refused.headers["content-type"] == "application/problem+json"
            assert nobody.get("/login", headers={"host": host}).status_code == 421
            assert nobody.get("/healthz", headers={"host": host}).status_code == 200
            assert nobody.get("/readyz", headers={"host": host}).status_code == 200


def test_a_host_is_named_once(nobody: TestClient) -> None:
    refused = nobody.get("/login", headers=[("host", "localhost"), ("host", "evil.example")])
    assert refused.status_code == 400
    assert "content-security-policy" in refused.headers


def test_posts_from_other_sites_are_refused(client: TestClient, nobody: TestClient, subtests: pytest.Subtests) -> None:
    for sent in [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://[bad"},
        {"origin": "http://evil.example/http://testserver"},
        {"origin": "http://testserver.evil.example"},
        {"origin": "http://testserver:81"},
        {"origin": "chrome-extension://testserver"},
        {"sec-fetch-site": "none", "origin": "https://evil.example"},
    ]:
        with subtests.test(sent=sent):
            refused = client.post("/api/v1/models", json={"name": "x"}, headers=sent)
            assert (refused.status_code, refused.json()["code"]) == (403, "cross_site")
            for path in ("/login", "/logout", "/set-up", "/profile/tokens", "/register"):
                assert nobody.post(path, data=FORM, headers=sent).status_code == 403
            assert client.patch("/api/v1/units/x", json={}, headers=sent).status_code == 403
            assert client.get("/api/v1/models", headers=sent).status_code == 200  # reading changes nothing


def test_own_pages_and_programs_may_post(client: TestClient, subtests: pytest.Subtests) -> None:
    for sent in [{}, {"sec-fetch-site": "same-origin", "origin": "http://testserver"}, {"origin": "http://testserver"}]:
        with subtests.test(sent=sent):
            assert client.post("/api/v1/units", json={"name": f"For {sent}"}, headers=sent).status_code == 201


def test_every_answer_carries_the_security_headers(nobody: TestClient, subtests: pytest.Subtests) -> None:
    for path in ["/healthz", "/login", "/nowhere", "/api/v1/me", "/static/app.css", "/api/v1/nowhere"]:
        with subtests.test(path=path):
            headers = nobody.get(path).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert headers["referrer-policy"] == "same-origin"
            assert len(headers["x-request-id"]) == 36
            if not path.startswith("/static"):
                assert headers["cache-control"] == "no-store"


def test_nul_and_broken_escapes_are_refused(client: TestClient, subtests: pytest.Subtests) -> None:
    for target in ["/models/%00", "/models?q=%00", "/models?q=%zz", "/api/v1/models?cursor=%00"]:
        with subtests.test(target=target):
            assert client.get(target).status_code == 400


def test_static_files_lead_nowhere_else(nobody: TestClient, subtests: pytest.Subtests) -> None:
    for path in [
        "/static/../pyproject.toml",
        "/static/%2e%2e/pyproject.toml",
        "/static//etc/passwd",
        "/static/",
        "/static/..%5capp.css",
        "/static/vendor/../../README.md",
    ]:
        with subtests.test(path=path):
            assert nobody.get(path).status_code == 404


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """What is logged, in full."""
    before = structlog.get_config()
    capture = LogCapture()
    structlog.configure(processors=[capture], wrapper_class=structlog.make_filtering_bound_logger(0))
    yield capture.entries  # type: ignore[misc]
    structlog.configure(**before)


def test_a_request_is_one_line_with_who_and_how_long_and_no_secret(
    client: TestClient, nobody: TestClient, lines: list[dict[str, Any]]
) -> None:
    answer = client.get("/api/v1/me", params={"a": "secret-in-query"})
    token = client.headers["authorization"].partition(" ")[2]
    nobody.get("/login", params={"link": "secret-link"})
    nobody.post("/login", data={"email": "a@example.org", "password": "secret-password", "link": ""})
    nobody.cookies.set("modelops_session", "secret-cookie")
    nobody.get("/api/v1/me", headers={"authorization": "Bearer secret-token"})
    requests = [line for line in lines if line["event"] == "request"]
    assert [line["status"] for line in requests] == [answer.status_code, 200, 401, 401]
    assert requests[0]["actor"]
    assert requests[0]["ms"] >= 0
    assert requests[0]["request_id"] == answer.headers["x-request-id"]
    assert "secret" not in str(lines)
    assert token not in str(lines)


def test_our_own_mistake_is_a_reference_and_nothing_else(
    app: FastAPI, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_more: object) -> None:
        raise ZeroDivisionError("an inner detail")

    monkeypatch.setattr("modelops_platform.identity.queries.list_people", fail)
    secret = cast.token(cast.person("viewer"))
    quiet = TestClient(app, raise_server_exceptions=False, headers={"authorization": f"Bearer {secret}"})
    answer = quiet.get("/api/v1/people")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.json()["reference"] == answer.headers["x-request-id"]
    assert "inner detail" not in answer.text
    assert "content-security-policy" in answer.headers


def test_refusals_of_one_minute_are_one_event_that_names_what_was_tried(
    client_as: Callable[..., TestClient], nobody: TestClient, db: Session
) -> None:
    viewer = client_as("viewer")
    for _ in range(3):
        viewer.post("/api/v1/models", json={"name": "never made"})
        nobody.get("/api/v1/me", headers={"authorization": "Bearer wrong"})
        nobody.get("/api/v1/me")  # no credential is no failed sign-in
    assert count_events(db, "access.denied") == 1
    assert count_events(db, "signin.failed") == 1
