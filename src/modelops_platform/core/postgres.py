"""Connections to PostgreSQL that notice a server which is there, and does not answer.

A server that has died closes its connections; one that is frozen (stopped, swapped out, its disk hanging) keeps them,
over a Unix socket for ever. Nobody can tell its silence from a statement that takes long, so that who waits for longer
than a moment looks whether somebody new would be answered.
"""

import socket
import struct
import threading
import time
from collections.abc import Generator
from typing import Any, TypeVar, cast

import psycopg

T = TypeVar("T")

LOOK_AFTER_SECONDS = 0.8
LOOK_AGAIN_SECONDS = 5.0
ANSWERS_WITHIN_SECONDS = 1.0
REMEMBERED_SECONDS = 1.0  # nobody waits as long again as somebody who gave up a moment ago
_NOBODY = 0  # what a waiting statement is told when there is nothing to read
_MAY_I_ENCRYPT = struct.pack("!ii", 8, 80877103)  # answered with one letter, before anybody signs in


class Watch:
    """Knows whether a server answers, from whoever looked last.

    Args:
        longest: Seconds that a statement may take at all, or None.
    """

    def __init__(self, longest: float | None) -> None:
        self.longest = longest
        self._lock = threading.Lock()
        self._looked_at, self._answers = float("-inf"), True

    def connect(self, arguments: Any, options: dict[str, Any]) -> psycopg.Connection[Any]:
        """Open a connection that is watched. Raises OperationalError at once while the server is known to be silent."""
        if not self._answers and time.monotonic() - self._looked_at < REMEMBERED_SECONDS:
            raise psycopg.OperationalError("the server does not answer")
        made = WatchedConnection.connect(*arguments, **options)
        made.watch = self
        return made

    def answers(self, connection: psycopg.Connection[Any]) -> bool:
        """Say whether the server answers somebody new; one looks, and the others who wait believe it."""
        with self._lock:
            if time.monotonic() - self._looked_at >= REMEMBERED_SECONDS:
                self._answers = _is_answered(connection.pgconn.host.decode(), int(connection.pgconn.port))
                self._looked_at = time.monotonic()
            return self._answers


class WatchedConnection(psycopg.Connection[Any]):
    """A connection whose statements fail when the server has fallen silent."""

    watch: Watch | None = None

    def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        """Wait for what the server answers. Raises OperationalError, and closes, when it does not."""
        watched = gen if self.watch is None else self._watched(gen, self.watch)
        return super().wait(watched, *arguments, **options)

    def _watched(self, gen: Generator[Any, int, T], watch: Watch) -> Generator[Any, int, T]:
        began = time.monotonic()
        look_at = began + LOOK_AFTER_SECONDS
        try:
            asked = next(gen)
            while True:
                ready = yield asked
                if ready == _NOBODY and (now := time.monotonic()) >= look_at:
                    is_late = watch.longest is not None and now - began > watch.longest
                    if is_late or not watch.answers(self):
                        self.pgconn.finish()
                        raise psycopg.OperationalError("the server does not answer")
                    look_at = time.monotonic() + LOOK_AGAIN_SECONDS
                asked = gen.send(ready)
        except StopIteration as done:
            return cast("T", done.value)


def _is_answered(host: str, port: int) -> bool:
    try:
        with _reach(host, port) as asking:
            asking.sendall(_MAY_I_ENCRYPT)
            return bool(asking.recv(1))
    except OSError:
        return False


def _reach(host: str, port: int) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port), ANSWERS_WITHIN_SECONDS)
    asking = socket.socket(socket.AF_UNIX)
    try:
        asking.settimeout(ANSWERS_WITHIN_SECONDS)
        asking.connect(f"{host}/.s.PGSQL.{port}")
    except OSError:
        asking.close()
        raise
    return asking
