"""A list costs the same number of queries however long it is, and whoever looks."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Table, event, insert, select
from starlette.testclient import TestClient

from modelops_platform.core.db import Database
from modelops_platform.core.ids import new_id
from modelops_platform.deployments.tables import Deployment, Revision
from modelops_platform.events.tables import Event
from modelops_platform.governance.tables import ApprovalRequest
from modelops_platform.jobs.tables import Job
from modelops_platform.monitoring.tables import Monitor
from modelops_platform.registry.tables import Model, ModelSummary, SummaryInterval, Version
from tests.contract.furnished import MODEL, House
from tests.factories import Cast

PAGES = [
    "/",
    "/models",
    f"/models/{MODEL}",
    f"/models/{MODEL}/versions",
    f"/models/{MODEL}/monitoring",
    "/portfolio",
    "/approvals",
    "/deployments",
    "/monitoring",
    "/jobs",
    "/audit",
    *(f"/api/v1/{name}?limit=200" for name in ("models", "portfolio", "approvals", "deployments", "jobs", "events")),
]
LONG = ["/models", "/portfolio", "/api/v1/models?limit=200", "/api/v1/portfolio?limit=200"]


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    engines = {id(engine): engine for engine in (database.read_engine, database.write_engine)}.values()
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield statements
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


def cost(database: Database, client: TestClient, paths: Sequence[str]) -> dict[str, int]:
    """How many statements each address takes."""
    found = {}
    for path in paths:
        with counted(database) as statements:
            answer = client.get(path)
        assert answer.status_code in (200, 403), (path, answer.text[:300])
        found[path] = len(statements) if answer.status_code == 200 else 0
    return found


def grow(database: Database, count: int) -> None:
    """Add copies of the furnished model, with all that hangs on it, below new names and ids."""
    with database.write() as db:
        connection = db.connection()

        def rows(table: Any, **where: Any) -> list[dict[str, Any]]:
            found = connection.execute(select(table).filter_by(**where)) if where else connection.execute(select(table))
            return [dict(row) for row in found.mappings()]

        made: dict[Table, list[dict[str, Any]]] = {}

        def copy(table: Any, row: dict[str, Any], **changes: Any) -> None:
            made.setdefault(table, []).append({**row, **changes})

        models, summaries, versions, deployments, revisions, requests, jobs, events, monitors = (
            Model.__table__,
            ModelSummary.__table__,
            Version.__table__,
            Deployment.__table__,
            Revision.__table__,
            ApprovalRequest.__table__,
            Job.__table__,
            Event.__table__,
            Monitor.__table__,
        )
        [model] = [row for row in rows(models) if row["name"] == MODEL]
        [interval] = [
            row for row in rows(SummaryInterval.__table__) if row["model_id"] == model["id"] and row["to_at"] is None
        ]
        [summary] = [row for row in rows(summaries) if row["model_id"] == model["id"]]
        version = next(row for row in rows(versions) if row["model_id"] == model["id"] and row["number"] == 1)
        [deployment], [revision], [request] = rows(deployments), rows(revisions), rows(requests)
        job, told, monitor = rows(jobs)[0], rows(events)[0], rows(monitors)[0]
        for _ in range(count):
            at = {name: new_id() for name in ("model", "version", "deployment")}
            name = f"copy-{at['model']}"
            copy(models, model, id=at["model"], name=name, skeleton=name)
            copy(summaries, summary, model_id=at["model"])
            copy(SummaryInterval.__table__, interval, id=new_id(), model_id=at["model"])
            copy(versions, version, id=at["version"], model_id=at["model"])
            copy(deployments, deployment, id=at["deployment"], model_id=at["model"], name=name)
            copy(revisions, revision, id=new_id(), deployment_id=at["deployment"], version_id=at["version"])
            copy(requests, request, id=new_id(), model_id=at["model"], version_id=at["version"])
            copy(monitors, monitor, id=new_id(), model_id=at["model"])
            copy(jobs, job, id=new_id(), key=None)
            copy(events, told, id=new_id(), model_id=at["model"])
        for table, copies in made.items():
            connection.execute(insert(table), copies)


@pytest.fixture
def people(client_as: Callable[..., TestClient], cast: Cast, app: FastAPI, house: House) -> dict[str, TestClient]:
    """Who looks: an administrator, a viewer of everything, and one with a grant on a single model."""
    single = cast.person(None)
    cast.grant(single, "viewer", "model", house.admin.get(f"/api/v1/models/{MODEL}").json()["id"])
    headers = {"authorization": f"Bearer {cast.token(single)}"}
    return {
        "admin": house.admin,
        "viewer": client_as("viewer"),
        "viewer of one model": TestClient(app, headers=headers, follow_redirects=False),
    }


def test_a_list_of_fifty_costs_what_a_list_of_one_does(database: Database, people: dict[str, TestClient]) -> None:
    before = {who: cost(database, client, PAGES) for who, client in people.items()}
    grow(database, 50)
    assert {who: cost(database, client, PAGES) for who, client in people.items()} == before


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_thousand_models_cost_what_one_does(database: Database, people: dict[str, TestClient]) -> None:
    before = {who: cost(database, client, LONG) for who, client in people.items()}
    grow(database, 1000)
    assert {who: cost(database, client, LONG) for who, client in people.items()} == before
    assert people["admin"].get("/api/v1/portfolio").json()["total"] == 1001
    assert people["viewer of one model"].get("/api/v1/portfolio").json()["total"] == 1
