"""A log that was tampered with by SQL, in every way there is, on both databases."""

import hashlib
import json
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, text

from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.core.keys import load_keys
from modelops_platform.core.settings import Settings, load_settings
from modelops_platform.events import service as events
from modelops_platform.events.proof.checking import Mac
from modelops_platform.events.proof.exports import verify_export
from modelops_platform.events.proof.report import Outcome, Report
from modelops_platform.events.proof.seals import Seal, Signer, Stated, to_pem
from modelops_platform.events.verifying import export_log
from modelops_platform.identity.tables import Workspace
from modelops_platform.operations.checkpoints import Keeper
from modelops_platform.operations.verification import log_of, verify_installation
from tests.factories import SYSTEM

TABLES = ("events", "event_personal", "event_places", "unplaced_events", "log_seals")
Forge = Callable[[Connection], None]


@contextmanager
def unguarded(database: Database) -> Iterator[Connection]:
    """A connection of somebody who may do everything with the database, foreign keys included."""
    with database.write_engine.connect() as connection:
        off = "PRAGMA foreign_keys = OFF" if database.is_sqlite else "SET session_replication_role = replica"
        on = "PRAGMA foreign_keys = ON" if database.is_sqlite else "SET session_replication_role = DEFAULT"
        driver: Any = connection.connection.driver_connection
        driver.execute(off)
        if not database.is_sqlite:
            driver.commit()
        with connection.begin():
            yield connection
        driver.execute(on)
        if not database.is_sqlite:
            driver.commit()


@contextmanager
def tampered(database: Database, forge: Forge) -> Iterator[None]:
    """The log as somebody left it, and afterwards as it was."""
    with database.read() as db:
        kept = {table: [dict(row) for row in db.execute(text(f"SELECT * FROM {table}")).mappings()] for table in TABLES}
    with unguarded(database) as connection:
        forge(connection)
    yield
    with unguarded(database) as connection:
        for table, rows in kept.items():
            connection.execute(text(f"DELETE FROM {table}"))
            if rows:
                names = ", ".join(rows[0])
                marks = ", ".join(f":{name}" for name in rows[0])
                connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), rows)


@pytest.fixture
def log(database: Database) -> Database:
    """A log of three seals and a tail of two events."""
    for batch in range(4):
        with database.write() as db:
            workspace = db.query(Workspace).one()
            for number in range(3):
                data = {"batch": batch, "number": number}
                events.record(db, SYSTEM, "workspace.renamed", workspace, personal={"name": f"Ada {number}"}, **data)
        if batch < 3:
            with database.write() as db:
                assert events.seal_events(db) >= 3
    return database


def verify(settings: Settings) -> Report:
    return verify_installation(settings)


def what(report: Report) -> set[str]:
    return {finding.what for finding in report.findings}


def sql(*statements: str) -> Forge:
    def forge(connection: Connection) -> None:
        for statement in statements:
            assert connection.execute(text(statement)).rowcount

    return forge


def column(name: str, value: str) -> Forge:
    return sql(f"UPDATE events SET {name} = {value} WHERE id = (SELECT event_id FROM event_places WHERE place = 12)")


AT_12 = "id = (SELECT event_id FROM event_places WHERE place = 12)"


def rewritten(change: Callable[[dict[str, Any]], None], *, mac: Mac | None = None, where: str = AT_12) -> Forge:
    """Write the text of an event anew with a digest that fits; with the stolen key, the keyed digest too."""

    def forge(connection: Connection) -> None:
        row = connection.execute(text(f"SELECT id, content, hmac FROM events WHERE {where}")).first()
        assert row is not None
        content = json.loads(row.content)
        change(content)
        new = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(new.encode())
        keyed = mac.of(digest.digest()) if mac is not None else row.hmac
        values = {"id": row.id, "content": new, "sha256": digest.hexdigest(), "hmac": keyed}
        statement = "UPDATE events SET content = :content, sha256 = :sha256, hmac = :hmac WHERE id = :id"
        connection.execute(text(statement), values)

    return forge


def inserted(*, place: int | None) -> Forge:
    """Put in a copy of an event under an id of its own, with a digest that fits."""

    def forge(connection: Connection) -> None:
        row = dict(connection.execute(text(f"SELECT * FROM events WHERE {AT_12}")).mappings().one())
        content = json.loads(row["content"]) | {"id": "0199aaaa-0000-7000-8000-000000000001"}
        row["id"] = content["id"]
        row["content"] = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        row["sha256"] = hashlib.sha256(row["content"].encode()).hexdigest()
        names = ", ".join(row)
        connection.execute(text(f"INSERT INTO events ({names}) VALUES ({', '.join(f':{name}' for name in row)})"), row)
        values = {"id": row["id"], "place": place, "at": row["at"]}
        if place is None:
            connection.execute(text("INSERT INTO unplaced_events VALUES (:id)"), values)
            return
        if place > 0:
            connection.execute(text("UPDATE event_places SET place = -place - 1 WHERE place >= :place"), values)
            connection.execute(text("UPDATE event_places SET place = -place WHERE place < 0"))
            connection.execute(text("INSERT INTO event_places VALUES (:place, :id, :at)"), values)

    return forge


def sealed_anew(key: bytes | None, change: Callable[[Stated], Stated]) -> Forge:
    """Make all seals anew, chained, with a key of one's own."""

    def forge(connection: Connection) -> None:
        signer, previous = Signer(key or secrets.token_bytes(32)), None
        for row in connection.execute(text("SELECT number, content FROM log_seals ORDER BY number")).all():
            stated = msgspec.structs.replace(Seal(row.content, "").stated, previous=previous, key=signer.key_id)
            seal = signer.sign(change(stated))
            previous = seal.digest
            values = {"n": row.number, "c": seal.text, "d": seal.digest, "s": seal.signature}
            statement = "UPDATE log_seals SET content = :c, sha256 = :d, signature = :s WHERE number = :n"
            connection.execute(text(statement), values)

    return forge


def rename(content: dict[str, Any]) -> None:
    content["data"]["batch"] = 99


def date_anew(content: dict[str, Any]) -> None:
    content["at"] = "2020-01-01T00:00:00.000001+00:00"


SWAP = (
    "UPDATE event_places SET place = -12 WHERE place = 12",
    "UPDATE event_places SET place = 12 WHERE place = 13",
    "UPDATE event_places SET place = 13 WHERE place = -12",
)
REMOVE = (
    "DELETE FROM event_personal WHERE event_id IN (SELECT event_id FROM event_places WHERE place = {0})",
    f"DELETE FROM events WHERE {AT_12.replace('12', '{0}')}",
    "DELETE FROM event_places WHERE place = {0}",
)
TAIL = "id = (SELECT max(event_id) FROM unplaced_events)"

FORGERIES: dict[str, tuple[Forge, str]] = {
    "text": (column("content", "replace(content, 'renamed', 'removed')"), "event.edited"),
    "text by one invisible letter": (column("content", "content || ' '"), "event.edited"),
    "text with its digest": (rewritten(rename), "event.forged"),
    "digest": (column("sha256", f"'{'0' * 64}'"), "event.edited"),
    "keyed digest": (column("hmac", f"'{'0' * 64}'"), "event.forged"),
    "time beside the text": (column("at", "'2020-01-01 00:00:00.000001+00:00'"), "event.column"),
    "dated anew throughout": (rewritten(date_anew), "event.forged"),
    "workspace": (column("workspace_id", "'other'"), "event.column"),
    "kind": (column("kind", "'workspace.created'"), "event.column"),
    "actor": (column("actor_id", "'somebody'"), "event.column"),
    "kind of actor": (column("actor_kind", "'person'"), "event.column"),
    "object": (column("object_id", "'another'"), "event.column"),
    "kind of object": (column("object_kind", "'model'"), "event.column"),
    "unit": (column("unit_id", "'another'"), "event.column"),
    "model": (column("model_id", "'another'"), "event.column"),
    "personal data": (
        sql('UPDATE event_personal SET data = \'{"name":"Eve"}\''),
        "event.personal",
    ),
    "event removed, its place left": (sql(REMOVE[0].format(12), REMOVE[1].format(12)), "event.removed"),
    "event and place removed": (sql(*(line.format(12) for line in REMOVE)), "event.removed"),
    "first event removed": (sql(REMOVE[1].format(1), REMOVE[2].format(1)), "event.removed"),
    "newest sealed event removed": (sql(*(line.format(18) for line in REMOVE)), "event.removed"),
    "places closed up after a removal": (
        sql(*(line.format(12) for line in REMOVE), "UPDATE event_places SET place = place - 1 WHERE place = 13"),
        "event.removed",
    ),
    "place removed": (sql("DELETE FROM event_places WHERE place = 12"), "event.stray"),
    "event inserted between": (inserted(place=12), "event.forged"),
    "event inserted at the end": (inserted(place=19), "event.forged"),
    "event inserted into the tail": (inserted(place=None), "event.forged"),
    "event inserted without a place": (inserted(place=0), "event.stray"),
    "places swapped": (sql(*SWAP), "seal.root"),
    "event of another place": (
        sql("UPDATE events SET id = 'swapped' WHERE id = (SELECT event_id FROM event_places WHERE place = 12)"),
        "event.removed",
    ),
    "tail edited": (
        sql(f"UPDATE events SET content = replace(content, 'renamed', 'removed') WHERE {TAIL}"),
        "event.edited",
    ),
    "tail edited with its digest": (rewritten(rename, where=TAIL), "event.forged"),
    "tail dated anew": (sql(f"UPDATE events SET at = '2020-01-01 00:00:00.000001+00:00' WHERE {TAIL}"), "event.column"),
    "kept from being sealed": (
        sql("DELETE FROM unplaced_events WHERE event_id = (SELECT max(event_id) FROM unplaced_events)"),
        "event.stray",
    ),
    "seal's text": (
        sql("UPDATE log_seals SET content = replace(content, 'count', 'Count') WHERE number = 2"),
        "seal.unreadable",
    ),
    "seal's time": (
        sql('UPDATE log_seals SET content = replace(content, \'"at":"2\', \'"at":"1\') WHERE number = 2'),
        "seal.signature",
    ),
    "last seal's time": (
        sql('UPDATE log_seals SET content = replace(content, \'"at":"2\', \'"at":"1\') WHERE number = 3'),
        "seal.signature",
    ),
    "seal's signature": (sql(f"UPDATE log_seals SET signature = '{'0' * 128}' WHERE number = 1"), "seal.signature"),
    "seal's digest": (sql(f"UPDATE log_seals SET sha256 = '{'0' * 64}' WHERE number = 3"), "seal.edited"),
    "seal's places": (sql("UPDATE log_seals SET last_place = 11 WHERE number = 2"), "seal.edited"),
    "first seal removed": (sql("DELETE FROM log_seals WHERE number = 1"), "seal.missing"),
    "seal between removed": (sql("DELETE FROM log_seals WHERE number = 2"), "seal.missing"),
    "seals swapped": (
        sql(
            "UPDATE log_seals SET number = 9 WHERE number = 1",
            "UPDATE log_seals SET number = 1 WHERE number = 2",
            "UPDATE log_seals SET number = 2 WHERE number = 9",
        ),
        "seal.edited",
    ),
    "seal inserted": (
        sql(
            "INSERT INTO log_seals (number, first_place, last_place, content, sha256, signature)"
            " SELECT 4, 19, 20, content, sha256, signature FROM log_seals WHERE number = 3"
        ),
        "seal.edited",
    ),
    "all seals by another key": (sealed_anew(None, lambda stated: stated), "seal.key"),
}


def test_each_forgery_is_found_and_named(log: Database, settings: Settings) -> None:
    whole = verify(settings)
    assert (whole.outcome, whole.findings) == (Outcome.WHOLE, [])
    assert (whole.sealed, whole.seals, whole.tail.events) == (18, 3, 3)
    for name, (forge, expected) in FORGERIES.items():
        with tampered(log, forge):
            report = verify(settings)
        assert report.outcome is Outcome.BROKEN, name
        assert expected in what(report), (name, report.findings)
        assert report.status == 1
    assert verify(settings).findings == []


def test_a_stolen_events_key_does_not_help_against_the_seal(log: Database, settings: Settings) -> None:
    mac = Mac(load_keys(settings.keys_folder).events)
    for change in (rename, date_anew):
        with tampered(log, rewritten(change, mac=mac)):
            assert "seal.root" in what(verify(settings))


def test_a_removal_from_the_tail_cannot_be_proved_and_the_report_says_so(log: Database, settings: Settings) -> None:
    gone = sql(
        "DELETE FROM event_personal WHERE event_id = (SELECT max(event_id) FROM unplaced_events)",
        f"DELETE FROM events WHERE {TAIL}",
        "DELETE FROM unplaced_events WHERE event_id = (SELECT max(event_id) FROM unplaced_events)",
    )
    with tampered(log, gone):
        report = verify(settings)
    assert report.outcome is Outcome.WHOLE
    assert report.tail.events == 2
    assert 0 <= report.tail.age_seconds < 60
    assert "2 events wait for the next seal" in report.tail.words
    assert "a removal would not" in report.tail.words


def test_verifying_seals_nothing(log: Database, settings: Settings) -> None:
    assert verify(settings).tail.events == verify(settings).tail.events == 3


def test_an_end_cut_off_shows_against_what_is_kept_in_the_home(log: Database, settings: Settings) -> None:
    Keeper(log, settings).keep()
    assert verify(settings).outcome is Outcome.WHOLE
    cut = sql(
        "DELETE FROM event_personal WHERE event_id IN (SELECT event_id FROM event_places WHERE place > 15)",
        "DELETE FROM events WHERE id IN (SELECT event_id FROM event_places WHERE place > 15)",
        "DELETE FROM event_places WHERE place > 15",
        "DELETE FROM log_seals WHERE number = 3",
    )
    with tampered(log, cut):
        report = verify(settings)
        assert what(report) == {"seal.cut_off"}
        assert "last-seal.json" in report.findings[0].words
        with log.write() as db:
            events.seal_events(db)  # life goes on: another third seal
        Keeper(log, settings).keep()  # must not take it for the one that was
        assert what(verify(settings)) == {"seal.replaced"}
    assert verify(settings).outcome is Outcome.WHOLE


def test_a_second_sink_shows_it_too(log: Database, settings: Settings, tmp_path: Path) -> None:
    apart = settings.model_copy(update={"checkpoint_sink": f"file://{tmp_path / 'notary'}"})
    Keeper(log, apart).keep()
    (tmp_path / "last-seal.json").unlink()  # whoever reaches the home, too
    assert len(list((tmp_path / "notary").rglob("seal-*.json"))) == 1
    assert verify(apart).outcome is Outcome.WHOLE
    with tampered(log, sql("DELETE FROM log_seals WHERE number = 3")):
        assert "seal.cut_off" in what(verify(apart))
    next((tmp_path / "notary").rglob("seal-*.json")).write_text("{")
    report = verify(apart)
    assert report.outcome is Outcome.WHOLE
    assert any("cannot be read" in note for note in report.notes)


def test_a_row_forged_while_it_waits_is_never_sealed_and_is_told_of(log: Database, settings: Settings) -> None:
    with unguarded(log) as connection:
        inserted(place=None)(connection)
    with log.write() as db:
        events.seal_events(db)
    with log.write() as db:
        events.seal_events(db)
        told = db.execute(text("SELECT object_id FROM events WHERE kind = 'log.tampered'")).scalars().all()
    assert told == ["0199aaaa-0000-7000-8000-000000000001"]
    report = verify(settings)
    assert {"event.stray", "event.forged"} <= what(report)
    assert not {finding.what for finding in report.findings if finding.place is not None}
    assert report.tail.events == 0


def test_erased_personal_data_leaves_the_log_whole(log: Database, settings: Settings) -> None:
    before = verify(settings)
    with log.write() as db:
        db.execute(text("DELETE FROM event_personal"))
    after = verify(settings)
    assert before.erased == 0
    assert (after.outcome, after.findings) == (Outcome.WHOLE, [])
    assert after.erased > 3


def test_several_processes_seal_each_event_once(log: Database, settings: Settings) -> None:
    failed: list[BaseException] = []

    def write() -> None:
        for number in range(12):
            with log.write() as db:
                events.record(db, SYSTEM, "workspace.renamed", db.query(Workspace).one(), number=number)

    def seal() -> None:
        for _ in range(12):
            with log.write() as db:
                events.seal_events(db)

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in (write, write, seal, seal)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with log.write() as db:
        events.seal_events(db)
    report = verify(settings)
    assert failed == []
    assert (report.outcome, report.tail.events) == (Outcome.WHOLE, 0)
    with log.read() as db:
        assert not events.has_unsealed(db)
        assert report.events == db.execute(text("SELECT count(*) FROM events")).scalar_one()


def test_a_rotated_key_is_believed_and_signs_from_then_on(log: Database, settings: Settings, tmp_path: Path) -> None:
    own = settings.model_copy(update={"keys": tmp_path / "keys"})
    shutil.copytree(settings.keys_folder, tmp_path / "keys")
    database = Database.from_settings(own)
    first = Signer(load_keys(own.keys_folder).seal)
    with database.write() as db:
        made = events.rotate_key(db, SYSTEM)
    load_keys(own.keys_folder).rotate_seal(first.key_id, to_pem(first.public), made.seed)
    with database.write() as db:
        events.record(db, SYSTEM, "workspace.renamed", db.query(Workspace).one())
        events.seal_events(db)
    report = verify(own)
    assert (report.outcome, report.findings) == (Outcome.WHOLE, [])
    assert report.keys == sorted([first.key_id, made.new.key_id])
    lines = list(export_log(log_of(own), keys=[], personal=False, made_at=clock.now()))
    handed_over = verify_export(lines, keys=[first.public], secret=None, now=clock.now())
    assert (handed_over.outcome, handed_over.findings) == (Outcome.WHOLE, [])
    newest = verify_export(lines, keys=[made.new.public], secret=None, now=clock.now())
    assert newest.outcome is Outcome.BROKEN
    database.dispose()


def test_without_keys_or_database_nobody_can_tell(log: Database, settings: Settings, tmp_path: Path) -> None:
    keyless = verify(settings.model_copy(update={"keys": tmp_path / "none"}))
    assert (keyless.outcome, keyless.status) == (Outcome.UNCHECKED, 2)
    assert not (tmp_path / "none").exists()
    public = Signer(load_keys(settings.keys_folder).seal).public
    by_key_alone = verify_installation(settings.model_copy(update={"keys": tmp_path / "none"}), believed=[public])
    assert by_key_alone.outcome is Outcome.WHOLE
    assert any("keyed digests is not here" in note for note in by_key_alone.notes)
    away = load_settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'away.db'}", keys=settings.keys_folder)
    report = verify(away)
    assert report.status == 2
    assert "cannot be read" in report.notes[0]
    assert not (tmp_path / "away.db").exists()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_parts_in_processes_of_their_own_say_the_same(
    log: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelops_platform.events.verifying.whole._WORTH_A_PROCESS", 6)
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    report = verify(settings)
    assert (report.outcome, report.sealed, report.seals) == (Outcome.WHOLE, 18, 3)
    for name in ("places swapped", "seal between removed"):
        with tampered(log, FORGERIES[name][0]):
            report = verify(settings)
        assert report.outcome is Outcome.BROKEN, name


def test_a_log_from_before_there_were_seals_is_sealed_from_its_first_place(log: Database, settings: Settings) -> None:
    with log.write() as db:
        db.execute(text("DELETE FROM log_seals"))
    before = verify(settings)
    assert (before.outcome, before.seals, before.tail.events) == (Outcome.WHOLE, 0, 21)
    with log.write() as db:
        assert events.has_unsealed(db)
        events.seal_events(db)
        assert not events.has_unsealed(db)
    after = verify(settings)
    assert (after.outcome, after.sealed, after.seals, after.tail.events) == (Outcome.WHOLE, 21, 1, 0)
