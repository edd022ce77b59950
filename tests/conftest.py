"""What every test stands on: real databases built by the migrations, the real application, people with roles."""

import gc
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
import uvicorn
from anyio.from_thread import start_blocking_portal
from fastapi import FastAPI
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Engine, QueuePool, event
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.core import migrations
from modelops_platform.core.actor import system_actor
from modelops_platform.core.db import Database
from modelops_platform.core.keys import load_keys
from modelops_platform.core.settings import Settings, load_settings
from modelops_platform.deployments import service as deployments
from modelops_platform.governance import defaults as governance_defaults
from modelops_platform.governance import service as governance
from modelops_platform.identity import passwords
from modelops_platform.identity import service as identity
from modelops_platform.main import create_app, open_home
from modelops_platform.tracking import service as tracking
from tests.client import Client
from tests.factories import Cast

# Workspaces of tests get policies of four requirements; those that are shipped are tested by themselves.
governance_defaults.POLICIES = Path(__file__).parent / "governance" / "plain"

# Nobody attacks the passwords of tests; what people get is shown by the tests that start the platform as they do.
passwords._hasher = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1),))
passwords.NOBODY = passwords.hash_password("that nobody knows")

pytest_plugins = ["tests.missing", "tests.postgres", "tests.chromium", "tests.demonstration"]

# The first fills the demonstration, which others wait for when they come too soon.
LONGEST = (
    "demo/test_demo_numbers.py",
    "faults/test_kills.py",
    "contract/test_permissions.py",
    "browser/test_every_page.py",
    "browser/test_journeys.py",
    "tests/test_serve.py",
    "contract/test_openapi.py",
    "faults/test_database_away.py",
    "serving/test_service.py",
    "grown/test_grown.py",
    "browser/test_governance_story.py",
    "demo/test_heavy.py",
    "artifacts/test_scanning.py",
    "jobs/test_processes.py",
    "pipelines/test_engine.py",
    "contract/test_attack_strings.py",
    "faults/test_drain.py",
    "faults/test_restarts.py",
    "faults/test_disk.py",
    "operations/test_backup.py",
    "browser/test_comfort.py",
    "contract/test_queries.py",
    "jobs/test_holding.py",
    "pipelines/test_jobs.py",
    "monitoring/test_api.py",
)

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def pytest_configure(config: pytest.Config) -> None:
    """Keep files together, the longest first; know the marker also when its plug-in is switched off."""
    config.addinivalue_line("markers", "xdist_group(name): tests that run in one process")
    if getattr(config.option, "dist", "no") == "load":
        config.option.dist = "loadgroup"
    config.option.loadscopereorder = False


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run half as many processes again as there are cores: a third of their time tests wait for servers and timers."""
    return (os.cpu_count() or 1) * 3 // 2


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests in one process, and begin with the files that take longest: none is waited for at the end.

    A test that says itself which process it shares is left to that. Tests with a browser still come last, as fixtures
    ask for: after them a process has a running event loop, beside which no other can be run.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group("/".join(item.path.parts[-2:])))
    longest = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: longest.get("/".join(item.path.parts[-2:]), len(LONGEST)))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Take what is loaded by now out of what is looked through for garbage again and again."""
    gc.collect()
    gc.freeze()


def migrate(url: str) -> None:
    """Fill an empty database as the first start does."""
    database = Database(url, keys=load_keys(Path(_keys_folder())))
    migrations.upgrade(database)
    with database.write() as db:
        workspace = identity.ensure_workspace(db, "enforce")
        deployments.ensure_environments(db, system_actor(workspace.id))
        governance.ensure_default_policies(db, workspace.id)
        tracking.ensure_default_experiment(db, system_actor(workspace.id))
    database.dispose()


_folders: list[Path] = []


def _keys_folder() -> Path:
    return _folders[0] / "keys"


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what the tests of one run share: keys, and a migrated SQLite file to copy."""
    folder = tmp_path_factory.mktemp("session")
    _folders[:] = [folder]
    return folder


@pytest.fixture(scope="session")
def sqlite_template(session_folder: Path) -> Path:
    """A migrated SQLite file without any user."""
    path = session_folder / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, session_folder: Path) -> Iterator[str]:
    """The address of a fresh, migrated database; each test runs once on each kind."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "modelops.db")
        yield f"sqlite:///{tmp_path / 'modelops.db'}"
        return
    postgres = request.getfixturevalue("postgres")
    url = postgres.fresh_database(migrate)
    yield url
    postgres.drop(url)


@pytest.fixture
def settings(database_url: str, tmp_path: Path, session_folder: Path) -> Settings:
    """Settings of an installation of its own for this test."""
    return load_settings(home=tmp_path, database_url=database_url, keys=_keys_folder(), database_pool=5)


_knowing: dict[str, Engine] = {}  # by kind of database, the first engine, which has statements compiled by now
_HANDS_OFF_SECONDS = 5.0  # a thread answers a moment before it gives its connection back


def quicken(database: Database) -> None:
    """Let it know the statements that earlier tests have compiled, and not wait for the disk, as PostgreSQL here."""
    for engine in (database.write_engine, database.read_engine):
        name = engine.dialect.name
        if name not in _knowing:
            with engine.connect():  # whose dialect learns what it must know of the server
                _knowing[name] = engine
        engine.dialect, engine._compiled_cache = _knowing[name].dialect, _knowing[name]._compiled_cache
    if database.is_sqlite:
        event.listen(database.write_engine, "connect", lambda made, _record: made.execute("PRAGMA synchronous=OFF"))


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """The database of this test."""
    database = Database.from_settings(settings)
    quicken(database)
    yield database
    if not database.is_sqlite:
        pool, deadline = database.write_engine.pool, time.monotonic() + _HANDS_OFF_SECONDS
        assert isinstance(pool, QueuePool), "it counts what is out"
        while pool.checkedout() and time.monotonic() < deadline:
            time.sleep(0.001)
    database.dispose()


@pytest.fixture
def db(database: Database) -> Iterator[Session]:
    """A session to look with; helpers of tests.factories begin a new view each time."""
    with database.read() as db:
        yield db


@pytest.fixture
def write_db(database: Database) -> Iterator[Session]:
    """A session to call services with; it holds the write lock, so no client may write meanwhile."""
    with database.write() as db:
        yield db


@pytest.fixture(scope="session")
def shared_app(sqlite_template: Path, session_folder: Path) -> Iterator[FastAPI]:
    """The application, built once; `app` gives it the installation of each test.

    One event loop answers all clients, as in a server; to make one for each request costs as much as many an answer.
    """
    settings = load_settings(
        home=session_folder,
        database_url=f"sqlite:///{sqlite_template}",
        keys=_keys_folder(),
        allowed_hosts="testserver",
    )
    with start_blocking_portal() as TestClient.portal:
        yield create_app(settings)
    TestClient.portal = None


@pytest.fixture
def app(shared_app: FastAPI, settings: Settings, database: Database) -> FastAPI:
    """The application over this test's database."""
    open_home(shared_app, settings, database)
    return shared_app


@pytest.fixture
def cast(database: Database) -> Cast:
    """People to act with: `cast.person("risk")`, `cast.token(person)`."""
    return Cast(database)


@pytest.fixture
def client_as(app: FastAPI, cast: Cast) -> Callable[..., TestClient]:
    """Make a client signed in as somebody with a role: `client_as("viewer", unit="Cards")`."""

    def make(role: str | None = "contributor", *, unit: str | None = None, name: str | None = None) -> TestClient:
        person = cast.person(role, unit=unit, name=name)
        return Client(app, headers={"authorization": f"Bearer {cast.token(person)}"})

    return make


@pytest.fixture
def client(client_as: Callable[..., TestClient]) -> TestClient:
    """A client signed in as an administrator."""
    return client_as("admin")


@pytest.fixture
def nobody(app: FastAPI) -> TestClient:
    """A client that is not signed in."""
    return Client(app)


@pytest.fixture
def live(app: FastAPI) -> Iterator[int]:
    """The port of a real server over the application, for what only a real connection shows."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(10)
