"""The risk questionnaire: exact scores, floors that only raise, silence that never helps."""

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelops_platform.core.errors import InvalidInput
from modelops_platform.governance.defaults import default_questionnaire, default_questionnaire_text
from modelops_platform.governance.domain.documents import read_yaml
from modelops_platform.governance.domain.questionnaire import Tier, assess, heat_cell, judged_tier, read_questionnaire
from tests.governance.factories import QUESTIONS, answers_of, assess_default


def spread(points: int, questions: int) -> list[int]:
    return [min(4, max(0, points - 4 * position)) for position in range(questions)]


@pytest.mark.parametrize(
    ("scores", "total", "tier"),
    [
        ((1, 2, 1, 2, 2, 2, 2, 2, 1, 1, 2, 1, 1, 1, 0), "34.5", 3),
        ((3, 4, 3, 3, 2, 3, 1, 1, 2, 1, 1, 4, 3, 3, 0), "62.2", 1),
        ((0, 1, 1, 1, 2, 1, 4, 3, 3, 1, 3, 1, 0, 2, 2), "35.9", 3),
        ((1, 2, 3, 2, 2, 3, 3, 2, 3, 0, 2, 2, 2, 2, 4), "55.8", 2),
        ((2, 3, 2, 3, 2, 1, 2, 2, 1, 1, 4, 4, 3, 3, 0), "55.8", 2),
        ((0, 0, 0, 0, 1, 0, 3, 3, 1, 0, 1, 0, 0, 0, 1), "12.0", 4),
    ],
)
def test_reference_vectors_come_out_exactly(scores: tuple[int, ...], total: str, tier: int) -> None:
    result = assess_default(answers_of(*scores))
    assert (result.total_shown, result.tier_before_floors, result.tier) == (total, tier, tier)


@pytest.mark.parametrize(("impact", "complexity", "tier"), [(0, 20, 3), (12, 15, 2), (24, 10, 1)])
def test_a_cut_off_belongs_to_the_stricter_tier(impact: int, complexity: int, tier: int) -> None:
    """Each point of complexity is worth exactly one, 12 points of impact exactly 25."""
    exact = assess_default(answers_of(*spread(impact, 6), *spread(complexity, 5), *spread(0, 4)))
    assert exact.total == Fraction(50 * impact, 24) + complexity == {3: 20, 2: 40, 1: 60}[tier]
    assert (exact.tier_before_floors, exact.total_shown) == (tier, f"{exact.total}.0")
    below = assess_default(answers_of(*spread(impact, 6), *spread(complexity - 1, 5), *spread(0, 4)))
    assert below.tier_before_floors == tier + 1


def test_a_total_a_hair_below_a_cut_off_is_not_shown_as_reaching_it() -> None:
    below = [
        (impact, complexity, reliance)
        for impact in range(25)
        for complexity in range(21)
        for reliance in range(17)
        if Fraction(50 * impact + 45 * reliance, 24) + complexity == Fraction(60) - Fraction(1, 24)
    ]
    assert below
    impact, complexity, reliance = below[0]
    result = assess_default(answers_of(*spread(impact, 6), *spread(complexity, 5), *spread(reliance, 4)))
    assert (result.tier_before_floors, result.total_shown) == (Tier.HIGH, "59.96")


@pytest.mark.parametrize(
    ("changes", "facts", "floor", "tier"),
    [
        ({"I3": 4}, {}, "harm", 1),
        ({}, {"eu_class": "high_annex_iii"}, "eu-class", 2),
        ({}, {"eu_class": "high_annex_i"}, "eu-class", 2),
        ({"I4": 4}, {}, "purpose", 2),
        ({"C1": 4, "R1": 3}, {}, "generative-with-little-oversight", 2),
        ({}, {"ll144_scope": True}, "ll144", 2),
        ({"I5": 2, "R1": 4}, {}, "gdpr22", 2),
        ({}, {"gdpr22": True}, "gdpr22", 2),
    ],
)
def test_each_floor_raises_the_tier_and_says_why(
    changes: dict[str, int], facts: dict[str, Any], floor: str, tier: int
) -> None:
    result = assess_default(answers_of(*[0] * 15) | changes, **facts)
    assert result.tier_before_floors in (Tier.LOW, Tier.MODERATE)
    assert [fired.id for fired in result.floors] == [floor]
    assert result.tier == tier
    assert any(result.floors[0].title in sentence and "raises it" in sentence for sentence in result.why)


def test_a_generative_method_with_people_deciding_stays_where_it_is() -> None:
    assert assess_default(answers_of(*[0] * 15) | {"C1": 4, "R1": 2}).floors == ()


@pytest.mark.parametrize("eu_class", ["minimal", "out_of_scope", "transparency", "exempt_6_3"])
def test_other_eu_classes_raise_nothing(eu_class: str) -> None:
    assert assess_default(answers_of(*[0] * 15), eu_class=eu_class).tier == Tier.LOW


def test_facts_nobody_recorded_are_named() -> None:
    result = assess_default(answers_of(*[0] * 15), eu_class="minimal")
    assert result.not_recorded == ("ll144_scope", "gdpr22")
    assert "Nobody recorded ll144_scope, gdpr22; the tier may rise once somebody does." in result.why


def test_a_questionnaire_may_count_an_unrecorded_fact_as_its_worst() -> None:
    text = default_questionnaire_text().replace(
        "    text: Class under the EU AI Act\n", "    text: Class under the EU AI Act\n    unknown_as: high_annex_iii\n"
    )
    result = assess(read_questionnaire(read_yaml(text)), answers_of(*[0] * 15), {})
    assert result.tier == Tier.HIGH
    assert "Nobody recorded eu_class; it counts as high_annex_iii." in result.why


def test_without_any_answer_everything_is_the_worst() -> None:
    result = assess_default({})
    assert (result.total_shown, result.tier) == ("100.0", Tier.CRITICAL)
    assert (result.impact_cell, result.likelihood_cell) == (5, 5)
    assert result.unanswered == tuple(QUESTIONS)
    assert result.people_affected


def test_heat_map_axes_follow_the_design() -> None:
    result = assess_default(answers_of(3, 4, 3, 3, 2, 3, 1, 1, 2, 1, 1, 4, 3, 3, 0))
    assert result.impact == 75
    assert result.likelihood == (Fraction(1, 5) * 30 + Fraction(3, 10) * Fraction(125, 2)) / Fraction(1, 2)
    assert (result.impact_cell, result.likelihood_cell) == (4, 3)


def test_heat_cells_are_cut_at_the_exact_boundaries() -> None:
    cuts = (20, 40, 60, 80)
    just_below = [heat_cell(cut - Fraction(1, 1000), cuts) for cut in cuts]
    assert [heat_cell(Fraction(cut), cuts) for cut in (0, *cuts, 100)] == [1, 2, 3, 4, 5, 5]
    assert just_below == [1, 2, 3, 4]


@pytest.mark.parametrize("value", [True, False, -1, 5, 2.0, "3", [], float("nan"), 10**400])
def test_an_answer_out_of_range_is_named_with_field_value_and_remedy(value: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        assess_default({"I3": value})
    assert caught.value.details["field"] == "answers.I3"
    assert "value" in caught.value.details
    assert caught.value.remedy


def test_an_unknown_question_or_fact_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"answers\.I9"):
        assess_default({"I9": 1})
    with pytest.raises(InvalidInput, match=r"facts\.colour"):
        assess_default({}, colour="red")
    with pytest.raises(InvalidInput, match=r"facts\.eu_class"):
        assess_default({}, eu_class="high")
    with pytest.raises(InvalidInput, match=r"facts\.ll144_scope"):
        assess_default({}, ll144_scope=1)


def test_an_assessment_is_plain_json() -> None:
    data = json.loads(json.dumps(assess_default(answers_of(*[1] * 15)).to_dict()))
    assert (data["total"], data["tier"]) == ("25.0", 3)


scores = st.dictionaries(st.sampled_from(QUESTIONS), st.integers(0, 4))
fact_values = st.fixed_dictionaries(
    {},
    optional={
        "eu_class": st.sampled_from(default_questionnaire().facts[0].choices),
        "ll144_scope": st.booleans(),
        "gdpr22": st.booleans(),
    },
)


@settings(deadline=None)
@given(scores, fact_values, st.sampled_from(QUESTIONS))
def test_leaving_an_answer_out_never_lowers_the_tier(
    answers: dict[str, int], facts: dict[str, Any], question: str
) -> None:
    silent = {id: score for id, score in answers.items() if id != question}
    assert assess_default(silent, **facts).tier <= assess_default(answers, **facts).tier


@settings(deadline=None)
@given(scores, fact_values)
def test_floors_only_raise(answers: dict[str, int], facts: dict[str, Any]) -> None:
    result = assess_default(answers, **facts)
    assert result.tier == min([result.tier_before_floors, *(floor.tier for floor in result.floors)])
    assert result.tier <= result.tier_before_floors


@settings(deadline=None)
@given(scores, fact_values, st.sampled_from(QUESTIONS))
def test_a_worse_answer_never_lowers_the_tier(answers: dict[str, int], facts: dict[str, Any], question: str) -> None:
    worse = answers | {question: 4}
    assert assess_default(worse, **facts).tier <= assess_default(answers, **facts).tier


def test_unassessed_is_judged_as_tier_one() -> None:
    assert judged_tier(None) == Tier.CRITICAL
    assert judged_tier(Tier.LOW) == Tier.LOW


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("weight: 50", "weight: 51", "blocks"),
        ("{tier: 2, from: 40}", "{tier: 2, from: 70}", "cut_offs"),
        ("cuts: [20, 40, 60, 80]", "cuts: [20, 20, 60, 80]", "heat_map.cuts"),
        ("impact: I\n", "impact: X\n", "heat_map.impact"),
        ("when: {answer: I4, at_least: 4}", "when: {answer: I7, at_least: 4}", "floors.purpose.when"),
        ("when: {answer: I4, at_least: 4}", "when: {answr: I4, at_least: 4}", "floors[2].when"),
        ("in: [high_annex_i,", "in: [high,", "facts.eu_class"),
        ("id: I2", "id: I1", "questions"),
        ("answers: [minutes, a day,", "answers: [a day,", "blocks[0].questions[5].answers"),
    ],
)
def test_a_questionnaire_that_does_not_fit_together_is_refused(old: str, new: str, field: str) -> None:
    text = default_questionnaire_text()
    assert old in text
    with pytest.raises(InvalidInput) as caught:
        read_questionnaire(read_yaml(text.replace(old, new, 1)))
    assert caught.value.details["field"] == field
