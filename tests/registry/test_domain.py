"""Rules of the inventory, without a database."""

import math
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelops_platform.core.errors import InvalidInput
from modelops_platform.registry.domain.comparison import compare
from modelops_platform.registry.domain.fields import Definition, FieldType, read_values
from modelops_platform.registry.domain.kinds import ModelKind
from modelops_platform.registry.domain.lines import read_columns, read_metrics, read_parameters
from modelops_platform.registry.domain.names import checked_alias, checked_name, skeleton
from modelops_platform.registry.domain.search import Term, parse_search
from modelops_platform.registry.domain.versions import compare_metric, manifest_digest, standard_error
from modelops_platform.registry.exports import plain_cell
from modelops_platform.registry.kinds import kind_fields

SEEN = st.characters(exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"), exclude_characters="/:")


def attempt(function: Callable[..., object], *values: object) -> tuple[object, InvalidInput | None]:
    """Return what the function gives, or its refusal, which says what to do; anything else it raises is a mistake."""
    try:
        return function(*values), None
    except InvalidInput as error:
        problem = error
    assert problem.remedy
    return None, problem


# ---- names ----------------------------------------------------------------------------------------------------------


@given(st.text(max_size=300))
def test_a_name_is_kept_in_nfc_or_refused_with_a_reason(name: str) -> None:
    kept, problem = attempt(checked_name, name)
    if problem is not None:
        assert problem.details["field"] == "name"
        return
    assert isinstance(kept, str)
    assert kept == unicodedata.normalize("NFC", name)
    assert checked_name(kept) == kept
    assert 1 <= len(kept) <= 250
    assert kept == kept.strip()
    assert not set(kept) & set("/:")
    assert kept not in (".", "..")
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for c in kept)


@given(st.text(SEEN, min_size=1, max_size=60))
def test_what_can_be_seen_can_be_a_name(name: str) -> None:
    stripped = unicodedata.normalize("NFC", name).strip()
    blank = set("\u115f\u1160\u3164\uffa0\u2800\u034f") | {chr(c) for c in range(0xFE00, 0xFE10)}
    if stripped and stripped not in (".", "..") and not blank & set(stripped):
        assert checked_name(stripped) == stripped


@pytest.mark.parametrize(
    "name", ["Überfällig", "信用評分", "نموذج", "loan 🏠", "a.b", "...", 'O\'Brien "x" <b>', "%2e%2e", "a\\b"]
)
def test_any_script_and_plain_emoji_are_names(name: str) -> None:
    assert checked_name(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "1 to 250"),
        ("x" * 251, "1 to 250"),
        (".", "cannot be"),
        ("..", "cannot be"),
        ("a/b", "'/'"),
        ("a:b", "':'"),
        (" a", "space"),
        ("a\u00a0", "space"),
        ("a\u200bb", "U+200B"),
        ("a\u202eb", "U+202E"),
        ("\u2066a", "U+2066"),
        ("fam👩\u200d👩", "U+200D"),
        ("a\x00b", "U+0000"),
        ("a\nb", "U+000A"),
        ("a\u2028b", "U+2028"),
        ("a\u00adb", "U+00AD"),
        ("\u3164", "U+3164"),
        ("heart\ufe0f", "U+FE0F"),
        ("\U000e0041", "U+E0041"),
        ("\ue000", "U+E000"),
    ],
)
def test_a_refused_name_says_why(name: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason.replace("+", r"\+")):
        checked_name(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Churn", "churn"), ("churn", "сhurn"), ("modeI", "model"), ("m0del", "model"), ("a score", "a-score"),
        ("credit_score", "credit–score"), ("STRASSE", "straße"), ("résumé", "resume"), ("ﬁt", "fit"), ("barn", "bam"),
    ],
)  # fmt: skip
def test_look_alikes_share_a_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


def test_a_skeleton_fits_its_column() -> None:
    assert len(skeleton(checked_name("\ufdfa" * 250))) == 1000  # one character that is spelled out with eighteen


@pytest.mark.parametrize("alias", ["latest", "LATEST", "v1", "V12", "7", "٣", "a/b", ""])
def test_an_alias_is_never_read_as_a_version(alias: str) -> None:
    with pytest.raises(InvalidInput):
        checked_alias(alias)
    assert checked_alias("v2-candidate") == "v2-candidate"


@pytest.mark.parametrize(
    "alias", ["сhampion", "champıon", "ｃｈａｍｐｉｏｎ", "champion\u0301", "ℂhampion", "pr0duction"]
)
def test_an_alias_that_stands_for_a_decision_is_not_imitated(alias: str) -> None:
    with pytest.raises(InvalidInput, match="looks like"):
        checked_alias(alias)
    assert [checked_alias(word) for word in ("champion", "Champion", "champion-eu")] == [
        "champion",
        "Champion",
        "champion-eu",
    ]


# ---- fields ---------------------------------------------------------------------------------------------------------


def field(kind: FieldType, **more: object) -> Definition:
    return Definition(key="f", label="F", type=kind, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("definition", "given", "kept"),
    [
        (field(FieldType.TEXT), " a ", "a"),
        (field(FieldType.NUMBER), "12", 12),
        (field(FieldType.NUMBER), 0.5, 0.5),
        (field(FieldType.NUMBER), "-1e3", -1000),
        (field(FieldType.DATE), "2026-02-28", "2026-02-28"),
        (field(FieldType.CHOICE, choices=("A", "B")), "B", "B"),
        (field(FieldType.LINK), "https://example.org/a?b=c#d", "https://example.org/a?b=c#d"),
        (field(FieldType.YES_NO), "No", False),
        (field(FieldType.YES_NO), True, True),
        (field(FieldType.PERSON), "ann@example.org", "ann@example.org"),
    ],
)
def test_a_value_is_kept_by_its_type(definition: Definition, given: object, kept: object) -> None:
    assert definition.read(given) == kept
    assert type(definition.read(given)) is type(kept)


@pytest.mark.parametrize(
    ("definition", "given"),
    [
        (field(FieldType.TEXT), 5),
        (field(FieldType.TEXT), "x" * 4001),
        (field(FieldType.NUMBER), "12 %"),
        (field(FieldType.NUMBER), True),
        (field(FieldType.NUMBER), math.nan),
        (field(FieldType.NUMBER), "inf"),
        (field(FieldType.NUMBER), 10**400),
        (field(FieldType.NUMBER), "1" * 5000),
        (field(FieldType.DATE), "28.02.2026"),
        (field(FieldType.DATE), "2026-02-30"),
        (field(FieldType.DATE), 20260228),
        (field(FieldType.CHOICE, choices=("A",)), "a"),
        (field(FieldType.CHOICE, choices=("A",)), ["A"]),
        (field(FieldType.LINK), "javascript:alert(1)"),
        (field(FieldType.LINK), "https://"),
        (field(FieldType.LINK), "https://user:pass@example.org"),
        (field(FieldType.LINK), "http://[bad"),
        (field(FieldType.YES_NO), "maybe"),
        (field(FieldType.YES_NO), 1),
        (field(FieldType.PERSON), {"id": 1}),
    ],
)
def test_a_wrong_value_names_field_value_and_remedy(definition: Definition, given: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        definition.read(given)
    assert caught.value.details["field"] == "fields.f"
    assert "value" in caught.value.details
    assert caught.value.remedy


@given(st.sampled_from(FieldType), st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.lists(st.text())))
def test_no_value_breaks_a_field(kind: FieldType, value: object) -> None:
    attempt(read_values, [field(kind, choices=("A",))], {"f": value})


def test_values_come_on_top_of_those_kept() -> None:
    definitions = [field(FieldType.TEXT, is_required=True)]
    assert read_values(definitions, {}, {"f": "kept", "archived": 1}) == {"f": "kept", "archived": 1}
    assert read_values(definitions, {"f": "new"}, {"f": "kept"}) == {"f": "new"}
    for given_values in ({"f": " "}, {"f": None}):
        with pytest.raises(InvalidInput, match="required"):
            read_values(definitions, given_values, {"f": "kept"})
    with pytest.raises(InvalidInput, match="no field"):
        read_values(definitions, {"g": 1}, {"f": "kept"})


def test_every_kind_brings_fields_that_can_be_asked_for() -> None:
    assert set(kind_fields()) == set(ModelKind)
    for fields in kind_fields().values():
        assert fields
        for one in fields:
            assert (one.type is FieldType.CHOICE) == bool(one.choices)


# ---- search ---------------------------------------------------------------------------------------------------------


def test_a_search_is_terms_and_words() -> None:
    search = parse_search('kind:ml -kind:llm kind:rules env:"pre production" credit -"old risk" -')
    assert search.terms == (
        Term("kind", ("ml", "rules")),
        Term("kind", ("llm",), True),
        Term("environment", ("pre production",)),
    )
    assert search.words == (Term("text", ("credit",)), Term("text", ("old risk",), True), Term("text", ("-",)))


def test_an_unknown_key_is_refused_and_quotes_get_it_through() -> None:
    with pytest.raises(InvalidInput, match="colour") as caught:
        parse_search("colour:red")
    assert caught.value.details["field"] == "q"
    assert parse_search('"colour:red"').words == (Term("text", ("colour:red",)),)


@given(st.text(max_size=200))
def test_no_text_breaks_the_search(text: str) -> None:
    attempt(parse_search, text)


# ---- versions -------------------------------------------------------------------------------------------------------


def test_a_manifest_digest_does_not_know_the_order_but_everything_else() -> None:
    files = [("b", "1" * 64, 2), ("a", "2" * 64, 3)]
    assert manifest_digest(files) == manifest_digest(reversed(files))
    assert manifest_digest([]) is None
    assert (
        len({manifest_digest(files), manifest_digest(files[:1]), manifest_digest([("c", "1" * 64, 2), files[1]])}) == 3
    )


def metric(value: float, name: str = "accuracy", **more: object) -> dict[str, object]:
    return {"name": name, "value": value, **more}


def test_a_share_has_the_standard_error_of_a_share() -> None:
    assert standard_error(metric(0.5, n=10_000)) == pytest.approx(0.005, rel=1e-6)
    assert standard_error(metric(1.0, n=100)) > 0  # type: ignore[operator]
    assert standard_error(metric(0.5)) is None
    assert standard_error(metric(0.5, name="roc_auc", n=100)) is None
    assert standard_error(metric(0.5, name="roc_auc", n=100, standard_error=0.02)) == 0.02


@pytest.mark.parametrize(
    ("before", "after", "better", "why"),
    [
        (metric(0.80, n=400), metric(0.90, n=400), "after", "beyond noise"),
        (metric(0.90, n=400), metric(0.80, n=400), "before", "beyond noise"),
        (metric(0.80, n=40), metric(0.85, n=40), None, "within noise"),
        (metric(0.80), metric(0.99), None, "noise unknown"),
        (metric(2.0, "rmse", standard_error=0.1), metric(1.0, "rmse", standard_error=0.1), "after", "beyond noise"),
        (metric(1.0, "lift", standard_error=0.1), metric(2.0, "lift", standard_error=0.1), None, "nobody said"),
        (
            metric(1.0, "lift", standard_error=0.1),
            metric(2.0, "lift", standard_error=0.1, higher_is_better=False),
            "before",
            "beyond noise",
        ),
        (metric(0.8, n=400, data_set="a"), metric(0.9, n=400, data_set="b"), None, "different data"),
        (metric(0.8, n=400), None, None, "one side"),
        (metric(0.8), metric(0.8), None, "equal"),
    ],
)
def test_a_winner_is_named_only_beyond_the_noise(
    before: dict, after: dict | None, better: str | None, why: str
) -> None:
    found = compare_metric("m", before, after)
    assert (found.better, why in found.why) == (better, True), found.why


def test_a_comparison_puts_what_differs_first() -> None:
    empty: dict[str, object] = {
        "description": "",
        "metrics": [],
        "parameters": {},
        "files": {},
        "signature": {},
        "environment": {},
        "source": {},
        "data_set": None,
    }
    one = {**empty, "parameters": {"C": 1}, "environment": {"packages": {"numpy": "2.4"}}}
    two = {**empty, "parameters": {"C": 1}, "environment": {"packages": {"numpy": "2.5"}}}
    assert [group.title for group in compare(one, two).groups] == ["Environment", "Parameters"]


def test_lines_are_read_as_people_type_them() -> None:
    assert read_metrics("roc_auc = 0.842 n=1200 se=0.011\n\nmean error: -2") == [
        {"name": "roc_auc", "value": 0.842, "n": 1200, "standard_error": 0.011},
        {"name": "mean error", "value": -2.0, "n": None, "standard_error": None},
    ]
    assert read_parameters("C = 0.5\nsolver=lbfgs\nseed = 7\nfit = true") == {
        "C": 0.5,
        "solver": "lbfgs",
        "seed": 7,
        "fit": True,
    }
    assert read_columns("age: integer\nname") == [{"name": "age", "type": "integer"}, {"name": "name", "type": ""}]
    for wrong in ("auc", "auc = good", "auc = nan", "auc = 1 n=-4", "auc = 1 se=-1"):
        with pytest.raises(InvalidInput):
            read_metrics(wrong)
    with pytest.raises(InvalidInput, match="Line 2"):
        read_parameters("C = 1\nC = 2")


@given(st.text(max_size=80))
def test_no_line_breaks_the_readers(text: str) -> None:
    for read in (read_metrics, read_parameters, read_columns):
        attempt(read, text)


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\tx", "\rx", "＝1"])
def test_a_cell_is_never_a_formula(cell: str) -> None:
    assert plain_cell(cell) == f"'{cell}"
    assert plain_cell(-1) == -1
    assert plain_cell("a=1") == "a=1"
