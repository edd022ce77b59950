"""Running a heavy job's function in a child process of its own, and listening to it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modelops_platform.core.errors import InvalidInput
from modelops_platform.core.processes import end_group, listen

from .domain.states import Retry
from .handlers import Limits

_CHILD = f"{__package__}.child"
_FOLDERS = [str(Path(__file__).resolve().parents[2])]
# Works from a checkout and from an installed wheel, whatever the folder or the environment.
_START = "import runpy, sys; sys.path += sys.argv[2:]; runpy.run_module(sys.argv[1], run_name='__main__')"
_LAST_WORDS = 1_000
_LOOK_EVERY_SECONDS = 0.2


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
        child = subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", "-c", _START, _CHILD, *_FOLDERS],
            stdin=order,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={"HOME": str(folder), "TMPDIR": str(folder), "PATH": os.defpath},
            start_new_session=True,
        )
    try:
        listener.listen(child, may_go_on)
    finally:
        end_group(child)
    return listener.result(child.returncode)


def _order(function: str, prepared: Any, limits: Limits, engine: str) -> dict[str, Any]:
    own = {"cpu_seconds": limits.cpu_seconds, "memory_bytes": limits.memory_bytes}
    return {"function": function, "limits": own, "engine": engine, "prepared": prepared}


class _Listener:
    """What a child says: progress as it comes, at most one last answer, and the end of what it prints."""

    def __init__(self, on_progress: Callable[[float | None, str], None], limits: Limits) -> None:
        self._on_progress = on_progress
        self._limits = limits
        self._line = bytearray()
        self._printed = bytearray()
        self._answer: dict[str, Any] | None = None

    def listen(self, child: "subprocess.Popen[bytes]", may_go_on: Callable[[], None]) -> None:
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
