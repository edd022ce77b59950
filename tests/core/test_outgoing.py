"""The client for outgoing calls, against a server on this machine that behaves badly on request."""

import ast
import gzip
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

import modelops_platform
from modelops_platform.core.addresses import AllowList, OutgoingRefused, parse_target, special
from modelops_platform.core.errors import Unavailable
from modelops_platform.core.outgoing import Limits, Outgoing, outgoing_of
from modelops_platform.core.settings import SettingsError, load_settings

SHORT = Limits(seconds=0.5, connect_seconds=0.3, answer_bytes=1000)


class _Hostile(socketserver.BaseRequestHandler):
    """Answers by path; keeps what was asked."""

    server: "Server"

    def handle(self) -> None:
        wire = self.request
        if self.server.tls is not None:
            try:
                wire = self.server.tls.wrap_socket(wire, server_side=True)
            except OSError:
                return
        asked = b""
        while b"\r\n\r\n" not in asked and (piece := wire.recv(65536)):
            asked += piece
        self.server.asked.append(asked)
        path = asked.split(b" ")[1].decode() if b" " in asked else "/"
        try:
            for piece in self.server.answers.get(path, lambda: iter([_answer(b"hello")]))():
                wire.sendall(piece)
        except OSError:
            pass  # the client hung up, as it should
        finally:
            wire.close()


class Server(socketserver.ThreadingTCPServer):
    """A server of one test, on a port of its own."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Hostile)
        self.tls = tls
        self.asked: list[bytes] = []
        self.answers: dict[str, Callable[[], Iterator[bytes]]] = {}
        self.port = self.server_address[1]


def _answer(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _serve(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that is allowed to be called by its address."""
    yield from _serve(Server())


@pytest.fixture
def outgoing(server: Server) -> Outgoing:
    """A client that may call the server."""
    return Outgoing(AllowList.parse(f"127.0.0.1:{server.port}"))


def _url(server: Server, path: str = "/") -> str:
    return f"http://127.0.0.1:{server.port}{path}"


def test_a_call_says_who_calls_and_brings_the_answer(server: Server, outgoing: Outgoing) -> None:
    answer = outgoing.post(_url(server, "/hook?a=b"), b'{"a": 1}', headers={"content-type": "application/json"})
    assert (answer.status, answer.body, answer.ok) == (200, b"hello", True)
    asked = server.asked[0].lower()
    assert asked.startswith(b"post /hook?a=b http/1.1\r\nhost: 127.0.0.1:%d\r\n" % server.port)
    assert b"user-agent: modelops/" in asked
    assert b"accept-encoding: identity" in asked
    assert b"cookie" not in asked


def test_proxies_of_the_environment_are_not_asked(
    server: Server, outgoing: Outgoing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert outgoing.get(_url(server)).ok


def test_redirects_are_told_and_not_followed(server: Server, outgoing: Outgoing) -> None:
    server.answers["/"] = lambda: iter([_answer(b"", "302 Found", location=_url(server, "/secret"))])
    answer = outgoing.get(_url(server))
    assert (answer.status, answer.ok, answer.headers["location"]) == (302, False, _url(server, "/secret"))
    assert len(server.asked) == 1


def _slowly(first: bytes, piece: bytes) -> Callable[[], Iterator[bytes]]:
    def drip() -> Iterator[bytes]:
        yield first
        for _ in range(100):
            time.sleep(0.05)
            yield piece

    return drip


@pytest.mark.parametrize(
    "behaviour",
    [
        _slowly(b"", b"H"),
        _slowly(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),
        _slowly(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n", b"x"),
        _slowly(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["status", "headers", "body", "informational"],
)
def test_a_dripping_answer_is_cut_at_the_time_limit(
    server: Server, outgoing: Outgoing, behaviour: Callable[[], Iterator[bytes]]
) -> None:
    server.answers["/"] = behaviour
    began = time.monotonic()
    with pytest.raises(Unavailable):
        outgoing.get(_url(server), limits=SHORT)
    assert time.monotonic() - began < 2


def _chunks() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    while True:
        yield b"1000\r\n" + b"x" * 0x1000 + b"\r\n"


def _tiny_chunks() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    while True:
        yield b"1;" + b"e" * 9000 + b"\r\nx\r\n"


def _endless_headers() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield b"a: " + b"b" * 1000 + b"\r\n"


BOMB = gzip.compress(b"0" * 10_000_000)
BROKEN: list[tuple[str, Callable[[], Iterator[bytes]]]] = [
    ("endless", _chunks),
    ("much framing", _tiny_chunks),
    ("huge", lambda: iter([_answer(b"x" * 1001)])),
    ("endless headers", _endless_headers),
    ("many headers", lambda: iter([_answer(b"", **{f"h{i}": "x" for i in range(150)})])),
    ("bomb", lambda: iter([_answer(BOMB, **{"content-encoding": "gzip"})])),
    ("not http", lambda: iter([b"220 smtp.example.com\r\n"])),
    ("nothing", lambda: iter([b""])),
    ("two lengths", lambda: iter([b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx"])),
    ("cut", lambda: iter([b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nxx"])),
]


@pytest.mark.parametrize("behaviour", [b for _, b in BROKEN], ids=[name for name, _ in BROKEN])
def test_a_bad_answer_is_an_ordinary_error(
    server: Server, outgoing: Outgoing, behaviour: Callable[[], Iterator[bytes]]
) -> None:
    server.answers["/"] = behaviour
    with pytest.raises(Unavailable) as caught:
        outgoing.get(_url(server, "/"), limits=replace(SHORT, seconds=5))
    assert f"http://127.0.0.1:{server.port}" in caught.value.message


def test_an_answer_that_is_no_json_is_an_ordinary_error(server: Server, outgoing: Outgoing) -> None:
    server.answers["/deep"] = lambda: iter([_answer(b"[" * 200_000)])
    for path in ("/", "/deep"):
        with pytest.raises(Unavailable):
            outgoing.get(_url(server, path)).json()


def test_nobody_there_and_no_such_name_are_ordinary_errors() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, not listening
        outgoing = Outgoing(AllowList.parse("127.0.0.0/8"))
        with pytest.raises(Unavailable):
            outgoing.get(f"http://127.0.0.1:{held.getsockname()[1]}/", limits=SHORT)

    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(Unavailable, match=r"nowhere\.example has no address"):
        Outgoing(AllowList(), resolve=unknown).get("https://nowhere.example/")


def test_a_resolver_that_hangs_is_left_behind() -> None:
    release = threading.Event()

    def hang(host: str, port: int) -> list[str]:
        release.wait(10)
        return ["8.8.8.8"]

    began = time.monotonic()
    with pytest.raises(Unavailable):
        Outgoing(AllowList(), resolve=hang).get("https://slow.example/", limits=SHORT)
    assert time.monotonic() - began < 2
    release.set()


# ---- addresses

STRANGE = [
    "",
    "https://",
    "https:///x",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "//example.com/",
    "https:example.com",
    "https://user@example.com/",
    "https://user:secret@example.com/",
    "https://example.com@127.0.0.1/",
    "https://example.com\\@127.0.0.1/",
    "https://example.com#@127.0.0.1/",
    "https://example.com/#part",
    "https://example.com:0/",
    "https://example.com:65536/",
    "https://example.com:-1/",
    "https://example.com:+80/",
    "https://example.com: 80/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.0.01/",
    "https://256.1.1.1/",
    "https://1.2.3.4.5/",
    "https://[::1/",
    "https://::1/",
    "https://[1.2.3.4]/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[v1.a]/",
    "https://exа\u043cple.com/",
    "https://１２７.０.０.１/",
    "https://①②⑦.0.0.1/",
    "https://\u212aexample.com/",
    "https://localhost\u3002/",
    "https://a..b/",
    "https://./",
    "https://-a.example/",
    f"https://{'a' * 64}.example/",
    f"https://example.com/{'a' * 3000}",
    "https://example.com/a b",
    "https://example.com/\r\nX-Injected: 1",
    "https://example.com/\x00",
    "https://example.com%2f@127.0.0.1/",
    "https://example.com%00.evil/",
    " https://example.com/",
    "https://example.com/\n",
    "https://exam\tple.com/",
]


@pytest.mark.parametrize("url", STRANGE)
def test_an_address_with_two_readings_is_refused(url: str) -> None:
    with pytest.raises(OutgoingRefused):
        parse_target(url)


def test_the_refusal_of_an_address_does_not_repeat_its_secrets() -> None:
    with pytest.raises(OutgoingRefused) as caught:
        parse_target("https://user:hunter2@example.com/?token=hunter3")
    assert "hunter" not in caught.value.message


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://Example.COM.", "example.com", 443, "/"),
        ("http://example.com:8080/a/b?c=%20d", "example.com", 8080, "/a/b?c=%20d"),
        ("https://xn--mnchen-3ya.example/", "xn--mnchen-3ya.example", 443, "/"),
        ("https://[2001:DB8:0:0::1]:8443/", "2001:db8::1", 8443, "/"),
        ("https://1.2.3.4?x", "1.2.3.4", 443, "/?x"),
    ],
)
def test_an_address_has_one_reading(url: str, host: str, port: int, path: str) -> None:
    target = parse_target(url)
    assert (target.host, target.port, target.path) == (host, port, path)


REFUSED = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 168.63.129.16 169.254.0.1
169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1
198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1
64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:db8::1
2002:7f00:1:: 2002:a00:1::1 2002:808:808::1 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1 4000::1
"""
PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("address", REFUSED.split())
def test_no_special_address_is_called_whether_written_or_resolved(address: str) -> None:
    assert special(ip_address(address)) is not None
    written = f"[{address}]" if ":" in address else address
    for url in (f"https://{written}/", "https://name.example/"):
        outgoing = Outgoing(AllowList(), resolve=lambda _host, _port: ["8.8.8.8", address])
        with pytest.raises(OutgoingRefused) as caught:
            outgoing.get(url)
        assert "MODELOPS_OUTGOING_ALLOW" in (caught.value.remedy or "")
        assert str(ip_address(address)) in caught.value.message


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_called_by_https_only(address: str) -> None:
    outgoing = Outgoing(AllowList(), resolve=lambda _host, _port: [address])
    assert special(ip_address(address)) is None
    outgoing.check("https://name.example/")
    with pytest.raises(OutgoingRefused, match="without encryption"):
        outgoing.check("http://name.example/")


def test_with_public_calls_off_only_the_list_is_called() -> None:
    outgoing = Outgoing(AllowList.parse("hooks.example", public=False), resolve=lambda _host, _port: ["8.8.8.8"])
    outgoing.check("https://hooks.example/")
    with pytest.raises(OutgoingRefused, match="not on the list"):
        outgoing.check("https://other.example/")


@pytest.mark.parametrize(
    ("allow", "url", "allowed"),
    [
        ("idp.corp", "http://idp.corp/", True),
        ("idp.corp", "https://idp.corp:8443/", True),
        ("IDP.corp.", "https://idp.CORP/", True),
        ("idp.corp:443", "https://idp.corp/", True),
        ("idp.corp:443", "https://idp.corp:8443/", False),
        ("idp.corp", "https://other.corp/", False),
        ("idp.corp", "https://idp.corp.evil.example/", False),
        ("corp", "https://idp.corp/", False),
        ("10.1.0.0/16", "http://idp.corp/", True),
        ("10.1.2.3", "http://idp.corp/", True),
        ("10.2.0.0/16", "https://idp.corp/", False),
        ("10.1.0.0/16", "https://[::ffff:10.1.2.3]/", True),
        ("", "https://idp.corp/", False),
    ],
)
def test_the_list_is_exact(allow: str, url: str, allowed: bool) -> None:
    outgoing = Outgoing(AllowList.parse(allow), resolve=lambda _host, _port: ["10.1.2.3"])
    if allowed:
        outgoing.check(url)
    else:
        with pytest.raises(OutgoingRefused):
            outgoing.check(url)


@pytest.mark.parametrize("allow", ["http://idp.corp", "idp.corp/x", "10.0.0.1/8", "*.corp", "idp.corp:", "a b"])
def test_a_list_that_cannot_be_read_stops_the_start(allow: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="MODELOPS_OUTGOING_ALLOW"):
        load_settings(home=tmp_path, outgoing_allow=allow)


def test_the_settings_make_the_client(tmp_path: Path) -> None:
    outgoing = outgoing_of(load_settings(home=tmp_path, outgoing_allow="10.0.0.0/8", outgoing_public=False))
    outgoing.check("http://10.0.0.1/")
    with pytest.raises(OutgoingRefused):
        outgoing.check("https://8.8.8.8/")


# ---- rebinding, and what is connected to


def test_a_name_is_resolved_once_and_the_checked_address_is_called(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.66"]])
    connected: list[Any] = []
    connect = socket.create_connection

    def watched(to: Any, *args: Any, **more: Any) -> socket.socket:
        connected.append(to)
        return connect(to, *args, **more)

    monkeypatch.setattr(socket, "create_connection", watched)
    outgoing = Outgoing(AllowList.parse("127.0.0.1"), resolve=lambda _host, _port: next(answers))
    assert outgoing.get(f"http://rebind.example:{server.port}/").ok
    assert connected == [("127.0.0.1", server.port)]
    assert b"host: rebind.example" in server.asked[0].lower()
    with pytest.raises(OutgoingRefused):  # the second answer is checked like the first
        outgoing.get(f"http://rebind.example:{server.port}/")


@given(addresses=st.lists(st.ip_addresses(), min_size=1, max_size=4), scheme=st.sampled_from(["http", "https"]))
def test_no_refused_address_is_ever_connected(addresses: list[Any], scheme: str) -> None:
    connected: list[str] = []

    def connect(to: tuple[str, int], *_args: Any, **_more: Any) -> socket.socket:
        connected.append(to[0])
        raise ConnectionRefusedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "create_connection", connect)
        outgoing = Outgoing(AllowList.parse("10.0.0.0/8"), resolve=lambda _host, _port: [str(a) for a in addresses])
        with pytest.raises((OutgoingRefused, Unavailable)):
            outgoing.get(f"{scheme}://name.example/")
    for address in map(ip_address, connected):
        inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        assert str(inner or address).startswith("10.") or (scheme == "https" and special(address) is None)


# ---- headers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x", "a\r\nhost: evil"),
        ("x", "a\nb"),
        ("x", "a\x00b"),
        ("x", "ü"),
        ("x\r\ny", "a"),
        ("x:", "a"),
        ("", "a"),
        ("Host", "evil"),
        ("Content-Length", "0"),
        ("Transfer-Encoding", "chunked"),
    ],
)
def test_headers_cannot_be_smuggled(server: Server, outgoing: Outgoing, name: str, value: str) -> None:
    with pytest.raises(OutgoingRefused):
        outgoing.get(_url(server), headers={name: value})
    assert server.asked == []


# ---- TLS


def _certificate(folder: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def test_tls_is_verified_against_the_name_that_was_asked(tmp_path: Path) -> None:
    pem = _certificate(tmp_path, "idp.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    told: list[str | None] = []
    context.sni_callback = lambda _object, name, _context: told.append(name)
    for server in _serve(Server(context)):
        allow = AllowList.parse("idp.test, other.test")
        trusting = Outgoing(allow, authorities=pem, resolve=lambda _host, _port: ["127.0.0.1"])
        assert trusting.get(f"https://idp.test:{server.port}/").body == b"hello"
        assert told == ["idp.test"]
        with pytest.raises(Unavailable, match="certificate"):
            trusting.get(f"https://other.test:{server.port}/")
        with pytest.raises(Unavailable, match="certificate"):
            replace(trusting, authorities=None).get(f"https://idp.test:{server.port}/")
        assert len(server.asked) == 1


CLIENTS = {"aiohttp", "ftplib", "httpcore", "httpcore2", "httpx", "httpx2", "requests", "smtplib", "urllib3"}
CALLS = {"create_connection", "open_connection", "urlopen", "getaddrinfo"}


def _calls_out(path: Path) -> bool:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names) if CLIENTS & {n.name.partition(".")[0] for n in names}:
                return True
            case ast.ImportFrom(module=str(module), level=0) if module.partition(".")[0] in CLIENTS:
                return True
            case ast.Import(names=names) if {"urllib.request", "http.client"} & {n.name for n in names}:
                return True
            case ast.ImportFrom(module="urllib.request" | "http.client", level=0):
                return True
            case ast.Attribute(attr=called) if called in CALLS:
                return True
    return False


def test_nothing_else_in_the_platform_calls_out() -> None:
    root = Path(modelops_platform.__file__).parent
    callers = {path.relative_to(root).as_posix() for path in root.rglob("*.py") if _calls_out(path)}
    ours = ("client/", "cli/", "demo/")  # who speak to the platform itself; `core.postgres` to its own database
    assert {name for name in callers if not name.startswith(ours)} == {"core/outgoing.py", "core/postgres.py"}
