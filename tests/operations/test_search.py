"""Finding anything: what one may see and do, ranked, at one price."""

import time
from collections.abc import Callable

import pytest
from sqlalchemy import event, select
from starlette.testclient import TestClient

from modelops_platform.core.db import Database
from modelops_platform.main import FRAME
from modelops_platform.operations.guide import guide
from modelops_platform.operations.queries.search import find_things
from modelops_platform.registry.tables import Model, ModelSummary
from modelops_platform.web.render import url_for
from tests.factories import Cast

Clients = Callable[..., TestClient]
PALETTE = {"hx-request": "true", "hx-target": "div#palette_list"}
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_every_kind_is_found_by_its_name_the_closest_first(client: TestClient, cast: Cast, database: Database) -> None:
    for name in ("old churn", "churn", "churn weekly"):
        assert client.post("/api/v1/models", json={"name": name, "purpose": "Says who may leave"}).is_success
    client.post("/api/v1/models/churn/versions", json={"source": {"location": "https://example.org/churn"}})
    client.post("/api/v1/use-cases", json={"name": "Less churn", "purpose": "Keep people"})
    client.post("/api/v1/data-sets", json={"name": "churn 2026", "digest": "a" * 64})
    deployed = {"name": "churn-live", "model": "churn", "environment": "production"}
    made = client.post("/api/v1/deployments", json=deployed)
    assert made.status_code == 201, made.text
    cast.person("viewer", name="Ada Churner")
    actor = cast.actor(cast.person("admin"))
    with database.read() as db:
        found = [(hit.kind, hit.name) for hit in find_things(db, actor, "CHURN")]
        by_purpose = [hit.name for hit in find_things(db, actor, "churn leave")]
        version = find_things(db, actor, "churn v1")
    assert found == [
        ("model", "churn"),
        ("model", "churn weekly"),
        ("model", "old churn"),
        ("use_case", "Less churn"),
        ("data_set", "churn 2026"),
        ("deployment", "churn-live"),
        ("person", "Ada Churner"),
    ]
    assert by_purpose == ["churn", "churn weekly", "old churn"]
    assert [(hit.key, hit.number) for hit in version if hit.kind == "version"] == [("churn", "1")]
    page = client.get("/search?q=churn").text
    for address in ("/models/churn", "/use-cases/Less%20churn", "/data-sets/churn%202026", "/deployments/churn-live"):
        assert f'href="{address}"' in page
        assert client.get(address).status_code == 200
    assert 'href="/models/churn/versions/1"' in client.get("/search?q=churn+v1").text


@SQLITE
def test_the_palette_shows_the_results_of_the_page_as_options(client: TestClient) -> None:
    client.post("/api/v1/models", json={"name": "<b>&churn"})
    options = client.get("/search?q=churn", headers=PALETTE).text
    assert "<html" not in options
    assert 'role="option"' in options
    assert "&lt;b&gt;&amp;churn" in options
    assert 'href="/models/%3Cb%3E%26churn"' in client.get("/search?q=churn").text


@SQLITE
def test_what_others_own_and_what_one_may_not_do_is_not_there(client: TestClient, client_as: Clients) -> None:
    client.post("/api/v1/models", json={"name": "churn", "unit": "Organisation"})
    viewer = client_as("viewer", unit="Treasury")
    assert "/models/churn" not in viewer.get("/search?q=churn").text
    assert "/administration/users/" not in viewer.get("/search?q=viewer").text
    everything = viewer.get("/search").text
    assert "Register a model" not in everything
    assert "Go to Audit" not in everything
    assert "Go to Portfolio" in everything
    assert "Register a model" in client.get("/search?q=register").text


@SQLITE
@pytest.mark.parametrize(
    "q", ["%", "_", "'", '"', "\\", "\u202e\U0001f408", "ß İ ﬁ", "a " * 90, "v1", "/ v", "x v999999999"]
)
def test_any_text_is_only_text(client: TestClient, q: str) -> None:
    client.post("/api/v1/models", json={"name": "churn"})
    answer = client.get("/search", params={"q": q})
    assert answer.status_code == 200
    assert 'href="/models/churn"' not in answer.text


@SQLITE
@pytest.mark.parametrize("query", ["q=" + "x" * 10_000, "q=a&q2=b", "page=1"])
def test_what_is_no_search_is_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/search?{query}").status_code in (414, 422)


@SQLITE
def test_one_statement_finds_among_a_thousand_models(client: TestClient, cast: Cast, database: Database) -> None:
    client.post("/api/v1/models", json={"name": "first"})
    with database.write() as db:
        pattern = db.scalars(select(Model).limit(1)).one()
        columns = {c.key: getattr(pattern, c.key) for c in Model.__table__.columns if c.key != "id"}
        for number in range(1000):
            name = f"model {number:04}"
            model = Model(**{**columns, "name": name, "skeleton": name})
            model.summary = ModelSummary(search_text=name, tier=number % 4 + 1)
            db.add(model)
    actor = cast.actor(cast.person("contributor", unit="Organisation"))
    statements: list[str] = []
    event.listen(database.read_engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    with database.read() as db:
        find_things(db, actor, "model 09")
        began = time.perf_counter()
        assert len(find_things(db, actor, "model 09")) == 6
        took = time.perf_counter() - began
    assert len(statements) == 2
    assert took < 0.5  # far above what it takes, so that a busy machine does not fail it


@SQLITE
def test_help_speaks_of_the_page_and_of_the_keys_one_has(client: TestClient, client_as: Clients) -> None:
    panel = client.get("/help?page=/models/churn", headers={"hx-request": "true", "hx-target": "div#help_panel"}).text
    assert "The inventory" in panel
    assert "<kbd>g</kbd> <kbd>l</kbd>" in panel
    assert "<kbd>g</kbd> <kbd>l</kbd>" not in client_as("viewer").get("/help?page=/models").text
    assert client.get("/help", params={"page": "/\U0001f408//../" + "x" * 1900}).status_code == 200
    assert client.get("/help", params={"page": "x" * 2001}).status_code == 422


@SQLITE
def test_every_term_is_explained_and_every_place_of_the_side_bar_has_help(client: TestClient) -> None:
    found = guide()
    for entry in FRAME:
        path = url_for(client.app, entry.route)  # type: ignore[arg-type]
        assert found.page(path) is not None, path
    keys = [entry.key for entry in FRAME if entry.key]
    assert len(keys) == len(set(keys))
    assert "g" not in keys
