"""SIGTERM with everything under way: what was asked is answered, and all processes end within ten seconds."""

import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select

from modelops_platform.artifacts.checking import CHECK
from modelops_platform.core.db import Database
from modelops_platform.core.settings import load_settings
from modelops_platform.jobs import service as jobs
from modelops_platform.jobs.tables import Job
from tests.factories import SYSTEM
from tests.faults.site import Site, started
from tests.test_serve import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

ASKING = 8
SLOW_CHECK = {"MODELOPS_CHECK_MEGABYTES_PER_SECOND": "1"}
DRIP = "PUT /api/v1/files?name=slow.bin HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n"


def look_slowly(site: Site) -> str:
    """Have a light job run for half a minute, and return its id once it runs."""
    assert site.upload(bytes(30_000_000)).status_code == 201
    database = Database.from_settings(load_settings(home=site.home))
    with database.write() as db:
        job_id = jobs.enqueue(db, SYSTEM, CHECK, {}).id
    database.dispose()
    until(lambda: state(site, job_id) == "running")
    return job_id


def state(site: Site, job_id: str) -> str:
    return str(site.client.get(f"/api/v1/jobs/{job_id}").json()["state"])


def ask_until_refused(site: Site) -> list[int]:
    """Ask on a kept connection, without a pause, until the server takes no new one; whatever was asked is answered."""
    statuses = []
    with httpx2.Client(base_url=site.server.url, headers=site.headers, timeout=20) as client:
        while True:
            try:
                statuses.append(client.get("/api/v1/models").status_code)
            except httpx2.ConnectError:
                return statuses


def test_everything_under_way_is_answered_or_given_back_in_ten_seconds(tmp_path: Path) -> None:
    with started(tmp_path / "home", **SLOW_CHECK) as site, ThreadPoolExecutor(ASKING + 1) as pool:
        job_id = look_slowly(site)
        for _number in range(8):
            site.upload(b"x" * 1000 + str(_number).encode())  # heavy jobs, to be given back
        stream = pool.submit(lambda: site.client.get(f"/jobs/{job_id}/events", timeout=20).status_code)
        host, port = site.server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as slow:
            slow.sendall((DRIP.format(token=site.token) + "content-length: 1000000\r\n\r\nabc").encode())
            answers = [pool.submit(ask_until_refused, site) for _number in range(ASKING)]
            time.sleep(1.0)
            status, seconds = site.server.end(signal.SIGTERM)
        for answer in answers:
            assert set(answer.result()) == {200}
        assert stream.result() == 200
        assert status == 0
        assert seconds < 10, f"{seconds:.1f} s"
        assert not list((site.home / "blobs" / "incoming").iterdir())
        assert "Traceback" not in site.server.log.read_text(encoding="utf-8")
    database = Database.from_settings(load_settings(home=site.home))
    with database.read() as db:
        assert db.scalars(select(Job.state).where(Job.id == job_id)).one() == "queued"
    database.dispose()
