"""Upgrades: a small home of every earlier release, on both databases, comes up whole in this one."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from fastapi import FastAPI
from starlette.testclient import TestClient

from modelops_platform.artifacts.store import open_store
from modelops_platform.cli.home import bring_up
from modelops_platform.core.db import Base, Database
from modelops_platform.core.settings import Settings, load_settings
from modelops_platform.main import open_home
from modelops_platform.operations.backup import read_manifest, restore_backup, restore_keys
from tests.factories import Cast

HOMES = sorted((Path(__file__).parent / "homes").glob("*.tar.gz"))


@pytest.fixture(params=["sqlite", "postgres"])
def empty_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    if request.param == "sqlite":
        yield load_settings(home=tmp_path)
        return
    postgres = request.getfixturevalue("postgres")
    url = postgres.empty_database()
    yield load_settings(home=tmp_path, database_url=url)
    postgres.drop(url)


@pytest.mark.parametrize("home", HOMES, ids=lambda path: path.name.removesuffix(".tar.gz"))
def test_a_home_of_an_earlier_release_comes_up_whole(
    home: Path, empty_place: Settings, shared_app: FastAPI, tmp_path: Path
) -> None:
    with tarfile.open(home) as archive:
        if hasattr(tarfile, "data_filter"):  # Python 3.11.4 and newer
            archive.extractall(tmp_path, filter="data")
        else:
            archive.extractall(tmp_path)
    source = tmp_path / "backup"
    manifest = read_manifest(source)
    restore_keys(empty_place, source, manifest)
    database = Database.from_settings(empty_place)
    restore_backup(database, open_store(empty_place), source, manifest)
    bring_up(empty_place, database)

    open_home(shared_app, empty_place, database)
    cast = Cast(database)
    client = TestClient(shared_app, headers={"authorization": f"Bearer {cast.token(cast.person('admin'))}"})
    models = {model["name"]: model for model in client.get("/api/v1/models").json()["items"]}
    assert set(models) == {"loan default", "späť \U0001f600"}
    versions = client.get("/api/v1/models/loan default/versions").json()["items"]
    assert [version["number"] for version in versions] == [2, 1]
    file = client.get(f"/api/v1/models/loan default/versions/{versions[0]['number']}").json()["files"][0]
    assert b"income,12" in client.get(f"/api/v1/files/{file['sha256']}").content
    for page in ("/", "/portfolio", "/models/loan default", "/models/loan default/monitoring", "/approvals", "/audit"):
        assert client.get(page).status_code in (200, 303), page
    assert client.post("/api/v1/models", json={"name": "made later", "kind": "rules"}).status_code == 201
    with database.read() as db:
        context = MigrationContext.configure(db.connection(), opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    database.dispose()


def test_homes_are_kept() -> None:
    assert HOMES, "no home is kept: python tools/keep_release.py"
