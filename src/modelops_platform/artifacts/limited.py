"""Starting one of our own programs as a limited child, and reading its answer within bounds."""

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from modelops_platform.core.processes import end_group

from .limits import Limits

_CHUNK = 65536
_ERROR_TAIL = 4096
# The child runs the code of its parent, from a checkout as from a wheel, with nothing else on its path.
_START = (
    "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module(sys.argv.pop(1), run_name='__main__')"
)


class Ending(StrEnum):
    """How a limited child ended."""

    FINISHED = "finished"
    CRASHED = "crashed"
    OUT_OF_TIME = "out_of_time"
    TOO_MUCH_OUTPUT = "too_much_output"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a limited child left behind."""

    ending: Ending
    output: bytes
    errors: str
    status: int


def run_limited(
    module: str,
    arguments: Sequence[str] = (),
    *,
    limits: Limits,
    feed: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Run a module of ours in a child with its own process group, an empty folder and an empty environment.

    The child receives the limits as its first argument and applies them to itself before anything else.
    `environment` is all of its environment; no file descriptor but the three standard ones is passed on.
    """
    root = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-I", "-B", "-X", "utf8", "-c", _START, root, module, limits.as_text(), *arguments]
    with tempfile.TemporaryDirectory(prefix="limited-") as folder:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=dict(environment or {}),
            start_new_session=True,
        )
        try:
            ending, output, errors = _converse(child, feed, limits)
        finally:
            end_group(child)
    if ending is Ending.FINISHED and child.returncode != 0:
        ending = Ending.OUT_OF_TIME if child.returncode == -signal.SIGXCPU else Ending.CRASHED
    return Outcome(ending, output, errors.decode("utf-8", "replace"), child.returncode)


def _converse(child: "subprocess.Popen[bytes]", feed: bytes, limits: Limits) -> tuple[Ending, bytes, bytes]:
    """Write the feed, read output and errors, until the child closes both or a limit is reached."""
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    deadline = time.monotonic() + limits.wall_seconds
    output, errors, waiting = bytearray(), bytearray(), memoryview(feed)
    with selectors.DefaultSelector() as watched:
        for pipe, event in (
            (child.stdin, selectors.EVENT_WRITE),
            (child.stdout, selectors.EVENT_READ),
            (child.stderr, selectors.EVENT_READ),
        ):
            os.set_blocking(pipe.fileno(), False)
            watched.register(pipe, event)
        while watched.get_map():
            ready = watched.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                return Ending.OUT_OF_TIME, bytes(output), bytes(errors)
            for key, _ in ready:
                if key.fileobj is child.stdin:
                    waiting = _write(child.stdin.fileno(), waiting)
                    if not waiting:
                        watched.unregister(child.stdin)
                        child.stdin.close()
                    continue
                piece = os.read(key.fd, _CHUNK)
                if not piece:
                    watched.unregister(key.fileobj)
                elif key.fileobj is child.stdout:
                    output += piece
                    if len(output) > limits.output_bytes:
                        return Ending.TOO_MUCH_OUTPUT, b"", bytes(errors)
                else:
                    errors = (errors + piece)[-_ERROR_TAIL:]
    try:
        child.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return Ending.OUT_OF_TIME, bytes(output), bytes(errors)
    return Ending.FINISHED, bytes(output), bytes(errors)


def _write(pipe: int, waiting: memoryview) -> memoryview:
    """Write what the pipe takes and return the rest; nothing is left when the child no longer listens."""
    if not waiting:
        return waiting
    try:
        return waiting[os.write(pipe, waiting[:_CHUNK]) :]
    except BrokenPipeError:
        return waiting[:0]
