"""Documents that people write are read strictly or refused in words."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelops_platform.core.errors import InvalidInput
from modelops_platform.governance.domain.conditions import holds, read_condition
from modelops_platform.governance.domain.documents import read_document, read_yaml
from modelops_platform.governance.domain.reading import read_policy
from tests.governance.factories import policy_document


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1]\nb: *x",
        "[" * 50,
        "[" * 100_000,
        "a: 1\na: 2",
        "a: [",
        "a: !!python/object/apply:os.system ['id']",
        "when: 2026-13-45",
        "a: " + "9" * 5000,
        "a: \x00",
        'a: "\\0"',
        'a: "\\ud83d\\ude00"',
        "? [a]\n: b",
        "\n".join(f"k{number}: 1" for number in range(2_501)),
    ],
)
def test_clever_yaml_is_refused_in_words(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_yaml(text)
    assert caught.value.remedy


@pytest.mark.parametrize("text", ["", "aaa", "- a", "true", "2026-01-01"])
def test_what_is_no_mapping_is_named_too(text: str) -> None:
    with pytest.raises(InvalidInput, match="Line 1: The document must be a mapping") as caught:
        read_document(text, read_policy)
    assert (caught.value.details["field"], bool(caught.value.remedy)) == ("document", True)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_policy(read_yaml(text))
    except InvalidInput:
        pass


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@settings(deadline=None)
@given(st.sampled_from(["id", "version", "title", "applies_to", "requirements"]), plain)
def test_any_value_in_a_policy_is_read_or_refused(key: str, value: object) -> None:
    try:
        read_policy(policy_document(**{key: value}))
    except InvalidInput:
        pass


def test_a_condition_over_something_unknown_is_neither_true_nor_false() -> None:
    either = read_condition({"any": [{"fact": "a", "in": [True]}, {"answer": "I1", "at_least": 2}]}, "when")
    both = read_condition({"all": [{"fact": "a", "in": [True]}, {"answer": "I1", "at_least": 2}]}, "when")
    assert [holds(either, {"I1": score}, {}) for score in (1, 2)] == [None, True]
    assert [holds(both, {"I1": score}, {}) for score in (1, 2)] == [False, None]
