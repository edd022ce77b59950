"""Recipes over HTTP."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.pipelines.domain.estimators import ESTIMATORS
from modelops_platform.pipelines.domain.metrics import METRICS
from tests.factories import Cast, count_events
from tests.pipelines.conftest import Shop

Clients = Callable[..., TestClient]


def test_a_recipe_is_written_down_read_listed_changed_and_archived(shop: Shop, db: Session) -> None:
    client, recipe = shop.client, shop.recipe()
    assert (recipe["model"]["name"], recipe["owner"]["name"], recipe["revision"]) == ("iris", "Rosa Park", 1)
    assert recipe["document"]["data_set_id"] != "iris", "the name of the data set became its id"
    url = f"/api/v1/recipes/{recipe['id']}"
    answer = client.get(url)
    assert answer.json() == recipe
    shop.recipe("challenger", estimator="GaussianNB", parameters={})
    listed = client.get("/api/v1/recipes", params={"limit": 1}).json()
    assert [item["name"] for item in listed["items"]] == ["challenger"]
    rest = client.get("/api/v1/recipes", params={"limit": 1, "cursor": listed["next"]}).json()
    assert [item["name"] for item in rest["items"]] == ["weekly"]
    assert len(client.get("/api/v1/recipes", params={"q": "chall"}).json()["items"]) == 1
    assert len(client.get("/api/v1/recipes", params={"model": "iris"}).json()["items"]) == 2

    tag = {"if-match": answer.headers["etag"]}
    changed = client.patch(url, json={"name": "daily"}, headers=tag)
    assert (changed.status_code, changed.json()["revision"]) == (200, 2), changed.text
    assert client.patch(url, json={"name": "hourly"}, headers=tag).status_code == 412
    assert client.patch(url, json={"name": "challenger"}).status_code == 409
    assert client.post(f"{url}/archive").json()["archived_at"]
    assert client.get(url).status_code == 404
    assert [count_events(db, f"recipe.{kind}") for kind in ("created", "changed", "archived")] == [2, 1, 1]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"data_set_id": "nowhere"}, "data_set_id"),
    ({"data_set_id": 7}, "data_set_id"),
    ({"target": "petals"}, "target"),
    ({"features": ["sepal_length", "petals"]}, "features"),
    ({"features": ["sepal_length", "species"]}, "features"),
    ({"features": []}, "features"),
    ({"features": ["x" * 300]}, "features"),
    ({"features": " sepal_length"}, "features"),
    ({"task": "magic"}, "task"),
    ({"estimator": "os.system"}, "estimator"),
    ({"estimator": "Ridge"}, "estimator"),
    ({"parameters": {"C": -1}}, "parameters.C"),
    ({"parameters": {"C": "1"}}, "parameters.C"),
    ({"parameters": {"C": True}}, "parameters.C"),
    ({"parameters": {"random_state": 3}}, "parameters.random_state"),
    ({"parameters": []}, "parameters"),
    ({"split": {"test_share": 0.9}}, "split.test_share"),
    ({"split": {"seed": 2**40}}, "split.seed"),
    ({"split": {"kind": "group", "by": "garden"}}, "split.by"),
    ({"split": {"by": "species", "shuffle": True}}, "shuffle"),
    ({"metrics": ["mae"]}, "metrics"),
    ({"metrics": {"accuracy": 1}}, "metrics"),
    ({"lags": [1]}, "lags"),
    ({"code": "import os"}, "code"),
]


def test_a_bad_recipe_is_refused_by_field_with_a_remedy(shop: Shop) -> None:
    for changes, field in BAD:
        answer = shop.client.post(
            "/api/v1/recipes", json={"name": "weekly", "model": "iris", "document": shop.document(**changes)}
        )
        assert answer.status_code == 422, (changes, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["field"] == field
        assert answer.json()["remedy"]


def test_what_is_no_recipe_at_all_is_refused(shop: Shop) -> None:
    post = shop.client.post
    good: dict[str, Any] = {"name": "weekly", "model": "iris", "document": shop.document()}
    for changes in (
        {"document": [1]},
        {"document": None},
        {"model": "nobody"},
        {"name": ""},
        {"name": "a/b"},
        {"x": 1},
    ):
        assert post("/api/v1/recipes", json={**good, **changes}).status_code == 422, changes
    del good["document"]["target"]
    assert post("/api/v1/recipes", json=good).json()["field"] == "target"
    headers = {"content-type": "application/json"}
    assert post("/api/v1/recipes", content=b'{"document": NaN}', headers=headers).status_code == 422
    long = post("/api/v1/recipes", json={**good, "document": shop.document(features="y" * 100_000)})
    assert (long.status_code, len(long.content) < 3_000) == (422, True), "a refusal does not repeat all that was sent"


def test_data_that_is_not_kept_here_cannot_be_learned_from(shop: Shop) -> None:
    record = {"name": "elsewhere", "digest": "0" * 64, "columns": [{"name": "species", "type": "string"}]}
    assert shop.client.post("/api/v1/data-sets", json=record).status_code == 201
    answer = shop.client.post(
        "/api/v1/recipes", json={"name": "w", "model": "iris", "document": shop.document(data_set_id="elsewhere")}
    )
    assert (answer.status_code, answer.json()["field"]) == (422, "data_set_id")
    assert "not kept here" in answer.json()["detail"]


def test_a_second_run_is_refused_and_names_the_first(shop: Shop) -> None:
    recipe = shop.recipe()
    run = shop.start(recipe)
    answer = shop.client.post(f"/api/v1/recipes/{recipe['id']}/runs")
    assert (answer.status_code, answer.json()["run"]) == (409, run["id"])
    assert shop.client.post(f"/api/v1/training-runs/{run['id']}/cancel").json()["state"] == "cancelled"
    assert shop.start(recipe)["number"] == 2


def test_viewers_read_and_strangers_find_nothing(shop: Shop, client_as: Clients, db: Session) -> None:
    recipe = shop.recipe()
    run = shop.start(recipe)
    url, run_url = f"/api/v1/recipes/{recipe['id']}", f"/api/v1/training-runs/{run['id']}"
    viewer, stranger = client_as("viewer", unit="Plants"), client_as("contributor", unit="Cards")
    for path in (url, run_url, f"{url}/runs"):
        assert viewer.get(path).status_code == 200
        assert stranger.get(path).status_code == 404
    writes: list[tuple[str, str, Any]] = [
        ("POST", f"{url}/runs", None),
        ("POST", f"{url}/archive", None),
        ("POST", f"{url}/take-over", None),
        ("PATCH", url, {"name": "mine"}),
        ("PUT", f"{url}/schedule", {"cron": "0 5 * * *"}),
        ("DELETE", f"{url}/schedule", None),
        ("POST", f"{run_url}/cancel", None),
    ]
    for method, path, body in writes:
        assert viewer.request(method, path, json=body).status_code == 403, path
        assert stranger.request(method, path, json=body).status_code == 404, path
    document = {"name": "mine", "model": "iris", "document": shop.document()}
    assert viewer.post("/api/v1/recipes", json=document).status_code == 403
    assert stranger.post("/api/v1/recipes", json=document).json()["field"] == "model"
    assert stranger.get("/api/v1/recipes").json()["items"] == []


def test_a_pipelines_account_starts_runs_but_does_not_change_recipes(shop: Shop, client_as: Clients) -> None:
    recipe = shop.recipe()
    service = client_as("service", unit="Plants")
    url = f"/api/v1/recipes/{recipe['id']}"
    assert service.post(f"{url}/runs").status_code == 201
    assert service.patch(url, json={"name": "mine"}).status_code == 403


def test_a_schedule_is_set_read_changed_and_taken_away(shop: Shop, cast: Cast) -> None:
    url = f"/api/v1/recipes/{shop.recipe()['id']}/schedule"
    assert shop.client.get(url).status_code == 404
    wanted = {"cron": "30 6 * * mon", "timezone": "Europe/Berlin"}
    assert shop.client.put(url, json=wanted).json()["next_run_at"]
    assert shop.client.put(url, json={"every_seconds": 3600}).json()["cron"] is None
    assert shop.client.get(url).json()["every_seconds"] == 3600
    for bad in ({}, {"cron": "soon"}, {"cron": "* * * * *", "every_seconds": 60}, {"every_seconds": 1}, {"cron": 5}):
        assert shop.client.put(url, json=bad).status_code == 422, bad
    assert shop.client.put(url, json={**wanted, "timezone": "Moon/Base"}).json()["field"] == "timezone"
    assert shop.client.delete(url).status_code == 204
    assert shop.client.delete(url).status_code == 404


def test_bad_addresses_are_refused(shop: Shop) -> None:
    get = shop.client.get
    assert get("/api/v1/recipes/none").status_code == 404
    assert get("/api/v1/recipes/x%00y").status_code in (400, 404, 422)
    assert get("/api/v1/training-runs/../x").status_code == 404
    assert get("/api/v1/recipes", params={"cursor": "x"}).status_code == 422
    assert get("/api/v1/recipes", params={"limit": "many"}).status_code == 422
    assert get("/api/v1/recipes", params={"colour": "red"}).status_code == 422


def test_clients_learn_what_a_recipe_may_choose_from(client: TestClient) -> None:
    known = client.get("/api/v1/estimators").json()
    assert {one["name"] for one in known["estimators"]} == set(ESTIMATORS)
    forest = next(one for one in known["estimators"] if one["name"] == "RandomForestClassifier")
    depth = next(one for one in forest["parameters"] if one["name"] == "max_depth")
    assert (depth["kind"], depth["low"], depth["high"], depth["is_whole"], depth["may_be_none"]) == (
        "number", 1, 64, True, True,
    )  # fmt: skip
    assert len(known["metrics"]) == sum(map(len, METRICS.values()))
