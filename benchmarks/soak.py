"""Job processes killed with SIGKILL, round after round: every job's effect is there exactly once.

Each round has 500 jobs for two processes of their own, on a fresh SQLite file; what the jobs do is
`tests/jobs/chaos.py`, and so is how the test suite does it once.
"""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import text

from modelops_platform.core import migrations
from modelops_platform.core.actor import system_actor
from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.core.settings import load_settings
from modelops_platform.identity import service as identity
from modelops_platform.jobs import service as jobs

JOBS, PROCESSES = 500, 2
CHAOS = Path(__file__).parents[1] / "tests" / "jobs" / "chaos.py"
LONGEST_SECONDS = 180


def soak(rounds: int) -> int:
    """Run the rounds and return how many went wrong."""
    wrong = 0
    for number in range(1, rounds + 1):
        with tempfile.TemporaryDirectory(prefix="modelops-soak-") as folder:
            took, kills, faults = _round(Path(folder))
        print(f"round {number}: {JOBS} jobs, {kills} kills, {took:.0f} s: {'; '.join(faults) or 'every effect once'}")
        wrong += bool(faults)
    return wrong


def _round(folder: Path) -> tuple[float, int, list[str]]:
    settings = load_settings(home=folder)
    database = Database.from_settings(settings)
    migrations.upgrade(database)
    with database.write() as db:
        identity.ensure_workspace(db, "enforce")
        db.execute(text("CREATE TABLE effects (job_id VARCHAR(36) NOT NULL)"))
        for number in range(JOBS):
            actor = system_actor(DEFAULT_WORKSPACE)
            jobs.enqueue(db, actor, "test.count", {"n": number}, max_attempts=50)
    command = [sys.executable, str(CHAOS), settings.database_address, str(settings.keys_folder)]
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _process in range(PROCESSES)]
    began, kills = time.monotonic(), 0
    try:
        while _count(database, _UNFINISHED) and time.monotonic() - began < LONGEST_SECONDS:
            time.sleep(random.uniform(0.5, 2.0))
            chosen = random.randrange(PROCESSES)
            running[chosen].kill()
            running[chosen].wait()
            running[chosen] = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            kills += 1
            time.sleep(random.uniform(2.0, 4.0))  # a new process needs a while to begin
    finally:
        for process in running:
            process.kill()
            process.wait()
    faults = [f"{what} is {found}, not {JOBS}" for what, found in _found(database).items() if found != JOBS]
    database.dispose()
    return time.monotonic() - began, kills, faults


_UNFINISHED = "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')"


def _found(database: Database) -> dict[str, int]:
    return {
        "succeeded jobs": _count(database, "SELECT count(*) FROM jobs WHERE state = 'succeeded'"),
        "effects": _count(database, "SELECT count(*) FROM effects"),
        "jobs with an effect": _count(database, "SELECT count(DISTINCT job_id) FROM effects"),
    }


def _count(database: Database, question: str) -> int:
    with database.read() as db:
        return int(db.execute(text(question)).scalar_one())
