"""A light client in a process of its own: raw sockets, one thread for each connection.

`drive` starts it; it reads what to send from standard input, and prints how long each answer took.
"""

import json
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """What to send. `{n}` in the body is a number that no other request has."""

    port: int
    method: str
    path: str
    token: str | None = None
    body: str | None = None
    clients: int = 1
    requests: int = 1000
    first: int = 0
    accept: str = "application/json"


def drive(load: Load) -> list[float]:
    """Send the load and return each answer's milliseconds, in order of size."""
    return drive_timed(load)[0]


def drive_timed(load: Load) -> tuple[list[float], float]:
    """Send the load, and return each answer's milliseconds, in order of size, and the seconds that all took."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.traffic"],
        input=json.dumps(asdict(load)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    took, seconds = json.loads(done.stdout)
    return sorted(took), seconds


class Connection:
    """One kept connection."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._socket = socket.create_connection(("127.0.0.1", load.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        headers = [f"{load.method} {load.path} HTTP/1.1", f"host: localhost:{load.port}", f"accept: {load.accept}"]
        if load.token:
            headers.append(f"authorization: Bearer {load.token}")
        if load.body is not None:
            headers.append("content-type: application/json")
        self._head = "\r\n".join(headers)

    def ask(self, number: int) -> tuple[int, float]:
        """Send one request, read the whole answer, and return its status and milliseconds."""
        body = (self._load.body or "").replace("{n}", str(number)).encode()
        request = f"{self._head}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
        began = time.perf_counter()
        self._socket.sendall(request)
        answer = self._socket.recv(1 << 20)
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer += self._more()
        head = answer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        received = len(answer) - end - 4
        while received < length:
            received += len(self._more())
        return int(head[9:12]), (time.perf_counter() - began) * 1000

    def _more(self) -> bytes:
        more = self._socket.recv(1 << 20)
        if not more:
            raise ConnectionError("the server closed the connection")
        return more


def _run(load: Load) -> tuple[list[float], float]:
    share = load.requests // load.clients

    def one_client(client: int) -> list[float]:
        connection = Connection(load)
        took = []
        for number in range(share):
            status, milliseconds = connection.ask(load.first + client * share + number)
            if status not in (200, 201):
                raise RuntimeError(f"{load.method} {load.path} was answered with {status}")
            took.append(milliseconds)
        return took

    began = time.perf_counter()
    with ThreadPoolExecutor(load.clients) as pool:
        every = [one for took in pool.map(one_client, range(load.clients)) for one in took]
    return every, time.perf_counter() - began


if __name__ == "__main__":
    json.dump(_run(Load(**json.load(sys.stdin))), sys.stdout)
