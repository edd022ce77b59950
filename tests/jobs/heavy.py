"""Heavy functions that behave well or badly, for the tests of the child process."""

import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modelops_platform.core.errors import InvalidInput, Unavailable

Progress = Callable[[float | None, str], None]


def add(prepared: Any, progress: Progress) -> dict[str, Any]:
    sys.stdout.write("a library that prints\n")
    sys.stdout.flush()
    progress(0.5, "Adding.")
    Path("note.txt").write_text("left in the job's own folder", encoding="utf-8")
    return {"sum": sum(prepared["numbers"]), "environment": sorted(os.environ), "folder": str(Path.cwd())}


def refuse(prepared: Any, progress: Progress) -> None:
    raise InvalidInput("The column 'age' holds text in row 7.")


def not_now(prepared: Any, progress: Progress) -> None:
    raise Unavailable("The store does not answer.")


def stumble(prepared: Any, progress: Progress) -> None:
    raise KeyError("age")


def die(prepared: Any, progress: Progress) -> None:
    sys.stderr.write("out of luck\n")
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def hog(prepared: Any, progress: Progress) -> int:
    return len(bytearray(2 * prepared["memory_bytes"]))


def spin(prepared: Any, progress: Progress) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (1, 3))
    while True:
        pass


def sleep(prepared: Any, progress: Progress) -> None:
    child = os.fork()  # a grandchild, which must not outlive the job either
    Path(prepared["pids"]).write_text(f"{os.getpid()} {child}" if child else "", encoding="utf-8") if child else None
    progress(0.1, "Sleeping.")
    time.sleep(60)
