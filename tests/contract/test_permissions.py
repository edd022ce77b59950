"""Every route of the running application, asked by everybody: the answer is what the one permission table says."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from httpx2 import Response
from starlette.routing import Mount
from starlette.testclient import TestClient

from modelops_platform.core.actor import Permission
from modelops_platform.identity.domain import Role, Scope, allowed
from modelops_platform.web.routing import SIGNED_IN
from tests.client import Client
from tests.contract.addresses import Asked, dummy_path, plain_body, routes_of
from tests.contract.furnished import MODEL, House
from tests.factories import Cast

COMPANY = {"/login/company", "/login/callback", "/logout/company", "/api/v1/token-exchange"}
PUBLIC = COMPANY | {
    "/healthz",
    "/readyz",
    "/health",
    "/version",
    "/login",
    "/logout",
    "/set-up",
}  # DESIGN 6; and /static
# What everybody may write: their own profile and tokens, and a report over what they see.
OWN = {
    "POST /api/v1/policy-plans",  # reads a draft that whoever asks has brought along, and keeps nothing
    "POST /policy-editor",
    "POST /life-cycle-editor",
    "POST /suite-editor",
    "POST /questionnaire-editor",
    "PATCH /api/v1/users/{user_id}",
    "POST /api/v1/tokens",
    "POST /api/v1/tokens/{token_id}/revoke",
    "POST /profile",
    "POST /profile/password",
    "POST /profile/tokens",
    "POST /profile/tokens/{token_id}/revoke",
    "POST /portfolio/reports",
    "POST /validations/{validation_id}/print",
    "POST /profile/preferences",
    "POST /profile/theme",
    "PATCH /api/v1/me/preferences",
    "PUT /api/v1/notification-topics",
    "POST /request-access",
    "POST /api/v1/access-requests",
    "POST /notifications/{notification_id}/open",
    "POST /notifications/{notification_id}/read",
    "POST /notifications/{notification_id}/unread",
    "POST /api/v1/notifications/{notification_id}/read",
    "POST /api/v1/notifications/{notification_id}/unread",
    "POST /read-all-notifications",
    "POST /notification-settings",
}

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the table is no matter of SQL


def ask(client: TestClient, asked: Asked) -> int:
    """The status of an empty question."""
    options: dict[str, Any] = {}
    if asked.writes and (asked.is_mlflow or asked.route.body_field is not None):
        options = {"data": {}} if asked.is_form else {"json": {}}
    return client.request(asked.method, dummy_path(asked.path), **options).status_code


@pytest.fixture
def routes(app: FastAPI) -> list[Asked]:
    return routes_of(app)


@pytest.fixture
def signed_in(app: FastAPI, cast: Cast) -> Callable[..., TestClient]:
    """Make a client of somebody with a role, by a token of a scope."""

    def make(role: str | None, scope: str = "all") -> TestClient:
        headers = {"authorization": f"Bearer {cast.token(cast.person(role), scope)}"}
        return Client(app, headers=headers)

    return make


def is_wrong(status: int, asked: Asked, held: frozenset[Permission]) -> bool:
    """Say whether the status tells something else than the table; a role opens nothing that signing in opens."""
    if asked.permission == SIGNED_IN:
        return status == 401
    return status in (401, 403) if Permission(asked.permission) in held else status != 403


def test_public_is_what_the_design_lists_and_nothing_else(app: FastAPI, routes: list[Asked]) -> None:
    assert {asked.path for asked in routes if asked.is_public} <= PUBLIC
    assert [route.path for route in app.routes if isinstance(route, Mount)] == ["/static"]
    assert all(isinstance(route, APIRoute | Mount) for route in app.routes)  # nothing that the sweep would miss


def test_nobody_hears_401_or_is_led_to_the_sign_in_page(nobody: TestClient, routes: list[Asked]) -> None:
    for asked in routes:
        if asked.is_public:
            assert asked.writes or ask(nobody, asked) in (200, 303), asked
            continue
        answer = nobody.request(asked.method, dummy_path(asked.path))
        if asked.is_api:
            assert answer.status_code == 401, asked
            assert answer.headers["www-authenticate"].startswith("Bearer")
            if asked.method != "HEAD":
                shape = "application/json" if asked.is_mlflow else "application/problem+json"
                assert answer.headers["content-type"] == shape, asked
        else:
            assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login"), asked


@ON_SQLITE
@pytest.mark.parametrize("role", [*Role, None])
def test_a_role_may_what_the_table_says(
    signed_in: Callable[..., TestClient], routes: list[Asked], role: Role | None
) -> None:
    client, held = signed_in(role), allowed(role, Scope.ALL) if role else frozenset()
    found = {asked: ask(client, asked) for asked in routes if not asked.is_public}
    assert not {str(asked): status for asked, status in found.items() if is_wrong(status, asked, held)}
    assert {status for status in found.values() if status >= 500} <= {501}  # of the protocol, and not offered


@ON_SQLITE
@pytest.mark.parametrize("scope", list(Scope))
def test_a_token_may_no_more_than_its_scope(
    signed_in: Callable[..., TestClient], routes: list[Asked], scope: Scope
) -> None:
    client, held = signed_in("admin", scope.value), allowed(Role.ADMIN, scope)
    one_for_each = {asked.permission: asked for asked in routes if not asked.is_public}
    found = {asked: ask(client, asked) for asked in one_for_each.values()}
    assert not {str(asked): status for asked, status in found.items() if is_wrong(status, asked, held)}


def test_every_writing_route_refuses_a_viewer(signed_in: Callable[..., TestClient], routes: list[Asked]) -> None:
    viewer = signed_in("viewer")
    writing = [asked for asked in routes if asked.writes and not asked.is_public and str(asked) not in OWN]
    assert not {str(asked): status for asked in writing if (status := ask(viewer, asked)) != 403}
    assert {str(asked) for asked in routes} >= OWN


def ask_in_earnest(client: TestClient, house: House, asked: Asked) -> Response:
    """Ask about the real thing, with the smallest body that the route's shape takes."""
    options: dict[str, Any] = {}
    if asked.writes and asked.route.body_field is not None:
        options = {"data" if asked.is_form else "json": plain_body(asked.schema()) or {}}
    return client.request(asked.method, house.at.path(asked.path), **options)


# Looking at a file's bytes again cannot make its verdict better; who may upload could send the same bytes.
# Deleting a file names what holds it, for whoever may see both; only one's own upload goes.
HARMLESS = {"POST /api/v1/files/{sha256}/scan", "DELETE /api/v1/files/{sha256}"}
# Things of the whole workspace: everybody sees them.
SHARED = (
    "/environments/",
    "/policies/",
    "/what-ifs/",
    "/test-suites/",
    "/fields/",
    "/units/",
    "/questionnaires/",
    "/life-cycles/",
)


def test_who_has_a_role_elsewhere_finds_nothing_here(
    client_as: Callable[..., TestClient], house: House, routes: list[Asked]
) -> None:
    """A contributor of another unit holds every permission of a builder, and none of it on this model."""
    stranger = client_as("contributor", unit="Treasury")
    reached = {}
    for asked in routes:
        if asked.is_public or asked.is_mlflow or "{" not in asked.path or any(part in asked.path for part in SHARED):
            continue
        answer = ask_in_earnest(stranger, house, asked)
        if answer.status_code not in (403, 404, 422):
            reached[str(asked)] = (answer.status_code, answer.text[:200])
    assert not reached
    readable = [asked for asked in routes if not asked.writes and not asked.is_public and not asked.is_mlflow]
    for path in (asked.path for asked in readable if "{" not in asked.path):
        answer = stranger.get(path)
        assert MODEL not in answer.text, path
        assert "loans-dev" not in answer.text, path


def test_who_may_only_look_at_a_model_changes_nothing_of_it(
    cast: Cast, app: FastAPI, house: House, routes: list[Asked]
) -> None:
    """A viewer of this model who builds elsewhere: the route lets them in, the service does not."""
    person = cast.person("contributor", unit="Treasury")
    cast.grant(person, "viewer", "model", house.admin.get(f"/api/v1/models/{MODEL}").json()["id"])
    viewer = TestClient(app, headers={"authorization": f"Bearer {cast.token(person)}"}, follow_redirects=False)
    before = house.admin.get(f"/api/v1/models/{MODEL}").json()
    changed = {}
    for asked in routes:
        if asked.is_mlflow:  # its things are named in bodies: tests/contract/mlflow asks for them as a stranger
            continue
        if asked.writes and not asked.is_public and "{" in asked.path and str(asked) not in OWN | HARMLESS:
            answer = ask_in_earnest(viewer, house, asked)
            if answer.status_code not in (403, 404, 422):
                changed[str(asked)] = (answer.status_code, answer.text[:200])
    assert viewer.get(f"/api/v1/models/{MODEL}").status_code == 200
    assert not changed
    assert house.admin.get(f"/api/v1/models/{MODEL}").json() == before


def test_every_address_answers_an_administrator(house: House, routes: list[Asked]) -> None:
    """Every page and list, with real things in its path: found, and never an error of ours."""
    for asked in routes:
        if asked.writes or asked.is_public or asked.is_mlflow or asked.route.name == "watch_job":
            continue
        if asked.permission != Permission.READ_TELEMETRY:  # that one takes a token of its own scope
            answer = ask_in_earnest(house.admin, house, asked)
            assert answer.status_code in (200, 303, 422), (str(asked), answer.text[:300])
