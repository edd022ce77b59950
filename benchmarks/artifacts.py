"""A large file up and down, beside a bare application that hashes and writes the same bytes in the same run.

`python -m benchmarks.artifacts 5120` sends and fetches as many megabytes through the MLflow protocol only.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil

from .figures import Figure
from .server import Home, Server, serving

MIB = 1024**2
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Cost:
    """What one transfer took: CPU seconds of the serving process, seconds at the client, extra megabytes at most."""

    cpu: float
    wall: float
    memory: float


def measure(
    megabytes: int, proxied: int, database_url: str | None = None, say: Callable[[str], None] = print
) -> Iterator[Figure]:
    """Start the platform on an empty home and measure large files, and `proxied` megabytes by MLflow's protocol."""
    say("Sending and fetching large files")
    with tempfile.TemporaryDirectory(prefix="modelops-bench-") as folder:
        home = Home(Path(folder) / "home", database_url)
        token = home.make_admin()
        with serving(home) as server:
            server.until_ready()
            server.until_jobs_run()
            if megabytes:
                yield from measure_files(server, token, megabytes)
            yield from measure_proxied(server, token, proxied)


def measure_proxied(server: Server, token: str, megabytes: int) -> Iterator[Figure]:
    """Send a file to a run as MLflow's client does, and fetch it, in memory that does not grow with it."""
    signed = {"authorization": f"Bearer {token}"}
    made = httpx2.post(f"{server.url}/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}, headers=signed)
    uri = made.raise_for_status().json()["run"]["info"]["artifact_uri"]
    path = f"/api/2.0/mlflow-artifacts/artifacts{uri.removeprefix('mlflow-artifacts:')}/large.bin"
    line, block, seen = f"Authorization: Bearer {token}\r\n", os.urandom(MIB), []
    up = _cost(server.root, lambda: _put(server.port, path, block, megabytes, line))
    server.until_jobs_run()  # the scan of what has just come
    down = _cost(server.root, lambda: seen.append(_get(server.port, path, line)))
    if seen[0] < megabytes * MIB:
        raise RuntimeError(f"Of {megabytes} MiB only {seen[0]:,} bytes came back.")
    for way, cost in (("up", up), ("down", down)):
        note = f"{cost.cpu:.1f} s CPU, {cost.wall:.1f} s at the client"
        what = f"{megabytes} MiB {way} by MLflow's protocol, extra memory"
        yield Figure("Large files", what, cost.memory, "MB", 64.0, note)


def measure_files(server: Server, token: str, megabytes: int) -> Iterator[Figure]:
    """Measure uploads and downloads; of several rounds, ours and bare by turns, the least disturbed one counts."""
    ours: dict[str, list[Cost]] = {"up": [], "down": [], "parts": []}
    bare: dict[str, list[Cost]] = {"up": [], "down": []}
    with _bare_server() as (process, port):
        for _round in range(ROUNDS):
            for way, cost in _bare_round(process, port, megabytes).items():
                bare[way].append(cost)
            for way, cost in _our_round(server, f"Authorization: Bearer {token}\r\n", megabytes).items():
                ours[way].append(cost)
    for way, target in (("up", 1.5), ("down", 1.3)):
        yield from _compared(way, ours[way], bare[way], target, megabytes)
    parts, once = _least(ours["parts"]), _least(ours["up"])
    note = f"{parts.cpu:.2f} s CPU, {parts.wall:.2f} s at the client; at once {once.cpu:.2f} and {once.wall:.2f}"
    yield Figure(
        "Large files", f"{megabytes} MiB up in parts of 16, CPU to at once", parts.cpu / once.cpu, "times", None, note
    )


def _bare_round(process: psutil.Process, port: int, megabytes: int) -> dict[str, Cost]:
    block = os.urandom(MIB)
    up = _cost(process, lambda: _put(port, "/file", block, megabytes))
    return {"up": up, "down": _cost(process, lambda: _get(port, "/file"))}


def _our_round(server: Server, signed: str, megabytes: int) -> dict[str, Cost]:
    block, other = os.urandom(MIB), os.urandom(MIB)
    answers: list[str] = []
    up = _cost(server.root, lambda: answers.append(_put(server.port, "/api/v1/files", block, megabytes, signed)))
    [sha256] = re.findall(r'"sha256":"(\w+)"', answers[0])
    server.until_jobs_run()  # the scan of what has just come
    down = _cost(server.root, lambda: _get(server.port, f"/api/v1/files/{sha256}", signed))
    parts = _cost(server.root, lambda: _in_parts(server.port, other, megabytes, signed))
    server.until_jobs_run()
    return {"up": up, "down": down, "parts": parts}


def _compared(way: str, ours: list[Cost], bare: list[Cost], target: float, megabytes: int) -> Iterator[Figure]:
    mine, other = _least(ours), _least(bare)
    note = f"{mine.cpu:.2f} s against {other.cpu:.2f} s"
    yield Figure(
        "Large files", f"{megabytes} MiB {way}, CPU to a bare application", mine.cpu / other.cpu, "times", target, note
    )
    walls = min(cost.wall for cost in ours), min(cost.wall for cost in bare)
    note = f"{walls[0]:.2f} s against {walls[1]:.2f} s"
    yield Figure(
        "Large files", f"{megabytes} MiB {way}, time to a bare application", walls[0] / walls[1], "times", target, note
    )
    yield Figure("Large files", f"{megabytes} MiB {way}, extra memory", max(c.memory for c in ours), "MB", 64.0)


def _least(costs: list[Cost]) -> Cost:
    return min(costs, key=lambda cost: cost.cpu)


def _cost(process: psutil.Process, work: Callable[[], object]) -> Cost:
    """Do something and return what it cost the process that serves it."""
    Path(f"/proc/{process.pid}/clear_refs").write_text("5")  # the peak begins anew
    memory, cpu, began = process.memory_info().rss, sum(process.cpu_times()[:2]), time.monotonic()
    work()
    wall = time.monotonic() - began
    peak = int(re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8"))[0])
    return Cost(sum(process.cpu_times()[:2]) - cpu, wall, (peak * 1024 - memory) / 1e6)


def _put(port: int, path: str, block: bytes, megabytes: int, headers: str = "") -> str:
    with _asking(port, f"PUT {path}", headers, megabytes * MIB) as connection:
        for _number in range(megabytes):
            connection.sendall(block)
        return _answer(connection)


def _in_parts(port: int, block: bytes, megabytes: int, headers: str) -> None:
    announced = f'{{"name":"large.bin","size":{megabytes * MIB}}}'.encode()
    with _asking(port, "POST /api/v1/uploads", f"{headers}Content-Type: application/json\r\n", len(announced)) as one:
        one.sendall(announced)
        upload_id = re.findall(r'"id":"([^"]+)"', _answer(one))[0]
    for start in range(0, megabytes, 16):
        count = min(16, megabytes - start)
        offset = f"{headers}Upload-Offset: {start * MIB}\r\n"
        with _asking(port, f"PATCH /api/v1/uploads/{upload_id}", offset, count * MIB) as connection:
            for _number in range(count):
                connection.sendall(block)
            _answer(connection)


def _get(port: int, path: str, headers: str = "") -> int:
    buffer, seen = bytearray(MIB), 0
    with _asking(port, f"GET {path}", headers, 0) as connection:
        while count := connection.recv_into(buffer):
            seen += count
    return seen


@contextmanager
def _asking(port: int, what: str, headers: str, length: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=600) as connection:
        head = f"{what} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
        connection.sendall(head.encode())
        yield connection


def _answer(connection: socket.socket) -> str:
    pieces = []
    while piece := connection.recv(65_536):
        pieces.append(piece)
    answer = b"".join(pieces).decode()
    if not re.match(r"HTTP/1.1 2\d\d", answer):
        raise RuntimeError(answer[:500])
    return answer


@contextmanager
def _bare_server() -> Iterator[tuple[psutil.Process, int]]:
    with tempfile.TemporaryDirectory(prefix="modelops-bare-") as folder:
        command = [sys.executable, "-m", "benchmarks.bare", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            time.sleep(0.5)
            try:
                yield psutil.Process(process.pid), port
            finally:
                process.terminate()


if __name__ == "__main__":
    from .report import as_text

    print(as_text(list(measure(0, int(sys.argv[1])))))
