"""Seals kept a second time: in a folder, in a bucket, at an address; what fails never stops the sealing."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from modelops_platform.core.db import Database
from modelops_platform.core.settings import Settings, SettingsError, load_settings
from modelops_platform.events import queries
from modelops_platform.events import service as events
from modelops_platform.identity.tables import Workspace
from modelops_platform.operations.checkpoints import Folder, Keeper, kept_elsewhere
from tests.factories import SYSTEM
from tests.s3 import KEYS, fresh_bucket, s3_server

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def seal(database: Database) -> int:
    """Let something happen, seal it, and return the number of the seal."""
    with database.write() as db:
        events.record(db, SYSTEM, "workspace.renamed", db.query(Workspace).one())
        events.seal_events(db)
        newest = queries.find_seal(db)
    assert newest is not None
    return newest.stated.number


def kept(settings: Settings, database: Database) -> dict[str, int]:
    """Return the number of the newest seal in each place."""
    with database.read() as db:
        found, _notes = kept_elsewhere(settings, queries.public_keys(db.info["keys"]))
    return {checkpoint.kept_in: checkpoint.number for checkpoint in found}


@ON_SQLITE
def test_a_folder_gets_the_newest_at_its_pace_and_the_home_at_once(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    sink = f"file://{tmp_path / 'apart'}"
    apart = settings.model_copy(update={"checkpoint_sink": sink, "checkpoint_seconds": 3600})
    keeper = Keeper(database, apart)
    keeper.keep()
    assert kept(apart, database) == {}
    first = seal(database)
    Keeper(database, apart).keep()
    second = seal(database)
    keeper = Keeper(database, apart)
    keeper.keep()
    assert kept(apart, database) == {"last-seal.json": second, sink: second}
    third = seal(database)
    keeper.keep()
    assert kept(apart, database) == {"last-seal.json": third, sink: second}
    stopping = threading.Event()
    stopping.set()
    keeper.keep_on(stopping)  # what is not kept yet is kept at the end
    assert kept(apart, database)[sink] == third
    assert len(list((tmp_path / "apart").rglob("seal-*.json"))) == 3 > first


@ON_SQLITE
def test_a_sink_that_does_not_answer_is_tried_again(database: Database, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "apart").write_text("a file where the folder should be")
    apart = settings.model_copy(update={"checkpoint_sink": f"file://{tmp_path / 'apart'}", "checkpoint_seconds": 0})
    number, keeper = seal(database), Keeper(database, apart)
    keeper.keep()
    assert kept(apart, database) == {"last-seal.json": number}
    (tmp_path / "apart").unlink()
    keeper.keep()
    assert kept(apart, database)[f"file://{tmp_path / 'apart'}"] == number


def test_the_newest_is_found_over_days(tmp_path: Path) -> None:
    for day, number in (("2026-05-30", 7), ("2026-05-31", 9), ("2026-05-31", 10)):
        (tmp_path / day).mkdir(exist_ok=True)
        (tmp_path / day / f"seal-{number:012}.json").write_text(str(number))
    (tmp_path / "2026-06-01").mkdir()
    assert Folder(tmp_path).newest() == b"10"


@ON_SQLITE
def test_a_bucket_is_written_and_read(database: Database, settings: Settings) -> None:
    with s3_server() as endpoint:
        update = {"checkpoint_sink": f"s3://{fresh_bucket(endpoint)}/log", "s3_endpoint": endpoint}
        apart = load_settings(
            home=settings.home, database_url=settings.database_url, keys=settings.keys, **update, **KEYS
        )
        number, keeper = seal(database), Keeper(database, apart)
        keeper.keep()
        assert kept(apart, database) == {"last-seal.json": number, apart.checkpoint_sink: number}
        second = seal(database)
        Keeper(database, apart).keep()
        assert kept(apart, database)[str(apart.checkpoint_sink)] == second


@pytest.fixture
def taken() -> Iterator[tuple[str, list[bytes]]]:
    """An address that takes what is posted to it, and what it took; the first call it refuses."""
    bodies: list[bytes] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(503 if len(bodies) == 1 else 204)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Taker)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/seals", bodies
    server.shutdown()
    thread.join()
    server.server_close()


@ON_SQLITE
def test_a_webhook_gets_each_seal_until_it_takes_it(
    database: Database, settings: Settings, taken: tuple[str, list[bytes]]
) -> None:
    url, bodies = taken
    update = {"checkpoint_sink": url, "outgoing_allow": "127.0.0.1", "checkpoint_seconds": 1}
    apart = load_settings(home=settings.home, database_url=settings.database_url, keys=settings.keys, **update)
    number, keeper = seal(database), Keeper(database, apart)
    for _ in range(3):
        keeper._due = 0.0
        keeper.keep()
    assert len(bodies) == 2
    assert json.loads(json.loads(bodies[1])["text"])["number"] == number
    with database.read() as db:
        _found, notes = kept_elsewhere(apart, queries.public_keys(db.info["keys"]))
    assert any("cannot be read back" in note for note in notes)


@ON_SQLITE
def test_only_known_places_are_taken(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="CHECKPOINT_SINK"):
        load_settings(home=settings.home, checkpoint_sink="ftp://somewhere")
