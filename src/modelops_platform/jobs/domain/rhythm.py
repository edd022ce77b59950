"""When a schedule is due."""

import functools
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from apscheduler.triggers.cron import CronTrigger

from modelops_platform.core.errors import InvalidInput

_zones = functools.cache(available_timezones)  # it walks the files each time
LONGEST_PERIOD = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When a schedule is due: a cron line in a time zone, or every so many seconds."""

    cron: str | None = None
    every_seconds: int | None = None
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if (self.cron is None) == (self.every_seconds is None):
            words = "A schedule has either a cron line or a period."
            raise InvalidInput(words, remedy="Give one of them.", field="cron")
        if self.every_seconds is not None and not 1 <= self.every_seconds <= LONGEST_PERIOD.total_seconds():
            raise InvalidInput(
                f"The period of {self.every_seconds} seconds is not between a second and a year.",
                remedy="Choose another period.",
                field="every_seconds",
                value=self.every_seconds,
            )
        if self.timezone not in _zones():
            raise InvalidInput(
                f"There is no time zone {self.timezone[:60]!r}.",
                remedy="Give a name such as Europe/Berlin.",
                field="timezone",
                value=self.timezone[:60],
            )
        if self.cron is not None:
            self._trigger()

    @property
    def words(self) -> str:
        """When it is due, as a page says it."""
        if self.every_seconds is None:
            return f"{self.cron} ({self.timezone})"
        units = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
        seconds, unit = next(pair for pair in units if self.every_seconds % pair[0] == 0)
        count = self.every_seconds // seconds
        return f"every {unit}" if count == 1 else f"every {count} {unit}s"

    def next_after(self, at: datetime) -> datetime | None:
        """Return the first due time after `at`, or None when there is no other."""
        if self.every_seconds is not None:
            return at + timedelta(seconds=self.every_seconds)
        return self._first_from(at + timedelta(microseconds=1))

    def catch_up(self, due: datetime, now: datetime) -> tuple[datetime, datetime | None]:
        """Return the last due time from `due` to `now`, and the next after it.

        The rule for missed times: however many were missed, the job runs once, for the last of them.
        """
        if self.every_seconds is not None:
            missed = int((now - due).total_seconds() // self.every_seconds)
            last = due + timedelta(seconds=missed * self.every_seconds)
            return last, self.next_after(last)
        last = due
        for window in (timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(days=32)):
            found = self._first_from(max(due, now - window))
            if found is not None and found <= now:
                last = found
                break
        while (following := self.next_after(last)) is not None and following <= now:
            last = following
        return last, following

    def _first_from(self, at: datetime) -> datetime | None:
        found: datetime | None = self._trigger().get_next_fire_time(None, at.astimezone(ZoneInfo(self.timezone)))
        return found.astimezone(at.tzinfo) if found is not None else None

    def _trigger(self) -> CronTrigger:
        fields = (self.cron or "").split()
        try:
            if len(fields) != 5:
                raise ValueError(f"it has {len(fields)} fields, not 5")
            minute, hour, day, month, weekday = fields
            return CronTrigger(
                minute=minute,
                hour=hour,
                day=day,
                month=month,
                day_of_week=_named_weekdays(weekday),
                timezone=ZoneInfo(self.timezone),
            )
        except ValueError as error:
            raise InvalidInput(
                f"The cron line {self.cron!r} cannot be read: {error}.",
                remedy="Give minute, hour, day, month and weekday, such as `30 6 * * mon-fri`.",
                field="cron",
                value=self.cron,
            ) from None


_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def _named_weekdays(field: str) -> str:
    """Name the weekdays one by one: cron's 0 and 7 are Sunday, but the library counts from Monday."""
    if field == "*":
        return field
    days: list[str] = []
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        first, _, last = ("0-6" if span == "*" else span).partition("-")
        start, end = _weekday(first), _weekday(last or first)
        days += [_WEEKDAYS[day % 7] for day in range(start, end + 1 if end >= start else end + 8, int(step or 1))]
    return ",".join(dict.fromkeys(days))


def _weekday(text: str) -> int:
    if text in _WEEKDAYS:
        return _WEEKDAYS.index(text)
    if not text.isdecimal() or int(text) > 7:
        raise ValueError(f"{text[:20]!r} is no weekday")
    return int(text)
