"""Suites as data: what is read, what is refused where, and how a figure is judged."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelops_platform.core.errors import InvalidInput
from modelops_platform.governance.defaults import default_suite_texts, report_form
from modelops_platform.governance.domain.documents import read_document
from modelops_platform.governance.domain.facts import Kind
from modelops_platform.governance.domain.known import FindingFact, Opinion, Severity
from modelops_platform.governance.domain.questionnaire import Tier
from modelops_platform.governance.domain.suites import Judged, Limits, Suite, SuiteTest, Task, read_suite
from modelops_platform.governance.domain.validation import Scope, why_not_independent, why_not_sign
from modelops_platform.monitoring.domain.lights import WORST_FIRST, Light

TEST = {
    "id": "auc",
    "title": "Parts good from bad",
    "check": "metric",
    "parameters": {"metric": "roc_auc"},
    "limits": {"warn_below": 0.7, "fail_below": 0.6},
}


def read(**changes: Any) -> Suite:
    test = {key: value for key, value in {**TEST, **changes}.items() if value is not None}
    return read_suite({"suite": "own", "version": 1, "title": "Own", "max_age_days": 90, "tests": [test]})


def the_test(**changes: Any) -> SuiteTest:
    return read(**changes).tests[0]


def test_the_shipped_suites_follow_the_reference() -> None:
    suites = [read_document(text, read_suite) for text in default_suite_texts()]
    assert [suite.id for suite in suites] == ["tier-1", "tier-2", "tier-3", "tier-4"]
    kinds = [{test.check.value for test in suite.tests} for suite in suites]
    assert kinds[0] == {check.value for test in suites[0].tests for check in [test.check]} >= {"stress", "fairness"}
    assert kinds[0] - kinds[1] == {"stress"}, "tier 2 is the same without stress"
    assert kinds[3] == {"metric", "artifact_scan"}
    assert [suite.max_age_days for suite in suites] == [90, 90, 180, 365]
    assert suites[0].covers(Kind.ML, None), "what nobody assessed is tier 1"
    assert not suites[0].covers(Kind.LLM, Tier(1))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"check": "magic"}, "tests[0].check"),
        ({"parameters": {"metric": "beauty"}}, "tests[0].parameters.metric"),
        ({"parameters": None}, "tests[0].parameters.metric"),
        ({"parameters": {"metric": "roc_auc", "bins": 3}}, "tests[0].parameters.bins"),
        ({"parameters": {"metric": "roc_auc", "confidence": 2}}, "tests[0].parameters.confidence"),
        ({"limits": {}}, "tests[0].limits"),
        ({"limits": None}, "tests[0].limits"),
        ({"limits": {"fail_below": "0.6"}}, "tests[0].limits.fail_below"),
        ({"limits": {"fail_below": True}}, "tests[0].limits.fail_below"),
        ({"limits": {"fail_below": 0.7, "warn_below": 0.6}}, "tests[0].limits"),
        ({"limits": {"fail_below": 0.7, "fail_above": 0.6}}, "tests[0].limits"),
        ({"limits": {"fail_below": 0.7, "fail": 0.6}}, "tests[0].limits.fail"),
        ({"least_rows": 5}, "tests[0].least_rows"),
        ({"tasks": ["guess"]}, "tests[0].tasks[0]"),
        ({"kinds": ["prompt"]}, "tests[0].kinds"),
        ({"speed": 1}, "tests[0].speed"),
        ({"id": "a b"}, "tests[0].id"),
        ({"judged": "hope"}, "tests[0].judged"),
        ({"check": "stress", "parameters": {"scenarios": []}}, "tests[0].parameters.scenarios"),
        ({"check": "stress", "parameters": {"scenarios": [{"name": "x"}]}}, "tests[0].parameters.scenarios[0].factor"),
    ],
)
def test_a_bad_suite_is_refused_where_it_is_bad(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(**changes)
    assert refused.value.details["field"] == field
    assert refused.value.remedy


def test_bad_yaml_is_refused_with_its_line() -> None:
    text = default_suite_texts()[3]
    for bad in (
        text.replace("check: metric", "check: [metric", 1),
        text.replace("suite: tier-4", "suite: &a tier-4\nother: *a"),
        text.replace("version: 1", "version: 1\nversion: 2"),
        "- just\n- a list",
        text + "  - " + "[" * 40,
        "x" * 300_000,
    ):
        with pytest.raises(InvalidInput):
            read_document(bad, read_suite)
    with pytest.raises(InvalidInput, match=r"^Line \d+: tests\[1\]\.check"):
        read_document(
            text.replace("check: metric", "check: magic", 2).replace("check: magic", "check: metric", 1), read_suite
        )
    twice = {"suite": "own", "version": 1, "title": "Own", "max_age_days": 90, "tests": [TEST, TEST]}
    with pytest.raises(InvalidInput, match="twice"):
        read_suite(twice)


def test_a_figure_on_a_limit_passes_and_the_worse_end_may_count() -> None:
    test = the_test()
    outcomes = [test.outcome(value) for value in (0.59, 0.6, 0.69, 0.7, 0.9)]
    assert outcomes == [Light.FAIL, Light.WARN, Light.WARN, Light.PASS, Light.PASS]
    bound = the_test(judged="bound")
    assert bound.outcome(0.75, 0.55, 0.9) is Light.FAIL
    assert bound.outcome(0.75, 0.71, 0.9) is Light.PASS
    assert bound.judged is Judged.BOUND
    assert test.outcome(float("nan")) is Light.ERROR
    assert bound.limit_words == "fails below 0.6, warns below 0.7; the worse end of the interval counts"
    both = the_test(limits={"warn_below": 0.8, "warn_above": 1.25, "fail_below": 0.5, "fail_above": 2})
    assert [both.outcome(value) for value in (0.4, 0.7, 1, 1.5, 3)] == ["fail", "warn", "pass", "warn", "fail"]


def test_what_applies_is_told_by_kind_and_task() -> None:
    test = the_test(tasks=["binary"], kinds=["ml"])
    assert test.applies(Kind.ML, Task.BINARY)
    assert test.applies(Kind.ML, None), "as long as nobody knows the task"
    assert not test.applies(Kind.ML, Task.REGRESSION)
    assert not test.applies(Kind.RULES, Task.BINARY)


numbers = st.floats(-10, 10)


@given(st.tuples(numbers, numbers), numbers, numbers, numbers)
def test_a_stricter_limit_or_a_wider_interval_never_turns_a_result_better(
    ends: tuple[float, float], value: float, width: float, tighter: float
) -> None:
    fail, warn = sorted(ends)
    low, high = value - abs(width), value + abs(width)
    limits, strict = Limits(warn, fail), Limits(warn + abs(tighter), fail + abs(tighter))
    rank = WORST_FIRST.index
    assert rank(limits.judge(low, high)) <= rank(limits.judge(value, value))
    assert rank(strict.judge(value, value)) <= rank(limits.judge(value, value))


# ---- validation -----------------------------------------------------------------------------------------------------


def test_the_report_has_all_the_contents_and_asks_by_scope() -> None:
    form = report_form()
    assert len(form.parts) == 19
    assert [form.scope_for(tier) for tier in (None, *map(Tier, (1, 2, 3)))] == [
        "full",
        "full",
        "targeted",
        "peer_review",
    ]
    asked = {scope: [part.id for part in form.must_write(scope, Kind.ML)] for scope in Scope}
    assert asked[Scope.FULL] == ["conceptual", "sensitivity", "limits", "monitoring"]
    assert set(asked[Scope.PEER_REVIEW]) < set(asked[Scope.TARGETED]) < set(asked[Scope.FULL])
    assert "vendor" in [part.id for part in form.must_write(Scope.FULL, Kind.VENDOR)]
    assert "generative" in [part.id for part in form.must_write(Scope.FULL, Kind.LLM)]


@pytest.mark.parametrize("name", ["owner", "author", "developer", "coder"])
def test_nobody_involved_is_independent(name: str) -> None:
    involved = {"owner", "author", "developer", "coder"}
    assert why_not_independent(name, {"validator"}, involved, is_person=True)
    assert why_not_independent("vera", {"validator"}, involved, is_person=True) is None
    assert why_not_independent("vera", {"risk", "admin"}, involved, is_person=True)
    assert why_not_independent("robot", {"validator"}, involved, is_person=False)
    assert why_not_independent("vera", {"validator"}, involved, is_person=True, is_enabled=False)


def condition(severity: str, *, is_open: bool = True) -> FindingFact:
    return FindingFact("f", "A gap", Severity(severity), "open", is_open, date(2027, 1, 1), "v")


@pytest.mark.parametrize(
    ("opinion", "severities", "is_refused"),
    [
        ("fit", [], False),
        ("fit", ["medium"], False),
        ("fit", ["high"], True),
        ("fit", ["critical"], True),
        ("fit_with_conditions", [], True),
        ("fit_with_conditions", ["high", "low"], False),
        ("fit_with_conditions", ["critical"], True),
        ("not_fit", ["critical"], False),
        ("not_fit", [], False),
    ],
)
def test_an_opinion_goes_with_the_findings(opinion: str, severities: list[str], is_refused: bool) -> None:
    standing = [condition(severity) for severity in severities]
    assert bool(why_not_sign(Opinion(opinion), [], standing)) is is_refused
    missing = report_form().must_write(Scope.FULL, Kind.ML)
    assert why_not_sign(Opinion(opinion), missing, standing), "never while a part is missing"
