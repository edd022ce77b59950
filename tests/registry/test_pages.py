"""The pages of the inventory, as a browser without JavaScript sees and uses them."""

import re
from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient

from modelops_platform.core import gates

Clients = Callable[..., TestClient]


def post(client: TestClient, path: str, **form: Any) -> str:
    """Send a form and return where it leads."""
    answer = client.post(path, data=form)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def page(client: TestClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_a_model_goes_through_its_whole_life_in_forms(client: TestClient, open_gate: list[gates.Transition]) -> None:
    assert "No models yet" in page(client, "/models")
    assert post(client, "/add-use-case", name="Lending", purpose="Lend wisely.", value="2 M") == "/use-cases/Lending"
    use_case = client.get("/api/v1/use-cases/Lending").json()
    assert "Base model" in page(client, "/register?kind=llm&name=kept")
    form = {"name": "Kredit/1", "kind": "vendor", "purpose": "Decides who gets a loan.", "use_case": use_case["id"]}
    refused = client.post("/register", data={**form, "fields.vendor": "Acme"})
    assert refused.status_code == 422
    assert "Kredit/1" in refused.text
    form |= {"name": "Kredit 1", "fields.vendor": "Acme", "fields.may_audit": "yes", "fields.contract_ends": ""}
    assert post(client, "/register", **form, affects_people="true") == "/models/Kredit%201/add-version"
    overview = page(client, "/models/Kredit 1")
    for words in (
        "Decides who gets a loan.",
        "Lending",
        "touch people",
        "Acme",
        "No version is live",
        "registered the model",
    ):
        assert words in overview
    assert "No version yet" in page(client, "/models/Kredit 1/versions")
    page(client, "/models/Kredit 1/add-version")
    first = {
        "description": "First.",
        "metrics": "accuracy = 0.80 n=400\nroc_auc=0.9",
        "parameters": "C = 0.5\nsolver = lbfgs",
    }
    assert post(client, "/models/Kredit 1/add-version", **first) == "/models/Kredit%201/versions/1"
    post(client, "/models/Kredit 1/add-version", **{**first, "metrics": "accuracy = 0.90 n=400\nroc_auc=0.91"})
    shown = page(client, "/models/Kredit 1/versions/2")
    for words in ("0.9", "lbfgs", "Unverified", "curl"):
        assert words in shown
    compared = page(client, "/compare?before=Kredit 1/1&after=Kredit 1/2")
    assert "beyond noise" in compared
    assert "noise unknown" in compared
    post(client, "/models/Kredit 1/aliases", alias="candidate", version="2")
    assert "candidate" in page(client, "/models/Kredit 1/versions")
    post(client, "/models/Kredit 1/aliases/remove", key="candidate")
    post(client, "/models/Kredit 1/tags", key="pilot", value="")
    assert "pilot" in page(client, "/models?tag=pilot")
    post(client, "/models/Kredit 1/tags/remove", key="pilot")
    edit = page(client, "/models/Kredit 1/edit")
    revision = re.search(r'name="revision" value="([^"]+)"', edit)
    assert revision
    changed = {**form, "name": "Kredit", "revision": revision[1].replace("&#34;", '"')}
    assert post(client, "/models/Kredit 1/edit", **changed) == "/models/Kredit"
    model = client.get("/api/v1/models/Kredit").json()
    assert (model["affects_people"], model["fields"]) == (False, {"vendor": "Acme", "may_audit": True})
    assert client.post("/models/Kredit/edit", data=changed).status_code == 412
    assert "changed" in page(client, "/models/Kredit/activity")
    assert "Kredit" in page(client, "/use-cases/Lending")
    page(client, "/models/Kredit/archive")
    assert post(client, "/models/Kredit/archive") == "/archived-models"
    assert "Kredit" in page(client, "/archived-models")
    assert post(client, f"/archived-models/{model['id']}/restore") == "/models/Kredit"


def test_data_sets_and_fields_have_their_pages(client: TestClient) -> None:
    assert "No data sets yet" in page(client, "/data-sets")
    page(client, "/record-data-set")
    form = {"name": "loans 2026", "digest": "AB" * 32, "columns": "age: integer\nname", "rows": "12"}
    assert post(client, "/record-data-set", **form) == "/data-sets/loans%202026"
    shown = page(client, "/data-sets/loans 2026")
    assert "integer" in shown
    assert client.post("/record-data-set", data={**form, "name": "x", "rows": "many"}).status_code == 422
    assert "No fields of your own" in page(client, "/administration/fields")
    post(client, "/administration/fields", key="committee", label="Committee", type="choice", choices="A\r\nB")
    assert "Committee" in page(client, "/register?kind=rules")
    post(client, "/administration/fields/committee/archive")
    assert "Ask again" in page(client, "/administration/fields")


def test_a_list_answers_htmx_with_its_results_alone(client: TestClient) -> None:
    client.post("/api/v1/models", json={"name": "churn"})
    part = client.get("/models?q=churn", headers={"hx-request": "true", "hx-target": "div#results"}).text
    assert "churn" in part
    assert "<html" not in part
    fields = client.get("/register?kind=agent", headers={"hx-request": "true", "hx-target": "div#kind_fields"}).text
    assert "Autonomy" in fields
    assert "<html" not in fields
    unknown = client.get("/models?q=colour:red", headers={"hx-request": "true", "hx-target": "div#results"})
    assert unknown.status_code == 422
    assert "colour" in unknown.text


def test_what_a_viewer_may_not_do_is_shown_with_the_reason(client: TestClient, client_as: Clients) -> None:
    client.post("/api/v1/models", json={"name": "churn"})
    viewer = client_as("viewer")
    shown = page(viewer, "/models/churn")
    assert shown.count("does not allow it. Ask") >= 3
    assert viewer.post("/models/churn/archive").status_code == 403
    assert viewer.get("/register").status_code == 403
