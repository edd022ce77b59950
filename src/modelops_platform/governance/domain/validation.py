"""Validation: what a report holds, who is independent enough to write it, and when it may be signed."""

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .documents import Fields, as_choice, as_text, invalid, unique
from .facts import Kind
from .known import FindingFact, Opinion, Severity
from .parameters import Check
from .questionnaire import Tier, judged_tier

VALIDATOR = "validator"
OPINION_WORDS: Mapping[Opinion, str] = {
    Opinion.FIT: "fit",
    Opinion.FIT_WITH_CONDITIONS: "fit with conditions",
    Opinion.NOT_FIT: "not fit",
}
STATEMENT = "I am independent of this model, I have read this report, and this is my opinion."


class Scope(StrEnum):
    """How much of a version is validated."""

    FULL = "full"
    TARGETED = "targeted"
    PEER_REVIEW = "peer_review"


class State(StrEnum):
    """How far a validation has come."""

    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    SIGNED = "signed"
    CALLED_OFF = "called_off"


OPEN = (State.ASSIGNED, State.IN_PROGRESS)


class Record(StrEnum):
    """What the platform knows and fills into a part."""

    IDENTITY = "identity"
    INDEPENDENCE = "independence"
    PURPOSE = "purpose"
    LINEAGE = "lineage"
    ARTIFACT = "artifact"
    METRICS = "metrics"
    MONITORS = "monitors"
    FINDINGS = "findings"
    OPINION = "opinion"
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class ScopeRule:
    """What a scope asks for: how long it may take, and which parts the validator must write."""

    scope: Scope
    title: str
    days: int
    written: frozenset[str]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a report: what the platform fills in, and what the validator is asked."""

    id: str
    title: str
    asks: str
    records: tuple[Record, ...]
    checks: tuple[Check, ...]
    kinds: frozenset[Kind] | None
    is_written: bool

    @property
    def takes_text(self) -> bool:
        """Tell whether the validator may write into it."""
        return bool(self.asks)


@dataclass(frozen=True, slots=True)
class ReportForm:
    """The contents of a report, as data."""

    source: str
    scopes: Mapping[Scope, ScopeRule]
    tiers: Mapping[Tier, Scope]
    parts: tuple[Part, ...]

    def scope_for(self, tier: Tier | None) -> Scope:
        """Return the scope that a tier asks for; without a tier in force that of tier 1."""
        return self.tiers[judged_tier(tier)]

    def parts_for(self, kind: Kind) -> tuple[Part, ...]:
        """Return the parts of a report about a model of this kind."""
        return tuple(part for part in self.parts if part.kinds is None or kind in part.kinds)

    def must_write(self, scope: Scope, kind: Kind) -> tuple[Part, ...]:
        """Return the parts that the validator must write."""
        written = self.scopes[scope].written
        return tuple(part for part in self.parts_for(kind) if part.is_written or part.id in written)


def read_report_form(document: object) -> ReportForm:
    """Read the contents of a report from plain data. Raises InvalidInput."""
    fields = Fields(document, "")
    scopes = Fields(fields.value("scopes"), "scopes")
    tiers = fields.value("tiers")
    if not isinstance(tiers, Mapping) or set(tiers) != {1, 2, 3, 4}:
        raise invalid("tiers", tiers, "must name a scope for each of the tiers 1 to 4", "Add what is missing.")
    form = ReportForm(
        source=fields.text("source"),
        scopes={scope: _read_scope(scope, scopes) for scope in Scope},
        tiers={Tier(tier): as_choice(scope, f"tiers.{tier}", Scope) for tier, scope in tiers.items()},
        parts=fields.mappings("parts", _read_part),
    )
    scopes.done()
    fields.done()
    unique((part.id for part in form.parts), "parts")
    known = {part.id for part in form.parts if part.takes_text}
    for rule in form.scopes.values():
        for part in rule.written - known:
            raise invalid(f"scopes.{rule.scope}.written", part, "is no part that asks for text", "Correct the id.")
    return form


def _read_scope(scope: Scope, scopes: Fields) -> ScopeRule:
    fields = Fields(scopes.value(scope.value), scopes.place(scope.value))
    found = ScopeRule(
        scope, fields.text("title"), fields.integer("days", 1, 730), frozenset(fields.list("written", as_text))
    )
    fields.done()
    return found


def _read_part(fields: Fields) -> Part:
    return Part(
        id=fields.id(),
        title=fields.text("title"),
        asks=fields.text("asks") if fields.has("asks") else "",
        records=fields.list("prefilled", lambda value, place: as_choice(value, place, Record), empty=True),
        checks=fields.list("checks", lambda value, place: as_choice(value, place, Check), empty=True),
        kinds=fields.choices("kinds", Kind),
        is_written=bool(fields.value("written")) if fields.has("written") else False,
    )


def why_not_independent(
    person_id: str, roles: AbstractSet[str], involved: Collection[str], *, is_person: bool, is_enabled: bool = True
) -> str | None:
    """Say in words why somebody cannot validate a version; None when they can.

    Args:
        involved: The owner of the model, the author of the version, its developers and all who changed it.
    """
    if not is_person:
        return "Only people validate; a service account never does."
    if not is_enabled:
        return "This account is not in use any more."
    if person_id in involved:
        return "Who owns the model, made the version or wrote its training code is not independent of it."
    if VALIDATOR not in roles:
        return "Only those with the role validator on the model validate it."
    return None


def why_not_sign(opinion: Opinion, missing: Sequence[Part], conditions: Sequence[FindingFact]) -> str | None:
    """Say in words why a report cannot be signed with this opinion; None when it can.

    Args:
        missing: Parts that the validator must write and has not.
        conditions: The findings of this validation.
    """
    if missing:
        return f"These parts are not written yet: {', '.join(part.title for part in missing)}."
    standing = [one for one in conditions if one.is_open]
    undated = [one for one in standing if one.due is None]
    if undated:
        return f"The finding {undated[0].title!r} has no due date."
    if opinion is Opinion.FIT_WITH_CONDITIONS and not standing:
        return "There is no condition: raise a finding of this validation, with a due date, or call it fit."
    grave = [one for one in standing if one.severity in (Severity.CRITICAL, Severity.HIGH)]
    if opinion is Opinion.FIT and grave:
        return f"{grave[0].title!r} is {grave[0].severity} and open, so the version is not fit without conditions."
    if opinion is Opinion.FIT_WITH_CONDITIONS and any(one.severity is Severity.CRITICAL for one in grave):
        return "A critical finding is open: no condition makes the version fit before it is closed."
    return None


@dataclass(frozen=True, slots=True)
class Line:
    """One fact that the platform fills in: a name, what it says, maybe a light and where it is found."""

    label: str
    text: str
    light: str | None = None
    route: str | None = None
    ids: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class FilledPart:
    """One part of a report as it stands."""

    part: Part
    lines: tuple[Line, ...]
    text: str
    must_write: bool

    @property
    def is_missing(self) -> bool:
        """Tell whether the validator has yet to write it."""
        return self.must_write and not self.text

    def to_dict(self) -> dict[str, Any]:
        """Print it as plain data, as it is signed."""
        return {
            "id": self.part.id,
            "title": self.part.title,
            "text": self.text,
            "lines": [{"label": one.label, "text": one.text, "light": one.light} for one in self.lines],
        }
