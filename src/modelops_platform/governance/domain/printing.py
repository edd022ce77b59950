"""A decision as programs other than ours read it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelops_platform.core.deferred import Deferred

from .decisions import Decision, Judgement, Status

if TYPE_CHECKING:
    from xml.etree import ElementTree
else:
    ElementTree = Deferred("xml.etree.ElementTree")


def as_junit(decision: Decision, *, model: str, version: str, target: str) -> str:
    """Print a decision as a JUnit report: one suite, one test case for each requirement, a failure for each unmet one.

    Without a policy there is one failing case, so that no reader takes an empty report for a yes.
    """
    name = f"{model} {version} to {target}"
    suite = ElementTree.Element(
        "testsuite",
        name=name,
        tests=str(max(len(decision.judgements), 1)),
        failures=str(max(len(decision.unmet), 0 if decision.is_allowed else 1)),
        errors="0",
        skipped=str(sum(_is_skipped(judgement) for judgement in decision.judgements)),
        timestamp=decision.asked_at.isoformat(timespec="seconds"),
    )
    properties = ElementTree.SubElement(suite, "properties")
    for label, value in _properties(decision):
        ElementTree.SubElement(properties, "property", name=label, value=value)
    for judgement in decision.judgements:
        case = ElementTree.SubElement(suite, "testcase", classname=f"gate.{model}", name=judgement.title)
        _fill(case, judgement)
    if not decision.judgements:
        case = ElementTree.SubElement(suite, "testcase", classname=f"gate.{model}", name="A policy covers this")
        if not decision.is_allowed:
            ElementTree.SubElement(case, "failure", message=decision.sentence, type="no_policy")
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def _fill(case: "ElementTree.Element", judgement: Judgement) -> None:
    if judgement.is_unmet:
        failure = ElementTree.SubElement(case, "failure", message=judgement.detail, type=judgement.status.value)
        failure.text = _way_out(judgement)
    elif _is_skipped(judgement):
        ElementTree.SubElement(case, "skipped", message=judgement.detail)
    else:
        ElementTree.SubElement(case, "system-out").text = judgement.detail


def _properties(decision: Decision) -> Iterator[tuple[str, str]]:
    """Name what the whole decision rests on."""
    yield "outcome", decision.outcome.value
    yield "sentence", decision.sentence
    yield "tier", str(int(decision.tier))
    if decision.policy_id:
        yield "policy", f"{decision.policy_id} v{decision.policy_version}"
    if decision.digest:
        yield "digest", decision.digest
    if decision.facts_digest:
        yield "facts", decision.facts_digest


def _way_out(judgement: Judgement) -> str | None:
    """Say what would make it pass, and who can do it."""
    if judgement.remedy is None:
        return None
    return f"{judgement.remedy.text} Who can: {judgement.remedy.who or 'see the evidence'}."


def _is_skipped(judgement: Judgement) -> bool:
    return not judgement.is_unmet and judgement.status is not Status.MET
