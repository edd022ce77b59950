"""Holds, scans, damage and removal, below HTTP."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.artifacts import queries, service
from modelops_platform.artifacts.store import Received, open_store
from modelops_platform.artifacts.tables import Blob, BlobHold
from modelops_platform.core import clock
from modelops_platform.core.actor import Actor
from modelops_platform.core.db import Database
from modelops_platform.core.errors import InvalidInput, NotAllowed, NotFound, Unavailable
from modelops_platform.core.ids import new_id
from modelops_platform.core.settings import Settings
from modelops_platform.jobs import service as jobs
from tests.artifacts.conftest import Vault, spoiled
from tests.factories import SYSTEM, Cast, count_events, last_event

Put = Callable[..., str]
TWO_DAYS = timedelta(days=2)


@dataclass
class Thing:
    """Something that may hold files."""

    unit_id: str
    id: str
    model_id: str | None = None
    object_kind: str = "version"


class Evil:
    """Runs code when it is loaded."""

    def __reduce__(self) -> tuple[object, ...]:
        return eval, ("1 + 1",)


def receive(settings: Settings, content: bytes) -> Received:
    store = open_store(settings)
    with store.begin() as incoming:
        incoming.write(content)
        return store.keep(incoming)


@pytest.fixture
def put(database: Database, settings: Settings) -> Put:
    """Store bytes as somebody's upload and return their digest."""

    def run(actor: Actor, content: bytes, name: str = "model.bin") -> str:
        received = receive(settings, content)
        with database.write() as db:
            return service.add_blob(db, actor, received, name=name).sha256

    return run


@pytest.fixture
def maker(cast: Cast) -> Actor:
    return cast.actor(cast.person("contributor", unit="Cards"))


def test_knowing_a_digest_is_no_right(database: Database, cast: Cast, maker: Actor, put: Put) -> None:
    sha256 = put(maker, b"secret model")
    other = cast.actor(cast.person("contributor", unit="Cards"))  # sees the unit, but the upload is the maker's
    version = Thing(cast.unit("Cards"), new_id())
    for actor in (other, cast.actor(cast.person("admin"))):
        with database.write() as db, pytest.raises(NotFound):
            service.use_blob(db, actor, sha256, version, name="stolen")
    with database.write() as db:
        assert service.use_blob(db, maker, sha256, version, name="model.bin").size == 12
        service.use_blob(db, maker, sha256, version, name="model.bin")  # twice is one hold
    elsewhere = cast.actor(cast.person("contributor", unit="Loans"))
    with database.read() as db:
        assert queries.get_blob(db, other, sha256).sha256 == sha256
        assert queries.count_references(db, [sha256]) == {sha256: 1}
        with pytest.raises(NotFound):
            queries.get_blob(db, elsewhere, sha256)


def test_files_are_seen_where_their_model_is(database: Database, cast: Cast, maker: Actor, put: Put) -> None:
    sha256, model_id, cards, loans = put(maker, b"model"), new_id(), cast.unit("Cards"), cast.unit("Loans")
    there, here = (cast.actor(cast.person("viewer", unit=unit)) for unit in ("Loans", "Cards"))
    with database.write() as db:
        service.use_blob(db, maker, sha256, Thing(cards, new_id(), model_id), name="m")
    with database.write() as db:
        service.move_holds(db, model_id, loans)
    with database.read() as db:
        assert queries.get_blob(db, there, sha256).sha256 == sha256
        with pytest.raises(NotFound):
            queries.get_blob(db, here, sha256)


def test_a_viewer_may_not_store(database: Database, settings: Settings, cast: Cast) -> None:
    viewer, received = cast.actor(cast.person("viewer")), receive(settings, b"x")
    with database.write() as db, pytest.raises(NotAllowed):
        service.add_blob(db, viewer, received, name="x")


def test_a_harmless_file_is_scanned_clean_once(
    database: Database, db: Session, maker: Actor, put: Put, work_off: Callable[[], None]
) -> None:
    sha256 = put(maker, b"a,b\n1,2\n", "table.csv")
    blob = queries.get_blob(db, maker, sha256)
    assert (blob.format, blob.verdict, blob.scanned_at) == (None, "unknown", None)
    assert blob.reasons == ["It has not been scanned yet."]
    work_off()
    put(maker, b"a,b\n1,2\n", "again.csv")
    work_off()
    db.rollback()
    blob = queries.get_blob(db, maker, sha256)
    assert (blob.format, blob.verdict, blob.reasons) == ("csv", "clean", [])
    assert count_events(db, "artifact.scanned") == 1


def test_a_hostile_file_is_quarantined_for_all_who_hold_it(
    database: Database, db: Session, cast: Cast, maker: Actor, put: Put, work_off: Callable[[], None]
) -> None:
    sha256, model_id, cards = put(maker, pickle.dumps(Evil())), new_id(), cast.unit("Cards")
    with database.write() as session:
        service.use_blob(session, maker, sha256, Thing(cards, new_id(), model_id), name="m.pkl")
    work_off()
    assert count_events(db, "artifact.quarantined") == 2  # the upload's, and the model's
    assert queries.get_blob(db, maker, sha256).verdict == "dangerous"
    with pytest.raises(NotAllowed, match="dangerous"):
        service.get_download(db, maker, sha256)
    validator = cast.actor(cast.person("validator", unit="Cards"))
    with database.write() as session:
        service.open_quarantined(session, validator, sha256)
    assert last_event(db, "artifact.opened")["model"] == model_id
    with database.write() as session, pytest.raises(NotAllowed):
        service.open_quarantined(session, maker, sha256)
    with database.write() as session:
        service.use_blob(session, maker, sha256, Thing(cards, new_id(), new_id()), name="m.pkl")
    assert count_events(db, "artifact.quarantined") == 3  # who takes it up later is told, too


def test_damage_that_a_scan_finds_is_noted(
    db: Session, maker: Actor, put: Put, vault: Vault, work_off: Callable[[], None]
) -> None:
    sha256 = put(maker, b"a,b\n1,2\n")
    vault.change(sha256, spoiled(0))
    work_off()
    assert count_events(db, "artifact.corrupt") == 1
    blob = queries.get_blob(db, maker, sha256)
    assert blob.damaged_at is not None
    assert (blob.verdict, blob.scanned_at) == ("unknown", None)


def expire(database: Database, work_off: Callable[[], None]) -> None:
    with database.write() as db:
        jobs.enqueue(db, SYSTEM, "artifacts.expire", {})
    work_off()


def test_what_nothing_uses_for_a_day_is_removed_and_nothing_else(
    database: Database, db: Session, cast: Cast, maker: Actor, put: Put, vault: Vault, work_off: Callable[[], None]
) -> None:
    with clock.frozen(clock.now() - TWO_DAYS):
        orphan, used, sent_again = (put(maker, content) for content in (b"orphan", b"used", b"sent again"))
        version = Thing(cast.unit("Cards"), new_id())
        with database.write() as session:
            service.use_blob(session, maker, used, version, name="used")
    put(maker, b"sent again")
    young = put(maker, b"young")
    expire(database, work_off)
    assert vault.digests() == sorted([used, sent_again, young])
    assert set(db.scalars(select(Blob.sha256))) == {used, sent_again, young}
    assert not db.scalars(select(BlobHold).where(BlobHold.sha256 == orphan)).all()
    assert last_event(db, "artifact.removed")["data"] == {"sha256": orphan, "size": 6}
    assert count_events(db, "artifact.removed") == 1
    with database.write() as session:
        service.release_blobs(session, version)
    expire(database, work_off)
    assert vault.digests() == sorted([sent_again, young])


def test_a_file_that_is_being_removed_can_neither_be_used_nor_sent(
    database: Database,
    settings: Settings,
    db: Session,
    cast: Cast,
    maker: Actor,
    put: Put,
    work_off: Callable[[], None],
) -> None:
    with clock.frozen(clock.now() - TWO_DAYS):
        sha256 = put(maker, b"orphan")
    with database.write() as session:
        assert service.mark_orphans(session) == [sha256]
    version, received = Thing(cast.unit("Cards"), new_id()), receive(settings, b"orphan")
    with database.write() as session, pytest.raises(NotFound):
        service.use_blob(session, maker, sha256, version, name="late")
    with database.write() as session, pytest.raises(Unavailable):
        service.add_blob(session, maker, received, name="again")
    expire(database, work_off)  # also removes what an earlier run has only marked
    with database.write() as session, pytest.raises(Unavailable):  # its bytes were found, then went with the row
        service.add_blob(session, maker, received, name="again")
    assert put(maker, b"orphan") == sha256
    db.rollback()
    assert queries.get_blob(db, maker, sha256).removing_at is None


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_file_that_somebody_is_taking_up_is_not_marked(
    database: Database, cast: Cast, maker: Actor, put: Put
) -> None:
    with clock.frozen(clock.now() - TWO_DAYS):
        sha256 = put(maker, b"orphan")
    version = Thing(cast.unit("Cards"), new_id())
    with database.write() as taking:
        service.use_blob(taking, maker, sha256, version, name="m")
        with database.write() as marking:  # two writers at once: only on PostgreSQL
            assert service.mark_orphans(marking) == []
    with database.write() as marking:
        assert service.mark_orphans(marking) == []


def test_a_label_is_checked_wherever_it_comes_from(database: Database, maker: Actor, put: Put) -> None:
    with pytest.raises(InvalidInput):
        put(maker, b"x", "../x")
    sha256 = put(maker, b"x")
    assert maker.unit_id
    with database.write() as db, pytest.raises(InvalidInput):
        service.use_blob(db, maker, sha256, Thing(maker.unit_id, new_id()), name="/etc/passwd")
