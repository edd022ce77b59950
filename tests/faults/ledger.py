"""A ledger of acknowledged answers: seven clients write without pause, the platform is killed, and all must be there.

What was acknowledged is there; what was not is there whole or not at all, and can be sent again. The suite kills three
times, `make soak` many times.
"""

import hashlib
import itertools
import os
import random
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import psutil

from tests.faults.registered import RegistryLedger
from tests.faults.runs import RunLedger
from tests.test_serve import Server, environment, modelops, operator, until

MODEL = "ledger"
LARGEST_FILE = 3_000_000
LEAST_BETWEEN_KILLS = 20
JOBS_END_WITHIN_SECONDS = 90.0
SCAN_SECONDS = 4.0  # one after the other, on a busy machine
API = "/api/v1"


class ToldToWait(Exception):
    """The platform asks to try again a little later: nothing was acknowledged."""


class Ledger:
    """What was asked for, and what was acknowledged."""

    def __init__(self) -> None:
        self.models: dict[str, tuple[str, bool]] = {}  # name: its idempotency key, and whether it was acknowledged
        self.values: dict[str, set[Any]] = {}  # what an address may hold: the acknowledged value, and one in doubt
        self.files: dict[str, tuple[bytes, bool]] = {}
        self.logged = RunLedger(self._must)
        self.registered = RegistryLedger(self._must)
        self.faults: list[str] = []
        self.acknowledged = self.told_to_wait = 0
        self._numbers = itertools.count(1)
        self._stop = threading.Event()

    # ---- writing ----------------------------------------------------------------------------------------------------

    def write_until(self, url: str, token: str, kill: Callable[[], None]) -> None:
        """Write with seven clients until `kill` has done what it does and each has noticed, or is told to stop."""
        self._stop.clear()
        logging = (self.logged.log, self.logged.send, self.registered.register)
        writers = (self._create, self._tag, self._move, self._send, *logging)
        with ThreadPoolExecutor(len(writers)) as pool:
            for write in writers:
                pool.submit(self._repeat, write, url, token)
            kill()
            self._stop.set()

    def _repeat(self, write: Callable[[httpx2.Client], None], url: str, token: str) -> None:
        with client_of(url, token) as client:
            try:
                while not self._stop.is_set():
                    try:
                        write(client)
                        self.acknowledged += 1
                    except ToldToWait:
                        self.told_to_wait += 1
                        self._stop.wait(1.0)
            except httpx2.TransportError:
                return  # killed in the middle
            except Exception as error:  # noqa: BLE001 - whatever else happens is a fault of the platform
                self.faults.append(f"{write.__name__}: {error!r}")

    def _create(self, client: httpx2.Client) -> None:
        name, key = f"m-{next(self._numbers)}", str(uuid.uuid4())
        self.models[name] = key, False
        self._must(create(client, name, key), 201)
        self.models[name] = key, True

    def _tag(self, client: httpx2.Client) -> None:
        self._set(client, f"/models/{MODEL}/tags/turn", "value", str(next(self._numbers)))

    def _move(self, client: httpx2.Client) -> None:
        self._set(client, f"/models/{MODEL}/aliases/candidate", "version", random.choice((1, 2)))

    def _set(self, client: httpx2.Client, path: str, field: str, value: Any) -> None:
        before = self.values.setdefault(path, {None})
        before.add(value)
        self._must(client.put(f"{API}{path}", json={field: value}), 200, 201)
        self.values[path] = {value}

    def _send(self, client: httpx2.Client) -> None:
        content = os.urandom(random.randrange(1, LARGEST_FILE))
        sha256 = digest(content)
        self.files[sha256] = content, False
        self._must(client.put(f"{API}/files?name=part.bin", content=content), 201)
        self.files[sha256] = content, True
        self._stop.wait(0.4)  # each file is a job of half a second, waited for at the end

    def _must(self, answer: Any, *statuses: int) -> None:
        if answer.status_code == 503 and "retry-after" in answer.headers:
            raise ToldToWait
        if answer.status_code not in statuses:
            raise AssertionError(f"{answer.request.url.path}: {answer.status_code} {answer.text[:300]}")

    def _at_last(self, ask: Callable[[], Any]) -> None:
        """Ask as long as the platform wants a moment more."""
        while True:
            try:
                return self._must(ask(), 201)
            except ToldToWait:
                time.sleep(1.0)

    # ---- reading ----------------------------------------------------------------------------------------------------

    def check(self, client: httpx2.Client) -> None:
        """Compare the ledger with what the platform says now, and note every fault."""
        for name, (key, was_told) in list(self.models.items()):
            found = client.get(f"{API}/models/{name}").status_code
            if found != 200 and (was_told or found != 404):
                self.faults.append(f"the model {name} answers {found}")
            if not was_told:
                self._at_last(partial(create, client, name, key))  # as a client does that heard nothing
                self.models[name] = key, True
        self._check_value(
            client, f"/models/{MODEL}", f"/models/{MODEL}/tags/turn", lambda model: model["tags"].get("turn")
        )
        aliases = f"/models/{MODEL}/aliases"
        self._check_value(client, aliases, f"{aliases}/candidate", _candidate)
        for sha256, (content, was_told) in list(self.files.items()):
            answer = client.get(f"{API}/files/{sha256}")
            if answer.status_code == 404 and not was_told:
                self._at_last(partial(client.put, f"{API}/files?name=part.bin", content=content))
            elif answer.status_code != 200 or answer.content != content:
                self.faults.append(f"the file {sha256} answers {answer.status_code}, {len(answer.content)} bytes")
            self.files[sha256] = content, True
        self.faults += self.logged.check(client)
        self.faults += self.registered.check(client)

    def _check_value(self, client: httpx2.Client, path: str, of: str, read: Callable[[Any], Any]) -> None:
        if allowed := self.values.get(of):
            found = read(client.get(f"{API}{path}").json())
            if found not in allowed:
                self.faults.append(f"{of} is {found!r}, not one of {allowed}")
            self.values[of] = {found}

    def check_whole(self, client: httpx2.Client) -> None:
        """Wait until all jobs have ended, and look for what lies about or is told twice."""
        until(lambda: not unfinished(client), JOBS_END_WITHIN_SECONDS + SCAN_SECONDS * len(self.files))
        for sha256 in self.files:
            report = client.get(f"{API}/files/{sha256}/report").json()
            if report["scanned_at"] is None:
                self.faults.append(f"the file {sha256} was never scanned")
        models = len(self.models) + len(self.registered.models) + 1
        if (told := count(client, "/events?kind=model.registered")) != models:
            self.faults.append(f"{told} events tell of {models} models")


def _candidate(page: Any) -> Any:
    return next((alias["version_number"] for alias in page["items"] if alias["name"] == "candidate"), None)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def client_of(url: str, token: str) -> httpx2.Client:
    return httpx2.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=30)


def create(client: httpx2.Client, name: str, key: str) -> Any:
    body = {"name": name, "kind": "ml", "purpose": "Kept in a ledger."}
    return client.post(f"{API}/models", json=body, headers={"idempotency-key": key})


def count(client: httpx2.Client, path: str) -> int:
    found, cursor = 0, ""
    while cursor is not None:
        page = client.get(f"{API}{path}&limit=200{cursor and f'&cursor={cursor}'}").json()
        found, cursor = found + len(page["items"]), page["next"]
    return found


def unfinished(client: httpx2.Client) -> bool:
    return any(client.get(f"{API}/jobs?state={state}&limit=1").json()["items"] for state in ("queued", "running"))


class Victim:
    """An installation that is started, written to, and killed."""

    def __init__(self, home: Path, **more: str) -> None:
        self.home, self.more = home, more
        self.token = ""

    def kill_while_it_starts(self) -> None:
        """Start it and kill it at some moment of its start, maybe its first."""
        command = [sys.executable, "-m", "modelops_platform.cli", "serve", "--port", "0"]
        process = subprocess.Popen(
            command, env=environment(self.home, **self.more), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(random.uniform(0.1, 2.0))
        kill(psutil.Process(process.pid))
        process.wait()

    def start(self) -> Server:
        """Start it; it must become ready, whatever was before."""
        server = Server(self.home, "serve", **self.more)
        server.until_ready()
        return server

    def furnish(self, url: str) -> None:
        """Make an administrator, and a model with two versions."""
        self.token = operator(self.home, **self.more)
        with client_of(url, self.token) as client:
            assert create(client, MODEL, MODEL).status_code == 201
            for number in (1, 2):
                sent = client.put(f"{API}/files?name=m.bin", content=bytes([number])).json()
                files = [{"path": "m.bin", "sha256": sent["sha256"]}]
                made = client.post(f"{API}/models/{MODEL}/versions", json={"files": files})
                assert made.status_code == 201, made.text

    def verify(self) -> list[str]:
        """Return what is wrong with the log and the stored bytes while nothing runs."""
        faults = []
        log = modelops(self.home, "audit", "verify", **self.more)
        if log.returncode:
            faults.append(f"audit verify: {log.stdout}{log.stderr}")
        files = [path for path in (self.home / "blobs" / "sha256").rglob("*") if path.is_file()]
        wrong = [path for path in files if digest(path.read_bytes()) != path.parent.name + path.name]
        return faults + [f"{path} holds other bytes than its name says" for path in wrong]


def kill(process: psutil.Process, *, alone: bool = False) -> None:
    """End a process without a word, and all below it unless `alone`."""
    below = [] if alone else process.children(recursive=True)
    for each in (process, *below):
        try:
            each.kill()
        except psutil.NoSuchProcess:
            continue


def run(victim: Victim, kills: int, say: Callable[[str], None] = lambda _line: None) -> Ledger:
    """Kill the platform so many times at random moments, and return the ledger with its faults."""
    ledger = Ledger()
    victim.kill_while_it_starts()
    server = victim.start()
    victim.furnish(server.url)
    for number in range(1, kills + 1):
        ledger.write_until(server.url, victim.token, partial(_strike, ledger, server, number))
        server.end()
        server.close()
        if number % 3 == 0:
            victim.kill_while_it_starts()
        server = victim.start()
        with client_of(server.url, victim.token) as client:
            ledger.check(client)
        say(f"kill {number}: {ledger.acknowledged} acknowledged, {len(ledger.faults)} faults")
    with client_of(server.url, victim.token) as client:
        ledger.check_whole(client)
    server.end()
    server.close()
    ledger.faults += victim.verify()
    return ledger


def _strike(ledger: Ledger, server: Server, number: int) -> None:
    """Let them write for a while, then kill everything, or what it started goes on alone for its last seconds."""
    wanted = ledger.acknowledged + LEAST_BETWEEN_KILLS
    until(lambda: ledger.acknowledged >= wanted or ledger.faults)
    time.sleep(random.uniform(0.0, 1.0))
    if number % 2:
        kill(psutil.Process(server.job_process().pid))
        time.sleep(random.uniform(0.0, 0.5))
    kill(psutil.Process(server.process.pid), alone=number % 4 == 0)
