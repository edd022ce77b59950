"""The pages of release control."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from tests.deployments.conftest import GateKeeper, Rig

Clients = Callable[..., TestClient]
HTMX = {"hx-request": "true", "hx-target": "div#problem"}


@pytest.fixture
def deployed(rig: Rig, gate: GateKeeper) -> Rig:
    """A model with two versions, the first of them live."""
    rig.model()
    rig.deployment()
    rig.activate(1)
    return rig


def text(client: TestClient, url: str, headers: dict[str, str] | None = None) -> str:
    answer = client.get(url, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_from_the_form_to_a_live_version(rig: Rig, gate: GateKeeper) -> None:
    rig.model()
    client = rig.client
    assert "Nothing is deployed yet" in text(client, "/deployments")
    assert 'value="churn"' in text(client, "/deploy?model=churn")
    wanted = {"name": "churn crm/1", "environment": "production", "model": "churn"}
    assert client.post("/deployments", data=wanted).status_code == 422
    sent = client.post("/deployments", data=wanted | {"name": "churn & co", "endpoint": "https://x.example/<b>"})
    assert (sent.status_code, sent.headers["location"]) == (303, "/deployments/churn%20%26%20co/activate")
    assert "v2" in text(client, sent.headers["location"])
    sent = client.post(sent.headers["location"], data={"version": "2", "reason": "The first one."})
    assert sent.status_code == 303
    page = text(client, sent.headers["location"])
    assert "Not reported" in page
    assert "https://x.example/&lt;b&gt;" in page
    assert "made v2 live: The first one." in page
    assert client.post("/deployments/churn%20%26%20co/end", data={"reason": "Over."}).status_code == 303
    assert "ended by" in text(client, "/deployments/churn%20%26%20co")


def test_a_refusal_shows_the_decision_list_as_fragment_and_as_page(deployed: Rig, gate: GateKeeper) -> None:
    gate.is_shut = True
    url, asked = "/deployments/churn-crm/activate", {"version": "2", "reason": "Better."}
    fragment = deployed.client.post(url, data=asked, headers=HTMX)
    page = deployed.client.post(url, data=asked)
    assert (fragment.status_code, page.status_code) == (409, 409)
    for body in (fragment.text, page.text):
        assert "Nobody has assessed the model." in body
        assert "decision-no" in body
    assert "<html" not in fragment.text
    assert "<html" in page.text


def test_lists_narrow_show_the_past_and_answer_fragments(deployed: Rig) -> None:
    client = deployed.client
    assert "As of" not in text(client, "/deployments").split("<main")[1].split('id="results"')[0]
    assert "As of 1 January 2020" in text(client, "/deployments?at=2020-01-01")
    assert "No deployment matches" in text(client, "/deployments?standing=differs")
    part = text(
        client, "/deployments?standing=not_reported", headers={"hx-request": "true", "hx-target": "div#results"}
    )
    assert "churn-crm" in part
    assert "<html" not in part
    assert client.get("/deployments?at=2999-01-01").status_code == 422
    model = text(client, "/models/churn/deployments")
    assert "made v1 live in production (churn-crm)" in model


def test_who_may_only_look_sees_what_is_refused_and_why(deployed: Rig, client_as: Clients) -> None:
    viewer = client_as("viewer")
    page = text(viewer, "/deployments/churn-crm")
    assert "Your role does not allow it." in page
    assert "Take out of service" not in page
    assert viewer.get("/deployments/churn-crm/activate").status_code == 403
    assert "Add one" not in text(viewer, "/environments")
    assert viewer.post("/environments", data={"name": "x"}).status_code == 403


def test_environments_are_managed_in_the_browser(client: TestClient) -> None:
    wanted = {"name": "eu-west", "rank": "40", "is_protected": "true", "description": ""}
    assert client.post("/environments", data=wanted).status_code == 303
    assert client.post("/environments/eu-west/retire").status_code == 303
    assert "retired" in text(client, "/environments")
    assert client.post("/environments/eu-west/restore").status_code == 303
    assert client.post("/environments/staging/edit", data={"is_protected": "true"}).status_code == 303


def test_the_record_is_edited_and_archived_in_the_browser(deployed: Rig) -> None:
    client = deployed.client
    assert 'value="CRM"' in text(client, "/deployments/churn-crm/edit")
    changed = {"name": "churn-crm", "consumer": "Sales", "endpoint": "", "owner": "", "description": ""}
    assert client.post("/deployments/churn-crm/edit", data=changed).status_code == 303
    assert client.post("/deployments/churn-crm/archive").status_code == 409
    client.post("/deployments/churn-crm/end", data={"reason": "Over."})
    gone = client.post("/deployments/churn-crm/archive")
    assert "It is archived." in text(client, gone.headers["location"])
