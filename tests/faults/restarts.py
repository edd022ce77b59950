"""`modelops serve` started and stopped again and again on one home and one port, as impatient operators do it."""

import signal
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx2
import psutil

from tests.test_serve import SLOW_START_SECONDS, Server, modelops, operator

NAMES = "/api/v1/models"
SIGNALS = (signal.SIGTERM, signal.SIGINT)


def restart(home: Path, times: int, say: Callable[[str], None] = print) -> list[str]:
    """Start and stop so often, each time with a write and an open connection, and return what was wrong.

    The first server, and each third one after it, is stopped as soon as it has named its address: while it starts.
    """
    port, token = _free_port(), operator(home)
    signed = {"authorization": f"Bearer {token}"}
    faults: list[str] = []
    written = 0
    for number in range(1, times + 1):
        server = Server(home, "serve", "--port", str(port))
        is_hasty = number % 3 == 1
        try:
            with httpx2.Client(base_url=server.url, headers=signed, timeout=SLOW_START_SECONDS) as client:
                if not is_hasty:
                    server.until_ready()
                    server.job_process()
                    answer = client.post(NAMES, json={"name": f"model {number}"})
                    written += answer.status_code == 201
                    if answer.status_code != 201:
                        faults.append(f"start {number}: a write was answered {answer.status_code} {answer.text[:200]}")
                family = server.family()
                status, seconds = server.end(SIGNALS[number % 2])
            faults += [f"start {number}: {fault}" for fault in _left_behind(home, port, family)]
            if status != 0 or seconds > 10:
                faults.append(f"start {number}: it ended with {status} after {seconds:.1f} s")
            if "Traceback" in (log := server.log.read_text("utf-8")):
                faults.append(f"start {number}: {log[-800:]}")
        finally:
            server.end(signal.SIGKILL)
            server.close()
        say(f"start {number}: {'stopped while it started' if is_hasty else 'ready, written to, stopped'}")
    return faults + _kept(home, written)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _left_behind(home: Path, port: int, family: list[psutil.Process]) -> list[str]:
    """Say what of a server is still there although it has ended."""
    faults = []
    _gone, alive = psutil.wait_procs(family, timeout=5)
    if alive:
        faults.append(f"{[process.pid for process in alive]} outlive the server")
    with socket.socket() as asked:
        if asked.connect_ex(("127.0.0.1", port)) == 0:
            faults.append(f"port {port} still answers")
    with closing(sqlite3.connect(home / "modelops.db", timeout=1)) as database:
        try:
            database.execute("BEGIN EXCLUSIVE").connection.rollback()
        except sqlite3.OperationalError as error:
            faults.append(f"the database stays locked: {error}")
    half = [path.name for path in home.rglob("incoming-*")]
    return faults + ([f"half a file stays: {half}"] if half else [])


def _kept(home: Path, written: int) -> list[str]:
    """Say what is missing in the end, or what the doctor finds wrong."""
    faults = []
    with closing(sqlite3.connect(home / "modelops.db")) as database:
        kept = database.execute("SELECT count(*) FROM models").fetchone()[0]
        if database.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            faults.append("the database is damaged")
    if kept != written:
        faults.append(f"{kept} models are kept of {written}")
    for words in (("doctor",), ("audit", "verify")):
        said = modelops(home, *words)
        if said.returncode != 0:
            faults.append(f"{' '.join(words)}: {said.stdout[-800:]}{said.stderr[-800:]}")
    return faults
