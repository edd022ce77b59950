"""Signing in with a browser: passwords, links, the first set-up, limits, sessions."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi import FastAPI
from httpx2 import Response
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.identity import passwords, service
from modelops_platform.identity.domain import OVERALL, PER_ACCOUNT, PER_ADDRESS, WINDOW, Role
from modelops_platform.identity.queries import digest_of
from modelops_platform.identity.signin import COOKIE
from modelops_platform.identity.tables import BrowserSession, OneTimeLink, SignInAttempt, User
from tests.factories import SYSTEM, Cast, count_events, last_event

PASSWORD = "correct horse battery staple"
HASH = passwords.hash_password(PASSWORD)


@pytest.fixture
def maria(database: Database, cast: Cast) -> User:
    """Somebody with a password, in an installation that is set up."""
    with database.write() as db:
        service.enrol(db, SYSTEM, email="admin@example.org", role=Role.ADMIN)
        return service.enrol(
            db, SYSTEM, email="maria@example.org", role=Role.VIEWER, name="Maria Silva", password_hash=HASH
        )


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Every hash that a password was really checked against."""
    seen: list[str | None] = []
    real = passwords._hasher.verify_and_update

    def count(password: str, kept: str) -> tuple[bool, str | None]:
        seen.append(kept)
        return real(password, kept)

    monkeypatch.setattr(passwords._hasher, "verify_and_update", count)
    return seen


def sign_in(client: TestClient, email: str = "maria@example.org", password: str = PASSWORD, **more: str) -> Response:
    return client.post("/login", data={"email": email, "password": password, **more})


def test_right_password_opens_a_session_of_which_only_a_hash_is_kept(
    nobody: TestClient, maria: User, db: Session
) -> None:
    answer = sign_in(nobody, email=" Maria@Example.ORG ", next="/models?q=x")
    assert (answer.status_code, answer.headers["location"]) == (303, "/models?q=x")
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith(COOKIE)
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie
    secret = nobody.cookies[COOKIE]
    kept = db.scalars(select(BrowserSession)).one()
    assert kept.digest == digest_of(secret)
    assert secret not in repr(vars(kept))
    assert nobody.get("/api/v1/me").json()["name"] == "Maria Silva"
    assert count_events(db, "signin.succeeded") == 1
    assert last_event(db, "signin.succeeded")["data"] == {"by": "password"}


def test_cookie_is_secure_when_the_setting_says_so(app: FastAPI, nobody: TestClient, maria: User) -> None:
    app.state.settings = app.state.settings.model_copy(update={"secure_cookies": True})
    assert "secure" in sign_in(nobody).headers["set-cookie"].lower()


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "/%2Fevil.example"])
def test_sign_in_never_leads_to_another_site(nobody: TestClient, maria: User, target: str) -> None:
    page = nobody.get("/login", params={"next": target})
    assert "evil" not in page.text
    assert sign_in(nobody, next=target).headers["location"] == "/"


def test_every_wrong_sign_in_costs_and_says_the_same(
    nobody: TestClient, maria: User, database: Database, cast: Cast, checks: list[str | None]
) -> None:
    without = cast.person("viewer")
    disabled = cast.person("viewer")
    with database.write() as db:
        db.get_one(User, disabled.id).password_hash = HASH
        service.disable_user(db, SYSTEM, disabled.id)
    robot = cast.person("service")
    answers = [
        sign_in(nobody, email="maria@example.org", password="wrong password here"),
        sign_in(nobody, email="unknown@example.org"),
        sign_in(nobody, email=without.email),
        sign_in(nobody, email=disabled.email),
        sign_in(nobody, email=robot.email),
        sign_in(nobody, email="not an address"),
        sign_in(nobody, email=""),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert checks == [HASH, *[passwords.NOBODY] * 6]


def test_failed_sign_in_is_an_event_with_the_account_as_personal_data(
    nobody: TestClient, maria: User, db: Session, client_as: Callable[..., TestClient]
) -> None:
    sign_in(nobody, email="who@example.org", password="the secret they typed")
    sign_in(nobody, email="who@example.org", password="the secret they typed")
    assert count_events(db, "signin.failed") == 1  # repeats of a minute join
    event = client_as("auditor").get("/api/v1/events", params={"kind": "signin.failed"}).json()["items"][0]
    assert event["personal"]["account"] == "who@example.org"
    assert "who@example.org" not in event["content"]
    assert "secret they typed" not in str(event)


def fail(database: Database, times: int, *, account: str = "x", address: str = "y") -> None:
    with database.write() as db:
        db.add_all(SignInAttempt(account=account, address=address) for _ in range(times))


def test_an_account_is_held_after_ten_failures_even_with_the_right_password(
    nobody: TestClient, maria: User, checks: list[str | None], db: Session, database: Database
) -> None:
    start = clock.now()
    with clock.frozen(start):
        fail(database, PER_ACCOUNT.failures - 2, account=digest_of(maria.email))
        for _ in range(2):
            assert sign_in(nobody, password="wrong password here").status_code == 401
        held = sign_in(nobody)
        assert held.status_code == 429
        assert int(held.headers["retry-after"]) == WINDOW.total_seconds()
        assert len(checks) == 2  # nothing is hashed for one who is held
        assert sign_in(nobody, email="unknown@example.org").status_code == 401
    with clock.frozen(start + WINDOW + timedelta(seconds=1)):
        assert sign_in(nobody).status_code == 303
        assert len(db.scalars(select(SignInAttempt)).all()) == 0  # old ones are forgotten, success clears the rest


def test_unknown_accounts_are_held_alike(nobody: TestClient, maria: User, database: Database) -> None:
    fail(database, PER_ACCOUNT.failures - 1, account=digest_of("unknown@example.org"))
    assert [sign_in(nobody, email="unknown@example.org").status_code for _ in range(2)] == [401, 429]


def test_an_address_is_held_whatever_the_accounts(nobody: TestClient, maria: User, database: Database) -> None:
    fail(database, PER_ADDRESS.failures, address="testclient")
    assert sign_in(nobody).status_code == 429


def test_everybody_is_held_when_the_whole_installation_is_under_attack(
    nobody: TestClient, maria: User, database: Database
) -> None:
    fail(database, OVERALL.failures)
    assert sign_in(nobody).status_code == 429


def test_success_forgets_the_failures_of_that_account(nobody: TestClient, maria: User, db: Session) -> None:
    for _ in range(3):
        sign_in(nobody, password="wrong password here")
    sign_in(nobody)
    assert db.scalars(select(SignInAttempt)).all() == []


def test_a_session_ends_without_use_and_lives_with_it(app: FastAPI, nobody: TestClient, maria: User) -> None:
    start = clock.now()
    sign_in(nobody)
    hours = app.state.settings.session_hours
    with clock.frozen(start + timedelta(hours=hours) - timedelta(minutes=1)):
        assert nobody.get("/api/v1/me").status_code == 200
    with clock.frozen(start + timedelta(hours=hours, minutes=1)):
        ended = nobody.get("/models", params={"q": "a b"})
        assert (ended.status_code, ended.headers["location"]) == (303, "/login?next=%2Fmodels%3Fq%3Da%2Bb")
        assert nobody.get("/api/v1/me").status_code == 401


def test_signing_out_ends_the_session_for_good(nobody: TestClient, maria: User, db: Session) -> None:
    sign_in(nobody)
    secret = nobody.cookies[COOKIE]
    assert nobody.post("/logout").headers["location"] == "/login"
    nobody.cookies.set(COOKIE, secret)
    assert nobody.get("/api/v1/me").status_code == 401
    nobody.post("/logout")
    assert count_events(db, "signin.ended") == 1


def test_a_disabled_user_is_out_at_once(
    nobody: TestClient, client: TestClient, maria: User, cast: Cast, app: FastAPI
) -> None:
    sign_in(nobody)
    by_token = TestClient(app, headers={"authorization": f"Bearer {cast.token(maria)}"})
    assert client.post(f"/api/v1/users/{maria.id}/disable").status_code == 200
    assert nobody.get("/api/v1/me").status_code == by_token.get("/api/v1/me").status_code == 401
    client.post(f"/api/v1/users/{maria.id}/enable")
    assert nobody.get("/api/v1/me").status_code == by_token.get("/api/v1/me").status_code == 401
    assert sign_in(nobody).status_code == 303


# ---- links


@pytest.fixture
def link(maria: User, database: Database) -> str:
    with database.write() as db:
        return service.create_sign_in_link(db, SYSTEM, maria)


def test_looking_at_a_link_does_not_use_it_up_and_going_on_does(nobody: TestClient, link: str, db: Session) -> None:
    for _ in range(2):
        assert "Sign in as Maria Silva" in nobody.get("/login", params={"link": link}).text
    assert nobody.post("/login", data={"link": link}).status_code == 303
    assert nobody.get("/api/v1/me").json()["name"] == "Maria Silva"
    assert last_event(db, "signin.succeeded")["data"] == {"by": "link"}
    assert "no longer works" in nobody.get("/login", params={"link": link}).text
    assert nobody.post("/login", data={"link": link}).status_code == 401
    assert count_events(db, "signin.failed") == 1
    assert link not in repr([vars(row) for row in db.scalars(select(OneTimeLink))])


def test_a_link_ends_with_time_and_with_the_account(
    nobody: TestClient, link: str, maria: User, database: Database
) -> None:
    with clock.frozen(clock.now() + timedelta(hours=25)):
        assert nobody.post("/login", data={"link": link}).status_code == 401
    with database.write() as db:
        service.disable_user(db, SYSTEM, maria.id)
    assert nobody.post("/login", data={"link": link}).status_code == 401


def test_a_set_up_link_does_not_sign_in_and_a_sign_in_link_does_not_set_up(
    nobody: TestClient, database: Database, cast: Cast
) -> None:
    with database.write() as db:
        link = service.make_set_up_link(db)
    assert nobody.post("/login", data={"link": link or ""}).status_code == 401
    person = cast.person("viewer")
    with database.write() as db:
        other = service.create_sign_in_link(db, SYSTEM, person)
    assert nobody.post("/set-up", data={**ADMIN, "link": other}).status_code == 401


# ---- the first administrator

ADMIN = {"name": "Ada", "email": "ada@example.org", "password": PASSWORD}


def test_an_empty_installation_leads_to_the_set_up_page_which_works_once(
    nobody: TestClient, database: Database, db: Session
) -> None:
    with database.write() as writing:
        link, another = service.make_set_up_link(writing), service.make_set_up_link(writing)
    assert link is not None
    assert another is not None
    assert nobody.get("/").headers["location"] == "/login"
    assert nobody.get("/login").headers["location"] == "/set-up"
    assert 'name="password"' not in nobody.get("/set-up").text
    assert 'name="password"' not in nobody.get("/set-up", params={"link": "guess"}).text
    assert 'name="password"' in nobody.get("/set-up", params={"link": link}).text
    assert nobody.post("/set-up", data={**ADMIN, "link": "guess"}).status_code == 401
    assert nobody.post("/set-up", data={**ADMIN, "link": link, "password": "short"}).status_code == 422
    assert nobody.post("/set-up", data={**ADMIN, "link": link}).headers["location"] == "/welcome"
    me = nobody.get("/api/v1/me").json()
    assert [role["role"] for role in me["roles"]] == ["admin"]
    assert me["unit_id"]
    nobody.cookies.clear()
    assert nobody.get("/set-up", params={"link": another}).headers["location"] == "/login"
    for used in (link, another):
        assert nobody.post("/set-up", data={**ADMIN, "email": "eve@example.org", "link": used}).status_code == 401
    with database.write() as writing:
        assert service.make_set_up_link(writing) is None
    assert count_events(db, "user.created") == 1


# ---- passwords


def test_changing_the_password_ends_other_sessions_and_keeps_this_one(
    app: FastAPI, nobody: TestClient, maria: User, db: Session
) -> None:
    elsewhere = TestClient(app, follow_redirects=False)
    sign_in(nobody)
    sign_in(elsewhere)
    new = "another four good words"
    form = {"current_password": "not this", "new_password": new}
    assert nobody.post("/profile/password", data=form).status_code == 401
    form["current_password"] = PASSWORD
    assert nobody.post("/profile/password", data={**form, "new_password": "short"}).status_code == 422
    assert nobody.post("/profile/password", data=form).headers["location"] == "/profile"
    assert nobody.get("/api/v1/me").status_code == 200
    assert elsewhere.get("/api/v1/me").status_code == 401
    assert sign_in(elsewhere).status_code == 401
    assert sign_in(elsewhere, password=new).status_code == 303
    assert count_events(db, "password.changed") == 1


def test_guessing_the_present_password_is_limited_too(nobody: TestClient, maria: User, database: Database) -> None:
    sign_in(nobody)
    fail(database, PER_ACCOUNT.failures - 1, account=digest_of(maria.email))
    form = {"current_password": "wrong password here", "new_password": "another four good words"}
    assert [nobody.post("/profile/password", data=form).status_code for _ in range(2)] == [401, 429]


def test_a_token_may_not_change_a_password(app: FastAPI, maria: User, cast: Cast) -> None:
    by_token = TestClient(app, headers={"authorization": f"Bearer {cast.token(maria)}"}, follow_redirects=False)
    form = {"current_password": PASSWORD, "new_password": "another four good words"}
    assert by_token.post("/profile/password", data=form).status_code == 403


def test_spaces_at_the_ends_of_a_password_count(nobody: TestClient, maria: User) -> None:
    assert sign_in(nobody, password=f" {PASSWORD} ").status_code == 401
