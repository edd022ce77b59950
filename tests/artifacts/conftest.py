"""Stores to test with: SQLite goes with a local folder, PostgreSQL with a server that speaks S3."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import obstore
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import func, select

from modelops_platform.artifacts.store import LocalStore, ObjectStore, Store, open_store
from modelops_platform.core.db import Database
from modelops_platform.core.settings import Settings
from modelops_platform.jobs.domain.states import UNFINISHED
from modelops_platform.jobs.tables import Job
from modelops_platform.main import open_home
from modelops_platform.worker import make_worker
from tests.s3 import KEYS, fresh_bucket, s3_server


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of a server that speaks S3."""
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def settings(request: pytest.FixtureRequest, settings: Settings, database_url: str) -> Settings:
    """Settings of an installation of its own, on a local folder or on S3."""
    if database_url.startswith("sqlite"):
        return settings
    endpoint = request.getfixturevalue("s3")
    keys = {name: SecretStr(key) for name, key in KEYS.items()}
    address = {"artifact_url": f"s3://{fresh_bucket(endpoint)}/some/prefix", "s3_endpoint": endpoint}
    return settings.model_copy(update=address | keys)


class Vault:
    """The bytes behind a store's back, to be spoiled."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def digests(self) -> list[str]:
        """What is stored."""
        if isinstance(self.store, LocalStore):
            return sorted(path.parent.name + path.name for path in self.store.root.glob("sha256/*/*"))
        assert isinstance(self.store, ObjectStore)
        found = [entry["path"] for batch in obstore.list(self.store._bucket) for entry in batch]
        return sorted("".join(path.split("/")[-2:]) for path in found)

    def leftovers(self) -> list[Path]:
        """What uploads left behind."""
        return list(self.store.spool.glob("*"))

    def change(self, sha256: str, change: Callable[[bytes], bytes] | None) -> None:
        """Replace stored bytes, or lose them."""
        if isinstance(self.store, LocalStore):
            path = self.store.path(sha256)
            path.write_bytes(change(path.read_bytes())) if change else path.unlink()
            return
        assert isinstance(self.store, ObjectStore)
        key = f"sha256/{sha256[:2]}/{sha256[2:]}"
        if change:
            data = change(bytes(obstore.get(self.store._bucket, key).bytes()))
            obstore.put(self.store._bucket, key, data)
        else:
            obstore.delete(self.store._bucket, key)


def spoiled(at: int) -> Callable[[bytes], bytes]:
    """A change of one bit."""
    return lambda data: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.fixture
def vault(settings: Settings) -> Vault:
    """The bytes of this test's installation."""
    return Vault(open_store(settings))


@pytest.fixture
def narrow(app: FastAPI, settings: Settings, database: Database) -> FastAPI:
    """The application with the smallest limit for uploads."""
    open_home(app, settings.model_copy(update={"max_upload_bytes": 1_000_000}), database)
    return app


@pytest.fixture
def work_off(settings: Settings, database: Database) -> Callable[[], None]:
    """Do all waiting jobs in a real worker with real children."""

    def run() -> None:
        worker = make_worker(settings, database)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            worker.turn()
            with database.read() as db:
                if not db.scalar(select(func.count()).where(Job.state.in_(UNFINISHED))):
                    return
            time.sleep(0.05)
        raise AssertionError("the jobs did not end")

    return run
