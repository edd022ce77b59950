"""The platform as people start it: `modelops serve` and the operator commands, in processes of their own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

ROOT = Path(__file__).resolve().parents[1]
NUMERIC = re.compile(r"/(numpy|pandas|pyarrow|scipy|sklearn)[/.]")
MOST_PSS_MB = 210
SLOW_START_SECONDS = 60  # a busy machine; how quick a start is, the benchmarks measure
PASSWORD = "correct horse battery"


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MODELOPS_", "COV"))}
    return {**kept, "PYTHONPATH": str(ROOT / "src"), "MODELOPS_HOME": str(home), **more}


def modelops(home: Path, *arguments: str, given: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "modelops_platform.cli", *arguments],
        env=environment(home, **more),
        input=given,
        capture_output=True,
        text=True,
        timeout=SLOW_START_SECONDS,
        check=False,
    )


class Server:
    """A running `modelops serve` or `web`."""

    def __init__(self, home: Path, command: str, *arguments: str, **more: str) -> None:
        self.log = home.with_suffix(".log")
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "modelops_platform.cli", command, "--port", "0", *arguments],
                env=environment(home, **more),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        assert first, self.log.read_text()
        self.url = first.split()[-1]

    def get(self, path: str, **options: Any) -> Any:
        return httpx2.get(f"{self.url}{path}", timeout=SLOW_START_SECONDS, **options)

    def until_ready(self, seconds: float = SLOW_START_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not self.is_ready():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def is_ready(self) -> bool:
        try:
            return bool(self.get("/readyz").status_code == 200)
        except httpx2.TransportError as error:
            raise AssertionError(f"The server has ended: {error!r}\n{self.log.read_text()}") from error

    def job_process(self, seconds: float = SLOW_START_SECONDS) -> psutil.Process:
        """The job process, once it has told the database that it is there."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for child in psutil.Process(self.process.pid).children():
                if child.name() == "modelops-jobs":
                    return child
            time.sleep(0.05)
        raise AssertionError("there is no job process")

    def family(self) -> list[psutil.Process]:
        me = psutil.Process(self.process.pid)
        return [me, *me.children(recursive=True)]

    def end(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Send the signal, and return the exit status and the seconds that it took."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(15), time.monotonic() - began

    def close(self) -> None:
        """Let go of what the process said, once it has ended."""
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def running(home: Path, command: str = "serve", *arguments: str, **more: str) -> Iterator[Server]:
    server = Server(home, command, *arguments, **more)
    try:
        yield server
    finally:
        server.end()
        server.close()


def until(happened: Any, seconds: float = SLOW_START_SECONDS) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := happened():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_serve_is_the_whole_platform_light_and_drained(home: Path) -> None:
    with running(home) as server:
        assert server.process.stdout is not None
        link = server.process.stdout.readline().split()[-1]
        assert link.startswith(f"{server.url}/set-up?link=")
        server.until_ready()
        assert server.get("/healthz").status_code == 200
        assert server.get("/api/v1/jobs").status_code == 401
        assert server.get("/set-up", params={"link": link.partition("=")[2]}).status_code == 200
        worker = server.job_process()
        token = operator(home)
        jobs = {"authorization": f"Bearer {token}"}
        until(lambda: server.get("/api/v1/schedules", headers=jobs).json()["items"])
        family = server.family()
        maps = [Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8") for process in family]
        assert not [NUMERIC.search(text)[0] for text in maps if NUMERIC.search(text)]  # type: ignore[index]
        used = sum(process.memory_full_info().pss for process in family) / 1e6
        assert used < MOST_PSS_MB, f"{used:.0f} MB in {len(family)} processes"
        status, seconds = server.end()
    assert (status, worker.is_running()) == (0, False)
    assert seconds < 10
    assert "Traceback" not in server.log.read_text(encoding="utf-8")


def operator(home: Path, **more: str) -> str:
    made = modelops(home, "user", "create", "ada@example.org", "--role", "admin", **more)
    assert made.returncode == 0, made.stderr
    token = modelops(home, "token", "create", "--user", "ada@example.org", "--name", "test", **more)
    assert re.fullmatch(r"mop_\S+\n", token.stdout), token.stderr
    return token.stdout.strip()


def test_the_job_process_is_started_again_and_never_outlives_the_server(home: Path) -> None:
    with running(home) as server:
        server.until_ready()
        first = server.job_process()
        first.kill()
        others = lambda: (p for p in server.family()[1:] if p.pid != first.pid)  # noqa: E731
        second = until(lambda: next((p for p in others() if has_name(p)), None))  # it has begun to be a job process
        server.end(signal.SIGKILL)
        until(lambda: not second.is_running() or second.status() == psutil.STATUS_ZOMBIE)


def has_name(process: psutil.Process) -> bool:
    """Say whether the process catches SIGTERM, which the job process does before it asks to end with its parent."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    caught = int(re.findall(r"^SigCgt:\s+(\w+)$", status, re.MULTILINE)[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def test_two_web_processes_answer_kept_connections_without_delay(home: Path) -> None:
    with running(home, "serve", "--workers", "2") as server:
        server.until_ready()
        slowest = []
        for _connection in range(4):
            with httpx2.Client(base_url=server.url, timeout=SLOW_START_SECONDS) as client:
                client.get("/healthz")
                took = []
                for _request in range(25):
                    began = time.perf_counter()
                    assert client.get("/healthz").status_code == 200
                    took.append(time.perf_counter() - began)
                slowest.append(sorted(took)[len(took) // 2])
        status, seconds = server.end()
    assert max(slowest) < 0.010, f"{max(slowest) * 1000:.1f} ms"
    assert status == 0
    assert seconds < 10


def test_web_gateway_and_worker_wait_for_migrations_and_never_migrate(home: Path) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-m", "modelops_platform.cli", "worker"],
        env=environment(home),
        stderr=subprocess.PIPE,
        text=True,
    )
    with (
        running(home, "web") as server,
        running(home.with_name("gateway"), "gateway", MODELOPS_HOME=str(home)) as gateway,
    ):
        assert server.get("/healthz").status_code == gateway.get("/healthz").status_code == 200
        assert server.get("/readyz").status_code == gateway.get("/readyz").status_code == 503
        assert worker.stderr is not None
        assert "migrations are pending" in worker.stderr.readline()
        assert modelops(home, "db", "check").returncode == 1
        assert modelops(home, "db", "upgrade").returncode == 0
        assert modelops(home, "db", "check").returncode == 0
        server.until_ready()
        headers = {"authorization": f"Bearer {operator(home)}"}
        until(lambda: server.get("/api/v1/schedules", headers=headers).json()["items"])
        gateway.until_ready()
        assert gateway.get("/v2").status_code == 401
        assert gateway.get("/v2", headers=headers).json()["name"] == "modelops"
        assert gateway.get("/api/v1/jobs", headers=headers).status_code == 404
    worker.terminate()
    assert worker.wait(15) == 0
    worker.stderr.close()


def test_a_port_that_is_taken_or_a_bad_setting_is_one_line(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = modelops(home, "serve", "--port", str(taken.getsockname()[1]))
    assert refused.returncode == 2
    assert re.fullmatch(r"Error: Cannot listen on 127\.0\.0\.1:\d+: Address already in use\. .*\n", refused.stderr)
    bad = modelops(home, "serve", MODELOPS_DATABASE_POOL="many")
    assert bad.returncode == 2
    assert "MODELOPS_DATABASE_POOL" in bad.stderr
    assert "Traceback" not in bad.stderr


def test_people_are_made_before_the_first_start(home: Path) -> None:
    made = modelops(
        home,
        "user",
        "create",
        "Bo@example.org",
        "--role",
        "contributor",
        "--unit",
        "Cards",
        "--password-stdin",
        given=f"{PASSWORD}\n",
    )
    assert (made.returncode, made.stdout) == (0, "Created Bo@example.org as contributor of Cards.\n")
    again = modelops(home, "user", "create", "bo@example.org", "--role", "viewer")
    assert again.returncode == 2
    assert "Error: There is already" in again.stderr
    assert PASSWORD not in again.stderr + made.stdout
    link = modelops(home, "user", "link", "bo@example.org", MODELOPS_URL="https://models.example.org/")
    assert link.stdout.startswith("https://models.example.org/login?link=")
    unknown = modelops(home, "token", "create", "--user", "nobody@example.org", "--name", "x")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "nobody@example.org" in unknown.stderr


def test_help_is_quick_and_loads_no_server() -> None:
    asked = "import sys; from modelops_platform.cli import app; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", asked], env=environment(Path("x")), capture_output=True, text=True, check=True
    )
    assert not {"fastapi", "sqlalchemy", "uvicorn", "pydantic", "numpy"} & set(loaded.stdout.split())
