"""A real `modelops serve` with an administrator, and what tests of faults ask of it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.test_serve import Server, operator, running, until

PATIENCE_SECONDS = 30.0
BACK_WITHIN_SECONDS = 5.0
TOLD_WITHIN_SECONDS = 2.0


class Site:
    """The server, and a client of an administrator's."""

    def __init__(self, server: Server, home: Path, token: str) -> None:
        self.server = server
        self.home = home
        self.token = token
        self.headers = {"authorization": f"Bearer {token}"}
        self.client = httpx2.Client(base_url=server.url, headers=self.headers, timeout=PATIENCE_SECONDS)
        self._made = 0

    def create_model(self, name: str | None = None) -> Any:
        """Try to register a model: a write of the database."""
        self._made += 1
        name = name or f"model-{os.getpid()}-{self._made}"
        return self.client.post("/api/v1/models", json={"name": name, "kind": "ml", "purpose": "A fault."})

    def upload(self, content: bytes) -> Any:
        """Try to send a file."""
        return self.client.put("/api/v1/files?name=data.bin", content=content)

    def scanned(self, sha256: str) -> bool:
        """Say whether the job process has scanned the file."""
        return self.client.get(f"/api/v1/files/{sha256}/report").json()["scanned_at"] is not None

    def health(self) -> tuple[int, int, dict[str, Any]]:
        """Return the statuses of both health routes, and what the second says."""
        ready = self.client.get("/readyz")
        return self.client.get("/healthz").status_code, ready.status_code, ready.json()

    def until_writable(self) -> float:
        """Wait until a write is answered well, and return how long it took."""
        began = time.monotonic()
        until(lambda: self.create_model().status_code == 201, BACK_WITHIN_SECONDS)
        return time.monotonic() - began


@contextmanager
def started(home: Path, *arguments: str, **more: str) -> Iterator[Site]:
    """Start the platform on a home of its own, ready and with its job process."""
    token = operator(home, **more)
    with running(home, "serve", *arguments, **more) as server:
        server.until_ready()
        site = Site(server, home, token)
        site.server.job_process()
        try:
            yield site
        finally:
            site.client.close()
