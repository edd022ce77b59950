"""When a job is tried again, and when a schedule is due."""

from datetime import UTC, datetime, timedelta

import pytest

from modelops_platform.core.errors import InvalidInput, NotFound, TooMany, Unavailable
from modelops_platform.jobs.domain.rhythm import Rhythm
from modelops_platform.jobs.domain.states import (
    LONGEST_ERROR,
    LONGEST_PAUSE,
    Retry,
    may_help_again,
    pause_before,
    words_for,
)

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_pauses_double_up_to_an_hour_and_are_spread() -> None:
    middle = [pause_before(attempt, 0.5).total_seconds() for attempt in range(1, 6)]
    assert middle == [2, 4, 8, 16, 32]
    assert pause_before(3, 0.0).total_seconds() == 4
    assert pause_before(3, 1.0).total_seconds() == 12
    assert pause_before(1_000, 0.5) == LONGEST_PAUSE


@pytest.mark.parametrize("error", [Unavailable("x"), TooMany("x"), Retry("x"), OSError("x"), KeyError("x")])
def test_another_try_may_help(error: Exception) -> None:
    assert may_help_again(error)


@pytest.mark.parametrize("error", [InvalidInput("x"), NotFound("x")])
def test_another_try_cannot_help_where_we_refused_ourselves(error: Exception) -> None:
    assert not may_help_again(error)


def test_words_for_an_error_are_bounded_and_storable() -> None:
    assert words_for(InvalidInput("Row 7 is empty.")) == "Row 7 is empty."
    assert words_for(ValueError("bad\0" + "x" * 9_000)).startswith("ValueError: badx")
    assert len(words_for(ValueError("x" * 9_000))) == LONGEST_ERROR
    assert words_for(TimeoutError()) == "TimeoutError:"


def test_a_period_is_due_again_and_again() -> None:
    hourly = Rhythm(every_seconds=3_600)
    assert hourly.next_after(MONDAY) == MONDAY + timedelta(hours=1)
    assert hourly.words == "every hour"
    assert Rhythm(every_seconds=90).words == "every 90 seconds"


def test_missed_times_are_caught_up_by_the_last_of_them() -> None:
    late = MONDAY + timedelta(hours=5, minutes=20)
    assert Rhythm(every_seconds=3_600).catch_up(MONDAY, late) == (at("2026-11-23T05:00"), at("2026-11-23T06:00"))
    assert Rhythm(cron="15 * * * *").catch_up(at("2026-11-23T00:15"), late) == (
        at("2026-11-23T05:15"),
        at("2026-11-23T06:15"),
    )


@pytest.mark.parametrize("cron", ["* * * * *", "*/7 3 * * *", "0 0 1 * *", "30 6 1 1 *", "0 12 * * sun"])
def test_catching_up_over_years_is_the_last_time_and_quick(cron: str) -> None:
    rhythm, now = Rhythm(cron=cron), at("2026-11-23T05:20")
    first = rhythm.next_after(at("2019-01-01"))
    assert first is not None
    last, following = rhythm.catch_up(first, now)
    assert last <= now < (following or now)
    assert rhythm.next_after(last) == following


@pytest.mark.parametrize(
    ("field", "days"),
    [
        ("0", "Sun"),
        ("7", "Sun"),
        ("1-5", "Mon Tue Wed Thu Fri"),
        ("fri-mon", "Mon Fri Sat Sun"),
        ("*/3", "Wed Sat Sun"),
        ("sat,1", "Mon Sat"),
    ],
)
def test_weekdays_count_from_sunday_as_in_cron(field: str, days: str) -> None:
    rhythm, moment, found = Rhythm(cron=f"0 12 * * {field}"), MONDAY, []
    while (following := rhythm.next_after(moment)) is not None and following < MONDAY + timedelta(days=7):
        found.append(f"{following:%a}")
        moment = following
    assert " ".join(found) == days


def test_a_cron_line_follows_its_time_zone_through_the_change_of_clocks() -> None:
    berlin = Rhythm(cron="30 6 * * *", timezone="Europe/Berlin")
    assert berlin.next_after(at("2026-10-24T12:00")) == at("2026-10-25T05:30")  # winter time
    assert berlin.next_after(at("2026-10-23T12:00")) == at("2026-10-24T04:30")  # summer time


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({}, "cron"),
        ({"cron": "* * * * *", "every_seconds": 5}, "cron"),
        ({"every_seconds": 0}, "every_seconds"),
        ({"every_seconds": 10**9}, "every_seconds"),
        ({"cron": "* * * *"}, "cron"),
        ({"cron": "61 * * * *"}, "cron"),
        ({"cron": "* * * * 9"}, "cron"),
        ({"cron": "* * * * */x"}, "cron"),
        ({"cron": "* * * * */0"}, "cron"),
        ({"cron": "* * * * *", "timezone": "Mars/Base"}, "timezone"),
    ],
)
def test_what_is_no_rhythm_is_refused_by_name(wrong: dict, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        Rhythm(**wrong)
    assert refusal.value.details["field"] == field
