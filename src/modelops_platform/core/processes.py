"""What processes of ours do: keep to the home and to limits, end with their parent, listen to their children."""

import ctypes
import os
import resource
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15
_LEFT_FOR_SECONDS = 86_400
_CHUNK = 65_536


class Child(Protocol):
    """A child process that is listened to and ended; `subprocess.Popen` is one."""

    pid: int
    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None

    def wait(self, timeout: float | None = None) -> int:
        """Return its status once it has ended. Raises subprocess.TimeoutExpired."""


def keep_temporary_files_in(home: Path) -> None:
    """Put temporary files of this process and its children into the home: nothing is written elsewhere.

    What processes left there that were killed is removed after a day; no job works as long.
    """
    folder = home.resolve() / "tmp"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    tempfile.tempdir = str(folder)
    oldest = time.time() - _LEFT_FOR_SECONDS
    for path in folder.iterdir():
        with suppress(OSError):  # another process removes it as well
            if path.lstat().st_mtime < oldest:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def end_with_parent(ending: signal.Signals = signal.SIGTERM, parent: int | None = None) -> None:
    """Have the kernel send this process a signal when its parent dies, however it dies; on Linux only.

    `parent` is the parent's process id where it is known: had it died before, the signal would never come.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ending)
    if parent is not None and os.getppid() != parent:
        signal.raise_signal(ending)


def name_process(name: str) -> None:
    """Call this process so in the lists of the system, in at most 15 characters; on Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode())


def limit_resources(*limits: tuple[int, int, int]) -> None:
    """Lower resource limits of this process, each given as what, soft and hard; none is raised above what holds."""
    for what, soft, hard in limits:
        _, most = resource.getrlimit(what)
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        resource.setrlimit(what, (soft, hard))


def end_group(child: Child) -> None:
    """Kill whatever is left of the process group that the child leads, collect it, and close its pipes."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()


def listen(
    child: Child,
    *,
    wall_seconds: float,
    take_output: Callable[[bytes], None],
    take_errors: Callable[[bytes], None],
    feed: bytes = b"",
    meanwhile: Callable[[], None] | None = None,
    every_seconds: float = 60.0,
) -> None:
    """Write the feed to the child and hand on what it says as it comes, until it closes its pipes and ends.

    `meanwhile` is called whenever the child said something, and every so many seconds.
    Raises TimeoutError when the time is over, and whatever a taker or `meanwhile` raises; the child lives on then.
    """
    assert child.stdout is not None
    assert child.stderr is not None
    deadline, waiting = time.monotonic() + wall_seconds, memoryview(feed)
    with selectors.DefaultSelector() as pipes:
        pipes.register(child.stdout, selectors.EVENT_READ, take_output)
        pipes.register(child.stderr, selectors.EVENT_READ, take_errors)
        if child.stdin is not None:
            pipes.register(child.stdin, selectors.EVENT_WRITE)
        for key in list(pipes.get_map().values()):
            os.set_blocking(key.fd, False)
        while pipes.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            for key, _event in pipes.select(min(left, every_seconds)):
                if key.fileobj is child.stdin:
                    waiting = _written(key.fd, waiting)
                    if not waiting:
                        pipes.unregister(child.stdin)
                        child.stdin.close()
                elif piece := os.read(key.fd, _CHUNK):
                    key.data(piece)
                else:
                    pipes.unregister(key.fileobj)
            if meanwhile is not None:
                meanwhile()
    try:
        child.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None


def _written(pipe: int, waiting: memoryview) -> memoryview:
    """Write what the pipe takes and return the rest; nothing is left when the child no longer listens."""
    if not waiting:
        return waiting
    try:
        return waiting[os.write(pipe, waiting[:_CHUNK]) :]
    except BrokenPipeError:
        return waiting[:0]
