"""Recipes in the browser, with and without htmx."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.core.db import Database
from tests.factories import count_events
from tests.pipelines.conftest import Shop

Clients = Callable[..., TestClient]
FEATURES = ["sepal_length", "petal_length"]


def typed(shop: Shop, **changes: Any) -> dict[str, Any]:
    data_set = shop.client.get("/api/v1/data-sets/iris").json()["id"]
    return {
        "name": "weekly", "model": "iris", "data_set": data_set, "target": "species", "features": FEATURES,
        "estimator": "RandomForestClassifier", "parameters.n_estimators": "20", "parameters.max_depth": "none",
        "metrics": ["accuracy"], "split": "random", "test_share": "0.3", "seed": "7",
    } | changes  # fmt: skip


def part(client: TestClient, url: str, target: str, **query: str) -> str:
    answer = client.get(url, params=query, headers={"hx-request": "true", "hx-target": f"div#{target}"})
    assert answer.status_code == 200, answer.text
    return answer.text


def test_a_recipe_is_written_edited_run_and_archived_by_forms(shop: Shop, db: Session) -> None:
    client = shop.client
    made = client.post("/create-recipe", data=typed(shop))
    assert made.status_code == 303, made.text
    page = client.get(made.headers["location"])
    assert "RandomForestClassifier learns" in page.text
    recipe = client.get("/api/v1/recipes").json()["items"][0]
    assert recipe["document"]["parameters"] == {"n_estimators": 20, "max_depth": None}
    url = f"/recipes/{recipe['id']}"

    form = client.get(f"{url}/edit").text
    assert 'value="20"' in form
    assert f'value="&#34;{recipe["id"]}.1&#34;"' in form
    tag = f'"{recipe["id"]}.1"'
    assert client.post(f"{url}/edit", data=typed(shop, seed="8", etag=tag)).status_code == 303
    assert client.post(f"{url}/edit", data=typed(shop, seed="9", etag=tag)).status_code == 412

    started = client.post(f"{url}/runs")
    assert started.status_code == 303
    run = client.get(started.headers["location"]).text
    assert "Waiting for a worker" in run
    assert "hx-sse:connect=" in run
    assert client.post(f"{url}/runs").status_code == 409
    assert client.post(f"{started.headers['location']}/cancel").status_code == 303
    assert "Cancelled" in client.get(started.headers["location"]).text
    assert client.post(f"{url}/archive").status_code == 303
    assert client.get(url).status_code == 404
    assert client.get(started.headers["location"]).status_code == 200, "the runs of an archived recipe stay"
    assert count_events(db, "recipe.changed") == 1


def test_the_form_switches_with_its_selects_with_and_without_javascript(shop: Shop) -> None:
    client = shop.client
    columns = part(client, "/create-recipe", "columns", data_set="iris")
    assert 'name="features" value="petal_width"' in columns
    assert "<html" not in columns
    ridge = part(client, "/create-recipe", "parameters", estimator="Ridge")
    assert all(name in ridge for name in ('name="parameters.alpha"', 'value="rmse"', 'name="lags"'))
    forest = part(client, "/create-recipe", "parameters", estimator="RandomForestClassifier")
    assert 'name="parameters.max_depth"' in forest
    assert 'name="lags"' not in forest

    whole = client.get("/create-recipe", params=typed(shop, name='we"ekly')).text
    assert "<html" in whole
    assert 'value="we&#34;ekly"' in whole, "what was typed stays"
    assert 'value="petal_length" checked' in whole
    assert 'name="parameters.n_estimators" value="20"' in whole
    assert client.get("/create-recipe", params={"estimator": "os.system", "data_set": "7", "x": "y"}).status_code == 200


def test_a_refused_form_says_which_field_and_what_to_do(shop: Shop) -> None:
    htmx = {"hx-request": "true", "hx-target": "div#problem"}
    for changes, words in (
        ({"parameters.n_estimators": "many"}, "n_estimators of RandomForestClassifier cannot be"),
        ({"features": [*FEATURES, "species"]}, "is the target and a feature"),
        ({"test_share": "half"}, "split.test_share"),
        ({"metrics": []}, "measures nothing"),
        ({"estimator": ""}, "There is no estimator"),
        ({"name": ""}, "name"),
        ({"colour": "red"}, "no field"),
    ):
        answer = shop.client.post("/create-recipe", data=typed(shop, **changes), headers=htmx)
        assert answer.status_code == 422, changes
        assert words in answer.text, (changes, answer.text)
        assert "<html" not in answer.text
    assert shop.client.get("/api/v1/recipes").json()["items"] == []


def test_a_schedule_is_given_and_taken_by_forms(shop: Shop) -> None:
    url = f"/recipes/{shop.recipe()['id']}"
    assert "It runs only when asked" in shop.client.get(url).text
    assert shop.client.post(f"{url}/schedule", data={"cron": "soon", "timezone": "UTC"}).status_code == 422
    answer = shop.client.post(f"{url}/schedule", data={"cron": "30 6 * * mon", "timezone": "Europe/Berlin"})
    assert answer.status_code == 303, answer.text
    assert "30 6 * * mon" in shop.client.get(url).text
    assert shop.client.post(f"{url}/unschedule").status_code == 303
    assert "It runs only when asked" in shop.client.get(url).text


def test_a_viewer_sees_why_not_and_a_stranger_sees_nothing(shop: Shop, client_as: Clients) -> None:
    recipe = shop.recipe()
    url = f"/recipes/{recipe['id']}"
    viewer, stranger = client_as("viewer", unit="Plants"), client_as("contributor", unit="Cards")
    assert "Your role here does not let you run recipes" in viewer.get(url).text
    assert "weekly" in viewer.get("/recipes").text
    for path in ("runs", "archive", "edit", "schedule", "unschedule", "take-over"):
        assert viewer.post(f"{url}/{path}", data={"cron": "0 5 * * *"}).status_code == 403, path
    assert viewer.get("/create-recipe").status_code == 403
    assert stranger.get(url).status_code == 404
    assert "weekly" not in stranger.get("/recipes").text
    assert stranger.get("/models/iris/recipes").status_code == 404


def test_the_tabs_of_the_model_and_of_a_version_show_where_versions_come_from(shop: Shop) -> None:
    assert "No recipe trains this model" in shop.client.get("/models/iris/recipes").text
    shop.recipe()
    tab = shop.client.get("/models/iris/recipes").text
    assert "never ran" in tab
    assert shop.client.post("/api/v1/models/iris/versions", json={}).status_code == 201
    assert "No recipe made this version" in shop.client.get("/models/iris/versions/1/lineage").text
    assert shop.client.get("/models/iris/versions/2/lineage").status_code == 404


def test_the_list_costs_the_same_number_of_statements_however_long_it_is(shop: Shop, database: Database) -> None:
    counted: list[str] = []
    event.listen(database.read_engine, "before_cursor_execute", lambda *call: counted.append(call[2]))

    def cost() -> int:
        counted.clear()
        assert shop.client.get("/recipes").status_code == 200
        return len(counted)

    shop.start(shop.recipe("first"))
    one = cost()
    for number in range(4):
        shop.start(shop.recipe(f"more {number}"))
    assert cost() == one > 0
