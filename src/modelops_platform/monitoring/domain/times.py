"""Times of points, and the stretch of time that a page shows."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from modelops_platform.core.errors import InvalidInput

FURTHEST_AHEAD = timedelta(days=1)
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
RANGES = {"7d": 7, "30d": 30, "90d": 90, "all": None}
DEFAULT_RANGE = "90d"


def checked_time(at: datetime, now: datetime, field: str = "at") -> datetime:
    """Return the time of a point in UTC. Raises InvalidInput for one before 1970 or more than a day ahead."""
    kept = at.astimezone(UTC) if 1970 <= at.year < 9999 else None  # at the ends of the calendar zones overflow
    if kept is None or not EARLIEST <= kept <= now + FURTHEST_AHEAD:
        where = "before 1970" if at.year <= 1970 else "more than a day ahead"
        raise InvalidInput(
            f"The time {at.isoformat()} lies {where}.",
            remedy="Send the time that the figure is about, as 2026-05-03T14:00:00Z.",
            field=field,
            value=at.isoformat(),
        )
    return kept


@dataclass(frozen=True, slots=True)
class TimeRange:
    """The stretch [since, until) that a page shows; none is open. `key` says how it was chosen."""

    key: str
    since: datetime | None = None
    until: datetime | None = None

    @property
    def first_day(self) -> str:
        """The first day, as a date field takes it."""
        return "" if self.since is None else self.since.date().isoformat()

    @property
    def last_day(self) -> str:
        """The last day, as a date field takes it."""
        return "" if self.until is None else (self.until - timedelta(microseconds=1)).date().isoformat()


def choose_range(key: str | None, first: date | None, last: date | None, now: datetime) -> TimeRange:
    """Return the stretch that a page's address asks for; days of one's own go before a key.

    Raises InvalidInput for an unknown key, and for days in the wrong order.
    """
    if first is not None or last is not None:
        if first is not None and last is not None and first > last:
            raise InvalidInput(
                f"The first day {first} comes after the last, {last}.",
                remedy="Swap them.",
                field="first",
                value=first.isoformat(),
            )
        since = None if first is None else datetime.combine(first, time.min, UTC)
        until = None if last is None or last == date.max else datetime.combine(last + timedelta(days=1), time.min, UTC)
        return TimeRange("own", since, until)
    key = key or DEFAULT_RANGE
    if key not in RANGES:
        raise InvalidInput(
            f"There is no range {key[:20]!r}.",
            remedy=f"Use one of {', '.join(RANGES)}, or a first and a last day.",
            field="range",
            value=key[:20],
        )
    days = RANGES[key]
    return TimeRange(key, None if days is None else now - timedelta(days=days))
