"""Many clients at once, and many that hardly speak: nobody is turned away, and nobody waits for the slow ones."""

import socket
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx2
import pytest

from modelops_platform.web import connections
from tests.faults.site import Site, started

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

DRIPPING = 200
CLIENTS = 200
SLOWEST_MEDIAN_SECONDS = 0.25
HEAD = b"POST /api/v1/models HTTP/1.1\r\nhost: localhost\r\n"
BODY = HEAD + b"content-type: application/json\r\ncontent-length: 5000\r\n\r\n{"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with started(tmp_path_factory.mktemp("crowd") / "home") as site:
        yield site


def connect(site: Site) -> socket.socket:
    host, port = site.server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def test_two_hundred_that_drip_do_not_slow_the_others_and_are_let_go(site: Site) -> None:
    with ExitStack() as stack:
        authorized = f"authorization: Bearer {site.token}\r\n".encode()
        sockets = [stack.enter_context(connect(site)) for _number in range(DRIPPING)]
        for number, each in enumerate(sockets):
            each.sendall(HEAD if number % 2 else BODY.replace(b"\r\n", b"\r\n" + authorized, 1))
        took = []
        for _round in range(30):
            began = time.perf_counter()
            assert site.client.get("/api/v1/models").status_code == 200
            took.append(time.perf_counter() - began)
            for each in sockets[:20]:
                each.sendall(b"x")
        assert site.create_model().status_code == 201
        assert statistics.median(took) < SLOWEST_MEDIAN_SECONDS
        without_headers = sockets[1::2]
        until = time.monotonic() + connections.HEADERS_WITHIN_SECONDS + 10
        for each in without_headers:
            each.settimeout(max(0.1, until - time.monotonic()))
            assert each.recv(100).startswith(b"HTTP/1.1 408 ")


def test_headers_without_end_are_refused(site: Site) -> None:
    with connect(site) as endless:
        endless.sendall(HEAD)
        told = b""
        try:
            for number in range(10_000):
                endless.sendall(b"x-%d: %b\r\n" % (number, b"y" * 1_000))
            told = endless.recv(100)
        except (BrokenPipeError, ConnectionResetError):
            return
        assert told.startswith(b"HTTP/1.1 431 ")


def test_two_hundred_clients_at_once_see_no_error(site: Site) -> None:
    def ask(number: int) -> list[int]:
        with httpx2.Client(base_url=site.server.url, headers=site.headers, timeout=60) as client:
            body = {"name": f"crowd-{number}", "kind": "ml", "purpose": "One of many."}
            made = client.post("/api/v1/models", json=body)
            return [made.status_code, client.get(f"/api/v1/models/crowd-{number}").status_code]

    with ThreadPoolExecutor(CLIENTS) as pool:
        assert list(pool.map(ask, range(CLIENTS))) == [[201, 200]] * CLIENTS
