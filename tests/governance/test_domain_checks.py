"""Every sort of check: met, not met, unknown, and what more evidence does to it."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelops_platform.core.errors import InvalidInput
from modelops_platform.governance.domain.checks.registry import CHECKS
from modelops_platform.governance.domain.citable import FACTS, Known
from modelops_platform.governance.domain.decisions import Status, decide
from modelops_platform.governance.domain.documents import read_document
from modelops_platform.governance.domain.facts import Facts, digest_of_facts
from modelops_platform.governance.domain.judging import LinkKind
from modelops_platform.governance.domain.known import (
    CardFact,
    Champion,
    Determination,
    EvidenceFact,
    EvidenceKind,
    FindingFact,
    LineageFact,
    MetricFact,
    MonitorFact,
    Opinion,
    Severity,
    Source,
    StandingFact,
    StayFact,
    TestFact,
    ValidationFact,
    WaiverFact,
)
from modelops_platform.governance.domain.policies import Policy
from modelops_platform.governance.domain.reading import read_policy, read_policy_text
from modelops_platform.monitoring.domain.lights import Light
from tests.governance.factories import DIGEST, NOW, good_facts, policy_document

MET, NOT, UNKNOWN, NA = Status.MET, Status.NOT_MET, Status.UNKNOWN, Status.NOT_APPLICABLE


def policy_of(*asked: dict[str, Any]) -> Policy:
    named = [{"id": f"r{place}", "title": "It", "remedy": "Do it.", **one} for place, one in enumerate(asked)]
    return read_policy(policy_document(applies_to={"actions": ["alias:shadow"]}, requirements=named))


def status(asked: dict[str, Any], facts: Facts) -> Status:
    return decide(policy_of(asked), facts).judgements[0].status


def auc(
    value: float | None, *, error: float | None = None, rows: int | None = None, segment: str | None = None
) -> MetricFact:
    return MetricFact("auc", value, error, rows, "holdout", segment)


def result(outcome: Light = Light.PASS, **changes: Any) -> TestFact:
    made = TestFact(
        "t1", "release", "fairness", "fairness", outcome, 0.9, "at least 0.8", 400, None, Source.PLATFORM, DIGEST, NOW
    )
    return replace(made, **changes)


def finding(severity: Severity, *, due: int | None = 10, is_open: bool = True, of: str | None = None) -> FindingFact:
    date = None if due is None else (NOW + timedelta(days=due)).date()
    return FindingFact(f"f-{severity}-{due}", "Leak", severity, "open" if is_open else "closed", is_open, date, of)


def evidence(kind: EvidenceKind = EvidenceKind.DOCUMENT, **changes: Any) -> EvidenceFact:
    made = EvidenceFact(
        "e1", kind, "Impact assessment", "olga", frozenset({"owner"}), Source.PERSON, DIGEST, "", NOW, None
    )
    return replace(made, **changes)


def monitor(light: Light, measures: str = "drift") -> MonitorFact:
    return MonitorFact(f"m-{light}", "PSI", measures, None, light, NOW)


def stay(hours: float, *, digest: str = DIGEST, protected: bool = False, ended: bool = False) -> StayFact:
    since = NOW - timedelta(hours=hours + 5 if ended else hours)
    until = NOW - timedelta(hours=5) if ended else None
    return StayFact("s1", "env-2", "staging", protected, 1, digest, since, until)


def champion(value: float, error: float | None = 0.005) -> Champion:
    return Champion("version-0", "v1", "d", (auc(value, error=error, rows=500),))


SIGNED = ValidationFact("v1", "vera", Opinion.FIT, DIGEST, "", NOW - timedelta(days=30))
APPROVED = StandingFact("in_production", "approved")
LINEAGE = LineageFact("run-1", "c0ffee", "loans", "ab", has_parameters=True, has_environment=False)
CARD = CardFact(Fraction(9, 10), ("limits",), "d")
LONG_AGO = NOW - timedelta(days=400)
M, T, F = {"check": "metric", "metric": "auc"}, {"check": "tests"}, {"check": "findings"}
C = {"check": "champion", "metric": "auc"}

CASES: list[tuple[dict[str, Any], dict[str, Any], Status]] = [
    (M | {"at_least": 0.8}, {"metrics": (auc(0.84),)}, MET),
    (M | {"at_least": 0.85}, {"metrics": (auc(0.84),)}, NOT),
    (M | {"at_most": 0.8}, {"metrics": (auc(0.84),)}, NOT),
    (M | {"at_least": 0.8}, {}, UNKNOWN),
    (M | {"at_least": 0.8}, {"metrics": (auc(float("nan")),)}, UNKNOWN),
    (M | {"at_least": 0.8, "data_set": "other"}, {"metrics": (auc(0.84),)}, UNKNOWN),
    (M | {"at_least": 0.8, "fewest_rows": 100}, {"metrics": (auc(0.84, rows=99),)}, UNKNOWN),
    (M | {"at_least": 0.8, "fewest_rows": 100}, {"metrics": (auc(0.84),)}, UNKNOWN),
    (M | {"at_least": 0.8, "by_segment": True}, {"metrics": (auc(0.84),)}, UNKNOWN),
    (M | {"at_least": 0.8, "by_segment": True}, {"metrics": (auc(0.84), auc(0.7, segment="north"))}, NOT),
    (M | {"at_least": 0.8, "segments": ["north"]}, {"metrics": (auc(0.84), auc(0.7, segment="south"))}, UNKNOWN),
    (M | {"at_least": 0.8, "segments": ["north"]}, {"metrics": (auc(0.84), auc(0.9, segment="north"))}, MET),
    (C, {}, NA),
    (C | {"margin": 0.01}, {"metrics": (auc(0.85, error=0.002),), "champion": champion(0.84)}, MET),
    (C | {"margin": 0.01}, {"metrics": (auc(0.80, error=0.002),), "champion": champion(0.84)}, NOT),
    (C, {"metrics": (auc(0.841, error=0.01),), "champion": champion(0.84)}, UNKNOWN),
    (C, {"metrics": (auc(0.9),), "champion": champion(0.84)}, UNKNOWN),
    (C, {"metrics": (auc(0.9, error=0.01),), "champion": champion(0.84, None)}, UNKNOWN),
    (C | {"better": "lower"}, {"metrics": (auc(0.5, error=0.01),), "champion": champion(0.84)}, MET),
    (C | {"fewest_rows": 501}, {"metrics": (auc(0.9, error=0.01, rows=900),), "champion": champion(0.84)}, UNKNOWN),
    (T | {"suite": "release"}, {}, UNKNOWN),
    (T | {"suite": "release"}, {"tests": ()}, UNKNOWN),
    (T | {"suite": "release"}, {"tests": (result(),)}, MET),
    (T | {"suite": "release"}, {"tests": (result(), result(Light.FAIL, test="drift"))}, NOT),
    (T | {"suite": "other"}, {"tests": (result(),)}, UNKNOWN),
    (T | {"kinds": ["fairness", "stress"]}, {"tests": (result(),)}, UNKNOWN),
    (T | {"tests": ["fairness"]}, {"tests": (result(Light.WARN),)}, MET),
    (T | {"tests": ["fairness"], "warn": "refused"}, {"tests": (result(Light.WARN),)}, NOT),
    (T | {"tests": ["fairness"]}, {"tests": (result(digest="other"),)}, UNKNOWN),
    (T | {"tests": ["fairness"], "max_age_days": 90}, {"tests": (result(at=LONG_AGO),)}, UNKNOWN),
    (T | {"tests": ["fairness"], "from": ["platform"]}, {"tests": (result(source=Source.PIPELINE),)}, UNKNOWN),
    *(
        (T | {"tests": ["fairness"]}, {"tests": (result(light),)}, UNKNOWN)
        for light in (Light.ERROR, Light.NO_DATA, Light.TOO_FEW_ROWS, Light.STALE)
    ),
    ({"check": "card_complete", "at_least_percent": 90}, {"card": CARD}, MET),
    ({"check": "card_complete", "at_least_percent": 91}, {"card": CARD}, NOT),
    ({"check": "card_complete", "at_least_percent": 91}, {}, UNKNOWN),
    (F | {"none_open": "high"}, {"findings": (finding(Severity.MEDIUM),)}, MET),
    (F | {"none_open": "high"}, {"findings": (finding(Severity.CRITICAL),)}, NOT),
    (F | {"none_open": "high"}, {"findings": (finding(Severity.HIGH, is_open=False),)}, MET),
    (F | {"none_open": "high"}, {}, UNKNOWN),
    (F | {"none_overdue": "medium"}, {"findings": (finding(Severity.HIGH, due=-1),)}, NOT),
    (F | {"none_overdue": "medium"}, {"findings": (finding(Severity.HIGH, due=0),)}, MET),
    (F | {"at_most": {"low": 1}}, {"findings": (finding(Severity.LOW), finding(Severity.LOW, due=3))}, NOT),
    ({"check": "review_current", "max_age_months": 12}, {}, MET),
    ({"check": "review_current", "max_age_months": 12}, {"tier": None, "evidence": ()}, NOT),
    ({"check": "review_current", "max_age_months": 12}, {"tier": None}, UNKNOWN),
    (
        {"check": "review_current", "max_age_months": 12},
        {"tier": None, "evidence": (evidence(EvidenceKind.REVIEW, at=LONG_AGO),)},
        NOT,
    ),
    (
        {"check": "review_current", "max_age_months": 12, "grace_days": 60},
        {"tier": None, "evidence": (evidence(EvidenceKind.REVIEW, at=LONG_AGO),)},
        MET,
    ),
    ({"check": "evidence", "of": "impact assessment"}, {"evidence": (evidence(),)}, MET),
    ({"check": "evidence", "of": "impact assessment"}, {"evidence": ()}, NOT),
    ({"check": "evidence", "of": "impact assessment"}, {}, UNKNOWN),
    ({"check": "evidence", "of": "impact assessment"}, {"evidence": (evidence(expires_at=NOW),)}, NOT),
    ({"check": "evidence", "of": "impact assessment", "max_age_days": 9}, {"evidence": (evidence(at=LONG_AGO),)}, NOT),
    (
        {"check": "attestation", "statement": "I own it", "roles": ["owner"]},
        {"evidence": (evidence(EvidenceKind.ATTESTATION, name="I own it"),)},
        MET,
    ),
    (
        {"check": "attestation", "statement": "I own it", "roles": ["risk"]},
        {"evidence": (evidence(EvidenceKind.ATTESTATION, name="I own it"),)},
        NOT,
    ),
    (
        {"check": "attestation", "statement": "I own it", "roles": ["owner"], "not_author": True},
        {"evidence": (evidence(EvidenceKind.ATTESTATION, name="I own it", by="anna"),)},
        NOT,
    ),
    ({"check": "artifact_format", "formats": ["onnx"]}, {"formats": (("model.onnx", "onnx"),)}, MET),
    ({"check": "artifact_format", "formats": ["onnx"]}, {"formats": (("model.pkl", "pickle"),)}, NOT),
    ({"check": "artifact_format", "formats": ["onnx"]}, {"formats": (("model.onnx", ""),)}, UNKNOWN),
    ({"check": "artifact_signed"}, {"evidence": (evidence(EvidenceKind.SIGNATURE, name="release"),)}, MET),
    ({"check": "artifact_signed", "keys": ["x"]}, {"evidence": (evidence(EvidenceKind.SIGNATURE),)}, NOT),
    ({"check": "artifact_signed"}, {"evidence": (evidence(EvidenceKind.SIGNATURE, digest="other"),)}, NOT),
    ({"check": "artifact_signed"}, {}, UNKNOWN),
    ({"check": "lineage", "knows": ["run", "commit", "data_digest", "parameters"]}, {"lineage": LINEAGE}, MET),
    ({"check": "lineage", "knows": ["environment"]}, {"lineage": LINEAGE}, NOT),
    ({"check": "lineage", "knows": ["run"]}, {}, UNKNOWN),
    ({"check": "monitored", "measures": ["drift"]}, {"monitors": (monitor(Light.NO_DATA),)}, MET),
    ({"check": "monitored", "measures": ["bias"]}, {"monitors": (monitor(Light.PASS),)}, NOT),
    ({"check": "monitored", "at_least": 2}, {"monitors": (monitor(Light.PASS),)}, NOT),
    ({"check": "monitored"}, {}, UNKNOWN),
    ({"check": "healthy"}, {"monitors": (monitor(Light.PASS), monitor(Light.WARN))}, MET),
    ({"check": "healthy"}, {"monitors": (monitor(Light.PASS), monitor(Light.STALE))}, NOT),
    ({"check": "healthy"}, {"monitors": (monitor(Light.PASS), monitor(Light.NO_DATA))}, UNKNOWN),
    ({"check": "healthy"}, {"monitors": ()}, UNKNOWN),
    ({"check": "deployed", "hours": 48}, {"stays": (stay(50),)}, MET),
    ({"check": "deployed", "hours": 48, "environment": "staging"}, {"stays": (stay(24), stay(30, ended=True))}, MET),
    ({"check": "deployed", "hours": 48}, {"stays": (stay(50, digest="other"),)}, NOT),
    ({"check": "deployed", "hours": 48}, {"stays": (stay(50, protected=True),)}, NOT),
    ({"check": "deployed", "hours": 48}, {}, UNKNOWN),
    ({"check": "validated"}, {"validation": SIGNED}, MET),
    ({"check": "validated"}, {}, NOT),
    ({"check": "validated"}, {"validation": replace(SIGNED, digest="other")}, NOT),
    ({"check": "validated"}, {"validation": replace(SIGNED, covers="before an edit")}, NOT),
    ({"check": "validated"}, {"validation": replace(SIGNED, validator="anna")}, NOT),
    ({"check": "validated"}, {"validation": replace(SIGNED, opinion=Opinion.NOT_FIT)}, NOT),
    ({"check": "validated", "max_age_months": 12}, {"validation": replace(SIGNED, signed_at=LONG_AGO)}, NOT),
    ({"check": "validated", "scopes": ["full"]}, {"validation": replace(SIGNED, scope="targeted")}, NOT),
    ({"check": "validated"}, {"validation": replace(SIGNED, opinion=Opinion.FIT_WITH_CONDITIONS)}, UNKNOWN),
    (
        {"check": "validated"},
        {
            "validation": replace(SIGNED, opinion=Opinion.FIT_WITH_CONDITIONS),
            "findings": (finding(Severity.LOW, due=-1, of="v1"),),
        },
        NOT,
    ),
    ({"check": "determined"}, {}, UNKNOWN),
    ({"check": "determined"}, {"determination": Determination("d1", False, NOW, "rita")}, MET),
    ({"check": "determined", "is_model": True}, {"determination": Determination("d1", False, NOW, "rita")}, NOT),
    ({"check": "lifecycle_state", "states": ["approved"]}, {"standing": APPROVED}, MET),
    ({"check": "lifecycle_state", "states": ["approved"]}, {"standing": replace(APPROVED, version_state="draft")}, NOT),
    ({"check": "lifecycle_state", "states": ["approved"]}, {}, UNKNOWN),
    ({"check": "fact", "that": {"fact": "eu_class", "in": ["minimal"]}}, {}, MET),
    ({"check": "fact", "that": {"fact": "tier", "at_least": 2}}, {}, NOT),
    ({"check": "fact", "that": {"fact": "field.region", "in": ["eu"]}}, {}, UNKNOWN),
    ({"check": "fact", "that": {"fact": "field.region", "in": ["eu"]}}, {"fields": {"region": "eu"}}, MET),
    ({"not": {"check": "fact", "that": {"fact": "eu_class", "in": ["minimal"]}}}, {}, NOT),
    ({"any_of": [{"check": "validated"}, {"check": "tier_assessed"}]}, {}, MET),
    ({"any_of": [{"check": "validated"}, {"check": "determined"}]}, {}, UNKNOWN),
    ({"all_of": [{"check": "tier_assessed"}, {"check": "determined"}]}, {}, UNKNOWN),
    ({"all_of": [{"check": "validated"}, {"check": "determined"}]}, {}, NOT),
    ({"check": "validated", "when": {"fact": "eu_class", "in": ["prohibited"]}}, {}, NA),
    ({"check": "validated", "when": {"fact": "is_model", "in": [True]}}, {}, NOT),  # nobody knows: it applies
    ({"check": "approvals", "roles": ["owner", "risk", "executive"], "quorum": 2}, {}, MET),
]


@pytest.mark.parametrize(("asked", "known", "wanted"), CASES)
def test_a_check_is_met_not_met_or_unknown(asked: dict[str, Any], known: dict[str, Any], wanted: Status) -> None:
    judgement = decide(policy_of(asked), good_facts(**known)).judgements[0]
    assert judgement.status is wanted, judgement.detail
    assert judgement.detail.endswith(".")
    assert (judgement.remedy is not None) is (wanted in (NOT, UNKNOWN))
    assert judgement.remedy is None or judgement.remedy.who


def test_every_sort_of_check_is_tried_and_cites_only_what_is_kept() -> None:
    tried = [part for asked, *_ in CASES for part in (asked, *asked.get("any_of", ()), *asked.get("all_of", ()))]
    assert {one["check"] for one in tried if "check" in one} | {"artifact_scanned", "digest_verified"} >= set(CHECKS)
    for asked, *_ in CASES:
        check = policy_of(asked).requirements[0].check
        assert check.demand.endswith(".")
        assert {name for name in check.cites if not name.startswith("field.")} <= set(FACTS)


def test_every_citable_fact_can_be_read_of_any_facts() -> None:
    known = Known(Facts("m", "v", good_facts().kind, good_facts().action, None, NOW))
    read = [known[name] for name in known]
    assert 0 < len(read) < len(FACTS)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"check": "fact", "that": {"fact": "mood", "in": ["good"]}}, "cannot know"),
        ({"check": "metric", "metric": "auc"}, "has no limit"),
        ({"check": "tests"}, "names no tests"),
        ({"check": "tests", "suite": "a", "from": ["person"]}, "lets people state"),
        ({"check": "validated", "opinions": ["not_fit"]}, "not fit pass"),
        ({"check": "magic"}, "not a known word"),
        ({"not": {"check": "validated"}}, "cannot be turned round"),
        ({"any_of": [{"check": "validated"}, {"check": "approvals", "roles": ["owner"]}]}, "is no part of"),
        ({"all_of": [{"any_of": [{"check": "digest_verified"}]}]}, "is no part of"),
        ({"check": "metric", "metric": "auc", "at_least": float("inf")}, "finite"),
        ({"check": "validated", "when": {"answer": "I1", "at_least": 2}}, "cannot know"),
    ],
)
def test_what_would_be_no_proper_requirement_is_refused(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        policy_of(asked)


def test_an_error_names_line_and_key() -> None:
    text = """id: mine
version: 1
title: Mine
applies_to: {actions: [alias:shadow]}
requirements:
  - id: a
    title: A
    check: validated
    remedy: Do it.
  - id: b
    title: B
    check: metric
    metric: auc
    at_leest: 0.8
    remedy: Do it.
"""
    with pytest.raises(InvalidInput) as caught:
        read_policy_text(text.replace("at_leest: 0.8", "at_least: 0.8\n    weigt: advisory"))
    assert (caught.value.details["line"], caught.value.details["field"]) == (15, "requirements[1].weigt")
    with pytest.raises(InvalidInput, match=r"Line 13: requirements\[1\]\.metric has no limit"):
        read_policy_text(text)
    with pytest.raises(InvalidInput, match="Line 3"):
        read_policy_text(text.replace("title: Mine", "title: 7"))
    with pytest.raises(InvalidInput, match="characters"):
        read_document("a" * 200_001, read_policy)


def test_a_waiver_lets_pass_until_it_ends_and_says_so() -> None:
    waiver = WaiverFact("w1", "r0", "", NOW - timedelta(days=1), NOW + timedelta(days=1))
    facts = good_facts(waivers=(waiver,))
    asked = {"check": "validated"}
    decision = decide(policy_of(asked), facts)
    assert decision.is_allowed
    assert decision.judgements[0].status is Status.WAIVED
    assert "Waived until 1 July 2026" in decision.judgements[0].detail
    assert decision.judgements[0].evidence[0].id == "w1"
    for changed in (
        replace(facts, now=waiver.to_at),
        replace(facts, now=waiver.from_at - timedelta(seconds=1)),
        replace(facts, waivers=(replace(waiver, requirement_id="other"),)),
        replace(facts, waivers=(replace(waiver, environment_id="another"),)),
    ):
        assert decide(policy_of(asked), changed).judgements[0].status is NOT
    assert status(asked | {"waivable": False}, facts) is NOT
    unapproved = replace(facts, votes=())
    assert status({"check": "approvals", "roles": ["owner"]}, unapproved) is NOT
    assert status({"check": "approvals", "roles": ["owner"], "waivable": True}, unapproved) is Status.WAIVED


def test_the_digest_of_facts_hangs_on_facts_alone() -> None:
    facts = good_facts(committers=frozenset({"carl", "anna"}), card=CARD, tests=(result(),))
    asked_later = replace(facts, now=NOW + timedelta(hours=1), people=())
    assert digest_of_facts(facts) == digest_of_facts(asked_later)
    assert digest_of_facts(facts) != digest_of_facts(replace(facts, tests=(result(Light.FAIL),)))
    assert all(kind in LinkKind for kind in LinkKind)


lights = st.sampled_from(Light)
good_results = st.builds(
    result,
    st.just(Light.PASS),
    suite=st.sampled_from(["release", "other"]),
    test=st.sampled_from(["fairness", "drift"]),
    check=st.sampled_from(["fairness", "stress"]),
    segment=st.none() | st.just("north"),
)
any_results = st.builds(
    result,
    lights,
    suite=st.sampled_from(["release", "other"]),
    test=st.sampled_from(["fairness", "drift"]),
    check=st.sampled_from(["fairness", "stress"]),
    digest=st.sampled_from([DIGEST, "other"]),
    at=st.sampled_from([NOW, LONG_AGO]),
    source=st.sampled_from(Source),
)
any_evidence = st.builds(
    evidence,
    st.sampled_from(EvidenceKind),
    at=st.sampled_from([NOW, LONG_AGO]),
    name=st.sampled_from(["Impact assessment", "I own it", "release"]),
    digest=st.sampled_from([DIGEST, "other"]),
    expires_at=st.sampled_from([None, NOW, NOW + timedelta(days=1)]),
    roles=st.sampled_from([frozenset({"owner"}), frozenset()]),
)
some_facts = st.builds(
    good_facts,
    metrics=st.lists(st.builds(auc, st.floats(0, 1), rows=st.none() | st.integers(0, 900)), max_size=1).map(tuple),
    tests=st.none() | st.lists(any_results, max_size=4).map(tuple),
    evidence=st.none() | st.lists(any_evidence, max_size=3).map(tuple),
    findings=st.none() | st.lists(st.builds(finding, st.sampled_from(Severity)), max_size=3).map(tuple),
    monitors=st.none() | st.lists(st.builds(monitor, lights), max_size=3).map(tuple),
    stays=st.none() | st.lists(st.builds(stay, st.integers(0, 90)), max_size=2).map(tuple),
    card=st.none() | st.just(CARD),
    validation=st.none() | st.sampled_from([SIGNED, replace(SIGNED, opinion=Opinion.NOT_FIT)]),
)
every_check = st.sampled_from([asked for asked, *_ in CASES])


@settings(max_examples=150, deadline=None)
@given(every_check, some_facts, good_results, any_evidence, st.builds(stay, st.integers(1, 90)))
def test_more_good_evidence_never_turns_met_into_anything_else(
    asked: dict[str, Any], facts: Facts, more: TestFact, piece: EvidenceFact, ran: StayFact
) -> None:
    if status(asked, facts) is MET:
        assert status(asked, replace(facts, tests=(*(facts.tests or ()), more))) is MET
        assert status(asked, replace(facts, evidence=(*(facts.evidence or ()), piece))) is MET
        assert status(asked, replace(facts, stays=(*(facts.stays or ()), ran))) is MET


@settings(max_examples=150, deadline=None)
@given(st.lists(every_check, min_size=1, max_size=4), every_check, some_facts)
def test_a_stricter_policy_never_allows_more(asked: list[dict[str, Any]], more: dict[str, Any], facts: Facts) -> None:
    strict, loose = decide(policy_of(*asked, more), facts), decide(policy_of(*asked), facts)
    assert loose.is_allowed or not strict.is_allowed
    for word, tighter in (("at_least_percent", 100), ("max_age_days", 1), ("hours", 900), ("at_least", 0.999)):
        raised = [
            one | {word: tighter} if isinstance(one.get(word), int | float) and one.get("check") != "monitored" else one
            for one in asked
        ]
        assert loose.is_allowed or not decide(policy_of(*raised), facts).is_allowed
