"""When a worker that holds a job counts as gone, by a clock that nobody sets."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

RENEWALS = 4  # a lease is renewed so many times before it would run out


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds a job, until when by the clock on the wall."""

    job_id: str
    token: str
    until: datetime


class Watch:
    """What one process has seen of all leases: a job is lost when its lease is not renewed while this process looks.

    The clock on the wall only shortens the wait: after a lease has run out by it, one renewal that stays away is
    enough. So a clock that jumps ahead takes no job from a worker that lives, and one that jumps back does not keep
    a job of one that is gone.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[Lease, float] = {}

    def lost(self, leases: Iterable[Lease], *, now: datetime, at: float) -> list[Lease]:
        """Return the leases that are lost, by the time on the wall and the seconds of a steady clock."""
        self._seen = {lease: self._seen.get(lease, at) for lease in leases}
        renewal = 1.5 * self._seconds / RENEWALS
        return [
            lease
            for lease, since in self._seen.items()
            if at - since > (renewal if lease.until < now else self._seconds + renewal)
        ]
