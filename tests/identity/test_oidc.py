"""Signing in with the company's identity, against a provider that is honest, changed, slow or hostile."""

import base64
import hmac
import json
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI
from httpx2 import Response
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from pydantic import SecretStr
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.core import clock
from modelops_platform.core.actor import ActorKind
from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.events.tables import Event, EventPersonal
from modelops_platform.identity import passwords, queries, service
from modelops_platform.identity.company import FLOW_COOKIE
from modelops_platform.identity.domain import Limit, Role
from modelops_platform.identity.service import sessions
from modelops_platform.identity.signin import COOKIE
from modelops_platform.identity.tables import BrowserSession, Grant, ProviderIdentity, User
from tests.factories import SYSTEM, Cast, count_events, last_event
from tests.identity.provider import CLIENT, SECRET, Provider, callback

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "second", "use": "sig", "alg": "RS256"}, private=True)


def begin(client: TestClient, **query: str) -> str:
    """Begin, and return where the browser is led."""
    answer = client.get("/login/company", params=query)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def come_in(client: TestClient, company: Provider, **claims: Any) -> Response:
    """Sign in by the provider, who tells these claims."""
    return client.get(callback(company.consent(begin(client), **claims)))


def user_of(db: Session, email: str = "maria@corp.example") -> User:
    db.rollback()
    user = queries.find_user_by_email(db, DEFAULT_WORKSPACE, email)
    assert user is not None
    return user


def roles_of(db: Session, user: User) -> set[tuple[str, str, str]]:
    db.rollback()
    held = db.scalars(select(Grant).where(Grant.user_id == user.id)).all()
    return {(grant.role, grant.object_kind, grant.source) for grant in held}


def map_group(database: Database, group: str, role: Role, **more: Any) -> str:
    with database.write() as db:
        return service.add_group_mapping(db, SYSTEM, group, role, **more).id


def test_first_sign_in_makes_the_person_and_the_next_finds_them(
    nobody: TestClient, company: Provider, db: Session
) -> None:
    assert "Sign in with your company account" in nobody.get("/login").text
    location = begin(nobody, next="/models?q=x")
    asked = parse_qs(urlsplit(location).query)
    assert location.startswith(f"{company.issuer}/authorize?")
    assert asked["redirect_uri"] == ["http://testserver/login/callback"]
    assert asked["scope"] == ["openid profile email"]
    answer = nobody.get(callback(company.consent(location)))
    assert (answer.status_code, answer.headers["location"]) == (303, "/models?q=x")
    assert nobody.get("/api/v1/people").status_code == 403  # signed in, and no role yet
    assert FLOW_COOKIE not in nobody.cookies
    user = user_of(db)
    assert (user.name, user.password_hash, user.kind) == ("Maria Silva", None, "person")
    root = queries.find_root_unit(db, DEFAULT_WORKSPACE)
    assert root is not None
    assert user.unit_id == root.id
    assert last_event(db, "signin.succeeded")["data"] == {"by": "company"}
    assert last_event(db, "identity.linked")["data"] == {"issuer": company.issuer, "is_new": True}
    come_in(nobody, company, email="other@corp.example", name="Maria Souza")  # an address is no identity
    assert db.scalar(select(func.count()).select_from(ProviderIdentity)) == 1
    assert count_events(db, "identity.linked") == 1


def test_no_secret_of_a_sign_in_is_kept_told_or_logged(
    nobody: TestClient, company: Provider, db: Session, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    location = begin(nobody)
    flow = nobody.cookies[FLOW_COOKIE]
    brought = company.consent(location)
    answer = nobody.get(callback(brought))
    kept = repr(db.execute(select(Event.content, EventPersonal.data).outerjoin(EventPersonal)).all())
    logged = "".join(r.getMessage() for r in caplog.records if r.name != "httpx2")  # that one is the test's own client
    verifier = json.loads(base64.urlsafe_b64decode(flow.partition(".")[0]))["verifier"]
    for secret in (verifier, SECRET, brought["code"], nobody.cookies[COOKIE]):
        assert secret not in kept
        assert secret not in location
        assert secret not in answer.headers["location"]
        assert secret not in logged
    assert brought["state"] not in kept


# ---- hostile tokens


def _forged(header: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims))
    return f"{'.'.join(parts)}.{signature}"


def _by_shared_secret(company: Provider, claims: dict[str, Any]) -> str:
    """A token whose secret is the public key, which everybody knows."""
    signed = _forged({"alg": "HS256", "kid": "first"}, claims).rstrip(".")
    digest = hmac.digest(company.key.as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _with_own_key(company: Provider, claims: dict[str, Any]) -> str:
    header = {"jwk": dict(OTHER_KEY.as_dict(private=False)), "kid": "first"}
    return company.sign(claims, key=OTHER_KEY, **header)


def _edited(company: Provider, claims: dict[str, Any]) -> str:
    head, _, tail = company.sign(claims).split(".")
    body = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "admin"}).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{tail}"


Mint = Callable[[Provider, dict[str, Any]], str]
HOSTILE: dict[str, Mint] = {
    "alg none": lambda p, c: _forged({"alg": "none"}, c),
    "alg None": lambda p, c: _forged({"alg": "nOnE", "kid": "first"}, c),
    "no alg": lambda p, c: _forged({"kid": "first"}, c, "AAAA"),
    "alg list": lambda p, c: _forged({"alg": ["RS256"]}, c, "AAAA"),
    "no signature": lambda p, c: p.sign(c).rpartition(".")[0] + ".",
    "edited": _edited,
    "public key as secret": _by_shared_secret,
    "own key inside": _with_own_key,
    "own key elsewhere": lambda p, c: p.sign(c, key=OTHER_KEY, jku="http://127.0.0.1:1/jwks"),
    "key by path": lambda p, c: p.sign(c, kid="../../../../dev/null"),
    "key by statement": lambda p, c: p.sign(c, kid="' OR 1=1 --"),
    "key of another": lambda p, c: p.sign(c, key=OTHER_KEY),
    "other issuer": lambda p, c: p.sign({**c, "iss": "https://evil.example"}),
    "issuer with a slash": lambda p, c: p.sign({**c, "iss": p.issuer + "/"}),
    "other audience": lambda p, c: p.sign({**c, "aud": "another"}),
    "several audiences": lambda p, c: p.sign({**c, "aud": [CLIENT, "another"]}),
    "other party": lambda p, c: p.sign({**c, "azp": "another"}),
    "no audience": lambda p, c: p.sign({k: v for k, v in c.items() if k != "aud"}),
    "other nonce": lambda p, c: p.sign({**c, "nonce": "x"}),
    "no nonce": lambda p, c: p.sign({k: v for k, v in c.items() if k != "nonce"}),
    "nonce list": lambda p, c: p.sign({**c, "nonce": [c["nonce"]]}),
    "expired": lambda p, c: p.sign({**c, "exp": int(time.time()) - 61}),
    "never expires": lambda p, c: p.sign({k: v for k, v in c.items() if k != "exp"}),
    "expires at infinity": lambda p, c: p.sign({**c, "exp": float("inf")}),
    "expiry as text": lambda p, c: p.sign({**c, "exp": "9999999999"}),
    "issued tomorrow": lambda p, c: p.sign({**c, "iat": int(time.time()) + 3600}),
    "good tomorrow": lambda p, c: p.sign({**c, "nbf": int(time.time()) + 3600}),
    "no subject": lambda p, c: p.sign({**c, "sub": ""}),
    "subject number": lambda p, c: p.sign({**c, "sub": 7}),
    "subject with a break": lambda p, c: p.sign({**c, "sub": "maria\nadmin"}),
    "subject too long": lambda p, c: p.sign({**c, "sub": "m" * 256}),
    "not a token": lambda p, c: "a.b.c",
    "two parts": lambda p, c: "a.b",
    "claims a list": lambda p, c: _forged({"alg": "RS256", "kid": "first"}, [1], "AAAA"),  # type: ignore[arg-type]
    "critical header": lambda p, c: _forged({"alg": "RS256", "kid": "first", "crit": ["x"], "x": 1}, c, "AAAA"),
    "very long": lambda p, c: p.sign({**c, "filling": "x" * 200_000}),
}


@ON_SQLITE
def test_no_hostile_token_signs_anybody_in(nobody: TestClient, company: Provider, db: Session) -> None:
    for name, mint in HOSTILE.items():
        company.mint = lambda claims, mint=mint: mint(company, claims)  # type: ignore[misc]
        answer = come_in(nobody, company)
        assert answer.status_code == 401, f"{name}: {answer.status_code}"
        assert COOKIE not in nobody.cookies, name
        assert "not signed in" in answer.text, name
    assert db.scalar(select(func.count()).select_from(BrowserSession)) == 0
    assert db.scalar(select(func.count()).select_from(ProviderIdentity)) == 0
    assert count_events(db, "signin.failed") >= 1
    company.mint = company.sign
    assert come_in(nobody, company).status_code == 303


@ON_SQLITE
@pytest.mark.parametrize("sort", ["RS512", "PS256", "ES256", "Ed25519"])
def test_other_signatures_of_the_allow_list_are_taken(nobody: TestClient, company: Provider, sort: str) -> None:
    kinds = {"ES256": lambda: ECKey.generate_key("P-256"), "Ed25519": lambda: OKPKey.generate_key("Ed25519")}
    key: Any = kinds.get(sort, lambda: RSAKey.generate_key(2048))()
    company.keys = {"keys": [{**key.as_dict(private=False), "kid": "first", "alg": sort}]}
    company.mint = lambda claims: jwt.encode({"alg": sort, "kid": "first"}, claims, key, algorithms=[sort])
    assert come_in(nobody, company).status_code == 303


# ---- the browser that began it


@ON_SQLITE
def test_only_the_browser_that_began_may_end_and_only_once(
    app: FastAPI, nobody: TestClient, company: Provider, db: Session
) -> None:
    brought = company.consent(begin(nobody))
    stranger = TestClient(app, follow_redirects=False)
    assert stranger.get(callback(brought)).status_code == 401  # no cookie
    begin(stranger)
    assert stranger.get(callback(brought)).status_code == 401  # the cookie of another sign-in
    flow = nobody.cookies[FLOW_COOKIE]
    assert nobody.get(callback(brought)).status_code == 303
    for secret in (flow, flow[:-1] + ("0" if flow[-1] != "0" else "1"), "e30." + "0" * 64, "x", ""):
        thief = TestClient(app, follow_redirects=False, cookies={FLOW_COOKIE: secret})
        assert thief.get(callback(brought)).status_code == 401  # used, or not sealed by us
    assert db.scalar(select(func.count()).select_from(BrowserSession)) == 1


@ON_SQLITE
def test_a_sign_in_ends_within_ten_minutes(nobody: TestClient, company: Provider) -> None:
    with clock.frozen(clock.now() - timedelta(minutes=11)):
        brought = company.consent(begin(nobody))
    assert nobody.get(callback(brought)).status_code == 401


@ON_SQLITE
def test_a_code_is_not_used_twice_nor_with_another_state(nobody: TestClient, company: Provider) -> None:
    used = company.consent(begin(nobody))
    assert nobody.get(callback(used)).status_code == 303
    again = company.consent(begin(nobody))
    assert nobody.get(callback({**again, "code": used["code"]})).status_code == 401
    other = company.consent(begin(nobody))
    assert nobody.get(callback({**other, "state": again["state"]})).status_code == 401


@ON_SQLITE
def test_answers_of_another_provider_are_refused(nobody: TestClient, company: Provider) -> None:
    mixed = {**company.consent(begin(nobody)), "iss": "https://evil.example"}
    assert nobody.get(callback(mixed)).status_code == 401
    honest = {**company.consent(begin(nobody)), "iss": company.issuer}
    assert nobody.get(callback(honest)).status_code == 303
    company.discovery["authorization_response_iss_parameter_supported"] = True


@ON_SQLITE
def test_a_refusal_of_the_provider_is_told_without_its_words(nobody: TestClient, company: Provider) -> None:
    state = company.consent(begin(nobody))["state"]
    answer = nobody.get(callback({"state": state, "error": "access_denied", "error_description": "<b>x</b>"}))
    assert answer.status_code == 401
    assert "access_denied" in answer.text
    assert "<b>x</b>" not in answer.text
    state = company.consent(begin(nobody))["state"]
    assert "<script" not in nobody.get(callback({"state": state, "error": "<script>"})).text.partition("<main")[2]


@ON_SQLITE
@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/%2Fevil.example", "/%09/evil.example", "x" * 3000],
)
def test_a_sign_in_never_leads_to_another_site(nobody: TestClient, company: Provider, target: str) -> None:
    answer = nobody.get(callback(company.consent(begin(nobody, next=target))))
    assert answer.headers["location"] == "/"


@ON_SQLITE
def test_the_redirect_address_is_the_public_one(
    nobody: TestClient, company: Provider, configure: Callable[..., None]
) -> None:
    configure(public_url="https://models.example.com")
    asked = parse_qs(urlsplit(begin(nobody)).query)
    assert asked["redirect_uri"] == ["https://models.example.com/login/callback"]


# ---- the provider changes, is slow, lies


@ON_SQLITE
def test_new_keys_are_looked_for_once_and_not_by_every_stranger(nobody: TestClient, company: Provider) -> None:
    assert come_in(nobody, company).status_code == 303
    company.mint = lambda claims: company.sign(claims, key=OTHER_KEY, kid="second")
    company.keys = dict(KeySet([company.key, OTHER_KEY]).as_dict())
    with clock.frozen(clock.now()):
        assert come_in(nobody, company).status_code == 401  # asked for keys within the last half minute
    kept = nobody.app.state.providers._kept[company.issuer]  # type: ignore[attr-defined]
    kept.keys_at -= 31
    assert come_in(nobody, company).status_code == 303
    asked = company.asked.count("/jwks")
    company.mint = lambda claims: company.sign(claims, kid="third")
    for _ in range(5):
        assert come_in(nobody, company).status_code == 401
    assert company.asked.count("/jwks") == asked == 2
    assert company.asked.count("/.well-known/openid-configuration") == 1


@ON_SQLITE
def test_a_provider_that_lies_about_itself_is_not_used(nobody: TestClient, company: Provider) -> None:
    company.discovery["issuer"] = "https://evil.example"
    answer = nobody.get("/login/company")
    assert answer.status_code == 503
    assert nobody.get("/login").status_code == 200
    company.discovery["issuer"] = company.issuer
    assert nobody.get("/login/company").status_code == 503  # not asked again at once
    assert company.asked == ["/.well-known/openid-configuration"]


@ON_SQLITE
@pytest.mark.parametrize(
    "endpoint",
    ["javascript:alert(1)", "https://user@evil.example/", "http://plain.example/authorize", "//evil.example", None],
)
def test_browsers_are_led_to_safe_addresses_only(nobody: TestClient, company: Provider, endpoint: str | None) -> None:
    company.discovery["authorization_endpoint"] = endpoint
    assert nobody.get("/login/company").status_code == 503


@ON_SQLITE
def test_a_giant_key_set_and_useless_keys_are_survived(nobody: TestClient, company: Provider) -> None:
    good = company.keys["keys"][0]
    weak = rsa.generate_private_key(65537, 1024).public_key().public_numbers().n.to_bytes(300)
    small = {**good, "n": base64.urlsafe_b64encode(weak).rstrip(b"=").decode()}
    company.keys = {"keys": [{"kty": "oct", "k": "AAAA", "kid": "first"}, {"kty": "RSA"}, 7, small, good]}
    assert come_in(nobody, company).status_code == 303
    company.keys = {"keys": [good], "filling": "x" * 1_100_000}
    nobody.app.state.providers._kept.clear()  # type: ignore[attr-defined]
    assert come_in(nobody, company).status_code == 503


@ON_SQLITE
def test_a_provider_that_is_not_there_costs_nobody_else(nobody: TestClient, configure: Callable[..., None]) -> None:
    configure(
        outgoing_allow="127.0.0.1",
        oidc_issuer="http://127.0.0.1:1",
        oidc_client_id="a",
        oidc_client_secret=SecretStr("b"),
    )
    began = time.monotonic()
    for _ in range(5):
        answer = nobody.get("/login/company")
        assert answer.status_code == 503
    assert time.monotonic() - began < 2
    configure(outgoing_allow="")
    refused = nobody.get("/login/company")
    assert refused.status_code == 503
    assert "MODELOPS_OUTGOING_ALLOW" in refused.text  # a loopback address that nobody allowed
    assert nobody.get("/healthz").status_code == 200


@ON_SQLITE
def test_what_the_token_leaves_out_is_asked_for(nobody: TestClient, company: Provider, db: Session) -> None:
    company.userinfo = {"sub": "maria", "email": "maria@corp.example", "groups": ["risk"], "aud": "ignored"}
    company.mint = lambda claims: company.sign({k: v for k, v in claims.items() if k not in ("email", "groups")})
    assert come_in(nobody, company).status_code == 303
    assert user_of(db).email == "maria@corp.example"
    company.userinfo["sub"] = "somebody else"
    assert come_in(nobody, company).status_code == 401


# ---- accounts


@ON_SQLITE
def test_an_account_is_linked_by_a_verified_address_only_where_an_operator_allows_it(
    nobody: TestClient, company: Provider, configure: Callable[..., None], database: Database, db: Session
) -> None:
    with database.write() as writing:
        service.create_user(writing, SYSTEM, email="maria@corp.example", name="Maria")
        service.create_user(writing, SYSTEM, email="bot@corp.example", name="Bot", kind=ActorKind.SERVICE)
    assert come_in(nobody, company).status_code == 401
    configure(oidc_link_email=True)
    assert come_in(nobody, company, email_verified=False).status_code == 401
    assert come_in(nobody, company, email_verified="true").status_code == 401
    assert come_in(nobody, company, sub="bot", email="bot@corp.example").status_code == 401
    assert come_in(nobody, company).status_code == 303
    assert last_event(db, "identity.linked")["data"] == {"issuer": company.issuer, "is_new": False}
    heir = come_in(nobody, company, sub="another Maria")  # the address was given to somebody else
    assert heir.status_code == 401
    assert db.scalar(select(func.count()).select_from(ProviderIdentity)) == 1


@ON_SQLITE
def test_who_is_disabled_stays_out(
    nobody: TestClient, company: Provider, database: Database, db: Session, client: TestClient
) -> None:
    come_in(nobody, company)
    user = user_of(db)
    assert client.post(f"/api/v1/users/{user.id}/disable").status_code == 200
    assert nobody.get("/api/v1/me").status_code == 401
    assert come_in(nobody, company).status_code == 401


@ON_SQLITE
def test_somebody_without_an_address_is_still_somebody(nobody: TestClient, company: Provider, db: Session) -> None:
    for number in (1, 2):
        assert come_in(nobody, company, sub=f"s{number}", email="no address", name="\x07").status_code == 303
    names = db.scalars(select(User.name).join(ProviderIdentity, ProviderIdentity.user_id == User.id)).all()
    assert len(names) == 2
    assert all(name.isprintable() and name for name in names)


@ON_SQLITE
def test_an_identity_can_be_parted_by_an_administrator(
    nobody: TestClient, company: Provider, client: TestClient, db: Session
) -> None:
    come_in(nobody, company)
    listed = client.get("/api/v1/identities", params={"user_id": user_of(db).id}).json()["items"]
    assert [(entry["issuer"], entry["subject"]) for entry in listed] == [(company.issuer, "maria")]
    assert client.post(f"/api/v1/identities/{listed[0]['id']}/remove").status_code == 204
    assert come_in(nobody, company).status_code == 401  # the address is taken, and nobody links it
    assert count_events(db, "identity.unlinked") == 1


# ---- groups


def test_groups_bring_roles_and_take_them(
    nobody: TestClient, company: Provider, database: Database, db: Session, cast: Cast
) -> None:
    cards = cast.unit("Cards")
    map_group(database, "risk officers", Role.RISK)
    map_group(database, "cards", Role.CONTRIBUTOR, unit_id=cards, is_home=True)
    map_group(database, "*", Role.VIEWER)
    come_in(nobody, company, groups=["risk officers", "cards", "something else", "*", 7, "x" * 400])
    user = user_of(db)
    assert user.unit_id == cards
    assert roles_of(db, user) == {
        ("risk", "workspace", "group"),
        ("contributor", "unit", "group"),
        ("viewer", "workspace", "group"),
    }
    cast.grant(user, "auditor", "workspace", DEFAULT_WORKSPACE)
    assert nobody.get("/api/v1/me").status_code == 200
    come_in(nobody, company, groups="cards")
    assert roles_of(db, user) == {
        ("contributor", "unit", "group"),
        ("viewer", "workspace", "group"),
        ("auditor", "workspace", "hand"),
    }
    told: Any = last_event(db, "groups.applied")["data"]
    assert (told["added"], told["removed"]) == ([], [["risk", "workspace", DEFAULT_WORKSPACE]])
    before = count_events(db, "groups.applied")
    come_in(nobody, company, groups=["cards"])
    assert count_events(db, "groups.applied") == before


@ON_SQLITE
def test_nested_claims_hold_groups_too(
    nobody: TestClient, company: Provider, configure: Callable[..., None], database: Database, db: Session
) -> None:
    configure(oidc_groups_claim="realm_access.roles")
    map_group(database, "risk", Role.RISK)
    come_in(nobody, company, realm_access={"roles": ["risk"]})
    assert roles_of(db, user_of(db)) == {("risk", "workspace", "group")}


def test_five_hundred_groups_cost_a_few_statements(
    nobody: TestClient, company: Provider, database: Database, db: Session, cast: Cast
) -> None:
    with database.write() as writing:
        for number in range(40):
            unit = service.create_unit(writing, SYSTEM, f"Unit {number}")
            for group in (f"group-{number}", f"gone-{number}"):
                service.add_group_mapping(writing, SYSTEM, group, Role.CONTRIBUTOR, unit_id=unit.id)
    groups = [f"group-{number}" for number in range(500)]
    come_in(nobody, company, groups=groups)
    user = user_of(db)
    assert len(roles_of(db, user)) == 1
    assert db.scalar(select(func.count()).select_from(Grant).where(Grant.user_id == user.id)) == 40
    statements: list[str] = []

    def hear(*told: Any) -> None:
        statements.append(told[2])

    for wanted in (groups[:20], groups):
        with database.write() as writing:
            heard = writing.connection()
            event.listen(heard, "before_cursor_execute", hear)
            service.apply_groups(writing, writing.get_one(User, user.id), wanted)
            event.remove(heard, "before_cursor_execute", hear)  # the connection may be the next one's too
    changing = [text.split()[0] for text in statements if "grants" in text and text.split()[0] != "SELECT"]
    assert changing == ["DELETE", "INSERT"]
    assert len(statements) <= 20


@ON_SQLITE
def test_the_last_administrator_stays_one(
    nobody: TestClient, company: Provider, database: Database, db: Session
) -> None:
    mapping = map_group(database, "admins", Role.ADMIN)
    come_in(nobody, company, groups=["admins"])
    user = user_of(db)
    with database.write() as writing:
        for grant in writing.scalars(select(Grant).where(Grant.user_id != user.id)).all():
            writing.delete(grant)
    come_in(nobody, company, groups=[])
    assert roles_of(db, user) == {("admin", "workspace", "group")}
    with database.write() as writing:
        service.remove_group_mapping(writing, SYSTEM, mapping)
    assert roles_of(db, user) == {("admin", "workspace", "group")}


@ON_SQLITE
def test_nobody_gives_themselves_a_vote_by_a_group(
    nobody: TestClient, company: Provider, database: Database, db: Session, cast: Cast
) -> None:
    map_group(database, "admins", Role.ADMIN)
    come_in(nobody, company, groups=["admins"])
    made = nobody.post("/api/v1/group-mappings", json={"group": "admins", "role": "risk"})
    assert made.status_code == 201, made.text
    come_in(nobody, company, groups=["admins"])
    assert roles_of(db, user_of(db)) == {("admin", "workspace", "group")}
    come_in(nobody, company, sub="joao", email="joao@corp.example", groups=["admins"])
    assert ("risk", "workspace", "group") in roles_of(db, user_of(db, "joao@corp.example"))


@ON_SQLITE
def test_removing_a_mapping_acts_at_once_where_no_other_gives_the_role(
    nobody: TestClient, company: Provider, database: Database, db: Session, client: TestClient
) -> None:
    ids = [map_group(database, group, Role.RISK) for group in ("a", "b")]
    come_in(nobody, company, groups=["a"])
    user = user_of(db)
    assert client.post(f"/api/v1/group-mappings/{ids[1]}/remove").status_code == 204
    assert roles_of(db, user) == {("risk", "workspace", "group")}
    assert client.post(f"/api/v1/group-mappings/{ids[0]}/remove").status_code == 204
    assert roles_of(db, user) == set()


@ON_SQLITE
def test_a_unit_administrator_maps_groups_in_their_unit_only(
    client_as: Callable[..., TestClient], company: Provider, cast: Cast
) -> None:
    admin, cards = client_as("admin", unit="Cards"), cast.unit("Cards")
    treasury = cast.unit("Treasury")
    assert admin.post("/api/v1/group-mappings", json={"group": "g", "role": "viewer"}).status_code == 403
    for unit, status in ((cards, 201), (treasury, 403)):
        wanted = {"group": "g", "role": "viewer", "unit_id": unit}
        assert admin.post("/api/v1/group-mappings", json=wanted).status_code == status
    top = client_as("admin")
    assert top.post("/api/v1/group-mappings", json={"group": "g", "role": "viewer"}).status_code == 201
    assert top.post("/api/v1/group-mappings", json={"group": "g", "role": "viewer"}).status_code == 409
    assert top.post("/api/v1/group-mappings", json={"group": "g", "role": "service"}).status_code == 422
    home = {"group": "h", "role": "viewer", "is_home": True}
    assert top.post("/api/v1/group-mappings", json=home).status_code == 422
    assert len(admin.get("/api/v1/group-mappings").json()["items"]) == 1
    page = top.get("/administration/groups").text
    assert company.issuer in page
    assert "http://testserver/login/callback" in page


# ---- sessions, sign-out, passwords


@ON_SQLITE
def test_a_company_session_ends_however_much_it_is_used(
    nobody: TestClient, company: Provider, database: Database
) -> None:
    map_group(database, "*", Role.VIEWER)
    come_in(nobody, company)
    with database.write() as db:
        session = db.scalars(select(BrowserSession)).one()
        assert session.ends_at is not None
        session.last_used_at = session.ends_at
    with clock.frozen(clock.now() + timedelta(hours=11, minutes=59)):
        assert nobody.get("/api/v1/me").status_code == 200
    with clock.frozen(clock.now() + timedelta(hours=12, minutes=1)):
        assert nobody.get("/api/v1/me").status_code == 401


@ON_SQLITE
def test_signing_out_ends_the_session_here_and_leads_to_the_providers_end(
    nobody: TestClient, company: Provider, database: Database
) -> None:
    map_group(database, "*", Role.VIEWER)
    come_in(nobody, company)
    cookie = nobody.cookies[COOKIE]
    answer = nobody.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/logout/company")
    page = nobody.get("/logout/company")
    assert f"{company.issuer}/end?client_id={CLIENT}&amp;post_logout_redirect_uri=" in page.text
    nobody.cookies.set(COOKIE, cookie)
    assert nobody.get("/api/v1/me").status_code == 401
    company.discovery["end_session_endpoint"] = "javascript:alert(1)"
    nobody.app.state.providers._kept.clear()  # type: ignore[attr-defined]
    assert nobody.get("/logout/company").headers["location"] == "/login"


@ON_SQLITE
def test_passwords_can_be_switched_off_and_links_still_work(
    nobody: TestClient, company: Provider, configure: Callable[..., None], database: Database, db: Session
) -> None:
    with database.write() as writing:
        kept = passwords.hash_password("correct horse battery")
        user = service.enrol(writing, SYSTEM, email="a@example.org", role=Role.ADMIN, password_hash=kept)
        link = service.create_sign_in_link(writing, SYSTEM, user)
    configure(local_passwords=False)
    page = nobody.get("/login").text
    assert 'type="password"' not in page
    refused = nobody.post("/login", data={"email": "a@example.org", "password": "correct horse battery"})
    assert refused.status_code == 401
    assert "switched off" in refused.text
    assert nobody.post("/login", data={"link": link}).status_code == 303
    assert 'type="password"' not in nobody.get("/profile").text
    changed = {"current_password": "correct horse battery", "new_password": "another horse battery"}
    assert nobody.post("/profile/password", data=changed).status_code == 401


@ON_SQLITE
def test_the_first_administrator_needs_no_password_where_there_are_none(
    app: FastAPI, provider: Provider, configure: Callable[..., None], database: Database, db: Session
) -> None:
    configure(local_passwords=False)
    nobody = TestClient(app, follow_redirects=False)
    with database.write() as writing:
        link = service.make_set_up_link(writing)
    assert 'type="password"' not in nobody.get("/set-up", params={"link": link or ""}).text
    answer = nobody.post("/set-up", data={"link": link, "email": "a@example.org", "name": "Ana"})
    assert answer.status_code == 303, answer.text
    assert user_of(db, "a@example.org").password_hash is None
    assert nobody.get("/api/v1/me").status_code == 200


@ON_SQLITE
def test_bad_answers_are_limited_by_address_and_never_lock_passwords(
    nobody: TestClient, company: Provider, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "PER_PROOF", Limit(5, "this address"))
    with database.write() as writing:
        kept = passwords.hash_password("correct horse battery")
        service.enrol(writing, SYSTEM, email="a@example.org", role=Role.ADMIN, password_hash=kept)
    company.mint = lambda claims: "a.b.c"
    answers = [come_in(nobody, company).status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]
    signed_in = nobody.post("/login", data={"email": "a@example.org", "password": "correct horse battery"})
    assert signed_in.status_code == 303


@ON_SQLITE
def test_without_a_provider_there_is_no_such_door(nobody: TestClient, cast: Cast) -> None:
    cast.person("admin")
    assert "company account" not in nobody.get("/login").text
    for path in ("/login/company", "/login/callback?code=x&state=y", "/logout/company"):
        assert nobody.get(path).headers["location"] == "/login"
