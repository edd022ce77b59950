"""Exchanging the tokens of pipelines elsewhere for short-lived ones."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from httpx2 import Response
from joserfc.jwk import RSAKey
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.core import clock
from modelops_platform.core.errors import InvalidInput
from modelops_platform.identity.claims import checked_patterns, matches
from modelops_platform.identity.domain import Limit
from modelops_platform.identity.service import sessions
from modelops_platform.identity.service.trust import EXCHANGES_PER_PROOF
from modelops_platform.identity.tables import Token, TrustRule
from tests.factories import Cast, count_events, last_event
from tests.identity.provider import Provider

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"
CLAIMS = {"repository": "acme/scoring", "ref": "refs/heads/main", "sub": "repo:acme/scoring:ref:refs/heads/main"}


@pytest.fixture
def issuer(provider: Provider, configure: Callable[..., None]) -> Provider:
    """A platform of pipelines; nobody signs in by it."""
    configure(outgoing_allow=provider.host)
    return provider


@pytest.fixture
def rule(issuer: Provider, client: TestClient, cast: Cast) -> dict[str, Any]:
    """A rule that trusts one repository's main branch."""
    wanted = {
        "name": "scoring",
        "issuer": issuer.issuer,
        "audience": "modelops",
        "claims": {"repository": "acme/scoring", "ref": "refs/heads/*"},
        "user_id": cast.person("service", name="Pipeline").id,
    }
    made = client.post("/api/v1/trust-rules", json=wanted)
    assert made.status_code == 201, made.text
    return dict(made.json())


def proof(issuer: Provider, **more: Any) -> str:
    return issuer.sign(issuer.claims(**{**CLAIMS, **more}))


def exchange(client: TestClient, token: str, **more: str) -> Response:
    body = {"grant_type": GRANT, "subject_token": token, "subject_token_type": JWT, **more}
    return client.post("/api/v1/token-exchange", data=body)


def test_a_proof_that_fits_becomes_a_short_lived_token(
    nobody: TestClient, issuer: Provider, rule: dict[str, Any], db: Session
) -> None:
    token = proof(issuer, jti="one")
    answer = exchange(nobody, token)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert (told["token_type"], told["scope"]) == ("Bearer", "ci")
    assert told["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert 890 <= told["expires_in"] <= 900
    bearer = {"authorization": f"Bearer {told['access_token']}"}
    me = nobody.get("/api/v1/me", headers=bearer).json()
    assert (me["kind"], me["name"]) == ("service", "Pipeline")
    assert nobody.post("/api/v1/tokens", json={"name": "x"}, headers=bearer).status_code == 403
    with clock.frozen(clock.now() + timedelta(minutes=16)):
        assert nobody.get("/api/v1/me", headers=bearer).status_code == 401
    event = last_event(db, "token.exchanged")
    assert event["data"]["rule"] == {"id": rule["id"], "name": "scoring"}  # type: ignore[index]
    assert token not in str(event)
    assert told["access_token"] not in str(event)


@ON_SQLITE
def test_json_does_as_well_and_nonsense_is_told(nobody: TestClient, issuer: Provider, rule: dict[str, Any]) -> None:
    body = {"grant_type": GRANT, "subject_token": proof(issuer), "subject_token_type": JWT}
    assert nobody.post("/api/v1/token-exchange", json=body).status_code == 200
    nonsense: list[Any] = [{}, {**body, "grant_type": "password"}, {**body, "actor_token": "x"}, [], "x", None]
    for wrong in nonsense:
        answer = nobody.post("/api/v1/token-exchange", json=wrong)
        assert answer.status_code == 422, answer.text
    assert (
        nobody.post("/api/v1/token-exchange", content=b"<x/>", headers={"content-type": "text/xml"}).status_code == 422
    )
    assert nobody.post("/api/v1/token-exchange").status_code == 422
    assert nobody.post("/api/v1/token-exchange", data=body, files={"subject_token": b"x"}).status_code == 422
    unstorable = nobody.post("/api/v1/token-exchange", json={**body, "scope": "a\0"})
    assert unstorable.status_code == 422
    long = nobody.post("/api/v1/token-exchange", json={**body, "subject_token": "x" * 30_000})
    assert long.status_code == 422


OTHER_KEY = RSAKey.generate_key(2048, private=True)
REFUSED: dict[str, Callable[[Provider], str]] = {
    "other repository": lambda p: proof(p, repository="acme/other"),
    "prefix of it": lambda p: proof(p, repository="acme/scoring-evil"),
    "other case": lambda p: proof(p, repository="ACME/scoring"),
    "tag": lambda p: proof(p, ref="refs/tags/v1"),
    "deeper branch": lambda p: proof(p, ref="refs/heads/x/main"),
    "claim missing": lambda p: p.sign(p.claims(repository="acme/scoring")),
    "claim a list": lambda p: proof(p, repository=["acme/scoring"]),
    "other audience": lambda p: proof(p, aud="another"),
    "other issuer": lambda p: proof(p, iss="https://evil.example"),
    "expired": lambda p: proof(p, exp=int(time.time()) - 61),
    "unsigned": lambda p: proof(p).rpartition(".")[0] + ".",
    "by somebody": lambda p: p.sign(p.claims(**CLAIMS), key=OTHER_KEY),
    "no token": lambda p: "hello",
}


@ON_SQLITE
def test_what_does_not_fit_is_refused_and_leaves_an_event(
    nobody: TestClient, issuer: Provider, rule: dict[str, Any], db: Session
) -> None:
    for name, mint in REFUSED.items():
        answer = exchange(nobody, mint(issuer))
        assert answer.status_code == 401, name
        assert answer.json()["error"] == "invalid_grant", name
    assert count_events(db, "signin.failed") == 1  # joined: one address, one minute
    assert db.scalar(select(func.count()).select_from(Token).where(Token.rule_id.is_not(None))) == 0


@ON_SQLITE
def test_no_issuer_is_called_that_no_rule_names(nobody: TestClient, issuer: Provider) -> None:
    assert exchange(nobody, proof(issuer)).status_code == 401
    assert issuer.asked == []


@ON_SQLITE
@pytest.mark.parametrize("more", [{"jti": "same"}, {}])
def test_a_proof_is_exchanged_a_few_times_only(
    nobody: TestClient, issuer: Provider, rule: dict[str, Any], more: dict[str, str]
) -> None:
    token = proof(issuer, **more)
    answers = [exchange(nobody, token).status_code for _ in range(EXCHANGES_PER_PROOF + 1)]
    assert answers == [200] * EXCHANGES_PER_PROOF + [401]


@ON_SQLITE
def test_exchanges_are_limited_by_address(
    nobody: TestClient, issuer: Provider, rule: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "PER_PROOF", Limit(5, "this address"))
    answers = {exchange(nobody, "a.b.c").status_code for _ in range(5)}
    assert answers == {401}
    limited = exchange(nobody, proof(issuer))
    assert limited.status_code == 429
    assert int(limited.headers["retry-after"]) > 0


@ON_SQLITE
def test_a_rule_that_ends_takes_its_tokens_along(
    nobody: TestClient, issuer: Provider, rule: dict[str, Any], client: TestClient, db: Session
) -> None:
    bearer = {"authorization": f"Bearer {exchange(nobody, proof(issuer)).json()['access_token']}"}
    assert nobody.get("/api/v1/me", headers=bearer).status_code == 200
    assert client.post(f"/api/v1/trust-rules/{rule['id']}/remove").status_code == 204
    assert nobody.get("/api/v1/me", headers=bearer).status_code == 401
    assert exchange(nobody, proof(issuer)).status_code == 401
    assert (count_events(db, "trust_rule.added"), count_events(db, "trust_rule.removed")) == (1, 1)


@ON_SQLITE
def test_a_disabled_account_gets_nothing(
    nobody: TestClient, issuer: Provider, rule: dict[str, Any], client: TestClient
) -> None:
    assert client.post(f"/api/v1/users/{rule['user_id']}/disable").status_code == 200
    assert exchange(nobody, proof(issuer)).status_code == 401


@ON_SQLITE
def test_old_tokens_of_a_rule_are_forgotten(
    nobody: TestClient, issuer: Provider, rule: dict[str, Any], db: Session
) -> None:
    with clock.frozen(clock.now() - timedelta(days=2)):
        now = int(clock.now().timestamp())
        assert exchange(nobody, proof(issuer, iat=now, exp=now + 60)).status_code == 200
    assert exchange(nobody, proof(issuer)).status_code == 200
    assert db.scalar(select(func.count()).select_from(Token).where(Token.rule_id == rule["id"])) == 1


@ON_SQLITE
def test_the_scope_chooses_among_rules_that_fit(
    nobody: TestClient, issuer: Provider, rule: dict[str, Any], client: TestClient
) -> None:
    reading = {k: rule[k] for k in ("issuer", "audience", "claims", "user_id")} | {"name": "reading", "scope": "read"}
    assert client.post("/api/v1/trust-rules", json=reading).status_code == 201
    assert exchange(nobody, proof(issuer), scope="read").json()["scope"] == "read"
    assert exchange(nobody, proof(issuer)).json()["scope"] == "ci"
    assert exchange(nobody, proof(issuer), scope="all").status_code == 401


@ON_SQLITE
def test_rules_are_for_service_accounts_that_one_manages(
    issuer: Provider,
    client: TestClient,
    client_as: Callable[..., TestClient],
    cast: Cast,
    rule: dict[str, Any],
    db: Session,
) -> None:
    good = {k: rule[k] for k in ("issuer", "audience", "claims", "user_id")} | {"name": "another"}
    unit_admin = client_as("admin", unit="Cards")
    assert unit_admin.post("/api/v1/trust-rules", json=good).status_code == 404
    assert unit_admin.get("/api/v1/trust-rules").json()["items"] == []
    assert unit_admin.post(f"/api/v1/trust-rules/{rule['id']}/remove").status_code == 404
    bad: list[dict[str, Any]] = [
        {"user_id": cast.person("viewer").id},
        {"name": "scoring"},
        {"scope": "all"},
        {"lifetime_minutes": 61},
        {"issuer": "javascript:x"},
        {"claims": {}},
        {"claims": {"repository": "*"}},
        {"claims": {"repository": "**/**"}},
        {"claims": {"a b": "x"}},
        {"claims": {str(n): "x" for n in range(21)}},
    ]
    for change in bad:
        assert client.post("/api/v1/trust-rules", json={**good, **change}).status_code in (409, 422), change
    assert db.scalar(select(func.count()).select_from(TrustRule)) == 1


@ON_SQLITE
def test_the_page_adds_and_removes_rules(issuer: Provider, client: TestClient, cast: Cast) -> None:
    assert "no service account yet" in client.get("/administration/trust").text
    account = cast.person("service", name="Pipeline").id
    form = {
        "name": "by hand",
        "issuer": issuer.issuer,
        "audience": "modelops",
        "claims": "repository: acme/scoring\n\nsub: repo:acme/*:ref:refs/heads/main",
        "user_id": account,
    }
    assert client.post("/administration/trust", data=form).status_code == 303
    page = client.get("/administration/trust").text
    assert "repo:acme/*:ref:refs/heads/main" in page
    assert client.post("/administration/trust", data={**form, "name": "b", "claims": "nonsense"}).status_code == 422
    rule = client.get("/api/v1/trust-rules").json()["items"][0]
    assert client.post(f"/administration/trust/{rule['id']}/remove").status_code == 303


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("acme/scoring", "acme/scoring", True),
        ("acme/scoring", "acme/scoring\n", False),
        ("acme/*", "acme/x", True),
        ("acme/*", "acme/x/y", False),
        ("acme/**", "acme/x/y", True),
        ("repo:acme/*:ref:refs/heads/main", "repo:acme/x:ref:refs/heads/main", True),
        ("repo:acme/*:ref:refs/heads/main", "repo:acme/x:environment:ref:refs/heads/main", False),
        ("a.c", "abc", False),
        ("a[b]c", "abc", False),
        ("a?c", "abc", False),
        ("(a+)+$", "a" * 60, False),
        ("true", True, True),
        ("7", 7, True),
        ("x", None, False),
        ("x", ["x"], False),
        ("x", {"x": 1}, False),
    ],
)
def test_patterns_are_exact(pattern: str, value: Any, fits: bool) -> None:
    assert matches({"claim": pattern}, {"claim": value}) is fits


def test_many_stars_cost_no_time() -> None:
    began = time.monotonic()
    assert not matches({"claim": "*a" * 25 + "b"}, {"claim": "a" * 2000})
    assert time.monotonic() - began < 1


def test_a_rule_without_claims_fits_nobody() -> None:
    assert not matches({}, {"sub": "x"})
    with pytest.raises(InvalidInput):
        checked_patterns({})
