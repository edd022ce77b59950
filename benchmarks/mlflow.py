"""The MLflow protocol against MLflow's own server, both in one run: server CPU per request, of the whole process tree.

`python -m benchmarks.mlflow` prints the table. Requests go to one worker each, on SQLite; ours with its token
check, its rights and its events. Each figure is the best of alternating rounds, because other work shares the machine.
"""

import argparse
import json
import os
import random
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import httpx2
import psutil

from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.core.settings import load_settings
from modelops_platform.identity import queries as identity_queries
from modelops_platform.identity import service as identity
from modelops_platform.identity.queries import find_root_unit
from modelops_platform.registry import service as registry
from modelops_platform.registry.schemas import ModelIn, VersionIn
from modelops_platform.tracking.queries.statements import Statement
from modelops_platform.tracking.service.upkeep import refresh_statistics
from modelops_platform.tracking.tables import Experiment

from .figures import Figure
from .report import as_text
from .server import ADMIN, Home, Server, serving
from .traffic import Load, drive_timed

API = "/api/2.0/mlflow"
MLFLOW = str(Path(sys.executable).with_name("mlflow"))
FILTER = "metrics.acc > 0.5 AND params.kind = 'a'"
FEW_RUNS, LATE_PAGE = 1_000, 400
REST_SECONDS = 60.0  # at most, for a server to come to rest
FOLLOWED_SECONDS = 900.0  # at most, for the jobs to have followed what was put in
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
        return sum(sum(process.cpu_times()[:2]) for process in self.processes())

    def processes(self) -> list[psutil.Process]:
        """Return the server and everything below it."""
        return [self.root, *self.root.children(recursive=True)]

    def pss_megabytes(self) -> float:
        """Return the memory of the whole process tree, shared pages counted once."""
        return sum(float(process.memory_full_info().pss) for process in self.processes()) / 1e6


@contextmanager
def peer_serving(folder: Path, *, is_plain: bool = False) -> Iterator[Peer]:
    """Start and end MLflow's server: by its plain command, or with one worker and no job runner, its lightest way."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [MLFLOW, "server", "--host", "127.0.0.1", "--port", str(port)]
    if not is_plain:
        command += ["--workers", "1"]
    store = [
        "--backend-store-uri",
        f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination",
        str(folder / "files"),
    ]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": str(is_plain).lower(), "DO_NOT_TRACK": "true"}
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
    models, version = "/registered-models/search?max_results=100", "/model-versions/get?name=many-00100&version=1"
    return [
        Workload("log_batch, 1 metric", "POST", "/runs/log-batch", one, *times(1500, 150), 1 / 12),
        Workload("log_batch, 1 metric, 8 clients", "POST", "/runs/log-batch", one, *times(3000, 150), 1 / 12, 8),
        Workload("log_batch, 100 metrics", "POST", "/runs/log-batch", hundred, *times(400, 60), 1 / 8),
        Workload("create_run", "POST", "/runs/create", run, *times(1500, 150), 1 / 12),
        Workload("search_runs, top 100 by metric, filter", "POST", "/runs/search", search, *times(600, 5), 1 / 60),
        Workload("metric history, 10,000 points", "GET", history, None, *times(100, 6), 1 / 50),
        Workload("registered models, page of 100", "GET", models, None, *times(500, 60), 1 / 20),
        Workload("get a version", "GET", version, None, *times(1500, 150), 1 / 15),
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


def register_models(home: Home, count: int) -> None:
    """Register models of one version each in ours, through the services that everybody uses."""
    database = Database.from_settings(load_settings(home=home.folder))
    with database.read() as db:
        ada = identity_queries.find_user_by_email(db, DEFAULT_WORKSPACE, ADMIN)
        assert ada is not None
        actor = identity.to_actor(identity_queries.list_grants(db, ada.id))
    for first in range(0, count, 500):
        with database.write() as db:
            for number in range(first, min(first + 500, count)):
                model = registry.register_model(db, actor, ModelIn(name=f"many-{number:05}"))
                registry.add_version(db, actor, model, VersionIn(description="First."))
    database.dispose()


def insert_peer_models(folder: Path, count: int) -> None:
    """Put the same models into the peer's database, as rows."""
    with sqlite3.connect(folder / "mlflow.db") as connection:
        names = [(f"many-{number:05}",) for number in range(count)]
        connection.executemany(
            "INSERT INTO registered_models (name, creation_time, last_updated_time, description) VALUES (?, 1, 1, '')",
            names,
        )
        connection.executemany(
            "INSERT INTO model_versions (name, version, creation_time, last_updated_time, description, current_stage,"
            " source, status) VALUES (?, 1, 1, 1, 'First.', 'None', 's', 'READY')",
            names,
        )
    connection.close()


def insert_runs(home: Home, count: int) -> str:
    """Put runs into our database at once, as rows, and return their experiment."""
    database = Database(f"sqlite:///{home.folder / 'modelops.db'}")
    chance = random.Random(count)  # other ids for each count
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
    """What one round of a workload took: CPU per request, how long answers took, and how many came in a second."""

    cpu_ms: float
    middle_ms: float
    slow_ms: float
    each_second: float = 0.0


def spend(side: Side, workload: Workload, requests: int, first: int) -> Spent:
    """Send one round and measure it."""
    load = replace(side.load(workload), clients=workload.clients, requests=requests, first=first)
    before = side.server.cpu_seconds()
    took, seconds = drive_timed(load)
    cpu = side.server.cpu_seconds() - before
    return Spent(cpu * 1000 / len(took), took[len(took) // 2], took[int(len(took) * 0.99)], len(took) / seconds)


@contextmanager
def both(runs: int, peer_runs: int, models: int) -> Iterator[tuple[Side, Side, Home]]:
    """Start ours and the peer, and make what the workloads need."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlflow-", ignore_cleanup_errors=True)))
        home = Home(folder / "home")
        token = home.make_admin()
        register_models(home, models)
        server = stack.enter_context(serving(home))
        server.until_ready()
        peer = stack.enter_context(peer_serving(folder))
        insert_peer_models(folder, models)
        ours, theirs = prepared(server, token, home, runs), prepared(peer, None, None, peer_runs)
        until_followed(home)  # what was put in is sealed, and has come to everybody who follows the log
        until_at_rest(server)
        yield ours, theirs, home


def measure(
    scale: float,
    runs: int = 100_000,
    peer_runs: int = 1_000,
    models: int = 10_000,
    rounds: int = 3,
    say: Callable[[str], None] = print,
) -> Iterator[Figure]:
    """Measure each workload on both in turn, then what only ours is asked. An answer that is no success ends it."""
    with both(runs, peer_runs, models) as (ours, theirs, home):
        for workload in workloads(scale):
            say(f"MLflow: {workload.name}")
            yield compared(ours, theirs, workload, rounds)
        say("MLflow: searches as runs and pages grow")
        yield from growing(ours, home, scale, runs, rounds)
        for clients in CROWDS:
            say(f"MLflow: {clients} clients")
            yield from crowded(ours, clients, scale, rounds)
    say("MLflow: start and memory")
    yield from at_rest()


def growing(ours: Side, home: Home, scale: float, runs: int, rounds: int) -> Iterator[Figure]:
    """Compare the search among many runs with one among few, and a late page with the first."""
    [search] = [workload for workload in workloads(scale) if workload.path == "/runs/search"]
    few = replace(ours, searched=insert_runs(home, FEW_RUNS))

    def least(side: Side, workload: Workload) -> Spent:
        spend(side, workload, 20, 0)  # the documents of what it finds are kept by its first search
        return min((spend(side, workload, workload.ours, 0) for _ in range(rounds)), key=lambda spent: spent.cpu_ms)

    many, alone = least(ours, search), least(few, search)
    note = f"{many.cpu_ms:.2f} ms CPU against {alone.cpu_ms:.2f}"
    yield Figure(
        "Growing", f"the search, {runs:,} runs to {FEW_RUNS:,}", many.cpu_ms / alone.cpu_ms, "times", 1.3, note
    )
    yield Figure("Growing", f"the search among {runs:,} runs, p99", many.slow_ms, "ms", 10.0)
    asked = {"experiment_ids": [ours.searched], "filter": "metrics.acc > 0", "order_by": ["metrics.acc DESC"]}
    page = min(LATE_PAGE, runs // 100 - 1)
    first = replace(search, body=json.dumps({**asked, "max_results": 100}))
    late = replace(search, body=json.dumps({**asked, "max_results": 100, "page_token": token_of(ours, asked, page)}))
    one, other = least(ours, first), least(ours, late)
    note = f"{other.cpu_ms:.2f} ms CPU against {one.cpu_ms:.2f}"
    yield Figure("Growing", f"page {page} of a search to its first", other.cpu_ms / one.cpu_ms, "times", 1.3, note)


def token_of(side: Side, asked: dict[str, Any], page: int) -> str:
    """Walk to a page of a search, and return its token."""
    headers = {"authorization": f"Bearer {side.token}"}
    token: dict[str, str] = {}
    with httpx2.Client(base_url=f"http://127.0.0.1:{side.server.port}{API}", headers=headers, timeout=60) as client:
        for _page in range(page - 1):
            answer = client.post("/runs/search", json={**asked, "max_results": 100, **token}).raise_for_status()
            token = {"page_token": answer.json()["next_page_token"]}
    return token["page_token"]


def crowded(ours: Side, clients: int, scale: float, rounds: int) -> Iterator[Figure]:
    """Log from many clients at once."""
    many = replace(workloads(scale)[0], clients=clients)
    took = [spend(ours, many, clients * 100, (20 + n) * 1_000_000 + clients * 1_000) for n in range(rounds)]
    best = min(took, key=lambda spent: spent.slow_ms)
    note = f"no error; p50 {best.middle_ms:.1f} ms, {best.cpu_ms:.2f} ms CPU"
    yield Figure(f"{clients} clients", f"{many.name}, p99", best.slow_ms, "ms", 100.0, note)
    most = max(spent.each_second for spent in took)
    note = f"{most:,.0f} requests in a second, at least 1,500; the clients share the two cores"
    yield Figure(f"{clients} clients", f"{many.name}, time for each", 1000 / most, "ms", round(1000 / 1500, 2), note)


def at_rest() -> Iterator[Figure]:
    """Start both by their plain commands on what is there already, and look at them when they have come to rest."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlflow-", ignore_cleanup_errors=True)))
        home = Home(folder / "home")
        home.make_admin()
        with peer_serving(folder):
            pass  # makes its database
        began = time.monotonic()
        server = stack.enter_context(serving(home))
        server.until_ready()
        ours = time.monotonic() - began
        until_at_rest(server)
        memory = server.pss_megabytes()
        began = time.monotonic()
        peer = stack.enter_context(peer_serving(folder, is_plain=True))
        theirs = time.monotonic() - began
        until_at_rest(peer)
        heavy = peer.pss_megabytes()
    note = f"MLflow {theirs:.1f} s, four workers by default: ours takes 1/{theirs / ours:.0f}, at most 1/10"
    yield Figure("Start and rest", "cold start on what is there", ours, "s", round(theirs / 10, 2), note)
    note = f"MLflow {heavy:,.0f} MB, four workers by default: ours takes 1/{heavy / memory:.0f}, at most 1/8"
    yield Figure("Start and rest", "idle memory, PSS", memory, "MB", round(heavy / 8, 1), note)


def until_followed(home: Home) -> None:
    """Wait until governance has brought every model up to date that was put in, and no job waits."""
    deadline = time.monotonic() + FOLLOWED_SECONDS
    with closing(sqlite3.connect(home.folder / "modelops.db")) as connection:
        newest = connection.execute("SELECT count(*) FROM events").fetchone()[0]
        while time.monotonic() < deadline:
            done = connection.execute(
                "SELECT coalesce(max(json_extract(result, '$.place')), 0) FROM jobs WHERE kind = 'governance.follow'"
            ).fetchone()[0]
            waiting = connection.execute(
                "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running') AND run_at <= datetime('now')"
            ).fetchone()[0]
            if done >= newest and not waiting:
                return
            time.sleep(1)
    raise RuntimeError("The jobs did not come to the end of the log.")


def until_at_rest(server: Server | Peer) -> None:
    """Wait until a server uses less than a twentieth of a core, or a minute."""
    deadline = time.monotonic() + REST_SECONDS
    while time.monotonic() < deadline:
        before = server.cpu_seconds()
        time.sleep(3)
        if server.cpu_seconds() - before < 0.15:
            return


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
    parser.add_argument("--models", type=int, default=10_000, help="registered models in both")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    found = list(measure(asked.scale, asked.runs, asked.peer_runs, asked.models, asked.rounds))
    print(as_text(found))
    return int(any(figure.verdict == "missed" for figure in found))


if __name__ == "__main__":
    sys.exit(main())
