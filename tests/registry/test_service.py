"""What holds whatever happens at the same time, and what a summary says against the truth."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session, undefer
from starlette.testclient import TestClient

from modelops_platform.core import clock
from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.registry import queries, service
from modelops_platform.registry.schemas import ModelFilter, ModelIn, VersionIn
from modelops_platform.registry.tables import Model, ModelEnvironment, ModelSummary, Version
from tests.factories import Cast

Clients = Callable[..., TestClient]


def test_numbers_have_no_gaps_however_many_add_versions(database: Database, cast: Cast) -> None:
    maker = cast.actor(cast.person("admin"))
    with database.write() as db:
        service.register_model(db, maker, ModelIn(name="churn"))
    failures: list[BaseException] = []

    def add(fail: bool) -> None:
        try:
            with database.write() as db:
                service.add_version(db, maker, queries.get_model(db, maker, "churn"), VersionIn())
                if fail:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        except BaseException as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    threads = [threading.Thread(target=add, args=(n % 3 == 0,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with database.read() as db:
        assert db.scalars(select(Version.number).order_by(Version.number)).all() == list(range(1, 9))
        assert queries.get_model(db, maker, "churn").last_version == 8


def test_a_version_is_never_changed(database: Database, cast: Cast) -> None:
    maker = cast.actor(cast.person("admin"))
    with database.write() as db:
        model = service.register_model(db, maker, ModelIn(name="churn"))
        service.add_version(db, maker, model, VersionIn(description="First."))
    with pytest.raises(RuntimeError, match="never changed"), database.write() as db:
        queries.get_version(db, maker, "churn", 1).signature = {"inputs": []}


def test_what_an_alias_named_at_a_time_can_be_asked(database: Database, cast: Cast, open_gate: list[object]) -> None:
    maker = cast.actor(cast.person("admin"))
    with database.write() as db:
        model = service.register_model(db, maker, ModelIn(name="churn"))
        for _ in range(2):
            service.add_version(db, maker, model, VersionIn())
        service.set_alias(db, maker, model, "champion", 1)
    between = clock.now()
    with database.write() as db:
        service.set_alias(db, maker, queries.get_model(db, maker, "churn"), "champion", 2)
    with database.read() as db:
        then, now = queries.find_alias(db, model.id, "champion", between), queries.find_alias(db, model.id, "champion")
        assert then is not None
        assert now is not None
        assert (then.version_number, now.version_number) == (1, 2)
        assert then.to_at == now.from_at
        assert queries.find_alias(db, model.id, "champion", then.from_at) == then


def test_the_summary_is_the_truth_after_any_change(
    client: TestClient, database: Database, open_gate: list[object]
) -> None:
    def send(method: str, path: str, **body: object) -> None:
        answer = client.request(method, f"/api/v1/models{path}", json=body or None)
        assert answer.status_code < 300, answer.text

    for name in ("alpha", "ALPHA", "beta"):
        send("POST", "", name=name, kind="vendor", fields={"vendor": "Große AG"}, tags={"x": "1"})
    for _ in range(2):
        send("POST", "/alpha/versions", description="v")
    send("PUT", "/alpha/aliases/a", version=1)
    send("PUT", "/alpha/aliases/b", version=1)
    send("PUT", "/alpha/aliases/b", version=2)
    send("DELETE", "/alpha/aliases/a")
    send("PUT", "/alpha/tags/new", value="Wert")
    send("DELETE", "/alpha/tags/x")
    send("PATCH", "/beta", name="Beta", purpose="Other words.")
    send("POST", "/ALPHA/archive")
    assert _summaries(database) == _rebuilt(database)
    alpha = client.get("/api/v1/models/alpha").json()
    assert (alpha["aliases"], alpha["tags"], alpha["similar_names"]) == ({"b": 2}, {"new": "Wert"}, [])


def _summaries(database: Database) -> list[tuple[object, ...]]:
    living = select(ModelSummary).join(Model).where(Model.archived_at.is_(None)).order_by(ModelSummary.model_id)
    with database.read() as db:
        rows = db.scalars(living.options(undefer(ModelSummary.search_text))).all()
        return [(s.model_id, s.tags, s.aliases, s.last_version_at, s.has_look_alikes, s.search_text) for s in rows]


def _rebuilt(database: Database) -> list[tuple[object, ...]]:
    with database.write() as db:
        db.execute(update(ModelSummary).values(tags=["?"], aliases=[], search_text="?", has_look_alikes=True))
    with database.write() as db:
        last: str | None = ""
        while last is not None:
            last = service.rebuild_summaries(db, DEFAULT_WORKSPACE, after=last, limit=2)
    return _summaries(database)


def test_a_summary_takes_only_what_it_has(write_db: Session, cast: Cast) -> None:
    with pytest.raises(ValueError, match="colour"):
        service.summarise(write_db, "nobody", colour="red")
    with pytest.raises(ValueError, match="no model"):
        service.summarise(write_db, "nobody", tier=1)


def test_live_environments_can_be_searched_and_hold_a_model_in_the_inventory(
    client: TestClient, database: Database
) -> None:
    model = client.post("/api/v1/models", json={"name": "churn"}).json()
    live = [
        {"name": "production", "version": 1, "digest": None, "deployment": "d", "since": None, "is_protected": True}
    ]
    with database.write() as db:
        service.summarise(db, model["id"], tier=2, light="warn", live_environments=live)
    found = client.get("/api/v1/models", params={"q": "env:production tier:2", "light": "warn"}).json()["items"]
    assert [one["summary"]["live_environments"] for one in found] == [live]
    refused = client.post("/api/v1/models/churn/archive")
    assert (refused.status_code, refused.json()["code"]) == (409, "transition_refused")
    with database.write() as db:
        service.summarise(db, model["id"], live_environments=[])
        assert db.scalars(select(ModelEnvironment)).all() == []
    assert client.post("/api/v1/models/churn/archive").status_code == 200


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """Count the statements that readers send."""
    statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    event.listen(database.read_engine, "before_cursor_execute", note)
    yield statements
    event.remove(database.read_engine, "before_cursor_execute", note)


def fill(database: Database, count: int) -> None:
    """Add models straight to the tables, as many as there would be after years."""
    with database.write() as db:
        pattern = db.scalars(select(Model).limit(1)).one()
        columns = {c.key: getattr(pattern, c.key) for c in Model.__table__.columns if c.key != "id"}
        for number in range(count):
            name = f"model {count}-{number:04}"
            model = Model(**{**columns, "name": name, "skeleton": name})
            model.summary = ModelSummary(search_text=name, tier=number % 4 + 1)
            db.add(model)


def test_list_and_page_cost_the_same_number_of_queries_at_any_size(
    client: TestClient, client_as: Clients, database: Database, cast: Cast
) -> None:
    first = client.post("/api/v1/models", json={"name": "first"}).json()
    person = cast.person(None)
    cast.grant(person, "viewer", "model", first["id"])
    narrow = TestClient(client.app, headers={"authorization": f"Bearer {cast.token(person)}"})
    paths = ("/models", "/models?q=kind:ml+first&kind=ml", "/models/first", "/api/v1/models", "/api/v1/models/first")
    seen: dict[str, set[int]] = {}
    for more in (0, 49, 950):
        if more:
            fill(database, more)
        for who, someone in (("admin", client), ("viewer of one model", narrow)):
            for path in paths:
                with counted(database) as statements:
                    assert someone.get(path).status_code == 200
                seen.setdefault(f"{path} for {who}", set()).add(len(statements))
    assert {key: len(counts) for key, counts in seen.items()} == dict.fromkeys(seen, 1), seen
    assert len(narrow.get("/api/v1/models").json()["items"]) == 1
    with database.read() as db:
        total, facets = queries.count_facets(db, cast.actor(person), ModelFilter())
    assert total == 1
    assert [(option.value, option.count) for option in facets[0].options] == [("ml", 1)]
