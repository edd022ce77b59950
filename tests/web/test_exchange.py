"""A request and its answer on a connection, byte by byte: what clients, proxies and attackers of all ages send."""

import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import pytest
import structlog
import uvicorn
from fastapi import FastAPI
from structlog.testing import LogCapture

from modelops_platform.web.connections import LARGEST_HEADERS, Connection
from tests.factories import Cast

LARGE = bytes(range(256)) * 1024
App = Callable[[Any, Any, Any], Awaitable[None]]
HOST = "host: localhost\r\n"
LENGTH_OF_3 = (b"content-length", b"3")


@contextmanager
def served(app: Any) -> Iterator[int]:
    """Serve an application as `modelops web` does, and give the port."""
    config = uvicorn.Config(
        app, port=0, http=Connection, loop="uvloop", ws="none", lifespan="off", log_config=None, server_header=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(10)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_last(self) -> bool:
        return self.headers.get("connection") == "close"


class Client:
    """A connection on which one sends what one likes."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()
        self._socket.close()

    def send(self, head: str, body: bytes = b"") -> Self:
        self._socket.sendall(head.encode("latin-1") + body)
        return self

    def ask(self, line: str, body: bytes = b"", *headers: str, is_head: bool = False) -> Answer:
        lines = [f"{line} HTTP/1.1", "host: localhost", *headers]
        if body:
            lines.append(f"content-length: {len(body)}")
        return self.send("\r\n".join([*lines, "", ""]), body).answer(is_head=is_head)

    def answer(self, *, is_head: bool = False) -> Answer:
        """Read one answer. Raises ConnectionError when the connection ends before it has begun."""
        first = self._file.readline()
        if not first:
            raise ConnectionError("closed")
        status, headers = int(first.split()[1]), {}
        while (line := self._file.readline()) != b"\r\n":
            name, _, value = line.decode("latin-1").partition(":")
            assert name not in headers, f"{name} stands twice"
            headers[name] = value.strip()
        if is_head or status in (100, 204, 304):
            return Answer(status, headers, b"")
        if headers.get("transfer-encoding") == "chunked":
            pieces = []
            while size := int(self._file.readline(), 16):
                pieces.append(self._file.read(size))
                assert self._file.readline() == b"\r\n"
            assert self._file.readline() == b"\r\n"
            return Answer(status, headers, b"".join(pieces))
        return Answer(status, headers, self._file.read(int(headers["content-length"])))

    def has_ended(self) -> bool:
        """Wait for the end of the connection: nothing comes any more."""
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True


async def application(scope: Any, receive: Any, send: Any) -> None:
    """What the exchange is shown by: an application that answers as its path says."""
    seen: list[bytes] = []

    async def begin(status: int, *headers: tuple[bytes, bytes]) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})

    async def go_on(body: bytes, *, more: bool = False) -> None:
        await send({"type": "http.response.body", "body": body, "more_body": more})

    async def read() -> bytes:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                broken_off.append(b"".join(seen))
                raise EOFError
            seen.append(message["body"])
            if not message.get("more_body"):
                return b"".join(seen)

    match scope["path"]:
        case "/echo":
            body = await read()
            await begin(200, (b"content-length", str(len(body)).encode()))
            await go_on(body)
        case "/pieces":
            await begin(200)
            await go_on(b"one ", more=True)
            await go_on(b"", more=True)
            await go_on(LARGE, more=True)
            await go_on(b" three")
        case "/large":
            await begin(200, (b"Content-Length", str(len(LARGE)).encode()))
            await go_on(LARGE)
        case "/refuse":
            await begin(400, LENGTH_OF_3)
            await go_on(b"no\n")
        case "/nothing":
            await begin(204)
            await go_on(b"")
        case "/close":
            await begin(200, LENGTH_OF_3, (b"connection", b"keep-alive, Close"))
            await go_on(b"bye")
        case "/too-short":
            await begin(200, LENGTH_OF_3)
            await go_on(b"no")
        case "/too-long":
            await begin(200, LENGTH_OF_3)
            await go_on(b"more")
        case "/split-header":
            await begin(200, LENGTH_OF_3, (b"x-told", b"a\r\nset-cookie: b"))
            await go_on(b"bad")
        case "/fails":
            raise RuntimeError("on purpose")
        case _:
            await begin(404, LENGTH_OF_3)
            await go_on(b"?\n\n")


broken_off: list[bytes] = []


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with served(application) as port:
        yield port


@pytest.fixture
def client(port: int) -> Iterator[Client]:
    with Client(port) as client:
        yield client


def test_a_kept_connection_answers_request_after_request(client: Client) -> None:
    for number in range(50):
        body = b"x" * number
        answer = client.ask("POST /echo", body)
        assert (answer.status, answer.body, answer.is_last) == (200, body, False)


def test_connections_end_where_either_side_says_so(port: int) -> None:
    for line, headers in [("GET /echo", ["connection: close"]), ("GET /close", [])]:
        with Client(port) as client:
            assert client.ask(line, b"", *headers).status == 200
            assert client.has_ended()
    with Client(port) as old:
        answer = old.send("GET /echo HTTP/1.0\r\n\r\n").answer()
        assert answer.status == 200
        assert answer.is_last
        assert old.has_ended()


def test_bodies_come_in_pieces_of_any_size(client: Client) -> None:
    head = f"POST /echo HTTP/1.1\r\n{HOST}transfer-encoding: chunked\r\n\r\n"
    client.send(head)
    for size in (1, 17, 70_000):
        client.send(f"{size:x}\r\n", b"y" * size + b"\r\n")
        time.sleep(0.01)
    assert client.send("0\r\n\r\n").answer().body == b"y" * 70_018
    assert client.send(head + "0\r\n\r\n").answer().body == b""
    for letter in head + "3\r\nabc\r\n0\r\n\r\n":  # a network that carries one byte at a time
        client.send(letter)
    assert client.answer().body == b"abc"
    client.send(f"POST /echo HTTP/1.1\r\n{HOST}content-length: {len(LARGE)}\r\n\r\n")
    for at in range(0, len(LARGE), 50_000):
        client.send("", LARGE[at : at + 50_000])
    assert client.answer().body == LARGE


def test_answers_come_in_pieces_or_with_their_length(client: Client) -> None:
    pieces = client.ask("GET /pieces")
    assert pieces.headers["transfer-encoding"] == "chunked"
    assert pieces.body == b"one " + LARGE + b" three"
    large = client.ask("GET /large")
    assert "transfer-encoding" not in large.headers
    assert large.body == LARGE
    nothing = client.ask("GET /nothing")
    assert nothing.status == 204
    assert not {"transfer-encoding", "content-length"} & set(nothing.headers)
    assert client.ask("GET /echo").status == 200


def test_head_is_told_the_same_without_a_body(client: Client) -> None:
    for path in ("/large", "/pieces", "/refuse", "/nothing"):
        told = client.ask(f"GET {path}")
        alike = client.ask(f"HEAD {path}", is_head=True)
        assert alike.status == told.status
        assert alike.headers.get("content-length") == told.headers.get("content-length")
    assert client.ask("POST /echo", b"still in step").body == b"still in step"


def test_whoever_asks_first_is_told_to_go_on(client: Client) -> None:
    head = f"POST /echo HTTP/1.1\r\n{HOST}expect: 100-continue\r\ncontent-length: 4\r\n\r\n"
    assert client.send(head).answer().status == 100
    assert client.send("", b"body").answer().body == b"body"
    client.send(head, b"soon")  # does not wait for the answer
    assert [client.answer().status, client.answer().body] == [100, b"soon"]


def test_whoever_asks_first_and_is_refused_ends_there(client: Client) -> None:
    client.send(f"POST /refuse HTTP/1.1\r\n{HOST}expect: 100-continue\r\ncontent-length: 4\r\n\r\n")
    refused = client.answer()
    assert (refused.status, refused.is_last) == (400, True)
    assert client.has_ended()  # what comes next could be the body, or another request


def test_a_refusal_before_the_body_leaves_the_connection_in_step(client: Client) -> None:
    client.send(f"POST /refuse HTTP/1.1\r\n{HOST}content-length: {len(LARGE)}\r\n\r\n", LARGE[:1000])
    assert client.answer().status == 400
    client.send("", LARGE[1000:])
    assert client.ask("POST /echo", b"next").body == b"next"


def test_requests_sent_ahead_are_answered_in_their_order(client: Client) -> None:
    asked = "".join(
        f"POST {path} HTTP/1.1\r\n{HOST}content-length: 2\r\n\r\n{number:02}"
        for number, path in enumerate(["/echo", "/pieces", "/refuse", "/nothing", "/echo"])
    )
    client.send(asked)
    assert [client.answer().status for _each in range(5)] == [200, 200, 400, 204, 200]
    client.send(asked.replace("/refuse", "/close"))  # nothing behind the end is answered
    assert [client.answer().status for _each in range(3)] == [200, 200, 200]
    assert client.has_ended()


@pytest.mark.parametrize(
    "head",
    [
        "content-length: x",
        "content-length: -1",
        "content-length: 3\r\ncontent-length: 4",
        "content-length: 3\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked, identity",
        "bad header: x",
        "x: \x00",
        "x: a\rb",
    ],
)
def test_requests_that_can_be_read_in_two_ways_are_refused(client: Client, head: str) -> None:
    client.send(f"POST /echo HTTP/1.1\r\n{HOST}{head}\r\n\r\nabc")
    answer = client.answer()
    assert (answer.status, answer.is_last) == (400, True)
    assert client.has_ended()


@pytest.mark.parametrize("line", ["GARBAGE", "GET /echo HTTP/9.9", "get /echo HTTP/1.1", "GET  HTTP/1.1"])
def test_what_is_no_request_is_refused(client: Client, line: str) -> None:
    answer = client.send(f"{line}\r\n{HOST}\r\n").answer()
    assert (answer.status, answer.is_last) == (400, True)


def test_headers_have_room_and_an_end(port: int) -> None:
    with Client(port) as client:
        assert client.ask("GET /echo", b"", "x-long: " + "y" * (LARGEST_HEADERS // 2)).status == 200
        client.send(f"GET /echo HTTP/1.1\r\n{HOST}x-long: ")
        try:
            for _each in range(3):
                client.send("y" * (LARGEST_HEADERS // 2))
                time.sleep(0.02)
            assert client.answer().status == 431
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was told, and did not listen
        assert client.has_ended()


def test_a_body_that_breaks_off_is_known_as_such(port: int) -> None:
    broken_off.clear()
    with Client(port) as client:
        client.send(f"POST /echo HTTP/1.1\r\n{HOST}content-length: 100\r\n\r\n", b"half")
        time.sleep(0.05)
    deadline = time.monotonic() + 10
    while not broken_off and time.monotonic() < deadline:
        time.sleep(0.01)
    assert broken_off == [b"half"]
    with Client(port) as next_one:
        assert next_one.ask("GET /echo").status == 200


@pytest.mark.parametrize("path", ["/too-short", "/too-long"])
def test_an_answer_of_another_length_than_it_says_is_no_answer(client: Client, path: str) -> None:
    client.send(f"GET {path} HTTP/1.1\r\n{HOST}\r\n")
    with pytest.raises(ConnectionError):
        client.answer()


@pytest.mark.parametrize("path", ["/split-header", "/fails"])
def test_a_mistake_before_the_answer_is_a_500_and_no_more(client: Client, path: str) -> None:
    answer = client.ask(f"GET {path}")
    assert (answer.status, answer.is_last) == (500, True)
    assert "set-cookie" not in answer.headers
    assert client.has_ended()


def test_many_connections_at_once_get_their_own_answers(port: int) -> None:
    def talk(number: int) -> bool:
        with Client(port) as client:
            bodies = [f"{number}-{turn}".encode() * (1 + number * turn % 3000) for turn in range(10)]
            return all(client.ask("POST /echo", body).body == body for body in bodies)

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(talk, range(64)))


# ---- the protocol's errors, over a real connection ------------------------------------------------------------------


@pytest.fixture
def platform(app: FastAPI) -> Iterator[int]:
    with served(app) as port:
        yield port


PREFIXES = ["/api/2.0/mlflow", "/ajax-api/2.0/mlflow", "/api/3.0/mlflow", "/ajax-api/3.0/mlflow"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_errors_have_the_shape_that_clients_read_below_every_prefix(
    platform: int, cast: Cast, subtests: pytest.Subtests
) -> None:
    signed = f"authorization: Bearer {cast.token(cast.person())}"
    kind = "content-type: application/json"
    deep = b'{"run_id":' + b"[" * 5000 + b"]" * 5000 + b"}"
    with Client(platform) as client:
        for prefix in PREFIXES:
            is_old = "2.0" in prefix
            path = f"{prefix}/runs/log-batch" if is_old else f"{prefix}/scorers/register"
            cases: list[tuple[str, bytes, list[str], int, str]] = [
                (f"GET {prefix}/no-such-thing", b"", [signed], 404, "ENDPOINT_NOT_FOUND"),
                (f"DELETE {path}", b"{}", [signed, kind], 405, "BAD_REQUEST"),
                (f"POST {path}", b"{}", [kind], 401, "UNAUTHENTICATED"),
                (f"POST {path}", b"{}", [kind, "authorization: Bearer mop_wrong"], 401, "UNAUTHENTICATED"),
                (f"POST {path}", b"{}", [signed], 400, "INVALID_PARAMETER_VALUE"),
                (f"POST {path}", b"{}", [signed, "content-type: text/plain"], 400, "INVALID_PARAMETER_VALUE"),
                (f"POST {path}", b"[1]", [signed, kind], 400, "INVALID_PARAMETER_VALUE"),
                (f"POST {path}", deep, [signed, kind], 400, "INVALID_PARAMETER_VALUE"),
                (f"POST {path}?%zz", b"{}", [signed, kind], 400, "INVALID_PARAMETER_VALUE"),
            ]
            for line, body, headers, status, code in cases:
                with subtests.test(line=line, headers=headers[-1:]):
                    answer = client.ask(line, body, *headers)
                    found = json.loads(answer.body)
                    assert (answer.status, found["error_code"]) == (status, code)
                    assert found["message"]
                    assert answer.headers["content-type"] == "application/json"
            with subtests.test(path=path, case="too large, said before it is sent"):
                head = [f"POST {path} HTTP/1.1", "host: localhost", signed, kind, "content-length: 900000000"]
                with Client(platform) as other:
                    answer = other.send("\r\n".join([*head, "expect: 100-continue", "", ""])).answer()
                    assert (answer.status, answer.is_last) == (400, True)
                    assert json.loads(answer.body)["error_code"] == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_batch_that_breaks_off_logs_nothing(platform: int, cast: Cast) -> None:
    headers = [f"authorization: Bearer {cast.token(cast.person())}", "content-type: application/json"]
    with Client(platform) as client:
        made = client.ask("POST /api/2.0/mlflow/runs/create", b'{"experiment_id":"0"}', *headers)
        run = json.loads(made.body)["run"]["info"]["run_id"]
        whole = f'{{"run_id":"{run}","metrics":[{{"key":"m","value":1,"timestamp":1}}]}}'
        with Client(platform) as other:
            lines = ["POST /api/2.0/mlflow/runs/log-batch HTTP/1.1", "host: localhost", *headers]
            lines.append(f"content-length: {len(whole) + 1}")
            other.send("\r\n".join([*lines, "", whole]))  # all but a last blank
            time.sleep(0.05)
        time.sleep(0.2)
        found = client.ask(f"GET /api/2.0/mlflow/runs/get?run_id={run}", b"", headers[0])
        assert "metrics" not in json.loads(found.body)["run"]["data"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_breaks_off_is_no_mistake_of_ours(platform: int, cast: Cast) -> None:
    sent = [f"authorization: Bearer {cast.token(cast.person())}", "content-length: 100"]
    before, capture = structlog.get_config(), LogCapture()
    structlog.configure(processors=[capture], wrapper_class=structlog.make_filtering_bound_logger(0))
    try:
        for line, kind in [
            ("POST /api/v1/models", "application/json"),
            ("POST /register", "application/x-www-form-urlencoded"),
            ("POST /api/2.0/mlflow/runs/create", "application/json"),
            ("POST /v1/traces", "application/x-protobuf"),
            ("PUT /api/2.0/mlflow-artifacts/artifacts/0/note.txt", "text/plain"),
        ]:
            with Client(platform) as client:
                lines = [f"{line} HTTP/1.1", "host: localhost", *sent, f"content-type: {kind}", "", "half"]
                client.send("\r\n".join(lines))
                time.sleep(0.1)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and sum(each["event"] == "request" for each in capture.entries) < 5:
            time.sleep(0.02)
    finally:
        structlog.configure(**before)
    told = [(each["path"], each["status"]) for each in capture.entries if each["event"] == "request"]
    assert len(told) == 5
    assert all(status < 500 for _path, status in told), told
    assert not [each for each in capture.entries if each["log_level"] == "error"]
