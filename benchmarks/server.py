"""The platform as people start it, in a home of its own, and what the kernel says it uses."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil

MODELOPS = str(Path(sys.executable).with_name("modelops"))
ADMIN = "ada@example.org"
PATIENCE = 120.0


class Home:
    """An installation: where it writes, and which database it uses."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        self.folder = folder
        # As an operator has it: nothing set, and byte code kept, as `pip install` leaves it.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MODELOPS_", "PYTHON"))}
        self.environment = {**kept, "MODELOPS_HOME": str(folder)}
        if database_url:
            self.environment["MODELOPS_DATABASE_URL"] = database_url

    def run(self, *arguments: str) -> str:
        """Run one operator command and return what it prints."""
        done = subprocess.run(
            [MODELOPS, *arguments], env=self.environment, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout.strip()

    def make_admin(self) -> str:
        """Make an administrator by the command line and return a token of theirs."""
        self.run("user", "create", ADMIN, "--role", "admin")
        return self.run("token", "create", "--user", ADMIN, "--name", "benchmark")


class Server:
    """A running `modelops serve`: its address, its processes, its log."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        assert process.stdout is not None
        self.root = psutil.Process(process.pid)
        self.log = log
        first = process.stdout.readline()
        if not first:
            raise RuntimeError(log.read_text(encoding="utf-8"))
        self.url = first.split()[-1]
        self.port = int(self.url.rpartition(":")[2])

    def processes(self) -> list[psutil.Process]:
        """Return the web process and everything below it."""
        return [self.root, *self.root.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Return what the whole process tree has used so far, in user and system mode."""
        return sum(sum(process.cpu_times()[:2]) for process in self.processes())

    def pss_megabytes(self) -> float:
        """Return the memory of the whole process tree, shared pages counted once."""
        return sum(float(process.memory_full_info().pss) for process in self.processes()) / 1e6

    def until_ready(self) -> None:
        """Wait until the server says that it can serve."""
        deadline = time.monotonic() + PATIENCE
        while (answer := httpx2.get(f"{self.url}/readyz", timeout=PATIENCE)).status_code != 200:
            if time.monotonic() > deadline:
                raise RuntimeError(f"The server did not get ready: {answer.text}")
            time.sleep(0.01)

    def until_jobs_run(self) -> None:
        """Wait until the job process is there, and all have gone quiet after the jobs of the start."""
        deadline = time.monotonic() + PATIENCE
        while len(self.processes()) < 2 or self._cpu_within(3.0) > 0.06:
            if time.monotonic() > deadline:
                raise RuntimeError("The server did not come to rest.")

    def _cpu_within(self, seconds: float) -> float:
        before = self.cpu_seconds()
        time.sleep(seconds)
        return self.cpu_seconds() - before

    def logged(self, path: str) -> list[float]:
        """Return the milliseconds that the server itself took for each request of a path, from its log."""
        entries = (_entry(line) for line in self.log.read_text(encoding="utf-8").splitlines())
        return [entry["ms"] for entry in entries if entry.get("event") == "request" and entry["path"] == path]


def _entry(line: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line) if re.match(r"\{.*\}$", line) else {}
    return found


@contextmanager
def serving(home: Home, *arguments: str) -> Iterator[Server]:
    """Start the platform by the command of the README, on a free port, and end it afterwards."""
    log = home.folder.with_suffix(".log")
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [MODELOPS, "serve", "--port", "0", *arguments],
            env=home.environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    with process:
        try:
            yield Server(process, log)
        finally:
            process.terminate()
            process.wait(30)
