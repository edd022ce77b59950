"""The unmodified MLflow client against a running server: one server and one set of people for all these tests.

Importing the client costs seconds, so it is done once, and all tests that use it run in one process.
"""

import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from modelops_platform.core.db import Database
from modelops_platform.core.settings import load_settings
from modelops_platform.main import create_app
from tests.factories import Cast

ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep all that use the client in one process."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.own_markers = [mark for mark in item.own_markers if mark.name != "xdist_group"]
            item.add_marker(pytest.mark.xdist_group("mlflow"))


@dataclass(frozen=True)
class Place:
    """Where the server is, and who may ask it."""

    url: str
    app: FastAPI
    cast: Cast
    database: Database
    token: str


@pytest.fixture(scope="session")
def place(sqlite_template: Path, session_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server over a database of its own, and the token of a contributor of the unit Cards."""
    home = tmp_path_factory.mktemp("mlflow")
    shutil.copy(sqlite_template, home / "modelops.db")
    url = f"sqlite:///{home / 'modelops.db'}"
    settings = load_settings(home=home, database_url=url, keys=str(session_folder / "keys"), database_pool=5)
    database = Database.from_settings(settings)
    app = create_app(settings, database)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    cast = Cast(database)
    token = cast.token(cast.person("contributor", unit="Cards", name="Carla"))
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Place(f"http://127.0.0.1:{port}", app, cast, database, token)
    server.should_exit = True
    thread.join(10)
    database.dispose()


@pytest.fixture(scope="session")
def mlflow_module(place: Place) -> Iterator[Any]:
    """The client's module, pointed at the server."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        import mlflow

        mlflow.set_tracking_uri(place.url)
        mlflow.set_registry_uri(place.url)
        yield mlflow


@pytest.fixture
def mlflow(mlflow_module: Any, place: Place, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The client, signed in as Carla."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", place.token)
    yield mlflow_module
    while mlflow_module.active_run():
        mlflow_module.end_run()


@pytest.fixture
def client(mlflow: Any) -> Any:
    """The lower of the client's two interfaces."""
    return mlflow.MlflowClient()


@pytest.fixture
def experiment(client: Any) -> str:
    """An experiment of its own."""
    return str(client.create_experiment(f"experiment {time.time_ns()}"))
