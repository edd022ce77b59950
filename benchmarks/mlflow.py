"""The MLflow protocol against MLflow's own server, both in one run: server CPU per request, of the whole process tree.

`python -m benchmarks.mlflow` prints the table. Both run as people start them (one worker, SQLite); ours with its token
check, its rights and its events. Each figure is the best of alternating rounds, because other work shares the machine.
"""

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import httpx2
import psutil

from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.identity.queries import find_root_unit
from modelops_platform.tracking.queries.statements import Statement
from modelops_platform.tracking.service.upkeep import refresh_statistics
from modelops_platform.tracking.tables import Experiment

from .figures import Figure
from .report import as_text
from .server import Home, serving
from .traffic import Load, drive

API = "/api/2.0/mlflow"
MLFLOW = str(Path(sys.executable).with_name("mlflow"))
FILTER = "metrics.acc > 0.5 AND params.kind = 'a'"
CROWDS = (32, 64)
POINT = {"key": "m", "value": 0.5, "timestamp": 1, "step": 0}


class Measured(Protocol):
    """A server whose processes can be asked what they used."""

    port: int

    def cpu_seconds(self) -> float:
        """Return what the whole process tree has used so far."""


@dataclass
class Peer:
    """A running `mlflow server`."""

    port: int
    root: psutil.Process

    def cpu_seconds(self) -> float:
        """Return what the whole process tree has used so far."""
        processes = [self.root, *self.root.children(recursive=True)]
        return sum(sum(process.cpu_times()[:2]) for process in processes)


@contextmanager
def peer_serving(folder: Path) -> Iterator[Peer]:
    """Start MLflow's server with one worker and without its job runner, the lighter of its ways, and end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [MLFLOW, "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    store = [
        "--backend-store-uri",
        f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination",
        str(folder / "files"),
    ]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "DO_NOT_TRACK": "true"}
    with (folder / "mlflow.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*command, *store], cwd=folder, env={**os.environ, **quiet}, stdout=log, stderr=log, start_new_session=True
        )
    root = psutil.Process(process.pid)
    try:
        deadline = time.monotonic() + 180
        while True:
            try:
                httpx2.get(f"http://127.0.0.1:{port}/health", timeout=5).raise_for_status()
                break
            except httpx2.HTTPError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.2)
        yield Peer(port, root)
    finally:
        for one in [*root.children(recursive=True), root]:
            one.terminate()
        process.wait(30)


@dataclass(frozen=True)
class Side:
    """One of the two, ready to be asked: its server, its token, an experiment, a run, an experiment to search."""

    server: Measured
    token: str | None
    experiment: str
    run: str
    searched: str

    def load(self, workload: "Workload") -> Load:
        """Return what to send for a workload."""
        values = {"EXPERIMENT": self.experiment, "RUN": self.run, "SEARCHED": self.searched}
        body, path = workload.body, workload.path
        for name, value in values.items():
            body, path = body and body.replace(name, value), path.replace(name, value)
        return Load(self.server.port, workload.method, API + path, self.token, body)


@dataclass(frozen=True)
class Workload:
    """What is asked, how often of ours and of the peer, and which part of the peer's CPU ours may take at most."""

    name: str
    method: str
    path: str
    body: str | None
    ours: int
    theirs: int
    at_most: float
    clients: int = 1


def workloads(scale: float) -> list[Workload]:
    """Return what the issue asks to be measured."""

    def times(ours: int, theirs: int) -> tuple[int, int]:
        return max(20, int(ours * scale)), max(3, int(theirs * scale))

    one = json.dumps({"run_id": "RUN", "metrics": [{**POINT, "step": "{n}"}]})
    hundred = json.dumps({"run_id": "RUN", "metrics": [{**POINT, "key": f"k{k}", "step": "{n}"} for k in range(100)]})
    tags = [{"key": "mlflow.user", "value": "u"}]
    run = json.dumps({"experiment_id": "EXPERIMENT", "start_time": "{n}", "run_name": "r", "tags": tags})
    asked = {"experiment_ids": ["SEARCHED"], "filter": FILTER, "order_by": ["metrics.acc DESC"], "max_results": 100}
    search = json.dumps(asked)
    history = "/metrics/get-history?run_id=RUN&metric_key=h&max_results=25000"
    return [
        Workload("log_batch, 1 metric", "POST", "/runs/log-batch", one, *times(1500, 150), 1 / 12),
        Workload("log_batch, 1 metric, 8 clients", "POST", "/runs/log-batch", one, *times(3000, 150), 1 / 12, 8),
        Workload("log_batch, 100 metrics", "POST", "/runs/log-batch", hundred, *times(400, 60), 1 / 8),
        Workload("create_run", "POST", "/runs/create", run, *times(1500, 150), 1 / 12),
        Workload("search_runs, top 100 by metric, filter", "POST", "/runs/search", search, *times(600, 5), 1 / 60),
        Workload("metric history, 10,000 points", "GET", history, None, *times(100, 6), 1 / 50),
    ]  # fmt: skip


def prepared(server: Measured, token: str | None, home: Home | None, runs: int) -> Side:
    """Make what the workloads need; the runs to search are inserted into ours, and logged to the peer."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    with httpx2.Client(base_url=f"http://127.0.0.1:{server.port}{API}", headers=headers, timeout=120) as client:

        def post(path: str, **body: Any) -> Any:
            return client.post(path, json=body).raise_for_status().json()

        experiment = post("/experiments/create", name=f"measured {time.time_ns()}")["experiment_id"]
        run = post("/runs/create", experiment_id=experiment)["run"]["info"]["run_id"]
        for start in range(0, 10_000, 1000):
            points = [
                {**POINT, "key": "h", "value": n / 7, "step": n, "timestamp": n} for n in range(start, start + 1000)
            ]
            post("/runs/log-batch", run_id=run, metrics=points)
        if home is not None:
            return Side(server, token, experiment, run, insert_runs(home, runs))
        searched = post("/experiments/create", name=f"searched {time.time_ns()}")["experiment_id"]
        chance = random.Random(1)
        for number in range(runs):
            made = post("/runs/create", experiment_id=searched, start_time=number)["run"]["info"]["run_id"]
            metrics = [{**POINT, "key": key, "value": chance.random()} for key in ("acc", "loss", "f1")]
            params = [{"key": key, "value": chance.choice("abc")} for key in ("kind", "opt", "lr")]
            post("/runs/log-batch", run_id=made, metrics=metrics, params=params)
        return Side(server, token, experiment, run, searched)


def insert_runs(home: Home, count: int) -> str:
    """Put runs into our database at once, as rows, and return their experiment."""
    database = Database(f"sqlite:///{home.folder / 'modelops.db'}")
    chance = random.Random(1)
    ids = [f"{chance.getrandbits(128):032x}" for _ in range(count)]
    with database.write() as db:
        unit = find_root_unit(db, DEFAULT_WORKSPACE)
        assert unit is not None
        number = 1_000_000 + count
        place = {"unit_id": unit.id, "workspace_id": DEFAULT_WORKSPACE, "artifact_location": "mlflow-artifacts:/x"}
        db.add(Experiment(id=str(number), number=number, name=f"searched {count}", created_ms=1, updated_ms=1, **place))
        db.flush()
        connection, experiment = db.connection(), str(number)
        Statement(
            "INSERT INTO runs (id, experiment_id, lifecycle, status, start_ms, end_ms, name, user_name, artifact_uri,"
            " created_by, created_ms) VALUES (?, ?, 'active', 'FINISHED', ?, 1, 'r', 'u', 'x', 'x', 1)"
        ).many(connection, [(run, experiment, start) for start, run in enumerate(ids)])
        Statement(
            "INSERT INTO latest_metrics (run_id, key, experiment_id, value, timestamp, step) VALUES (?, ?, ?, ?, 1, 0)"
        ).many(connection, [(run, key, experiment, chance.random()) for run in ids for key in ("acc", "loss", "f1")])
        Statement("INSERT INTO params (run_id, key, value, logged_ms) VALUES (?, ?, ?, 1)").many(
            connection, [(run, key, chance.choice("abc")) for run in ids for key in ("kind", "opt", "lr")]
        )
        refresh_statistics(db)
    database.dispose()
    return experiment


@dataclass(frozen=True)
class Spent:
    """What one round of a workload took: CPU per request, and how long answers took."""

    cpu_ms: float
    middle_ms: float
    slow_ms: float


def spend(side: Side, workload: Workload, requests: int, first: int) -> Spent:
    """Send one round and measure it."""
    load = replace(side.load(workload), clients=workload.clients, requests=requests, first=first)
    before = side.server.cpu_seconds()
    took = drive(load)
    cpu = side.server.cpu_seconds() - before
    return Spent(cpu * 1000 / len(took), took[len(took) // 2], took[int(len(took) * 0.99)])


@contextmanager
def both(runs: int, peer_runs: int) -> Iterator[tuple[Side, Side]]:
    """Start ours and the peer, and make what the workloads need."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlflow-", ignore_cleanup_errors=True)))
        home = Home(folder / "home")
        token = home.make_admin()
        server = stack.enter_context(serving(home))
        server.until_ready()
        peer = stack.enter_context(peer_serving(folder))
        yield prepared(server, token, home, runs), prepared(peer, None, None, peer_runs)


def measure(
    scale: float, runs: int = 100_000, peer_runs: int = 1_000, rounds: int = 3, say: Callable[[str], None] = print
) -> Iterator[Figure]:
    """Measure each workload on both in turn, then many clients on ours. An answer that is no success ends it."""
    with both(runs, peer_runs) as (ours, theirs):
        for workload in workloads(scale):
            say(f"MLflow: {workload.name}")
            yield compared(ours, theirs, workload, rounds)
        one = workloads(scale)[0]
        for clients in CROWDS:
            say(f"MLflow: {clients} clients")
            many = replace(one, clients=clients)
            took = [spend(ours, many, clients * 100, (20 + n) * 1_000_000 + clients * 1_000) for n in range(rounds)]
            best = min(took, key=lambda spent: spent.slow_ms)
            note = f"no error; p50 {best.middle_ms:.1f} ms, {best.cpu_ms:.2f} ms CPU"
            yield Figure(f"{clients} clients", f"{one.name}, p99", best.slow_ms, "ms", 100.0, note)


def compared(ours: Side, theirs: Side, workload: Workload, rounds: int) -> Figure:
    """Measure one workload on both, and hold ours against the part of the peer's CPU that it may take."""
    mine, other = [], []
    for number in range(rounds):
        mine.append(spend(ours, workload, workload.ours, 1 + number * 1_000_000))
        other.append(spend(theirs, workload, workload.theirs, 1 + number * 1_000_000))
    best, peer = min(mine, key=lambda spent: spent.cpu_ms), min(other, key=lambda spent: spent.cpu_ms)
    note = (
        f"MLflow {peer.cpu_ms:.1f} ms, p50 / p99 {peer.middle_ms:.0f} / {peer.slow_ms:.0f} ms: ours takes "
        f"1/{peer.cpu_ms / best.cpu_ms:.0f}, at most 1/{1 / workload.at_most:.0f}; "
        f"p50 / p99 {best.middle_ms:.1f} / {best.slow_ms:.1f} ms"
    )
    return Figure(
        "As MLflow", f"{workload.name}, CPU", best.cpu_ms, "ms", round(peer.cpu_ms * workload.at_most, 2), note
    )


def main() -> int:
    """Measure both, print the table, and return 1 when a promise is not kept."""
    parser = argparse.ArgumentParser(prog="benchmarks.mlflow", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="part of the requests to send")
    parser.add_argument("--runs", type=int, default=100_000, help="runs to search in ours")
    parser.add_argument(
        "--peer-runs", type=int, default=1_000, help="runs to search in the peer, which does not get far"
    )
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    found = list(measure(asked.scale, asked.runs, asked.peer_runs, asked.rounds))
    print(as_text(found))
    return int(any(figure.verdict == "missed" for figure in found))


if __name__ == "__main__":
    sys.exit(main())
