"""How a child process gives up, for good, what it does not need before it meets a foreign file.

Everything here is called by the child itself, before it parses anything: setting limits between fork and exec is
not safe in a parent with threads. Resource limits hold everywhere; the rest (no network, no capabilities, no file
opened for writing, no file read outside the interpreter's own folders) is taken where the kernel offers it.
"""

import ctypes
import os
import resource
import signal
import struct
import sys
from pathlib import Path

from modelops_platform.core.processes import limit_resources

from .limits import Limits

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CLONE_NEWNET, _CLONE_NEWUSER = 0x40000000, 0x10000000
_CAPABILITY_VERSION_3 = 0x20080522
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_LANDLOCK_VERSION_FLAG, _LANDLOCK_PATH_BENEATH = 1, 1
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_ALL_FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_ALL_NETWORK_RIGHTS = 0b11  # bind and connect TCP, from version 4 on


def confine(limits: Limits) -> None:
    """Set the resource limits of this process and drop every right it can do without."""
    _limit(limits)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _leave_network(libc)
        _lock_files(libc)
        _drop_capabilities(libc)


def _limit(limits: Limits) -> None:
    limit_resources(
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 2),
        (resource.RLIMIT_AS, limits.memory_bytes, limits.memory_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files, limits.open_files),
        (resource.RLIMIT_NPROC, 0, 0),
    )


def _leave_network(libc: ctypes.CDLL) -> None:
    """Move into an empty network, as a user of its own when that is what it takes."""
    if libc.unshare(_CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """Without capabilities even root cannot raise its limits again."""
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    libc.capset(header, bytes(24))


def _lock_files(libc: ctypes.CDLL) -> None:
    """Allow reading below the interpreter's own folders, and nothing else (Landlock)."""
    version = libc.syscall(_LANDLOCK_CREATE, None, 0, _LANDLOCK_VERSION_FLAG)
    if version < 1:
        return
    files = _ALL_FILE_RIGHTS[min(version, 4)]
    rules = struct.pack("QQ", files, _ALL_NETWORK_RIGHTS) if version >= 4 else struct.pack("Q", files)
    ruleset = libc.syscall(_LANDLOCK_CREATE, rules, len(rules), 0)
    if ruleset < 0:
        return
    for place in _readable():
        handle = os.open(place, os.O_PATH | os.O_CLOEXEC)
        rights = _READ_FILE | _READ_FOLDER if place.is_dir() else _READ_FILE
        libc.syscall(_LANDLOCK_ADD, ruleset, _LANDLOCK_PATH_BENEATH, struct.pack("=Qi", rights, handle), 0)
        os.close(handle)
    libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0)
    os.close(ruleset)


def _readable() -> list[Path]:
    """Return where the interpreter, its packages and the system's libraries stand."""
    package = Path(__file__).resolve().parents[1]
    places = ["/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/proc/self", "/proc/cpuinfo"]
    places += ["/sys/devices/system/cpu", "/dev/null", "/dev/urandom", sys.prefix, sys.base_prefix, str(package)]
    return [place for place in map(Path, places) if place.exists()]
