"""What `modelops doctor` finds, on an installation broken in each way."""

import ctypes.util
import importlib.util
import shutil
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from modelops_platform.artifacts.store import open_store
from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.core.settings import Settings, load_settings
from modelops_platform.operations.doctor import Finding, State, examine


def look(settings: Settings, port: int = 65_000) -> dict[str, Finding]:
    return {finding.what: finding for finding in examine(settings, port=port)}


def test_a_sound_installation_has_nothing_wrong(settings: Settings, database: Database) -> None:
    open_store(settings).check()
    found = look(settings)
    assert [finding for finding in found.values() if finding.state is State.WRONG] == []
    assert found["migrations"].state is found["database"].state is found["store"].state is State.FINE


def test_looking_at_nothing_makes_nothing(tmp_path: Path) -> None:
    found = look(load_settings(home=tmp_path / "home"))
    assert found["home"].state is found["database"].state is State.WRONG
    assert found["jobs"].state is State.SKIPPED
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def home(tmp_path: Path, sqlite_template: Path) -> Path:
    shutil.copy(sqlite_template, tmp_path / "modelops.db")
    Database.from_settings(load_settings(home=tmp_path)).dispose()
    open_store(load_settings(home=tmp_path)).check()
    return tmp_path


def open_the_key(home: Path) -> None:
    (home / "keys" / "events.key").chmod(0o644)


def show_the_database(home: Path) -> None:
    home.chmod(0o755)
    (home / "modelops.db").chmod(0o644)


def damage_the_database(home: Path) -> None:
    content = bytearray((home / "modelops.db").read_bytes())
    content[8192:16384] = bytes(8192)
    (home / "modelops.db").write_bytes(content)


def be_of_an_earlier_release(home: Path) -> None:
    change(home, "UPDATE alembic_version SET version_num = '0009'")


def be_of_a_later_release(home: Path) -> None:
    change(home, "UPDATE alembic_version SET version_num = '9999'")


def damage_a_file(home: Path) -> None:
    change(
        home,
        "INSERT INTO blobs (sha256, id, size, block_size, block_digests, verdict, reasons, globals, created_by,"
        " created_at, damaged_at) VALUES ('ab', 'b1', 1, 1, '', 'clean', '[]', '[]', 'nobody',"
        " '2026-11-24 08:00:00.000000', '2026-11-24 08:00:00.000000')",
    )


def lose_the_store(home: Path) -> None:
    shutil.rmtree(home / "blobs")
    (home / "blobs").write_text("not a folder")


def change(home: Path, statement: str) -> None:
    database = Database.from_settings(load_settings(home=home))
    with database.write() as db:
        db.execute(text(statement))
    database.dispose()


@pytest.mark.parametrize(
    ("spoil", "what", "state", "remedy"),
    [
        (open_the_key, "keys", State.WRONG, "chmod 600"),
        (show_the_database, "permissions", State.WARNING, "chmod 700"),
        (damage_the_database, "database", State.WRONG, ""),
        (be_of_an_earlier_release, "migrations", State.WRONG, "modelops db upgrade"),
        (be_of_a_later_release, "migrations", State.WRONG, "newer release"),
        (damage_a_file, "files", State.WRONG, "restore them from a backup"),
        (lose_the_store, "store", State.WARNING, "check the setting"),
    ],
)
def test_what_is_wrong_is_named_with_what_to_do(
    spoil: Callable[[Path], None], what: str, state: State, remedy: str, home: Path
) -> None:
    spoil(home)
    found = look(load_settings(home=home))[what]
    assert found.state is state
    assert remedy in (found.remedy or "")


@pytest.mark.parametrize(
    ("free", "state"), [(1, State.WRONG), (500_000_000, State.WARNING), (900_000_000_000, State.FINE)]
)
def test_room_on_the_disk_is_looked_at(free: int, state: State, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(total=1e12, used=0, free=free))
    assert look(load_settings(home=home))["disk"].state is state


def test_system_parts_that_are_missing_are_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes.util, "find_library", lambda _name: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    found = look(load_settings(home=home))
    assert "libpango" in str(found["pango"].remedy)
    assert found["packages"].words == "uvloop, httptools is not installed."


def test_a_taken_port_is_seen(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert look(load_settings(home=home), taken.getsockname()[1])["port"].state is State.WARNING


def test_a_clock_that_ran_back_is_seen(client: TestClient, settings: Settings) -> None:
    assert client.post("/api/v1/models", json={"name": "now", "kind": "ml"}).status_code == 201
    with clock.frozen(clock.now() - timedelta(days=365)):
        assert look(settings)["clock"].state is State.WRONG


def test_a_database_that_is_away_is_named(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, database_url="postgresql://nobody@127.0.0.1:9/none")
    found = look(settings)
    assert found["database"].state is State.WRONG
    assert found["migrations"].state is State.SKIPPED
