"""What a figure means, how lights add up, and what an alert does: without a database."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import product
from typing import Any

import pytest

from modelops_platform.core.errors import InvalidInput
from modelops_platform.monitoring.domain.charts import chart_of
from modelops_platform.monitoring.domain.lights import (
    KNOWN,
    UNKNOWN,
    WORST_FIRST,
    Light,
    Move,
    alert_move,
    at_moment,
    is_worse,
    worst,
)
from modelops_platform.monitoring.domain.limits import Bad, Limits, primary_of, read_span, span_words
from modelops_platform.monitoring.domain.times import checked_time, choose_range
from modelops_platform.registry.domain.search import UNKNOWN_LIGHTS
from modelops_platform.registry.queries.search import LIGHTS_BY_URGENCY

NOW = datetime(2026, 5, 3, 12, tzinfo=UTC)
PSI = Limits(Bad.ABOVE, 0.1, 0.25, 30)
AUC = Limits(Bad.BELOW, 0.85, 0.8, 30)


@pytest.mark.parametrize(
    ("limits", "value", "n", "light"),
    [
        (PSI, 0.0999, 30, Light.PASS),
        (PSI, 0.1, 30, Light.PASS),
        (PSI, 0.1001, 30, Light.WARN),
        (PSI, 0.25, 30, Light.WARN),
        (PSI, 0.2501, 30, Light.FAIL),
        (AUC, 0.85, 30, Light.PASS),
        (AUC, 0.8499, 30, Light.WARN),
        (AUC, 0.8, 30, Light.WARN),
        (AUC, 0.7999, 30, Light.FAIL),
        (AUC, -1e308, 30, Light.FAIL),
        (PSI, 0.9, 29, Light.TOO_FEW_ROWS),
        (PSI, 0.9, 0, Light.TOO_FEW_ROWS),
        (PSI, 0.01, None, Light.TOO_FEW_ROWS),
        (PSI, None, 500, Light.NO_DATA),
        (PSI, None, 0, Light.NO_DATA),
        (Limits(Bad.ABOVE, fail=0.0), 0.0, None, Light.PASS),
        (Limits(Bad.ABOVE, fail=0.0), 5e-324, None, Light.FAIL),
        (Limits(Bad.ABOVE, warn=1.0), 1e9, None, Light.WARN),
        (Limits(Bad.BELOW, warn=1.0, fewest_rows=0), 0.0, None, Light.WARN),
        (Limits(), 1.0, 100, Light.NOT_MONITORED),
        (Limits(Bad.ABOVE, fewest_rows=30), None, 0, Light.NOT_MONITORED),
    ],
)
def test_a_figure_means_what_its_limits_say(limits: Limits, value: float | None, n: int | None, light: Light) -> None:
    assert limits.judge(value, n) is light
    assert limits.why(value, n)


def test_an_error_is_said_before_anything_else_but_only_where_something_is_judged() -> None:
    assert PSI.judge(None, 0, error="no labels") is Light.ERROR
    assert "no labels" in PSI.why(None, 0, error="no labels")
    assert Limits().judge(None, 0, error="no labels") is Light.NOT_MONITORED


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ((None, 0.1, None), "bad"),
        ((Bad.ABOVE, 0.3, 0.2), "warn"),
        ((Bad.BELOW, 0.2, 0.3), "warn"),
        ((Bad.ABOVE, 0.2, 0.2), "warn"),
        ((Bad.ABOVE, float("nan"), None), "warn"),
        ((Bad.ABOVE, None, float("inf")), "fail"),
    ],
)
def test_limits_that_contradict_each_other_are_refused(values: tuple[Any, ...], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Limits(*values)
    assert refused.value.details["field"] == field
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("light", "later"),
    [
        (Light.PASS, Light.STALE),
        (Light.WARN, Light.STALE),
        (Light.NO_DATA, Light.STALE),
        (Light.TOO_FEW_ROWS, Light.STALE),
        (Light.STALE, Light.STALE),
        (Light.FAIL, Light.FAIL),
        (Light.ERROR, Light.ERROR),
        (Light.NOT_MONITORED, Light.NOT_MONITORED),
    ],
)
def test_silence_makes_a_light_stale_but_never_better(light: Light, later: Light) -> None:
    moment = timedelta(microseconds=1)
    assert at_moment(light, NOW + moment, NOW) is light
    assert at_moment(light, NOW, NOW) is later
    assert at_moment(light, NOW - moment, NOW) is later
    assert at_moment(light, None, NOW) is light


def test_every_light_has_its_place_and_is_known_or_unknown() -> None:
    assert set(WORST_FIRST) == set(Light) == KNOWN | UNKNOWN
    assert len(WORST_FIRST) == len(Light)
    assert WORST_FIRST[-1] is Light.PASS
    assert not KNOWN & UNKNOWN


def test_all_rooms_speak_of_the_same_lights_in_the_same_order() -> None:
    assert tuple(LIGHTS_BY_URGENCY) == tuple(light.value for light in WORST_FIRST)
    assert set(UNKNOWN_LIGHTS) == {light.value for light in UNKNOWN}


def test_of_two_lights_the_worse_one_shows() -> None:
    for one, other in product(Light, Light):
        assert worst((one, other)) is worst((other, one))
        assert not is_worse(one, worst((one, other)))
    assert worst((Light.PASS, Light.TOO_FEW_ROWS)) is Light.TOO_FEW_ROWS
    assert worst(()) is Light.NOT_MONITORED


@pytest.mark.parametrize(
    ("lights", "shown"),
    [
        ([], Light.NOT_MONITORED),
        ([Light.STALE], Light.STALE),
        ([Light.NOT_MONITORED, Light.ERROR, Light.NO_DATA], Light.ERROR),
        ([Light.PASS], Light.PASS),
        ([Light.PASS, Light.STALE], Light.STALE),
        ([Light.PASS, Light.WARN, Light.NO_DATA], Light.WARN),
        ([Light.ERROR, Light.FAIL], Light.FAIL),
        ([Light.PASS, Light.NOT_MONITORED], Light.NOT_MONITORED),
    ],
)
def test_lights_over_nothing_or_unknowns_are_unknown(lights: list[Light], shown: Light) -> None:
    assert worst(lights) is shown
    assert (shown in UNKNOWN) is not (shown in KNOWN)


@pytest.mark.parametrize(
    ("opened", "light", "move"),
    [
        (None, Light.PASS, Move.NOTHING),
        (None, Light.NO_DATA, Move.NOTHING),
        (None, Light.TOO_FEW_ROWS, Move.NOTHING),
        (None, Light.WARN, Move.RAISE),
        (None, Light.FAIL, Move.RAISE),
        (None, Light.ERROR, Move.RAISE),
        (None, Light.STALE, Move.RAISE),
        (Light.WARN, Light.WARN, Move.NOTHING),
        (Light.WARN, Light.FAIL, Move.CHANGE),
        (Light.FAIL, Light.WARN, Move.CHANGE),
        (Light.STALE, Light.FAIL, Move.CHANGE),
        (Light.FAIL, Light.TOO_FEW_ROWS, Move.NOTHING),
        (Light.FAIL, Light.NO_DATA, Move.NOTHING),
        (Light.FAIL, Light.PASS, Move.CLOSE),
        (Light.STALE, Light.NOT_MONITORED, Move.CLOSE),
    ],
)
def test_what_a_light_does_to_the_alert(opened: Light | None, light: Light, move: Move) -> None:
    assert alert_move(opened, light) is move


@pytest.mark.parametrize(
    ("text", "hours", "words"),
    [("36 hours", 36, "36 hours"), ("36h", 36, "36 hours"), ("1 day", 24, "1 day"), (" 14D ", 336, "14 days")],
)
def test_spans_are_read_and_said(text: str, hours: int, words: str) -> None:
    assert read_span(text) == hours
    assert span_words(hours) == words
    assert read_span(words) == hours


@pytest.mark.parametrize("text", ["", "0 days", "-1 days", "1.5 days", "two weeks", "4000 days", "999999d", "٣ days "])
def test_other_spans_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_span(text)


@pytest.mark.parametrize(
    "at",
    [
        NOW + timedelta(days=1, microseconds=1),
        datetime(1969, 12, 31, 23, 59, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-12))),
    ],
)
def test_times_far_away_are_refused(at: datetime) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_time(at, NOW, "points.3.at")
    assert refused.value.details["field"] == "points.3.at"


def test_times_are_kept_in_utc() -> None:
    at = datetime(2026, 5, 3, 14, tzinfo=timezone(timedelta(hours=2)))
    assert checked_time(at, NOW) == NOW
    assert checked_time(NOW + timedelta(days=1), NOW) == NOW + timedelta(days=1)


def test_a_page_shows_a_stretch_of_time() -> None:
    assert choose_range(None, None, None, NOW).since == NOW - timedelta(days=90)
    assert choose_range("7d", None, None, NOW).since == NOW - timedelta(days=7)
    assert choose_range("all", None, None, NOW).since is None
    own = choose_range("7d", date(2026, 5, 1), date(2026, 5, 2), NOW)
    assert (own.key, own.first_day, own.last_day) == ("own", "2026-05-01", "2026-05-02")
    assert own.until == datetime(2026, 5, 3, tzinfo=UTC)
    assert choose_range(None, date.min, date.max, NOW).until is None
    with pytest.raises(InvalidInput):
        choose_range("8d", None, None, NOW)
    with pytest.raises(InvalidInput):
        choose_range(None, date(2026, 5, 2), date(2026, 5, 1), NOW)


@dataclass
class Told:
    at: datetime
    value: float | None
    version_number: int | None = None
    label: str = ""


def test_a_chart_has_gaps_limits_and_marks_within_its_time() -> None:
    later = NOW + timedelta(days=1)
    data = chart_of(
        "psi",
        "",
        [Told(NOW, 0.1), Told(later, None)],
        PSI,
        marks=[Told(NOW, None, label="v2"), Told(NOW - timedelta(1), 0)],
    )
    assert data["series"] == [{"name": "psi", "values": [0.1, None]}]
    assert [(limit["label"], limit["value"]) for limit in data["limits"]] == [("warn above", 0.1), ("fail above", 0.25)]
    assert [mark["label"] for mark in data["marks"]] == ["v2"]


def test_versions_are_lines_of_their_own() -> None:
    data = chart_of("auc", "AUC", [Told(NOW, 0.8, 1), Told(NOW, 0.9, 2), Told(NOW + timedelta(1), 0.7, 1)], AUC)
    assert data["series"] == [{"name": "v1", "values": [0.8, 0.7]}, {"name": "v2", "values": [0.9, None]}]
    assert chart_of("auc", "", [], AUC)["x"] == []


@dataclass
class One:
    id: str
    measures: str
    is_judged: bool


def test_the_oldest_judged_series_of_quality_stands_for_the_model() -> None:
    drift, quality, shown = One("1", "drift", True), One("2", "quality", True), One("0", "quality", False)
    assert primary_of([drift, quality, shown]) is quality
    assert primary_of([drift, shown]) is drift
    assert primary_of([shown]) is shown
    assert primary_of([]) is None
