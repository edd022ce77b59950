"""Work in portions: whoever writes much holds the database for a moment, and then lets others come between."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
PORTION_SECONDS = 0.1  # a page waits for this, and whoever waits with it; a quarter of a second is what it notices


def portion(things: Iterable[T], *, seconds: float = PORTION_SECONDS) -> Iterator[T]:
    """Yield things, at least one, until the time of one transaction is over; the rest is for the next transaction."""
    until = time.monotonic() + seconds
    for thing in things:
        yield thing
        if time.monotonic() > until:
            return
