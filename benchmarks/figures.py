"""What is measured, and what it should be."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2

from .inventory import fill
from .server import Home, Server, serving
from .traffic import Load, drive

MODELS = 1000
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Size:
    """How long everything is measured."""

    reads: int
    writes: int
    pages: int
    idle_seconds: int
    file_megabytes: int
    proxied_megabytes: int
    events: int


FULL = Size(
    reads=1000, writes=400, pages=80, idle_seconds=60, events=1_000_000, file_megabytes=1024, proxied_megabytes=5120
)
QUICK = Size(reads=320, writes=160, pages=20, idle_seconds=10, events=50_000, file_megabytes=128, proxied_megabytes=256)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number beside its target (at most), with what else is worth knowing."""

    group: str
    what: str
    value: float
    unit: str
    target: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """Say whether the target is met."""
        if self.target is None:
            return ""
        return "met" if self.value <= self.target else "missed"


class Refused(Exception):
    """The server did what it must never do."""


def measure(size: Size, database_url: str | None = None, say: Callable[[str], None] = print) -> Iterator[Figure]:
    """Measure everything, from an empty home to a thousand models. Raises Refused."""
    with _home(database_url) as home:
        say("Starting on an empty home")
        yield _start(home, "on an empty home", 4.0)
        token = home.make_admin()
        yield _start(home, "on an existing home", 2.0)
        say("Measuring at rest")
        yield from _at_rest(home, size)
        say("Sending requests")
        with serving(home) as server:
            _settle(server)
            _must_refuse_strangers(server)
            yield from _requests(server, token, size)
        say(f"Registering {MODELS:,} models")
        fill(home.folder, database_url, MODELS)
        say("Asking for pages")
        with serving(home) as server:
            _settle(server)
            yield from _pages(server, token, size)
        say("Asking two web processes")
        with serving(home, "--workers", "2") as server:
            server.until_ready()
            took = drive(Load(port=server.port, method="GET", path="/healthz", requests=200))
            yield Figure("Two web processes", "kept connection, p50", _at(took, 0.5), "ms", 10.0)


@contextmanager
def _home(database_url: str | None) -> Iterator[Home]:
    with tempfile.TemporaryDirectory(prefix="modelops-bench-") as folder:
        yield Home(Path(folder) / "home", database_url)


def _start(home: Home, where: str, target: float) -> Figure:
    began = time.monotonic()
    with serving(home) as server:
        server.until_ready()
        took = time.monotonic() - began
    return Figure("Start", f"ready {where}", took, "s", target)


def _settle(server: Server) -> None:
    server.until_ready()
    server.until_jobs_run()


def _at_rest(home: Home, size: Size) -> Iterator[Figure]:
    with serving(home) as server:
        _settle(server)
        before, began = server.cpu_seconds(), time.monotonic()
        time.sleep(size.idle_seconds)
        share = (server.cpu_seconds() - before) / (time.monotonic() - began) * 100
        each = ", ".join(f"{process.memory_full_info().pss / 1e6:.0f}" for process in server.processes())
        yield Figure("At rest", "web and job process, PSS", server.pss_megabytes(), "MB", 210.0, f"{each} MB")
        yield Figure("At rest", f"web and job process, CPU over {size.idle_seconds} s", share, "% of a core", 1.0)


def _must_refuse_strangers(server: Server) -> None:
    for path in ("/api/v1/models", "/api/v1/models/a", "/metrics"):
        status = httpx2.get(f"{server.url}{path}").status_code
        if status != 401:
            raise Refused(f"GET {path} without a token was answered with {status}, not with 401.")
    status = httpx2.post(f"{server.url}/api/v1/models", json={"name": "a"}).status_code
    if status != 401:
        raise Refused(f"POST /api/v1/models without a token was answered with {status}, not with 401.")


def _requests(server: Server, token: str, size: Size) -> Iterator[Figure]:
    write = Load(server.port, "POST", "/api/v1/models", token, '{"name":"new-{n}"}', requests=size.writes)
    read = Load(server.port, "GET", "/api/v1/models/new-0", token, requests=size.reads)
    tag = Load(server.port, "PUT", "/api/v1/models/new-0/tags/bench", token, '{"value":"{n}"}', requests=size.writes)
    health = Load(server.port, "GET", "/healthz", requests=size.reads)
    first = 0
    for what, load, target in (
        ("register a model, with its event", write, 1.8),
        ("read one model", read, 1.0),
        ("tag a model, with its event", tag, 1.8),
        ("health", health, None),
    ):
        for clients in (1, 16):
            yield _cost(server, what, replace(load, clients=clients, first=first), target)
            first += 1_000_000 if load is write else 0


def _cost(server: Server, what: str, load: Load, target: float | None) -> Figure:
    """Measure the server's CPU for each request; the least disturbed of several rounds counts."""
    costs, waits = [], []
    drive(replace(load, requests=80, first=load.first))  # compiles statements, opens connections
    for number in range(ROUNDS):
        asked = replace(load, first=load.first + (number + 1) * 10_000)
        before = server.cpu_seconds()
        took = drive(asked)
        costs.append((server.cpu_seconds() - before) / len(took) * 1000)
        waits += took
    costs.sort()
    waits.sort()
    note = f"median round {costs[len(costs) // 2]:.2f}; " + _waits(waits)
    return Figure("Requests", f"{what}, {load.clients} at a time, CPU", costs[0], "ms", target, note)


def _waits(took: list[float]) -> str:
    return "answered in " + " / ".join(f"{_at(took, share):.1f}" for share in (0.5, 0.95, 0.99)) + " ms"


def _pages(server: Server, token: str, size: Size) -> Iterator[Figure]:
    for what, path in (("models", "/models"), ("model", "/models/model-0001"), ("portfolio", "/portfolio")):
        load = Load(server.port, "GET", path, token, accept="text/html", requests=size.pages)
        drive(replace(load, requests=5))
        before = server.cpu_seconds()
        took = drive(load)
        cost = (server.cpu_seconds() - before) / len(took) * 1000
        inside = sorted(server.logged(path)[5:])
        note = f"CPU {cost:.1f} ms; " + _waits(took)
        yield Figure(f"Pages with {MODELS:,} models", f"{what}, server time, p95", _at(inside, 0.95), "ms", 100.0, note)


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
