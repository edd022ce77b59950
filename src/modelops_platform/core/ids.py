"""Identifiers that are never reused and sort by the time they were made."""

import random
import threading
import uuid

import uuid_utils

_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """Return a new UUIDv7 as text, later than every one before it in this process, whatever the clock says."""
    global _last  # noqa: PLW0603 - the one thing that a process remembers of its ids
    made = uuid_utils.uuid7()
    with _lock:
        if made.int > _last:
            _last = made.int
            return str(made)
        _last += 1 + random.getrandbits(32)
        return str(uuid.UUID(int=_last))
