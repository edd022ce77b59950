"""What processes of ours do at their start and end: keep to the home and to limits, end with their parent."""

import ctypes
import os
import resource
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def keep_temporary_files_in(home: Path) -> None:
    """Put temporary files of this process and its children into the home: nothing is written elsewhere."""
    folder = home.resolve() / "tmp"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    tempfile.tempdir = str(folder)


def end_with_parent(ending: signal.Signals = signal.SIGTERM, parent: int | None = None) -> None:
    """Have the kernel send this process a signal when its parent dies, however it dies; on Linux only.

    `parent` is the parent's process id where it is known: had it died before, the signal would never come.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ending)
    if parent is not None and os.getppid() != parent:
        signal.raise_signal(ending)


def limit_resources(*limits: tuple[int, int, int]) -> None:
    """Lower resource limits of this process, each given as what, soft and hard; none is raised above what holds."""
    for what, soft, hard in limits:
        _, most = resource.getrlimit(what)
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        resource.setrlimit(what, (soft, hard))


def end_group(child: subprocess.Popen[bytes]) -> None:
    """Kill whatever is left of the process group that the child leads, collect it, and close its pipes."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()
