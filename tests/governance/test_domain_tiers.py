"""Overrides, edits that re-open, the guided questions and the card: rules without a database."""

from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelops_platform.core.errors import InvalidInput
from modelops_platform.governance.defaults import card_form, default_questionnaire, eu_guide
from modelops_platform.governance.domain.cards import fill_card, why_not_valid
from modelops_platform.governance.domain.eu import walk
from modelops_platform.governance.domain.questionnaire import Tier, assess, rises
from modelops_platform.governance.domain.review import Override, overridden, reopened_by, why_not_override
from tests.governance.factories import NOW, QUESTIONS

TIERS = st.sampled_from(list(Tier))
MOMENTS = st.integers(0, 700).map(lambda days: NOW + timedelta(days=days - 200))
ANSWERS = st.dictionaries(st.sampled_from(QUESTIONS), st.integers(0, 4))
EU = st.sampled_from([*(answer for fact in default_questionnaire().facts[:1] for answer in fact.choices)])


def made(**changes: Any) -> Override:
    values = {
        "id": "o1",
        "assessment_id": "a1",
        "computed": Tier.CRITICAL,
        "tier": Tier.MODERATE,
        "reason": "It only advises.",
        "asked_by": "anna",
        "confirmed_by": "rita",
        "from_at": NOW,
        "to_at": NOW + timedelta(days=90),
    }
    return Override(**{**values, **changes})


@settings(max_examples=200, deadline=None)
@given(computed=TIERS, tier=TIERS, begins=MOMENTS, lasts=st.integers(0, 366), at=MOMENTS)
def test_an_override_never_outlives_its_expiry(
    computed: Tier, tier: Tier, begins: datetime, lasts: int, at: datetime
) -> None:
    override = made(computed=computed, tier=tier, from_at=begins, to_at=begins + timedelta(days=lasts))
    found = overridden(computed, "a1", override, at)
    if not begins <= at < begins + timedelta(days=lasts):
        assert found == computed
    else:
        assert found == tier


def test_a_laxer_override_is_about_its_answers_and_about_the_word_of_others() -> None:
    at = NOW + timedelta(days=1)
    assert overridden(Tier.CRITICAL, "a1", made(), at) is Tier.MODERATE
    assert overridden(Tier.CRITICAL, "a2", made(), at) is Tier.CRITICAL
    assert overridden(Tier.CRITICAL, "a1", made(), at, {"rita"}) is Tier.CRITICAL
    stricter = made(computed=Tier.LOW, tier=Tier.HIGH)
    assert overridden(Tier.LOW, "a2", stricter, at, {"rita"}) is Tier.HIGH


@pytest.mark.parametrize(
    ("person", "roles", "lowers", "may"),
    [
        ("rita", {"risk"}, True, True),
        ("anna", {"risk"}, True, False),  # asked
        ("olga", {"risk"}, True, False),  # owns the model
        ("vera", {"validator"}, True, False),
        ("vera", {"validator"}, False, True),
        ("emil", {"executive"}, False, False),
        ("adam", {"admin"}, True, False),
    ],
)
def test_who_brings_an_override_into_force(person: str, roles: set[str], lowers: bool, may: bool) -> None:
    refusal = why_not_override(person, roles, {"olga"}, asked_by="anna", is_person=True, lowers=lowers)
    assert (refusal is None) is may


@settings(max_examples=100, deadline=None)
@given(answers=ANSWERS, eu_class=EU, other=EU)
def test_an_edit_of_the_record_only_raises(answers: dict[str, int], eu_class: str, other: str) -> None:
    questionnaire, facts = default_questionnaire(), {"eu_class": eu_class}
    before = assess(questionnaire, answers, facts).tier
    risen = rises(questionnaire, answers, facts, "eu_class")
    after = min(before, risen.get(other, before))
    assert after <= before
    assert after == min(before, assess(questionnaire, answers, {"eu_class": other}).tier)


@settings(max_examples=100, deadline=None)
@given(answers=ANSWERS, gone=st.sampled_from(QUESTIONS), eu_class=EU)
def test_silence_never_lowers_and_floors_only_raise(answers: dict[str, int], gone: str, eu_class: str) -> None:
    questionnaire = default_questionnaire()
    said = assess(questionnaire, answers, {"eu_class": eu_class})
    silent = assess(questionnaire, {id: score for id, score in answers.items() if id != gone}, {"eu_class": eu_class})
    assert silent.tier <= said.tier
    assert silent.total >= said.total
    assert said.tier <= said.tier_before_floors


def test_only_what_was_remembered_reopens() -> None:
    then = {"eu_class": "minimal", "affects_people": False, "use_case_id": None, "kind": "ml", "vendor": None}
    assert reopened_by(then, then) == ()
    assert reopened_by(None, then) == ()
    assert reopened_by({"eu_class": "minimal"}, {**then, "kind": "llm"}) == ()
    found = reopened_by(then, {**then, "use_case_id": "x", "affects_people": True})
    assert found == (
        "The answer to whether it affects people changed since then from no to yes.",
        "The use case changed since then.",
    )


def test_every_walk_through_the_guide_ends_in_an_explained_class() -> None:
    guide, seen = eu_guide(), set()

    def go(answers: dict[str, str]) -> None:
        come = walk(guide, answers)
        if come.outcome is not None:
            seen.add(come.outcome.eu_class)
            assert len(come.trail) == len(answers)
            return
        assert come.question is not None
        for answer in come.question.answers:
            go({**answers, come.question.id: answer.id})

    go({})
    assert seen == {outcome.eu_class for outcome in guide.outcomes}
    assert all(question.article and question.source.startswith("https://") for question in guide.questions)


def test_answers_off_the_path_are_left_aside() -> None:
    come = walk(eu_guide(), {"ai-system": "no", "contact": "yes"})
    assert come.answers == {"ai-system": "no"}
    with pytest.raises(InvalidInput):
        walk(eu_guide(), {"nonsense": "yes"})


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        ("Not for firms.", True),
        ("tbd", False),
        ("T.B.D", True),
        ("N/A", False),
        ("To be determined.", False),
        ("?", False),
        ("  ", False),
        (None, False),
        ([], False),
        (["age"], True),
        (False, True),
        (0, True),
        (date(2026, 1, 1), True),
        (date(2027, 1, 1), False),
        ("2027-01-01", False),
        ("2026-01-01", True),
    ],
)
def test_what_says_something(value: object, valid: bool) -> None:
    assert (why_not_valid(value, NOW.date()) is None) is valid


def test_a_card_wants_more_of_a_stricter_tier_and_counts_by_weight() -> None:
    def card(tier: Tier, *, affected: bool = False, **written: str) -> Any:
        return fill_card(card_form(), {}, written, tier=tier, people_affected=affected, today=NOW.date())

    wanted = [len(card(tier).wanted) for tier in Tier]
    assert wanted == sorted(wanted, reverse=True)
    assert wanted[0] > wanted[3] > 10
    assert len(card(Tier.LOW, affected=True).wanted) == wanted[3] + 1
    whole = sum(one.field.weight for one in card(Tier.LOW).wanted)
    assert card(Tier.LOW).share == 0
    assert card(Tier.LOW, limits="Not for firms, nor abroad.").share == Fraction(2, whole)
    assert card(Tier.LOW, energy="A lot of it.").share == 0  # may be said, is not wanted
    everything = {field.id: "It says something about this." for field in card_form().fields}
    assert card(Tier.CRITICAL, affected=True, **everything).share == 1
