"""Identifiers that are never reused and sort by the time they were made."""

import random
import threading
import uuid

import uuid_utils


class _Ids:
    """The ids of this process: it remembers the last one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> str:
        made = uuid_utils.uuid7()
        with self._lock:
            if made.int > self._last:
                self._last = made.int
                return str(made)
            self._last += 1 + random.getrandbits(32)
            return str(uuid.UUID(int=self._last))


_ids = _Ids()


def new_id() -> str:
    """Return a new UUIDv7 as text, later than every one before it in this process, whatever the clock says."""
    return _ids.next()
