"""Running a heavy job's function in a child process of its own, and listening to it."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from modelops_platform.core.errors import InvalidInput
from modelops_platform.core.processes import Child, end_group, listen

from .domain.states import Retry
from .handlers import Limits

_NURSERY = f"{__package__}.nursery"
_FOLDERS = [str(Path(__file__).resolve().parents[2])]
# Works from a checkout and from an installed wheel, whatever the folder or the environment.
_START = (
    "import runpy, sys; sys.path += sys.argv[3:]; sys.argv = sys.argv[1:3]; "
    "runpy.run_module(sys.argv[0], run_name='__main__')"
)
_LAST_WORDS = 1_000
_LOOK_EVERY_SECONDS = 0.2
_MESSAGE_BYTES = 1_024


def run_in_child(
    function: str,
    prepared: Any,
    *,
    folder: Path,
    limits: Limits,
    engine: str,
    on_progress: Callable[[float | None, str], None],
    may_go_on: Callable[[], None],
) -> Any:
    """Call the function in a child and return its result; nothing of the child is left when this returns.

    Args:
        engine: Where partitioned work runs: `local`, or the address of a cluster.
        folder: The child's working and temporary folder, and all of its environment.
        may_go_on: Called a few times a second; what it raises ends the child.
    Raises: InvalidInput when the function refused and would again; Retry when it said that another try can help,
        when it crashed, or when it ran out of time or answered too much.
    """
    listener = _Listener(on_progress, limits)
    with tempfile.TemporaryFile() as order:
        order.write(json.dumps(_order(function, prepared, limits, engine)).encode())
        order.seek(0)
        child = _start(function, folder, order.fileno())
    try:
        listener.listen(child, may_go_on)
    finally:
        end_group(child)
        child.nursery.give_back()
    return listener.result(child.wait())


def _order(function: str, prepared: Any, limits: Limits, engine: str) -> dict[str, Any]:
    own = {"cpu_seconds": limits.cpu_seconds, "memory_bytes": limits.memory_bytes}
    return {"function": function, "limits": own, "engine": engine, "prepared": prepared}


class _Nursery:
    """A process that forks children which need not load anything; it does one thing after the other."""

    def __init__(self) -> None:
        self._orders, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-X", "utf8", "-c", _START, _NURSERY, str(theirs.fileno()), *_FOLDERS],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"PATH": os.defpath},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self.loaded = ""
        self._heard = b""

    def start(self, function: str, folder: Path, order: int) -> "_Child | None":
        """Have a child started that reads the order; nothing when this process has ended, as it does unasked."""
        out, their_out = os.pipe()
        errors, their_errors = os.pipe()
        message = json.dumps({"function": function, "folder": str(folder)}).encode()
        self.loaded = function
        try:
            socket.send_fds(self._orders, [message], [order, their_out, their_errors])
            answer = self.hear(None)
        except OSError:
            answer = {}
        finally:
            os.close(their_out)
            os.close(their_errors)
        if not answer:
            os.close(out)
            os.close(errors)
            self.end()
            return None
        return _Child(self, answer["pid"], os.fdopen(out, "rb", 0), os.fdopen(errors, "rb", 0))

    def hear(self, seconds: float | None) -> dict[str, int]:
        """Return what the process says next; nothing when it has ended. Raises TimeoutError."""
        self._orders.settimeout(seconds)
        while b"\n" not in self._heard:
            said = self._orders.recv(_MESSAGE_BYTES)
            if not said:
                return {}
            self._heard += said
        line, _, self._heard = self._heard.partition(b"\n")
        return dict(json.loads(line))

    def give_back(self) -> None:
        """Have the child collected, and keep the process for the next job."""
        try:
            self._orders.sendall(b"\n")
        except OSError:
            self.end()
        else:
            with _idle_lock:
                _idle.append(self)

    def end(self) -> None:
        """Have the process end, if it has not, and collect it."""
        self._orders.close()
        self._process.wait()


class _Child:
    """A child that a nursery forked, as `listen` and `end_group` know processes."""

    stdin: IO[bytes] | None = None

    def __init__(self, nursery: _Nursery, pid: int, stdout: IO[bytes], stderr: IO[bytes]) -> None:
        self.nursery, self.pid = nursery, pid
        self.stdout: IO[bytes] | None = stdout
        self.stderr: IO[bytes] | None = stderr
        self._status: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Return the status once the child has ended; it is not collected before its nursery is given back."""
        if self._status is None:
            try:
                self._status = self.nursery.hear(timeout).get("status", -signal.SIGKILL)
            except TimeoutError:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0) from None
            except OSError:
                self._status = -signal.SIGKILL
        return self._status


_idle: list[_Nursery] = []
_idle_lock = threading.Lock()


def _take_idle(function: str) -> _Nursery | None:
    """Return a process that waits for a job, best one that has loaded the function."""
    with _idle_lock:
        found = next((nursery for nursery in reversed(_idle) if nursery.loaded == function), None)
        found = found or (_idle[-1] if _idle else None)
        if found is not None:
            _idle.remove(found)
        return found


def _start(function: str, folder: Path, order: int) -> _Child:
    """Have a child started by a process that waits for a job, or by a new one."""
    while waiting := _take_idle(function):
        if child := waiting.start(function, folder, order):
            return child
    if child := _Nursery().start(function, folder, order):
        return child
    raise Retry("The process that starts the processes of jobs ended before it had started one.")


class _Listener:
    """What a child says: progress as it comes, at most one last answer, and the end of what it prints."""

    def __init__(self, on_progress: Callable[[float | None, str], None], limits: Limits) -> None:
        self._on_progress = on_progress
        self._limits = limits
        self._line = bytearray()
        self._printed = bytearray()
        self._answer: dict[str, Any] | None = None

    def listen(self, child: Child, may_go_on: Callable[[], None]) -> None:
        """Read until the child ends. Raises Retry at a limit, and whatever `may_go_on` raises."""
        try:
            listen(
                child,
                wall_seconds=self._limits.wall_seconds,
                take_output=self._take_answer,
                take_errors=self._take_print,
                meanwhile=may_go_on,
                every_seconds=_LOOK_EVERY_SECONDS,
            )
        except TimeoutError:
            words = f"The job took longer than the {self._limits.wall_seconds:,.0f} seconds it may take."
            raise Retry(words) from None

    def _take_print(self, piece: bytes) -> None:
        self._printed = (self._printed + piece)[-_LAST_WORDS:]

    def _take_answer(self, piece: bytes) -> None:
        *lines, rest = (bytes(self._line) + piece).split(b"\n")
        self._line = bytearray(rest)
        if len(self._line) > self._limits.output_bytes:
            raise Retry(f"The job answered more than the {self._limits.output_bytes:,} bytes that it may answer.")
        for line in lines:
            message = json.loads(line)
            if "progress" in message:
                self._on_progress(*message["progress"])
            else:
                self._answer = message

    def result(self, status: int) -> Any:
        """Return the child's result, or raise why there is none."""
        if self._answer is not None and "result" in self._answer:
            return self._answer["result"]
        if self._answer is not None:
            words = self._answer["refused"]
            raise Retry(words) if self._answer["helps"] else InvalidInput(words)
        last = self._printed.decode("utf-8", "replace").strip()
        if status == -signal.SIGXCPU:
            raise InvalidInput(
                f"The job used up the {self._limits.cpu_seconds:,} seconds of processor time it may use."
            )
        raise Retry(f"The job's process stopped ({_ending(status)}). Its last words: {last or 'none'}")


def _ending(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"status {status}"
