"""Administration pages: forms do what the API does, and show refused actions with the reason."""

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.core.db import Database
from tests.factories import Cast, count_events

LINK = re.compile(r"/login\?link=([\w-]+)")
TOKEN = re.compile(r"mop_[\w-]+")


def test_a_person_is_added_given_roles_and_let_in_by_a_link(
    client: TestClient, nobody: TestClient, cast: Cast, db: Session
) -> None:
    unit = cast.unit("Cards")
    form = {
        "kind": "person",
        "name": "Maria Silva",
        "email": "maria@example.org",
        "unit_id": unit,
        "role": "contributor",
    }
    added = client.post("/administration/new-user", data=form)
    assert added.status_code == 303, added.text
    path = added.headers["location"]
    page = client.get(path).text
    assert "Maria Silva" in page
    assert "Contributor" in page
    assert client.post(f"{path}/grants", data={"role": "risk", "unit_id": ""}).status_code == 303
    assert "the workspace" in client.get(path).text
    secret = LINK.search(client.post(f"{path}/sign-in-link").text)
    assert secret is not None
    assert secret[1] not in client.get(path).text
    assert nobody.post("/login", data={"link": secret[1]}).status_code == 303
    assert "Maria Silva" in nobody.get("/profile").text
    assert (
        client.post(path, data={"name": "Maria Costa", "email": "maria@example.org", "unit_id": unit}).status_code
        == 303
    )
    assert client.post(f"{path}/disable").status_code == 303
    assert nobody.get("/profile").status_code == 303
    assert "Enable" in client.get(path).text
    assert count_events(db, "user.disabled") == 1


def test_a_service_account_gets_its_role_and_a_token_shown_once(client: TestClient, cast: Cast) -> None:
    form = {"kind": "service", "name": "Pipeline", "email": "ci@example.org", "unit_id": cast.unit("Cards"), "role": ""}
    path = client.post("/administration/new-user", data=form).headers["location"]
    made = client.post(f"{path}/tokens", data={"name": "nightly", "scope": "ci", "days": "30"})
    token = TOKEN.search(made.text)
    assert token is not None
    assert not TOKEN.search(client.get(path).text)
    assert "Pipeline" in client.get("/administration/users?kind=service").text


def test_units_are_a_tree_that_is_edited(client: TestClient, cast: Cast) -> None:
    top = cast.unit("Bank")
    assert client.post("/administration/units", data={"name": "Cards", "parent_id": top}).status_code == 303
    page = client.get("/administration/units").text
    assert page.index("Bank") < page.index("Cards")
    form = {"name": "Retail bank", "parent_id": "", "head_id": cast.person("executive", name="Erik").id}
    assert client.post(f"/administration/units/{top}", data=form).status_code == 303
    assert "Headed by Erik" in client.get(f"/administration/units/{top}").text


def test_an_auditor_reads_who_may_do_what_and_changes_nothing(client_as: Callable[..., TestClient], cast: Cast) -> None:
    auditor, person = client_as("auditor"), cast.person("viewer")
    page = auditor.get(f"/administration/users/{person.id}").text.split("<main")[1].split("</main>")[0]
    assert "Only an administrator" in page
    assert "<dialog" not in page
    assert 'action="/administration' not in page
    assert "Only administrators add accounts" in auditor.get("/administration/users").text
    assert auditor.post(f"/administration/users/{person.id}/disable").status_code == 403
    assert auditor.get("/administration/units").status_code == 200


def test_accounts_are_found_by_part_of_name_or_address(client: TestClient, cast: Cast) -> None:
    cast.person("viewer", name="Zoë Quist")
    cast.person("viewer", name="Somebody Else")
    page = client.get("/administration/users", params={"q": "quist"}).text
    assert "Zoë Quist" in page
    assert "Somebody Else" not in page
    assert "Nobody matches" in client.get("/administration/users", params={"q": "nobody at all"}).text


def test_the_list_of_accounts_costs_the_same_for_many(client: TestClient, cast: Cast, database: Database) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        statements.append(statement)

    def cost() -> int:
        statements.clear()
        event.listen(database.read_engine, "before_cursor_execute", note)
        client.get("/administration/users")
        event.remove(database.read_engine, "before_cursor_execute", note)
        return len(statements)

    few = cost()
    for _ in range(8):
        cast.person("viewer")
    assert cost() == few > 0
