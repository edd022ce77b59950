"""People, units, roles and tokens over HTTP: who may, who may not, and what is never told."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi import FastAPI
from httpx2 import Response
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.core import clock
from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.events.tables import Event, EventPersonal
from modelops_platform.identity import queries, service
from modelops_platform.identity.domain import Role
from modelops_platform.identity.signin import last_used
from modelops_platform.identity.tables import Token, UnitAncestor, User
from modelops_platform.web.tables import IdempotencyKey
from tests.factories import SYSTEM, Cast, count_events, last_event

MARIA = {"email": "Maria@Example.org", "name": "Maria Silva"}


def as_user(app: FastAPI, cast: Cast, user: User, scope: str = "all") -> TestClient:
    return TestClient(app, headers={"authorization": f"Bearer {cast.token(user, scope)}"}, follow_redirects=False)


def grant(client: TestClient, user: User, role: str, kind: str = "workspace", object_id: str | None = None) -> Response:
    wanted = {"user_id": user.id, "role": role, "object_kind": kind, "object_id": object_id}
    return client.post("/api/v1/grants", json=wanted)


# ---- users


def test_an_account_is_made_edited_disabled_and_enabled_each_with_its_event(client: TestClient, db: Session) -> None:
    made = client.post("/api/v1/users", json=MARIA)
    assert made.status_code == 201
    assert made.json()["email"] == "maria@example.org"
    assert made.json()["unit_id"]
    path, tag = f"/api/v1/users/{made.json()['id']}", made.headers["etag"]
    edited = client.patch(path, json={"name": "Maria Costa"}, headers={"if-match": tag})
    assert edited.json()["name"] == "Maria Costa"
    assert edited.headers["etag"] != tag
    assert client.patch(path, json={"name": "X"}, headers={"if-match": tag}).status_code == 412
    assert client.post(f"{path}/disable").json()["disabled_at"]
    assert client.post(f"{path}/enable").json()["disabled_at"] is None
    assert [count_events(db, f"user.{what}") for what in ("edited", "disabled", "enabled")] == [1, 1, 1]
    assert "Maria" not in str(last_event(db, "user.edited"))


def test_the_same_address_twice_is_a_conflict_and_leaves_no_event(client: TestClient, db: Session) -> None:
    assert client.post("/api/v1/users", json=MARIA).status_code == 201
    before = count_events(db, "user.created")
    assert client.post("/api/v1/users", json={**MARIA, "email": "MARIA@example.ORG"}).status_code == 409
    assert count_events(db, "user.created") == before


def test_the_administrator_of_a_unit_sees_and_edits_only_its_people(
    client_as: Callable[..., TestClient], cast: Cast
) -> None:
    ours, theirs = cast.person("viewer", unit="Cards"), cast.person("viewer", unit="Loans")
    admin = client_as("admin", unit="Cards")
    assert {user["unit_id"] for user in admin.get("/api/v1/users").json()["items"]} == {ours.unit_id}
    assert admin.patch(f"/api/v1/users/{ours.id}", json={"name": "New"}).status_code == 200
    for answer in (
        admin.get(f"/api/v1/users/{theirs.id}"),
        admin.patch(f"/api/v1/users/{theirs.id}", json={"name": "New"}),
        admin.post(f"/api/v1/users/{theirs.id}/disable"),
        admin.post(f"/api/v1/users/{theirs.id}/sign-in-link"),
        admin.get("/api/v1/tokens", params={"user_id": theirs.id}),
    ):
        assert answer.status_code == 404  # invisible, not forbidden
    assert admin.patch(f"/api/v1/users/{ours.id}", json={"unit_id": theirs.unit_id}).status_code == 403


def test_a_unit_administrator_cannot_take_over_a_higher_account_at_home_there(
    client_as: Callable[..., TestClient], cast: Cast
) -> None:
    boss = cast.person(None, unit="Cards")
    cast.grant(boss, "admin", "workspace", DEFAULT_WORKSPACE)
    admin = client_as("admin", unit="Cards")
    for what in ("disable", "sign-in-link"):
        assert admin.post(f"/api/v1/users/{boss.id}/{what}").status_code == 403
    assert admin.patch(f"/api/v1/users/{boss.id}", json={"email": "evil@example.org"}).status_code == 403


def test_everybody_changes_their_own_name_and_nothing_else(app: FastAPI, cast: Cast) -> None:
    viewer = cast.person("viewer")
    own = as_user(app, cast, viewer)
    assert own.patch(f"/api/v1/users/{viewer.id}", json={"name": "Mine"}).status_code == 200
    assert own.patch(f"/api/v1/users/{viewer.id}", json={"email": "mine@example.org"}).status_code in (403, 404)


def test_the_last_administrator_stays(app: FastAPI, cast: Cast) -> None:
    only = cast.person("admin")
    own = as_user(app, cast, only)
    other = cast.person("viewer")
    cast.grant(other, "admin", "unit", only.unit_id or "")  # of a unit, which does not count
    role = own.get("/api/v1/grants", params={"user_id": only.id}).json()["items"][0]
    assert own.post(f"/api/v1/grants/{role['id']}/revoke").status_code == 409
    assert own.post(f"/api/v1/users/{only.id}/disable").status_code == 422  # nobody disables themselves
    second = cast.person("admin")
    assert as_user(app, cast, second).post(f"/api/v1/users/{only.id}/disable").status_code == 200
    by_second = as_user(app, cast, second)
    role = by_second.get("/api/v1/grants", params={"user_id": second.id}).json()["items"][0]
    assert by_second.post(f"/api/v1/grants/{role['id']}/revoke").status_code == 409


# ---- units


def units_below(db: Session, unit_id: str) -> set[str]:
    db.rollback()
    return set(db.scalars(select(UnitAncestor.unit_id).where(UnitAncestor.ancestor_id == unit_id)))


def test_moving_a_unit_moves_all_below_it_and_the_rights_that_reach_it(
    app: FastAPI, client: TestClient, cast: Cast, db: Session
) -> None:
    def make(name: str, parent: str | None = None) -> str:
        return client.post("/api/v1/units", json={"name": name, "parent_id": parent}).json()["id"]

    bank, retail, cards = make("Bank"), make("Retail"), make("Cards")
    loans = make("Loans", cards)
    deep = make("Car loans", loans)
    chief = cast.person(None)
    cast.grant(chief, "admin", "unit", retail)
    by_chief = as_user(app, cast, chief)
    assert by_chief.patch(f"/api/v1/units/{deep}", json={"name": "Vans"}).status_code == 403
    moved = client.patch(f"/api/v1/units/{loans}", json={"parent_id": retail})
    assert moved.json()["parent_id"] == retail
    assert units_below(db, retail) == {retail, loans, deep}
    assert units_below(db, cards) == {cards}
    assert units_below(db, bank) == {bank}
    assert by_chief.patch(f"/api/v1/units/{deep}", json={"name": "Vans"}).status_code == 200
    for parent in (loans, deep):
        refused = client.patch(f"/api/v1/units/{loans}", json={"parent_id": parent})
        assert (refused.status_code, refused.json()["field"]) == (422, "parent_id")
    assert client.patch(f"/api/v1/units/{loans}", json={"parent_id": None}).json()["parent_id"] is None
    assert units_below(db, retail) == {retail}
    assert last_event(db, "unit.edited")["data"] == {"changed": {"parent": {"from": retail, "to": None}}}


def test_a_unit_takes_a_head_who_is_a_person_in_use(client: TestClient, cast: Cast) -> None:
    unit = client.post("/api/v1/units", json={"name": "Cards"}).json()
    path = f"/api/v1/units/{unit['id']}"
    head, robot = cast.person("viewer"), cast.person("service")
    assert client.patch(path, json={"head_id": head.id}).json()["head_id"] == head.id
    assert client.patch(path, json={"head_id": robot.id}).status_code == 422
    assert client.patch(path, json={"head_id": "nobody"}).status_code == 404
    assert client.patch(path, json={"head_id": None}).json()["head_id"] is None


def test_two_units_have_two_names_also_after_a_rename(client: TestClient) -> None:
    first = client.post("/api/v1/units", json={"name": "Cards"}).json()
    client.post("/api/v1/units", json={"name": "Loans"})
    assert client.post("/api/v1/units", json={"name": "Cards"}).status_code == 409
    stale = client.patch(f"/api/v1/units/{first['id']}", json={"name": "Loans"})
    assert (stale.status_code, stale.json()["value"]) == (409, "Loans")


# ---- grants


def test_rights_act_at_once_and_each_change_is_an_event(
    app: FastAPI, client: TestClient, cast: Cast, db: Session
) -> None:
    person = cast.person("viewer")
    own = as_user(app, cast, person)
    assert own.get("/api/v1/users").status_code == 403
    given = grant(client, person, "auditor")
    assert given.status_code == 201
    assert own.get("/api/v1/users").status_code == 200
    assert grant(client, person, "auditor").status_code == 409
    assert client.post(f"/api/v1/grants/{given.json()['id']}/revoke").status_code == 204
    assert own.get("/api/v1/users").status_code == 403
    assert client.post(f"/api/v1/grants/{given.json()['id']}/revoke").status_code == 404
    assert last_event(db, "role.revoked")["data"]["on"]["name"] == "the workspace"  # type: ignore[index]


def test_nobody_raises_themselves_or_others_above_what_they_hold(app: FastAPI, cast: Cast) -> None:
    admin, other = cast.person("admin"), cast.person("viewer")
    own = as_user(app, cast, admin)
    for role in ("risk", "validator", "contributor", "executive", "compliance"):
        assert grant(own, admin, role).status_code == 403  # the vote comes from another administrator
    assert grant(own, admin, "auditor").status_code == 201
    assert grant(own, other, "risk").status_code == 201
    of_unit = cast.person("admin", unit="Cards")
    by_unit = as_user(app, cast, of_unit)
    assert grant(by_unit, of_unit, "admin").status_code == 403
    assert grant(by_unit, other, "viewer").status_code == 403
    assert grant(by_unit, other, "admin", "unit", cast.unit("Loans")).status_code == 403
    assert grant(by_unit, other, "contributor", "unit", cast.unit("Cards")).status_code == 201
    for role in ("contributor", "risk", "auditor", "viewer", "executive"):
        assert grant(as_user(app, cast, cast.person(role)), other, "viewer").status_code == 403
    assert grant(as_user(app, cast, admin, scope="ci"), other, "validator").status_code == 403


def test_a_role_fits_the_sort_of_account_and_the_object_exists(client: TestClient, cast: Cast) -> None:
    person, robot = cast.person("viewer"), cast.person("service")
    assert grant(client, person, "service").status_code == 422
    assert grant(client, robot, "admin").status_code == 422
    assert grant(client, person, "viewer", "unit", "nowhere").status_code == 404
    assert grant(client, person, "viewer", "model", "nothing").status_code == 404
    refused = grant(client, person, "viewer", "planet", "earth")
    assert (refused.status_code, refused.json()["field"], refused.json()["value"]) == (422, "object_kind", "planet")


def test_a_role_on_one_model_shows_that_model_alone(app: FastAPI, client: TestClient, cast: Cast) -> None:
    for name in ("churn", "fraud"):
        assert client.post("/api/v1/models", json={"name": name}).status_code == 201
    model = client.get("/api/v1/models/churn").json()
    person = cast.person(None)
    own = as_user(app, cast, person)
    assert own.get("/api/v1/models").status_code == 403
    assert grant(client, person, "viewer", "model", model["id"]).status_code == 201
    assert [item["name"] for item in own.get("/api/v1/models").json()["items"]] == ["churn"]
    assert own.get("/api/v1/models/fraud").status_code == 404
    assert [item["object_id"] for item in own.get("/api/v1/grants").json()["items"]] == [model["id"]]


def test_grants_are_listed_within_the_bounds_of_the_looker(client_as: Callable[..., TestClient], cast: Cast) -> None:
    theirs = cast.person("viewer", unit="Loans")
    admin = client_as("admin", unit="Cards")
    seen = admin.get("/api/v1/grants").json()["items"]
    assert {item["object_id"] for item in seen} == {cast.unit("Cards")}
    assert admin.get("/api/v1/grants", params={"user_id": theirs.id}).json()["items"] == []
    assert len(client_as("viewer").get("/api/v1/grants").json()["items"]) == 1  # one's own


# ---- tokens


def test_a_token_is_told_once_and_ends_by_time_or_hand(app: FastAPI, client: TestClient, db: Session) -> None:
    ends = clock.now() + timedelta(days=1)
    made = client.post("/api/v1/tokens", json={"name": "laptop", "scope": "read", "expires_at": ends.isoformat()})
    secret = made.json()["secret"]
    assert made.status_code == 201
    assert secret.startswith("mop_")
    listed = client.get("/api/v1/tokens").json()["items"]
    assert secret not in str(listed)
    assert listed[0]["name"] == "laptop"
    own = TestClient(app, headers={"authorization": f"Bearer {secret}"})
    assert own.get("/api/v1/me").status_code == 200
    assert own.post("/api/v1/models", json={"name": "x"}).status_code == 403  # scope read
    with clock.frozen(ends):
        assert own.get("/api/v1/me").status_code == 401
    assert client.post(f"/api/v1/tokens/{made.json()['id']}/revoke").json()["revoked_at"]
    assert own.get("/api/v1/me").status_code == 401
    assert count_events(db, "token.revoked") == 1
    assert client.post("/api/v1/tokens", json={"name": "x", "expires_at": "2020-01-01T00:00:00Z"}).status_code == 422
    assert client.post("/api/v1/tokens", json={"name": "x", "expires_at": "2030-01-01T00:00:00"}).status_code == 422


def test_basic_with_the_token_as_password_is_the_same(app: FastAPI, nobody: TestClient, cast: Cast) -> None:
    secret = cast.token(cast.person("viewer"))
    assert nobody.get("/api/v1/me", auth=("anything", secret)).status_code == 200
    assert nobody.get("/api/v1/me", auth=("anything", "wrong")).status_code == 401
    for header in ("Bearer", "Bearer ", "Basic !!", "Digest x", "", "Bearer \u00fc"):
        sent = {"authorization": header.encode("latin-1")}
        assert nobody.get("/api/v1/me", headers=sent).status_code == 401  # type: ignore[arg-type]


def make_token(by: TestClient, scope: str, days: int | None) -> Response:
    ends = (clock.now() + timedelta(days=days)).isoformat() if days else None
    return by.post("/api/v1/tokens", json={"name": "x", "scope": scope, "expires_at": ends})


def test_a_token_makes_none_that_lasts_longer(app: FastAPI, client: TestClient) -> None:
    short = TestClient(app, headers={"authorization": f"Bearer {make_token(client, 'all', 10).json()['secret']}"})
    assert make_token(short, "all", None).status_code == 403
    assert make_token(short, "read", 20).status_code == 403
    assert make_token(short, "all", 5).status_code == 201


@pytest.mark.parametrize("scope", ["read", "ci"])
def test_a_narrow_token_changes_nothing_of_the_account_it_belongs_to(
    app: FastAPI, client: TestClient, cast: Cast, scope: str
) -> None:
    person = cast.person("contributor")
    own, narrow = as_user(app, cast, person), as_user(app, cast, person, scope=scope)
    token = make_token(own, "all", None).json()
    before = own.get("/api/v1/me").json()
    for refused in (
        make_token(narrow, scope, 5),
        narrow.post(f"/api/v1/tokens/{token['id']}/revoke"),
        narrow.patch(f"/api/v1/users/{person.id}", json={"name": "Mallory"}),
        narrow.post("/profile", data={"name": "Mallory"}),
        narrow.post(f"/profile/tokens/{token['id']}/revoke"),
    ):
        assert refused.status_code == 403, refused.text
    assert own.get("/api/v1/me").json() == before


def test_nobody_makes_a_token_for_another_person_but_service_accounts_get_theirs(
    client: TestClient, cast: Cast, app: FastAPI
) -> None:
    person, robot = cast.person("risk"), cast.person("service")
    assert client.post("/api/v1/tokens", json={"name": "x", "user_id": person.id}).status_code == 403
    made = client.post("/api/v1/tokens", json={"name": "x", "user_id": robot.id, "scope": "ci"})
    assert made.status_code == 201
    theirs = TestClient(app, headers={"authorization": f"Bearer {made.json()['secret']}"}).get("/api/v1/me").json()
    assert (theirs["id"], theirs["kind"]) == (robot.id, "service")
    of_person = cast.token(person)
    token = client.get("/api/v1/tokens", params={"user_id": person.id}).json()["items"][0]
    assert client.post(f"/api/v1/tokens/{token['id']}/revoke").status_code == 200  # but ends what leaked
    assert TestClient(app, headers={"authorization": f"Bearer {of_person}"}).get("/api/v1/me").status_code == 401


def test_telemetry_takes_its_own_scope_and_that_scope_nothing_else(app: FastAPI, cast: Cast) -> None:
    admin = cast.person("admin")
    assert as_user(app, cast, admin, scope="metrics").get("/metrics").status_code == 200
    assert as_user(app, cast, admin, scope="metrics").get("/api/v1/me").status_code == 403
    refused = as_user(app, cast, admin, scope="read").get("/metrics")
    assert refused.status_code == 403
    assert "scope `metrics`" in refused.json()["remedy"]


def test_last_use_is_written_in_batches_to_the_minute(
    app: FastAPI, cast: Cast, database: Database, db: Session
) -> None:
    last_used.write(database)
    own = as_user(app, cast, cast.person("viewer"))
    for _ in range(3):
        own.get("/api/v1/me")
    assert db.scalars(select(Token)).one().last_used_at is None
    db.rollback()
    assert last_used.write(database) == 1
    at = db.scalars(select(Token)).one().last_used_at
    assert at is not None
    assert at.second == 0


# ---- secrets


def test_secrets_are_in_no_table_and_no_event(app: FastAPI, client: TestClient, cast: Cast, db: Session) -> None:
    person = cast.person("viewer")
    key = {"idempotency-key": "one"}
    token = client.post("/api/v1/tokens", json={"name": "x"}, headers=key).json()["secret"]
    link = client.post(f"/api/v1/users/{person.id}/sign-in-link", headers={"idempotency-key": "two"}).json()["url"]
    again = client.post("/api/v1/tokens", json={"name": "x"}, headers=key)
    assert again.json()["secret"] is None
    assert again.headers["idempotent-replayed"] == "true"
    db.rollback()
    kept = [row.answer for row in db.scalars(select(IdempotencyKey))]
    told = [row.content for row in db.scalars(select(Event))] + [row.data for row in db.scalars(select(EventPersonal))]
    everything = repr(kept) + repr(told) + repr([vars(row) for row in db.scalars(select(Token))])
    assert token not in everything
    assert link.partition("=")[2] not in everything
    assert len(kept) == 2


def test_a_sign_in_link_over_the_api_signs_that_person_in(
    client: TestClient, nobody: TestClient, cast: Cast, db: Session
) -> None:
    person = cast.person("viewer")
    url = client.post(f"/api/v1/users/{person.id}/sign-in-link").json()["url"]
    assert nobody.post("/login", data={"link": url.partition("link=")[2]}).status_code == 303
    assert nobody.get("/api/v1/me").json()["id"] == person.id
    assert count_events(db, "signin_link.created") == 1
    assert client.post(f"/api/v1/users/{cast.person('service').id}/sign-in-link").status_code == 422


def test_people_are_suggested_without_their_addresses(client_as: Callable[..., TestClient], cast: Cast) -> None:
    cast.person("viewer", name="Zoë 100%_sure")
    found = client_as("viewer").get("/api/v1/people", params={"q": "100%_S"}).json()["items"]
    assert [person["name"] for person in found] == ["Zoë 100%_sure"]
    assert "email" not in found[0]


def test_enrolling_makes_the_unit_and_the_role_on_it(database: Database) -> None:
    with database.write() as db:
        user = service.enrol(db, SYSTEM, email="ci@example.org", role=Role.SERVICE, unit="New unit")
        secret = service.create_token_for(db, SYSTEM, "CI@example.org", "pipeline")
    with database.read() as db:
        grants = queries.list_grants_of(db, user.id)
        unit = queries.find_unit_by_name(db, DEFAULT_WORKSPACE, "New unit")
    assert unit is not None
    assert unit.parent_id is not None
    assert user.unit_id == unit.id
    assert [(g.role, g.object_kind, g.object_id) for g in grants] == [("service", "unit", unit.id)]
    assert user.kind == "service"
    assert secret.startswith("mop_")


@pytest.mark.parametrize(
    "body", [{"email": "x"}, {"email": "a@b.c", "name": "x", "role": "admin"}, {"email": 5, "name": "x"}]
)
def test_a_bad_account_names_the_field(client: TestClient, body: dict) -> None:
    answer = client.post("/api/v1/users", json=body)
    assert answer.status_code == 422
    assert answer.json()["field"]
    assert answer.json()["remedy"]
