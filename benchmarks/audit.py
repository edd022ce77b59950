"""The log: how long it takes to check all of it, and to prove one event."""

import hashlib
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

from sqlalchemy import insert, select

from modelops_platform.core import clock
from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.core.ids import new_id
from modelops_platform.core.keys import load_keys
from modelops_platform.core.settings import load_settings
from modelops_platform.events.proof.checking import Mac
from modelops_platform.events.queries import Prover
from modelops_platform.events.service import seal_events, sealing
from modelops_platform.events.tables import Event, UnplacedEvent

from . import copies
from .figures import Figure
from .server import Home

PER_SEAL = 200
PROOFS = 300
_WRITTEN_AT_ONCE = 10_000
_KINDS = ("model.registered", "alias.set", "gate.asked", "deployment.activated", "version.added", "monitor.changed")


def measure(
    events: int, megabytes: int, fresh: Callable[[], str | None], say: Callable[[str], None] = print
) -> Iterator[Figure]:
    """Fill the log of a home, check it as people do, prove events of it, and copy it all with its files."""
    database_url = fresh()
    with tempfile.TemporaryDirectory(prefix="modelops-bench-") as folder:
        home = Home(Path(folder) / "home", database_url)
        home.run("db", "upgrade")
        database = Database.from_settings(load_settings(home=home.folder, database_url=database_url))
        try:
            say(f"Writing and sealing {events:,} events")
            fill(database, load_keys(home.folder / "keys").events, events)
            say("Verifying them")
            began = time.monotonic()
            words = home.run("audit", "verify").partition("\n")[0]
            yield Figure("The log", f"verify {events:,} events", time.monotonic() - began, "s", 8.0, words)
            yield _prove(database)
            yield from copies.measure(home, database, megabytes, fresh, say)
        finally:
            database.dispose()


def fill(database: Database, key: bytes, events: int, per_seal: int = PER_SEAL) -> None:
    """Write events as the platform does, past the services that would ask who may, and seal them."""
    mac, began, most = Mac(key), clock.now() - timedelta(days=300), sealing.MOST_UNDER_A_SEAL
    sealing.MOST_UNDER_A_SEAL = per_seal
    try:
        for first in range(0, events, _WRITTEN_AT_ONCE):
            rows = [_row(mac, number, began) for number in range(first, min(events, first + _WRITTEN_AT_ONCE))]
            with database.write() as db:
                db.execute(insert(Event), rows)
                db.execute(insert(UnplacedEvent), [{"event_id": row["id"]} for row in rows])
                while seal_events(db):
                    pass
    finally:
        sealing.MOST_UNDER_A_SEAL = most


def _prove(database: Database) -> Figure:
    with database.read() as db:
        ids = list(db.scalars(select(Event.id).order_by(Event.at).limit(200_000)))
        took = []
        for event_id in random.Random(1).sample(ids, PROOFS):
            began = time.perf_counter()
            Prover(db).prove(event_id)
            took.append((time.perf_counter() - began) * 1000)
    marks = quantiles(took, n=20)
    return Figure("The log", "prove one event, p50", marks[9], "ms", 5.0, f"p95 {marks[18]:.1f} ms")


def _row(mac: Mac, number: int, began: datetime) -> dict[str, Any]:
    event_id, kind, at = new_id(), _KINDS[number % len(_KINDS)], began + timedelta(seconds=number, microseconds=number)
    model, actor = f"{number % 500:08d}-0000-7000-8000-000000000000", f"{number % 90:08d}-0000-7000-8000-00000000000a"
    content = {
        "id": event_id,
        "workspace": DEFAULT_WORKSPACE,
        "kind": kind,
        "at": at.isoformat(),
        "actor": {"id": actor, "kind": "person", "token": None, "request": new_id()},
        "object": {"kind": "model", "id": model, "name": f"model-{number % 500}"},
        "unit": DEFAULT_WORKSPACE,
        "model": model,
        "data": {"to": "production", "outcome": "allow", "version": number % 30, "reason": "as agreed in the review"},
    }
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode())
    return {
        "id": event_id,
        "workspace_id": DEFAULT_WORKSPACE,
        "kind": kind,
        "at": at,
        "actor_id": actor,
        "actor_kind": "person",
        "object_kind": "model",
        "object_id": model,
        "unit_id": DEFAULT_WORKSPACE,
        "model_id": model,
        "content": text,
        "sha256": digest.hexdigest(),
        "hmac": mac.of(digest.digest()),
    }
