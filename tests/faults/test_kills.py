"""The platform killed at random moments, and while it starts."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modelops_platform.core.db import Database
from modelops_platform.core.schema import is_current
from modelops_platform.core.settings import load_settings
from tests.faults import ledger
from tests.postgres import Postgres
from tests.test_serve import environment, modelops, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

KILLS = 3


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_what_was_acknowledged_is_there_whoever_is_killed(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    more = {}
    if kind == "postgres":
        postgres: Postgres = request.getfixturevalue("postgres")
        more = {"MODELOPS_DATABASE_URL": postgres.empty_database()}
    found = ledger.run(ledger.Victim(tmp_path / "home", **more), KILLS)
    assert not found.faults
    assert found.acknowledged >= ledger.LEAST_BETWEEN_KILLS * KILLS


def test_two_first_starts_at_once_are_both_healthy(tmp_path: Path) -> None:
    home = tmp_path / "home"
    command = [sys.executable, "-m", "modelops_platform.cli", "user", "create"]
    started = [
        subprocess.Popen(
            [*command, f"person{number}@example.org", "--role", "viewer"],
            env=environment(home),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(3)
    ]
    said = [process.communicate(timeout=60)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], said
    with running(home) as first, running(home) as second:
        for server in (first, second):
            server.until_ready()
            assert server.get("/healthz").status_code == 200
    assert modelops(home, "audit", "verify").returncode == 0


def test_a_first_start_killed_at_any_moment_leaves_a_home_that_starts(tmp_path: Path) -> None:
    for number, moment in enumerate((0.3, 0.6, 0.8, 1.0, 1.2)):
        home = tmp_path / f"home{number}"
        command = [sys.executable, "-m", "modelops_platform.cli", "db", "upgrade"]
        process = subprocess.Popen(command, env=environment(home), stdout=subprocess.DEVNULL)
        time.sleep(moment * random.uniform(0.7, 1.3))
        process.kill()
        process.wait()
        again = modelops(home, "db", "upgrade")
        assert again.returncode == 0, (moment, again.stderr)
        database = Database.from_settings(load_settings(home=home))
        with database.read() as db:
            assert is_current(db)
        database.dispose()
        for key in (home / "keys").glob("*.key"):
            assert key.stat().st_size > 0, key


@pytest.mark.parametrize("left", [b"", b"half"])
def test_a_damaged_key_is_named_and_never_replaced(tmp_path: Path, left: bytes) -> None:
    home = tmp_path / "home"
    assert modelops(home, "db", "upgrade").returncode == 0
    key = home / "keys" / "events.key"
    key.write_bytes(left)
    refused = modelops(home, "db", "upgrade")
    assert refused.returncode == 2
    assert str(key) in refused.stderr
    assert "Traceback" not in refused.stderr
    assert key.read_bytes() == left
