"""What a draft of a policy would change against the version in force, requirement by requirement."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from .policies import Policy, Requirement, Unknown, Weight
from .words import describe_condition, describe_scope


class Change(StrEnum):
    """What happens to one requirement, or to the whole."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One line of a plan: a requirement (or `applies_to`, or `title`), as it is and as it would be."""

    id: str
    title: str
    change: Change
    before: str | None
    after: str | None


def compare_policies(before: Policy | None, after: Policy) -> tuple[PlannedChange, ...]:
    """Say what would change, scope first, then each requirement of either version; equal ones are left out."""
    lines = [
        _line("title", "Title", before.title if before else None, after.title),
        _line(
            "applies_to", "Applies to", describe_scope(before.scope) if before else None, describe_scope(after.scope)
        ),
        _line("note", "Note", before.note if before else None, after.note),
    ]
    old = _by_id(before)
    new = _by_id(after)
    for id in dict.fromkeys([*new, *old]):
        title = (new.get(id) or old[id]).title
        lines.append(
            _line(id, title, describe(old[id]) if id in old else None, describe(new[id]) if id in new else None)
        )
    return tuple(line for line in lines if line.change is not Change.SAME)


def describe(requirement: Requirement) -> str:
    """Say in words what a requirement demands, and when."""
    parts = [f"{requirement.title}: {requirement.check.demand}"]
    if requirement.when is not None:
        parts.append(f"Only when {describe_condition(requirement.when)}, or when nobody knows.")
    if requirement.weight is Weight.ADVISORY:
        parts.append("Only advisory.")
    if requirement.unknown is Unknown.ALLOW:
        parts.append("What nobody knows passes.")
    parts.append("Can be waived." if requirement.is_waivable else "Cannot be waived.")
    parts.append(f"The way out: {requirement.remedy}")
    return " ".join(parts)


def _by_id(policy: Policy | None) -> Mapping[str, Requirement]:
    return {requirement.id: requirement for requirement in policy.requirements} if policy else {}


def _line(id: str, title: str, before: str | None, after: str | None) -> PlannedChange:
    if before == after:
        change = Change.SAME
    elif before is None:
        change = Change.ADDED
    else:
        change = Change.REMOVED if after is None else Change.CHANGED
    return PlannedChange(id, title, change, before, after)
