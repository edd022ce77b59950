"""Who needs attention, and the sentence over all."""

import pytest

from modelops_platform.reporting.domain import (
    LIGHTS,
    UNKNOWN_LIGHTS,
    Attention,
    Standing,
    TrendPoint,
    attention,
    sentence,
    tally,
)


@pytest.mark.parametrize("light", LIGHTS)
def test_what_is_unknown_about_a_live_model_is_never_good(light: str) -> None:
    found = attention(light=light, tier=2, is_live=True)
    assert (found is None) == (light not in UNKNOWN_LIGHTS and light != "fail")


@pytest.mark.parametrize(
    ("light", "tier", "is_live", "wanted"),
    [
        ("fail", 1, False, Attention.FAILING),
        ("error", None, True, Attention.FAILING),
        ("stale", 3, True, Attention.BLIND),
        ("stale", 3, False, None),
        ("not_monitored", None, True, Attention.BLIND),
        ("pass", None, True, Attention.UNASSESSED),
        ("pass", None, False, None),
        ("warn", 4, True, None),
    ],
)
def test_attention_names_the_first_reason(
    light: str, tier: int | None, is_live: bool, wanted: Attention | None
) -> None:
    assert attention(light=light, tier=tier, is_live=is_live) is wanted


def standing(count: int, **values: object) -> Standing:
    usual = {
        "unit_id": "u",
        "tier": 2,
        "impact": 3,
        "likelihood": 2,
        "light": "pass",
        "state": "approved",
        "is_live": False,
    }
    return Standing(**{**usual, **values}, count=count)  # type: ignore[arg-type]


def test_every_model_is_counted_once_in_each_direction() -> None:
    found = tally(
        [standing(3), standing(2, tier=None, impact=None, likelihood=None, light="fail"), standing(1, is_live=True)]
    )
    assert found.total == 6
    assert sum(found.by_tier.values()) == sum(found.by_light.values()) == sum(found.by_state.values()) == 6
    assert found.by_cell == {(3, 2): 4}
    assert (found.live, found.needing_attention) == (1, 2)


@pytest.mark.parametrize(
    ("counts", "before", "words"),
    [
        ([], None, "There is no model that you may see yet."),
        ([standing(1)], None, "1 model, none needs attention."),
        ([standing(11), standing(1, light="fail")], None, "12 models, 1 needs attention."),
        (
            [standing(8), standing(4, light="fail")],
            TrendPoint("d", 10, 2),
            "12 models, 4 need attention, 2 more than a month ago.",
        ),
        (
            [standing(8), standing(2, light="fail")],
            TrendPoint("d", 10, 2),
            "10 models, 2 need attention, as many as a month ago.",
        ),
    ],
)
def test_the_whole_in_one_sentence(counts: list[Standing], before: TrendPoint | None, words: str) -> None:
    assert sentence(tally(counts), before) == words
