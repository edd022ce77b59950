"""The first steps of an installation, read from what exists, and the sample data switch."""

from collections.abc import Callable

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from modelops_platform.artifacts.store import store_of
from modelops_platform.core.db import Database
from modelops_platform.demo import samples
from modelops_platform.identity.tables import User
from modelops_platform.jobs.tables import Job
from modelops_platform.registry.tables import DataSet, Model, UseCase
from tests.factories import Cast

Clients = Callable[..., TestClient]
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@ON_SQLITE
def test_steps_are_done_when_the_things_exist(client: TestClient, cast: Cast) -> None:
    assert "Set up the platform" in client.get("/").text
    page = client.get("/welcome").text
    assert "Tier 1, critical" in page
    assert page.count('badge-pass">done') + page.count(">done<") == 0
    named = client.post("/welcome/organisation", data={"name": "Northern Bank", "units": "Retail\n\n Cards \n"})
    assert named.status_code == 303, named.text
    again = client.post("/welcome/organisation", data={"name": "Northern Bank", "units": "Retail"})
    assert again.status_code == 303
    units = {unit["name"] for unit in client.get("/api/v1/units").json()["items"]}
    assert units == {"Northern Bank", "Retail", "Cards"}
    assert client.post("/api/v1/models", json={"name": "churn", "unit": "Cards"}).status_code == 201
    cast.person("viewer")
    assert "Everything is set up" in client.get("/welcome").text
    assert "Set up the platform" not in client.get("/").text


@ON_SQLITE
def test_it_can_be_left_for_later_and_taken_up_again(
    client: TestClient, database: Database, cast: Cast, nobody: TestClient
) -> None:
    with database.read() as db:
        admin = db.scalars(select(User.id)).first()
    link = client.post(f"/api/v1/users/{admin}/sign-in-link").json()["url"].partition("link=")[2]
    assert nobody.post("/login", data={"link": link}).status_code == 303  # preferences come with a browser's session
    assert 'href="/welcome"' in nobody.get("/").text.split("<main")[1]
    assert nobody.post("/welcome/skip").headers["location"] == "/"
    assert 'href="/welcome"' not in nobody.get("/").text.split("<main")[1]
    assert nobody.post("/welcome/resume").headers["location"] == "/welcome"
    assert 'href="/welcome"' in nobody.get("/").text.split("<main")[1]


@ON_SQLITE
def test_what_cannot_be_taken_is_said(client: TestClient, client_as: Clients) -> None:
    assert client.post("/welcome/organisation", data={"name": ""}).status_code == 422
    many = "\n".join(f"Unit {number}" for number in range(51))
    assert client.post("/welcome/organisation", data={"name": "Bank", "units": many}).status_code == 422
    assert client.post("/welcome/organisation", data={"name": "Bank", "units": "a\u202eb"}).status_code == 422
    assert client_as("contributor").get("/welcome").status_code == 403
    client.post("/api/v1/models", json={"name": "churn"})
    assert client.post("/welcome/add-samples").status_code == 409


def written(database: Database, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """What the child would hand over, with small files of our own in the place of the real ones."""
    folder = tmp_path_factory.mktemp("files")
    with database.read() as db:
        store = store_of(db)
    data, rules = folder / "data.csv", folder / "rules.yaml"
    data.write_text("income,food\n1,2\n3,4\n", encoding="utf-8")
    rules.write_text("rules: []\n", encoding="utf-8")
    common = {"use_case": "Lending", "affects_people": False, "fields": {}, "kind": "rules", "purpose": "Says so."}
    told = {"name": "engel", "rows": 2, "source": "here", "licence": "CC0", "preparation": "none", "file": "data.csv"}
    return [
        common
        | {
            "name": name,
            "recipe": None,
            "files": {"rules.yaml": store.receive_file(rules)},
            "data_set": told | {"received": store.receive_file(data)},
        }
        for name in ("one", "two")
    ]


def test_sample_data_comes_and_goes_whole_and_touches_nothing_else(
    client: TestClient, cast: Cast, database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert client.post("/welcome/add-samples").status_code == 303
    with database.read() as db:
        [job] = db.scalars(select(Job).where(Job.kind == "samples.add")).all()
    assert job.created_by != "system"
    actor = cast.actor(cast.person("admin"))
    with database.write() as db:
        samples.add(db, actor, written(database, tmp_path_factory))
    listed = [model["name"] for model in client.get("/api/v1/models").json()["items"]]
    assert sorted(listed) == ["sample-one", "sample-two"]
    assert "modelops.sample" in client.get("/api/v1/models/sample-one").json()["tags"]
    assert client.post("/api/v1/models", json={"name": "churn", "use_case": "Sample - Lending"}).status_code == 201
    tagged = {"name": "tagged by hand", "tags": {"modelops.sample": ""}, "use_case": "Sample - Lending"}
    assert client.post("/api/v1/models", json=tagged).status_code == 201
    assert client.post("/api/v1/data-sets", json={"name": "mine", "digest": "b" * 64}).status_code == 201
    assert "2 sample models" in client.get("/welcome").text
    with database.write() as db:
        assert samples.remove(db, actor) == {"models": 2}
    with database.read() as db:
        living = {
            table: set(db.scalars(select(table.name).where(table.archived_at.is_(None))))
            for table in (Model, DataSet, UseCase)
        }
    # The use case stays, because a model that is no sample serves it by now.
    assert living == {Model: {"churn", "tagged by hand"}, DataSet: {"mine"}, UseCase: {"Sample - Lending"}}
    with database.write() as db:
        assert samples.remove(db, actor) == {"models": 0}
