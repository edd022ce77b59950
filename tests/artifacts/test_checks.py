"""Stored bytes that are changed, swapped, cut short or gone: never served, told once, seen by policies."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from modelops_platform.artifacts import queries, service
from modelops_platform.artifacts.checking import CHECK
from modelops_platform.core import clock
from modelops_platform.core.db import Database
from modelops_platform.jobs import service as jobs
from tests.artifacts.conftest import Vault, spoiled
from tests.factories import SYSTEM, count_events

CONTENTS = {name: f"{name}: some text that is kept\n".encode() * 3 for name in ("changed", "swapped", "short", "gone")}
SPOILS: dict[str, Callable[[bytes], bytes] | None] = {
    "changed": spoiled(5),
    "swapped": lambda _data: CONTENTS["changed"],
    "short": lambda data: data[:-1],
    "gone": None,
}
PLACES = 2  # whoever sent a file is told, and whoever has it in a model


def furnish(client: TestClient) -> dict[str, str]:
    """A model with one version of four files; their digests by name."""
    assert client.post("/api/v1/models", json={"name": "kept", "kind": "ml", "purpose": "x"}).status_code == 201
    digests = {}
    for name, content in CONTENTS.items():
        sent = client.put(f"/api/v1/files?name={name}", content=content)
        assert sent.status_code == 201, sent.text
        digests[name] = sent.json()["sha256"]
    files = [{"path": name, "sha256": sha256} for name, sha256 in digests.items()]
    made = client.post("/api/v1/models/kept/versions", json={"files": files})
    assert (made.status_code, made.json()["digest_state"]) == (201, "verified"), made.text
    return digests


def look(database: Database, work_off: Callable[[], None]) -> None:
    with database.write() as db:
        jobs.enqueue(db, SYSTEM, CHECK, {})
    work_off()


def state(client: TestClient) -> str:
    return str(client.get("/api/v1/models/kept/versions/1").json()["digest_state"])


def judged(client: TestClient) -> str:
    question = {"model": "kept", "version": 1, "alias": "champion"}
    answer = client.post("/api/v1/gate", json=question)
    return next(str(one["status"]) for one in answer.json()["judgements"] if "digest" in one["requirement_id"])


def test_damage_is_never_served_told_once_and_seen_by_policies(
    client: TestClient, database: Database, db: Session, vault: Vault, work_off: Callable[[], None]
) -> None:
    digests = furnish(client)
    work_off()  # the scans
    look(database, work_off)
    report = client.get(f"/api/v1/files/{digests['gone']}/report").json()
    assert (report["damaged_at"], report["checked_at"] is not None, state(client)) == (None, True, "verified")
    for name, sha256 in digests.items():
        vault.change(sha256, SPOILS[name])
    look(database, work_off)
    told = [count_events(db, kind) for kind in ("artifact.corrupt", "artifact.missing")]
    assert told == [3 * PLACES, PLACES]
    for sha256 in [*digests.values(), *digests.values()]:
        answer = client.get(f"/api/v1/files/{sha256}")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    look(database, work_off)
    assert [count_events(db, kind) for kind in ("artifact.corrupt", "artifact.missing")] == told
    assert state(client) == "damaged"
    assert client.get("/api/v1/models/kept/versions").json()["items"][0]["digest_state"] == "damaged"
    assert judged(client) == "not_met"
    page = client.get("/models/kept/versions/1").text
    assert "Damaged" in page
    for name, content in CONTENTS.items():
        assert client.put(f"/api/v1/files?name={name}", content=content).status_code == 201
    look(database, work_off)
    assert count_events(db, "artifact.repaired") == 4
    assert state(client) == "verified"
    assert client.get(f"/api/v1/files/{digests['gone']}").content == CONTENTS["gone"]


def test_a_look_takes_those_first_that_nobody_looked_at_for_longest(client: TestClient, database: Database) -> None:
    digests = set(furnish(client).values())
    begun = clock.now() + timedelta(seconds=1)
    seen: list[str] = []
    with clock.frozen(begun):
        while True:
            with database.read() as db:
                some = queries.list_to_check(db, begun, files=3, size=150)
                assert queries.has_to_check(db, begun) is bool(some)
            if not some:
                break
            assert len(some) <= 2, "more bytes than asked for"
            with database.write() as db:
                assert service.note_checked(db, [stored.sha256 for stored in some], []) == 0
            seen += [stored.sha256 for stored in some]
    assert sorted(seen) == sorted(digests)
    with database.read() as db:
        assert queries.list_to_check(db, begun, files=3, size=1)[:1] == []
        again = queries.list_to_check(db, begun + timedelta(days=1), files=9, size=1)
        assert len(again) == 1, "one is never too large"
