"""Starting one of our own programs as a limited child, and reading its answer within bounds."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from modelops_platform.core.processes import end_group, listen

from .limits import Limits

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


class _TooMuch(Exception):
    """The child said more than it may."""


def _converse(child: "subprocess.Popen[bytes]", feed: bytes, limits: Limits) -> tuple[Ending, bytes, bytes]:
    """Write the feed, read output and errors, until the child ends or a limit is reached."""
    output, errors = bytearray(), bytearray()

    def take_output(piece: bytes) -> None:
        output.extend(piece)
        if len(output) > limits.output_bytes:
            raise _TooMuch

    def take_errors(piece: bytes) -> None:
        errors.extend(piece)
        del errors[:-_ERROR_TAIL]

    try:
        listen(child, wall_seconds=limits.wall_seconds, take_output=take_output, take_errors=take_errors, feed=feed)
    except _TooMuch:
        return Ending.TOO_MUCH_OUTPUT, b"", bytes(errors)
    except TimeoutError:
        return Ending.OUT_OF_TIME, bytes(output), bytes(errors)
    return Ending.FINISHED, bytes(output), bytes(errors)
