"""The web server and the job process beside it: started, kept alive, drained and ended together."""

import gc
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from modelops_platform.core.errors import InvalidInput, Unavailable
from modelops_platform.core.logging import configure_logging, get_logger
from modelops_platform.core.processes import end_with_parent, keep_temporary_files_in
from modelops_platform.core.settings import PREFIX, Settings, get_settings
from modelops_platform.web.connections import Connection

BACKLOG = 2048
DRAIN_SECONDS = 5
JOBS_END_WITHIN_SECONDS = 9.0
RESTART_AFTER_SECONDS = 1.0


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket: whoever connects from now on is answered. Raises InvalidInput, Unavailable."""
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise InvalidInput(f"Cannot listen on {host!r}: {error.strerror}.", remedy="Give another --host.") from None
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise Unavailable(f"Cannot listen on {host}:{port}: {error.strerror}.", remedy="Give another --port.") from None
    listening.set_inheritable(True)
    return listening


def nothing() -> None:
    """Do nothing: what `modelops web` has beside it."""


def run_web(
    listening: socket.socket,
    host: str,
    workers: int,
    *,
    make: str = "make_app",
    on_start: Callable[[], None] = nothing,
    on_exit: Callable[[], None] = nothing,
) -> None:
    """Serve on the socket until SIGTERM or SIGINT, then drain.

    `make` names the function below that makes the application; `on_start` is called when pages are served,
    `on_exit` as soon as the signal comes.
    On uvloop only: with asyncio's own loop, processes that share a socket answer each keep-alive request 40 ms late.
    """
    _allow(host)
    config = uvicorn.Config(
        f"{__name__}:{make}",
        factory=True,
        loop="uvloop",
        http=Connection,
        ws="none",
        lifespan="on",
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies := get_settings().trusted_proxies),
        forwarded_allow_ips=proxies,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # the server raises it again once it has drained
    if workers == 1:
        _Server(config, on_start, on_exit).run(sockets=[listening])
    else:
        gc.enable()
        _Servers(config, [listening], on_start, on_exit).run()


def _allow(host: str) -> None:
    """Let every web process answer for the name it listens on."""
    given = get_settings().allowed_hosts
    os.environ[f"{PREFIX}ALLOWED_HOSTS"] = ",".join(filter(None, [given, host]))
    get_settings.cache_clear()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None], on_exit: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start, self._on_exit = on_start, on_exit

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._on_exit()
        super().handle_exit(sig, frame)


class _Servers(Multiprocess):
    def __init__(
        self,
        config: uvicorn.Config,
        sockets: list[socket.socket],
        on_start: Callable[[], None],
        on_exit: Callable[[], None],
    ) -> None:
        super().__init__(config, sockets)
        self._on_start, self._on_exit = on_start, on_exit

    def init_processes(self) -> None:
        super().init_processes()
        self._on_start()

    def terminate_all(self) -> None:
        self._on_exit()
        super().terminate_all()


def make_app() -> FastAPI:
    """Make the application of one web process."""
    gc.disable()  # loading leaves no garbage, but a million objects to look through
    from modelops_platform.main import create_app

    return _make(create_app)


def make_gateway() -> FastAPI:
    """Make the application of one inference process."""
    gc.disable()
    from modelops_platform.gateway import create_gateway

    return _make(create_gateway)


def _make(create: Callable[[Settings], FastAPI]) -> FastAPI:
    from modelops_platform.operations.watching import watch

    settings = get_settings()
    configure_logging(settings.log_level)
    keep_temporary_files_in(settings.home)
    if multiprocessing.parent_process() is not None:
        end_with_parent()
    before: Any = signal.getsignal(signal.SIGTERM)

    def end_streams_first(number: int, frame: FrameType | None) -> None:
        watch.close()
        before(number, frame)

    signal.signal(signal.SIGTERM, end_streams_first)
    app = create(settings)
    gc.freeze()  # the application stays: no collection looks at it again
    gc.enable()
    return app


class _Forked:
    """A child that began as a copy of this process."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def send_signal(self, number: int) -> None:
        """Send it a signal. Raises ProcessLookupError."""
        os.kill(self._pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def wait(self) -> int:
        """Wait for its end, and return the exit status, negative for a signal."""
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


class JobProcess:
    """The job process as a child of this one: started again when it dies, ended with it.

    The first one is forked from what this process has loaded, so that both share it in memory; `prepare` must be called
    before there are threads. Those that take its place are started as commands.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | _Forked | None = None
        self._stopping = threading.Event()
        self._ends_by = 0.0
        self._begin = -1  # the end of the pipe that tells the forked child to begin
        # The kernel ends the child when the thread that started it ends: the main one forks, and this one stays.
        self._keeper = threading.Thread(target=self._keep, name="job process", daemon=True)

    def prepare(self, *left_to_parent: socket.socket) -> None:
        """Load what a job process needs and fork it; it waits for `start`, and closes what is left to its parent."""
        from sqlalchemy.orm import configure_mappers

        from modelops_platform import worker

        configure_mappers()
        gc.freeze()  # no collection writes to pages that both have
        parent = os.getpid()
        waiting, self._begin = os.pipe()
        pid = os.fork()
        if pid:
            os.close(waiting)
            self._child = _Forked(pid)
            return
        status = 1
        try:
            end_with_parent(signal.SIGTERM, parent)
            os.close(self._begin)
            for one in left_to_parent:
                one.close()
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            if os.read(waiting, 1):
                gc.enable()
                worker.main(parent)
            status = 0
        except BaseException:  # noqa: BLE001 - the edge of a process, as in an interpreter of its own
            traceback.print_exc()
        finally:
            os._exit(status)

    def start(self) -> None:
        """Have it begin, and go on starting another in its place until `stop`."""
        self._keeper.start()

    def stop(self) -> None:
        """Tell it to end; safe in a signal handler."""
        if not self._stopping.is_set():
            self._ends_by = time.monotonic() + JOBS_END_WITHIN_SECONDS
        self._stopping.set()
        child = self._child  # None: it was never started
        if child is not None:
            with suppress(ProcessLookupError):
                child.send_signal(signal.SIGTERM)

    def join(self) -> None:
        """Tell it to end and wait until it has, a few seconds at most after it was told first."""
        self.stop()
        if self._keeper.ident is None:
            if self._child is not None:  # it waits to begin, and ends at once
                self._child.wait()
            return
        self._keeper.join(max(0.0, self._ends_by - time.monotonic()))
        if self._keeper.is_alive() and self._child is not None:
            self._child.kill()
            self._keeper.join(1)

    def _keep(self) -> None:
        command = [sys.executable, "-m", "modelops_platform.worker", str(os.getpid())]
        if self._child is not None:
            with suppress(BrokenPipeError):  # it has died: another takes its place
                os.write(self._begin, b"!")
            os.close(self._begin)
        while not self._stopping.is_set() or self._child is not None:
            if self._child is None:
                self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
            if self._stopping.is_set():
                self.stop()  # it was told to end before there was a child to tell
            status = self._child.wait()
            self._child = None
            if not self._stopping.is_set():
                get_logger().error("job_process.died", status=status)
                self._stopping.wait(RESTART_AFTER_SECONDS)
