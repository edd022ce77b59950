"""How old something may be."""

import calendar
from datetime import datetime, timedelta


def months_ago(now: datetime, months: int) -> datetime:
    """Return the same day so many months ago, or the last of that month. What lies before all years is the first."""
    index = now.year * 12 + now.month - 1 - months
    year, month = index // 12, index % 12 + 1
    if year < 1:
        return datetime.min.replace(tzinfo=now.tzinfo)
    return now.replace(year=year, month=month, day=min(now.day, calendar.monthrange(year, month)[1]))


def is_within(at: datetime, now: datetime, *, days: int | None = None, months: int | None = None) -> bool:
    """Tell whether something is not older than allowed; without a limit nothing is too old."""
    if days is not None and now - at > timedelta(days=days):
        return False
    return months is None or at >= months_ago(now, months)


def age_words(months: int) -> str:
    """Print a number of months."""
    return "1 month" if months == 1 else f"{months} months"
