"""The demonstration, filled once for the whole test session, and a server over it for tests that look at it."""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import BrowserContext

from tests.contract.addresses import Addresses
from tests.test_serve import environment, modelops, running

FILLED_WITHIN_SECONDS = 420
PATIENCE_SECONDS = 90
PASSWORD = "correct horse battery"
ADMIN = "petra.admin@example.com"


def run_demo(home: Path) -> "subprocess.CompletedProcess[str]":
    """`modelops demo` as people type it, without staying to serve."""
    arguments = ["demo", "--port", "0", "--no-browser", "--no-serve"]
    return subprocess.run(
        [sys.executable, "-m", "modelops_platform.cli", *arguments],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=FILLED_WITHIN_SECONDS,
        check=False,
    )


@dataclass
class Site:
    """A running server over the filled demonstration."""

    url: str
    home: Path
    _clients: dict[str, httpx2.Client] = field(default_factory=dict)

    def client(self, email: str = ADMIN) -> httpx2.Client:
        """A client of somebody's, by a token of their own."""
        if email not in self._clients:
            made = modelops(self.home, "token", "create", "--user", email, "--name", "test")
            assert made.returncode == 0, made.stderr
            headers = {"authorization": f"Bearer {made.stdout.strip()}"}
            self._clients[email] = httpx2.Client(base_url=self.url, headers=headers, timeout=PATIENCE_SECONDS)
        return self._clients[email]

    def get(self, path: str, email: str = ADMIN) -> Any:
        """The JSON at a path below /api/v1."""
        answer = self.client(email).get(f"/api/v1{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None, email: str = ADMIN) -> Any:
        """What a POST below /api/v1 made."""
        answer = self.client(email).post(f"/api/v1{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def at(self, model: str) -> Addresses:
        """Where everything is, seen from one model."""
        return Addresses(self.get, model)

    def sign_in(self, context: BrowserContext, email: str) -> None:
        """Give a browser somebody's session, by a one-time link."""
        [user] = [user for user in self.get("/users?limit=200")["items"] if user["email"] == email]
        link = self.post(f"/users/{user['id']}/sign-in-link")["url"].partition("link=")[2]
        answer = httpx2.post(f"{self.url}/login", data={"link": link})
        assert answer.status_code == 303, answer.text
        context.add_cookies([{"name": name, "value": value, "url": self.url} for name, value in answer.cookies.items()])

    def create_user(self, email: str, role: str, unit: str | None = None) -> None:
        """Add somebody with a password, as an operator does."""
        where = ["--unit", unit] if unit else []
        made = modelops(
            self.home, "user", "create", email, "--role", role, *where, "--password-stdin", given=f"{PASSWORD}\n"
        )
        assert made.returncode == 0, made.stderr

    def until(self, happened: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
        """Wait until something is so, and return what it was."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := happened():
                return found
            time.sleep(0.2)
        raise AssertionError("it did not happen in time")

    def report(self) -> bytes:
        """The portfolio as PDF, made by a job."""
        made = self.client().post("/portfolio/reports")
        assert made.status_code == 303, made.text
        job_id = made.headers["location"].rpartition("/")[2]
        job = self.until(lambda: (job := self.get(f"/jobs/{job_id}"))["state"] not in ("queued", "running") and job)
        assert job["state"] == "succeeded", job["error"]
        page = self.client().get(f"/portfolio/reports/{job_id}").text
        sha256 = page.partition("/files/")[2][:64]
        return self.client().get(f"/api/v1/files/{sha256}").content


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that the demonstration has filled, once for all processes of the tests; nobody serves it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "demonstration"
    folder.mkdir(exist_ok=True)
    home = folder / "home"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "filled").exists():
            filled = run_demo(home)
            assert filled.returncode == 0, filled.stdout + filled.stderr
            (folder / "filled").touch()
    return home


@pytest.fixture(scope="session")
def demo(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server over a copy of the filled home."""
    home = tmp_path_factory.mktemp("served") / "home"
    shutil.copytree(demo_home, home)
    with running(home) as server:
        server.until_ready()
        site = Site(server.url, home)
        yield site
        for client in site._clients.values():
            client.close()
