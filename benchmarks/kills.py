"""The whole platform killed again and again while seven clients write: every acknowledged answer is there afterwards.

The clients and their ledger are those of `tests/faults`, where the suite kills three times.
"""

import tempfile
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tests.faults.ledger import Ledger, Victim, run
from tests.faults.restarts import restart
from tests.postgres import Postgres, start_server

WORDS = """\
`make soak` writes this page. Seven clients register models, set tags, move an alias and send files; by the MLflow
protocol they begin runs, log batches, points, parameters and tags, send files of runs, and register models with their
versions and an alias, without a pause; at a random moment all processes, or one of them, are killed (SIGKILL), every
third time also while they start again. After each kill the platform must become ready by itself, and everything that
was acknowledged must be there; what was not acknowledged must be there whole or not at all: a batch of 22 values, too.
In the end every file has been scanned, the events tell of each model once, every stored file has the bytes its name
says, and `modelops audit verify` finds the log whole."""
PAGE = Path(__file__).parents[1] / "docs" / "soak.md"


def start_often(starts: int) -> int:
    """Start and stop `modelops serve` so often on one home and port, and return the number of faults."""
    with tempfile.TemporaryDirectory(prefix="modelops-starts-") as folder:
        faults = restart(Path(folder) / "home", starts)
    for fault in faults:
        print(f"FAULT {fault}")
    return len(faults)


def kill_often(kills: int, *, postgres: bool, keep: bool) -> int:
    """Kill the platform so often on each database, write the page if asked to, and return the number of faults."""
    found: dict[str, tuple[Ledger, float]] = {}
    with ExitStack() as stack:
        databases: dict[str, dict[str, str]] = {"SQLite": {}}
        if postgres:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True))
            server = stack.enter_context(closing(Postgres(start_server(Path(folder)), configuration=())))
            databases["PostgreSQL"] = {"MODELOPS_DATABASE_URL": server.empty_database()}
        for name, more in databases.items():
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="modelops-kills-"))) / "home"
            began = time.monotonic()
            ledger = run(Victim(home, **more), kills, partial(_say, name))
            found[name] = ledger, time.monotonic() - began
            for fault in ledger.faults:
                print(f"{name}: FAULT {fault}")
    if keep:
        PAGE.write_text(_page(found, kills), encoding="utf-8")
    return sum(len(ledger.faults) for ledger, _seconds in found.values())


def _say(database: str, line: str) -> None:
    print(f"{database}: {line}", flush=True)


def _page(found: dict[str, tuple[Ledger, float]], kills: int) -> str:
    lines = [
        "# Kills",
        "",
        WORDS,
        "",
        f"Last run: {datetime.now(UTC):%Y-%m-%d}.",
        "",
        "| Database | Kills | Acknowledged answers | Told to try again | Faults | Minutes |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {name} | {kills} | {ledger.acknowledged:,} | {ledger.told_to_wait} | {len(ledger.faults)}"
        f" | {seconds / 60:.1f} |"
        for name, (ledger, seconds) in found.items()
    ]
    return "\n".join(lines) + "\n"
