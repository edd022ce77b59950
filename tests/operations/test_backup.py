"""Backup and restore, from each kind of database into each, under load, and of what is not whole."""

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text
from starlette.testclient import TestClient

from modelops_platform.artifacts.store import LocalStore, open_store
from modelops_platform.core.db import Database
from modelops_platform.core.errors import InvalidInput
from modelops_platform.core.settings import Settings, load_settings
from modelops_platform.operations.backup import make_backup, read_manifest, restore_backup, restore_keys

CONTENT = b"income,points\n" * 50


class Place:
    """An empty installation to restore into."""

    def __init__(self, home: Path, url: str) -> None:
        self.settings = load_settings(home=home, database_url=url)
        self.store = open_store(self.settings)

    def restore(self, source: Path) -> Database:
        manifest = read_manifest(source)
        restore_keys(self.settings, source, manifest)
        database = Database.from_settings(self.settings)
        try:
            restore_backup(database, self.store, source, manifest)
        except InvalidInput:
            database.dispose()
            raise
        return database


@pytest.fixture(params=["into sqlite", "into postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    home = tmp_path / "restored"
    home.mkdir()
    if request.param == "into sqlite":
        yield Place(home, f"sqlite:///{home / 'modelops.db'}")
        return
    postgres = request.getfixturevalue("postgres")
    url = postgres.empty_database()
    yield Place(home, url)
    postgres.drop(url)


def fill(client: TestClient, database: Database) -> str:
    """Make rows of every sort of value, and a stored file; return its digest."""
    assert client.post("/api/v1/models", json={"name": "späť \U0001f600 'x'\\n", "kind": "rules"}).status_code == 201
    stored = client.put("/api/v1/files?name=points.csv", content=CONTENT, headers={"content-type": "text/csv"})
    assert stored.status_code == 201, stored.text
    with database.write() as db:
        db.execute(
            text("UPDATE blobs SET damaged_at = NULL, reasons = :reasons"),
            {"reasons": '["tab\\there \\\\ and \\"quotes\\"\\nline"]'},
        )
    return str(stored.json()["sha256"])


def rows_of(folder: Path) -> dict[str, list[str]]:
    """Return the rows of every table of a backup, in an order that does not depend on the database."""
    found = {}
    for name, table in read_manifest(folder).tables.items():
        columns = [column.name for column in table.columns]
        lines = (folder / "tables" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [dict(zip(columns, json.loads(line), strict=True)) for line in lines]
        found[name] = sorted(json.dumps(row, sort_keys=True) for row in rows)
    return found


def back_up(settings: Settings, database: Database, folder: Path) -> Path:
    make_backup(settings, database, open_store(settings), folder)
    return folder


def test_a_copy_holds_the_same_rows_files_and_keys(
    client: TestClient, settings: Settings, database: Database, place: Place, tmp_path: Path
) -> None:
    sha256 = fill(client, database)
    first = back_up(settings, database, tmp_path / "first")
    restored = place.restore(first)
    second = back_up(place.settings, restored, tmp_path / "second")
    assert rows_of(second) == rows_of(first)
    assert len(rows_of(first)["events"]) > 2
    assert LocalStore(second / "blobs").path(sha256).read_bytes() == CONTENT
    key = (settings.keys_folder / "events.key").read_text()
    assert (place.settings.keys_folder / "events.key").read_text() == key
    assert (place.settings.keys_folder / "events.key").stat().st_mode & 0o077 == 0
    restored.dispose()


def test_numbers_that_json_does_not_know_come_back(
    settings: Settings, database: Database, place: Place, tmp_path: Path
) -> None:
    with database.write() as db:
        db.execute(text("CREATE TABLE odd_numbers (id INTEGER PRIMARY KEY, value DOUBLE PRECISION)"))
        for number, value in enumerate([float("inf"), float("-inf"), 0.1 + 0.2, 5e-324, 1.7976931348623157e308, None]):
            db.execute(text("INSERT INTO odd_numbers VALUES (:id, :value)"), {"id": number, "value": value})
    folder = back_up(settings, database, tmp_path / "backup")
    lines = (folder / "tables" / "odd_numbers.jsonl").read_text().splitlines()
    assert [json.loads(line)[1] for line in lines] == ["inf", "-inf", 0.1 + 0.2, 5e-324, 1.7976931348623157e308, None]
    with pytest.raises(InvalidInput, match=r"does not know: \['odd_numbers'\]"):
        place.restore(folder)


def test_a_backup_under_load_is_one_moment(
    client: TestClient, settings: Settings, database: Database, tmp_path: Path
) -> None:
    stop = threading.Event()
    made: list[int] = []

    def work() -> None:
        while not stop.is_set():
            made.append(client.post("/api/v1/models", json={"name": f"model {len(made)}", "kind": "ml"}).status_code)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        while len(made) < 5:
            stop.wait(0.01)
        tables = [rows_of(back_up(settings, database, tmp_path / f"backup {number}")) for number in range(3)]
    finally:
        stop.set()
        worker.join()
    assert set(made) == {201}
    for rows in tables:
        registered = [row for row in rows["events"] if json.loads(row)["kind"] == "model.registered"]
        assert len(registered) == len(rows["models"]) == len(rows["model_summaries"]) > 0
    assert len(tables[0]["models"]) < len(tables[2]["models"])


def change_a_row(folder: Path) -> None:
    path = folder / "tables" / "policy_versions.jsonl"
    path.write_bytes(path.read_bytes().replace(b"tier", b"tear", 1))


def drop_a_table(folder: Path) -> None:
    (folder / "tables" / "models.jsonl").unlink()


def change_a_file(folder: Path) -> None:
    next((folder / "blobs" / "sha256").glob("*/*")).write_bytes(b"something else")


def lose_a_file(folder: Path) -> None:
    next((folder / "blobs" / "sha256").glob("*/*")).unlink()


def lose_the_manifest(folder: Path) -> None:
    (folder / "backup.json").unlink()


def come_from_the_future(folder: Path) -> None:
    described = json.loads((folder / "backup.json").read_text())
    (folder / "backup.json").write_text(json.dumps({**described, "format": 2}))


def name_a_file_elsewhere(folder: Path) -> None:
    described = json.loads((folder / "backup.json").read_text())
    described["tables"]["../../etc/passwd"] = described["tables"]["models"]
    (folder / "backup.json").write_text(json.dumps(described))


def name_an_unknown_revision(folder: Path) -> None:
    described = json.loads((folder / "backup.json").read_text())
    (folder / "backup.json").write_text(json.dumps({**described, "revision": "9999"}))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (change_a_row, "damaged: tables/policy_versions.jsonl"),
        (drop_a_table, "not whole"),
        (change_a_file, "damaged: the file"),
        (lose_a_file, "not whole: 1 stored files"),
        (lose_the_manifest, "no backup.json"),
        (come_from_the_future, "form 2"),
        (name_a_file_elsewhere, "no plain file"),
        (name_an_unknown_revision, "revision 9999"),
    ],
)
def test_what_is_not_whole_is_refused_and_leaves_an_empty_place(
    spoil: Callable[[Path], None], words: str, whole_backup: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "spoiled"
    shutil.copytree(whole_backup, folder)
    spoil(folder)
    home = tmp_path / "restored"
    home.mkdir()
    place = Place(home, f"sqlite:///{home / 'modelops.db'}")
    with pytest.raises(InvalidInput, match=words):
        place.restore(folder)
    empty = create_engine(place.settings.database_address)
    assert inspect(empty).get_table_names() == []  # nothing half there stands in the way of the next try
    empty.dispose()


@pytest.fixture(scope="module")
def whole_backup(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """A backup of an installation with an event and a stored file."""
    home = tmp_path_factory.mktemp("home")
    shutil.copy(sqlite_template, home / "modelops.db")
    settings = load_settings(home=home)
    database = Database.from_settings(settings)
    received = open_store(settings).receive_file(Path(__file__))
    with database.write() as db:
        row: dict[str, Any] = {"sha256": received.sha256}
        row |= {"size": received.size, "block_size": received.block_size, "digests": received.block_digests}
        row |= {"key": received.block_key}
        db.execute(
            text(
                "INSERT INTO blobs (sha256, id, size, block_size, block_digests, block_key, verdict, reasons, globals,"
                " created_by, created_at) VALUES (:sha256, 'b1', :size, :block_size, :digests, :key, 'clean', '[]',"
                " '[]', 'nobody', '2026-11-24 08:00:00.000000')"
            ),
            row,
        )
    folder = home / "backup"
    make_backup(settings, database, open_store(settings), folder)
    database.dispose()
    return folder


def test_nothing_is_written_over(whole_backup: Path, tmp_path: Path) -> None:
    home = tmp_path / "restored"
    home.mkdir()
    place = Place(home, f"sqlite:///{home / 'modelops.db'}")
    database = place.restore(whole_backup)
    with pytest.raises(InvalidInput, match="not empty"):
        place.restore(whole_backup)
    with pytest.raises(InvalidInput, match="not empty"):
        make_backup(place.settings, database, place.store, whole_backup)
    with pytest.raises(InvalidInput, match=r"backup\.json cannot be made"):
        make_backup(place.settings, database, place.store, whole_backup / "backup.json")
    (place.settings.keys_folder / "events.key").write_text("00" * 32)
    with pytest.raises(InvalidInput, match=r"another events\.key"):
        restore_keys(place.settings, whole_backup, read_manifest(whole_backup))
    database.dispose()


def test_a_damaged_file_is_named_and_does_not_stop_the_backup(
    client: TestClient, settings: Settings, database: Database, tmp_path: Path
) -> None:
    sha256 = fill(client, database)
    store = open_store(settings)
    assert isinstance(store, LocalStore)
    store.path(sha256).write_bytes(b"rotten")
    made = make_backup(settings, database, store, tmp_path / "backup")
    assert made.blobs.damaged == [sha256]
    assert made.blobs.count == 0
    assert hashlib.sha256(CONTENT).hexdigest() == sha256
