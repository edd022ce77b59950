"""A model with data to learn from, and the job process that trains it."""

import csv
import io
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import pytest
from sklearn import datasets
from sqlalchemy import select
from starlette.testclient import TestClient

from modelops_platform.core.db import Database
from modelops_platform.identity.tables import User
from modelops_platform.jobs.domain.states import UNFINISHED
from modelops_platform.jobs.runner import Worker
from modelops_platform.jobs.tables import Job
from modelops_platform.pipelines.jobs import HANDLERS
from tests.client import Client
from tests.factories import Cast


def iris() -> tuple[list[str], list[list[Any]]]:
    """The iris data as header and rows."""
    source = datasets.load_iris()
    names = [name.removesuffix(" (cm)").replace(" ", "_") for name in source.feature_names]
    species = [str(source.target_names[target]) for target in source.target]
    return [*names, "species"], [[*row, name] for row, name in zip(source.data.tolist(), species, strict=True)]


def as_csv(header: list[str], rows: list[list[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


@dataclass
class Shop:
    """A data scientist in a unit, their model, and data sets to learn from."""

    client: TestClient
    person: User
    model: str = "iris"

    def data_set(self, name: str, header: list[str], rows: list[list[Any]]) -> dict[str, Any]:
        stored = self.client.put("/api/v1/files", params={"name": f"{name}.csv"}, content=as_csv(header, rows))
        assert stored.status_code == 201, stored.text
        record = self.client.post(
            "/api/v1/data-sets",
            json={
                "name": name,
                "digest": stored.json()["sha256"],
                "file_name": f"{name}.csv",
                "rows": len(rows),
                "columns": [{"name": column, "type": "double"} for column in header],
            },
        )
        assert record.status_code == 201, record.text
        return record.json()

    def document(self, **changes: Any) -> dict[str, Any]:
        return {
            "data_set_id": "iris",
            "target": "species",
            "features": ["sepal_length", "sepal_width", "petal_length", "petal_width"],
            "task": "classification",
            "estimator": "LogisticRegression",
            "parameters": {"C": 0.5, "max_iter": 500},
            "split": {"kind": "random", "test_share": 0.3, "seed": 11},
            "metrics": ["accuracy", "log_loss"],
        } | changes

    def recipe(self, name: str = "weekly", **changes: Any) -> dict[str, Any]:
        answer = self.client.post(
            "/api/v1/recipes", json={"name": name, "model": self.model, "document": self.document(**changes)}
        )
        assert answer.status_code == 201, answer.text
        return answer.json()

    def start(self, recipe: dict[str, Any]) -> dict[str, Any]:
        answer = self.client.post(f"/api/v1/recipes/{recipe['id']}/runs")
        assert answer.status_code == 201, answer.text
        return answer.json()

    def run(self, run: dict[str, Any]) -> dict[str, Any]:
        return self.client.get(f"/api/v1/training-runs/{run['id']}").json()


@pytest.fixture
def shop(app: Any, cast: Cast) -> Shop:
    """A contributor of the unit Plants with the model `iris` and the data set `iris`."""
    person = cast.person("contributor", unit="Plants", name="Rosa Park")
    headers = {"authorization": f"Bearer {cast.token(person)}"}
    shop = Shop(Client(app, headers=headers), person)
    assert shop.client.post("/api/v1/models", json={"name": "iris", "unit": "Plants"}).status_code == 201
    shop.data_set("iris", *iris())
    return shop


@pytest.fixture
def work(database: Database) -> Callable[..., list[str]]:
    """Let a job process do what waits, of all kinds or of one; returns the steps that were seen on the way.

    `until` ends the waiting earlier; the next call goes on with the same process.
    """
    workers: dict[str, Worker] = {}

    def run(kind: str = "", until: Callable[[], bool] = lambda: False, engine: str = "local") -> list[str]:
        handlers = {name: handler for name, handler in HANDLERS.items() if kind in ("", name)}
        worker = workers.setdefault(kind + engine, Worker(database, handlers, engine=engine))
        steps: list[str] = []
        deadline = time.monotonic() + 90
        while (jobs := _unfinished(database, handlers)) and not until():
            assert time.monotonic() < deadline, jobs[0].step
            worker.turn()
            steps += [job.step for job in jobs if job.step and job.step not in steps]
            time.sleep(0.1)
        return steps

    return run


def _unfinished(database: Database, kinds: Collection[str]) -> list[Job]:
    with database.read() as db:
        return list(db.scalars(select(Job).where(Job.state.in_(UNFINISHED), Job.kind.in_(kinds))))
