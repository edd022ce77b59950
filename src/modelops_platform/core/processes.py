"""What processes of ours do at their start: end with their parent, keep to the home."""

import ctypes
import os
import signal
import sys
import tempfile
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
