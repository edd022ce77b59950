"""The rules of release control, without a database."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelops_platform.core.errors import InvalidInput
from modelops_platform.deployments.domain import (
    DigestProof,
    count_facets,
    next_moment,
    prove,
    read_moment,
)

NOW = datetime(2026, 5, 3, 12, tzinfo=UTC)
A, B = "a" * 64, "b" * 64


@pytest.mark.parametrize(
    ("approved", "reported", "proof"),
    [
        (A, A, DigestProof.MATCH),
        (A, B, DigestProof.DIFFERS),
        (A, None, DigestProof.NOT_REPORTED),
        (None, None, DigestProof.UNVERIFIED),
        (None, A, DigestProof.UNVERIFIED),
    ],
)
def test_an_unverified_version_never_becomes_a_verified_one(
    approved: str | None, reported: str | None, proof: DigestProof
) -> None:
    assert prove(approved, reported) is proof


def test_a_clock_that_runs_behind_does_not_turn_time_back() -> None:
    later = NOW + timedelta(seconds=5)
    assert next_moment(NOW, later, None) == later
    assert next_moment(later, NOW) == later


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (None, None),
        (" ", None),
        ("2026-05-03", None),  # today: now
        ("2026-05-02", datetime(2026, 5, 2, 23, 59, 59, 999999, UTC)),
        ("2026-05-03T11:00:00Z", datetime(2026, 5, 3, 11, tzinfo=UTC)),
        ("2026-05-03T11:00:00", datetime(2026, 5, 3, 11, tzinfo=UTC)),
        ("2026-05-03T11:00:00 02:00", datetime(2026, 5, 3, 9, tzinfo=UTC)),  # a plus sign, eaten by the address
        ("0001-01-01", datetime(1, 1, 1, 23, 59, 59, 999999, UTC)),
    ],
)
def test_moments_are_read(text: str | None, at: datetime | None) -> None:
    assert read_moment(text, NOW) == at


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-13-01", "0001-01-01T00:00:00+14:00", "2026-05-03T12:00:01Z", "9999-12-31"]
)
def test_what_is_no_past_moment_is_refused_with_its_value(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_moment(text, NOW)
    assert refused.value.details == {"field": "at", "value": text}


@given(st.text(max_size=40))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    try:
        at = read_moment(text, NOW)
    except InvalidInput:
        return
    assert at is None or at <= NOW


def test_a_facets_own_choice_does_not_narrow_its_own_counts() -> None:
    rows = [
        ({"environment": "production", "standing": "match", "unit": "Cards"}, 3),
        ({"environment": "production", "standing": "differs", "unit": "Cards"}, 1),
        ({"environment": "staging", "standing": "match", "unit": "Cards"}, 2),
    ]
    total, facets = count_facets(rows, {"environment": "production", "standing": "match"})
    shown = {facet.name: {option.value: option.count for option in facet.options} for facet in facets}
    assert total == 3
    assert shown["environment"] == {"production": 3, "staging": 2}
    assert shown["standing"] == {"differs": 1, "match": 3}
    assert shown["unit"] == {"Cards": 3}
    assert count_facets([], {"unit": "Gone"})[1][2].options[0].active
