"""A process that has loaded what heavy jobs need, and forks a child for each: loading takes longer than most jobs.

It has no database, no secrets and no work of its own. An order comes over a socket: a JSON object
`{"function", "folder"}` with three descriptors, which become the child's standard input, output and errors. What goes
back, a line each, is `{"pid"}`, and `{"status"}` once the child has ended. The child is collected when the next
message comes, so that its id, and that of its process group, mean nobody else until then.

The process ends when nobody has ordered anything for a while, and with the child it has when its owner goes away.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
import traceback
from typing import Any, NoReturn

from . import child

IDLE_SECONDS = 10.0
MESSAGE_BYTES = 65_536


def main() -> None:
    """Take orders until there are none; each is done by a child."""
    orders = socket.socket(fileno=int(sys.argv[1]))
    ended = _tell_when_a_child_ends()
    while order := _next_order(orders):
        asked, descriptors = order
        _load(asked["function"])
        pid = os.fork()
        if pid == 0:
            orders.close()
            _become(asked["folder"], descriptors)
            _do_the_job()
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)  # the child does it too, whoever comes first
        for descriptor in descriptors:
            os.close(descriptor)
        if not _mind(pid, orders, ended):
            return


def _tell_when_a_child_ends() -> int:
    """Return a pipe that something can be read from when a child has ended."""
    ended, told = os.pipe()
    for end in (ended, told):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    return ended


def _next_order(orders: socket.socket) -> tuple[dict[str, str], list[int]] | None:
    orders.settimeout(IDLE_SECONDS)
    try:
        message, descriptors, _flags, _sender = socket.recv_fds(orders, MESSAGE_BYTES, 3)
    except TimeoutError:
        return None
    return (json.loads(message), descriptors) if message else None


def _load(function: str) -> None:
    """Load what the child will need; where that fails, the child meets the same and says so."""
    with contextlib.suppress(Exception):
        importlib.import_module(function.partition(":")[0])
    gc.freeze()  # nothing that is shared with children is looked through, and so copied, by them


def _become(folder: str, descriptors: list[int]) -> None:
    """Make this process the job's own: its group, its folder, its three streams, and chance of its own."""
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(folder)
    os.environ.update(HOME=folder, TMPDIR=folder)
    tempfile.tempdir = None
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()


def _do_the_job() -> NoReturn:
    """Do it and end at once: libraries that wait for their threads at the end wait for ones that were not forked."""
    status = 1
    try:
        child.main()
        status = 0
    except BaseException:  # noqa: BLE001 - the edge of a process, as in an interpreter of its own
        traceback.print_exc()
    finally:
        os._exit(status)


def _mind(pid: int, orders: socket.socket, ended: int) -> bool:
    """Wait for the child's end, tell of it, and collect the child; say whether there is still somebody to tell."""
    try:
        _send(orders, pid=pid)
        while (found := os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is None:
            readable, _, _ = select.select([orders.fileno(), ended], [], [])
            if orders.fileno() in readable:
                return False  # nothing is said before the child has ended: the owner has gone
            with contextlib.suppress(BlockingIOError):
                os.read(ended, MESSAGE_BYTES)
        _send(orders, status=found.si_status if found.si_code == os.CLD_EXITED else -found.si_status)
        orders.settimeout(None)
        return bool(orders.recv(1))
    except OSError:
        return False
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _send(orders: socket.socket, **message: int) -> None:
    orders.sendall(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
