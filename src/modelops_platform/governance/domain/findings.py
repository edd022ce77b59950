"""Findings: how one goes from raised to closed, who may move it, and what several of them weigh together.

Whoever answers for the model works on a finding; whoever raised it, or a colleague of the same function, judges it.
Nobody closes what they remedied, and the owner neither closes a finding nor changes how bad it is.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from .documents import Fields, as_integer, unique
from .known import FindingFact, Severity


class FindingState(StrEnum):
    """How far a finding has come."""

    DRAFT = "draft"
    OPEN = "open"
    ACCEPTED = "accepted"
    IN_REMEDIATION = "in_remediation"
    READY_FOR_REVIEW = "ready_for_review"
    CLOSED = "closed"
    REJECTED = "rejected"
    RISK_ACCEPTED = "risk_accepted"
    SUPERSEDED = "superseded"


class FindingSource(StrEnum):
    """Where a finding comes from."""

    VALIDATION = "validation"
    MONITORING = "monitoring"
    AUDIT = "audit"
    INCIDENT = "incident"
    REGULATOR = "regulator"
    FRAMEWORK_GAP = "framework_gap"
    EMERGENCY = "emergency"


class Category(StrEnum):
    """What a finding is about."""

    DATA = "data"
    METHOD = "method"
    IMPLEMENTATION = "implementation"
    PERFORMANCE = "performance"
    FAIRNESS = "fairness"
    USE = "use"
    DOCUMENTATION = "documentation"
    GOVERNANCE = "governance"
    SECURITY = "security"
    THIRD_PARTY = "third_party"


class Likelihood(StrEnum):
    """How probable it is that the weakness does harm."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Function(StrEnum):
    """In whose name a finding is raised; this function alone closes it."""

    VALIDATOR = "validator"
    RISK = "risk"
    COMPLIANCE = "compliance"


class Verb(StrEnum):
    """What somebody may do with a finding."""

    OPEN = "open"
    ACCEPT = "accept"
    START = "start"
    SUBMIT = "submit"
    CLOSE = "close"
    SEND_BACK = "send_back"
    REJECT = "reject"
    SUPERSEDE = "supersede"
    RATE = "rate"
    MOVE_DUE = "move_due"
    ANSWER_MOVE = "answer_move"


S = FindingState
UNDER_WAY = frozenset({S.OPEN, S.ACCEPTED, S.IN_REMEDIATION, S.READY_FOR_REVIEW})
TO_BE_WORKED_ON = frozenset({S.OPEN, S.ACCEPTED, S.IN_REMEDIATION})
ENDED = frozenset({S.CLOSED, S.REJECTED, S.SUPERSEDED})

STEPS: Mapping[Verb, tuple[frozenset[FindingState], FindingState | None]] = {
    Verb.OPEN: (frozenset({S.DRAFT}), S.OPEN),
    Verb.ACCEPT: (frozenset({S.OPEN}), S.ACCEPTED),
    Verb.START: (frozenset({S.ACCEPTED}), S.IN_REMEDIATION),
    Verb.SUBMIT: (frozenset({S.IN_REMEDIATION}), S.READY_FOR_REVIEW),
    Verb.CLOSE: (frozenset({S.READY_FOR_REVIEW}), S.CLOSED),
    Verb.SEND_BACK: (frozenset({S.READY_FOR_REVIEW}), S.IN_REMEDIATION),
    Verb.REJECT: (UNDER_WAY | {S.DRAFT}, S.REJECTED),
    Verb.SUPERSEDE: (UNDER_WAY | {S.DRAFT, S.RISK_ACCEPTED}, S.SUPERSEDED),
    Verb.RATE: (UNDER_WAY | {S.DRAFT, S.RISK_ACCEPTED}, None),
    Verb.MOVE_DUE: (UNDER_WAY, None),
    Verb.ANSWER_MOVE: (UNDER_WAY, None),
}
"""From which states a verb leads where; None changes no state. Accepting the risk is a waiver's doing."""

_JUDGING = frozenset({Verb.CLOSE, Verb.SEND_BACK, Verb.REJECT, Verb.SUPERSEDE, Verb.RATE, Verb.ANSWER_MOVE})
_WORKING = frozenset({Verb.ACCEPT, Verb.START, Verb.SUBMIT})


@dataclass(frozen=True, slots=True)
class Case:
    """What the rules need to know about a finding. `answerable` are the model's owner and developer."""

    state: FindingState
    function: Function
    raised_by: str
    owner: str
    answerable: frozenset[str] = frozenset()
    remedied_by: str | None = None
    move_asked_by: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who wants to do something, with the roles they hold on the model."""

    id: str
    roles: AbstractSet[str]
    is_person: bool = True


def next_state(verb: Verb, state: FindingState) -> FindingState | None:
    """Return where a verb leads from a state (the same where it changes none); None where it is not to be done."""
    sources, target = STEPS[verb]
    return (target or state) if state in sources else None


def why_not(verb: Verb, case: Case, person: Person) -> str | None:
    """Say in words why somebody may not do this with a finding; None when they may."""
    if next_state(verb, case.state) is None:
        return f"The finding is {case.state.value.replace('_', ' ')}, so this is not to be done now."
    if not person.is_person:
        return "Only people decide about findings; a service account never does."
    if verb in _WORKING:
        return _why_not_work(case, person)
    if verb is Verb.MOVE_DUE:
        is_concerned = person.id in {case.owner, *case.answerable} or case.function in person.roles
        return None if is_concerned else "Only who works on the finding, or judges it, asks for another due date."
    if verb is Verb.OPEN and person.id == case.raised_by:
        return None
    return _why_not_judge(verb, case, person)


def _why_not_work(case: Case, person: Person) -> str | None:
    if person.id in {case.owner, *case.answerable}:
        return None
    return "Only the finding's owner, or who answers for the model, works on it."


def _why_not_judge(verb: Verb, case: Case, person: Person) -> str | None:
    if person.id in {case.owner, *case.answerable}:
        return "You answer for this, so whoever raised it decides; the owner neither closes nor rates a finding."
    if case.function not in person.roles:
        return f"Only the function that raised it decides here: {case.function.value}."
    if verb in (Verb.CLOSE, Verb.SEND_BACK) and person.id == case.remedied_by:
        return "You remedied this, so somebody else verifies it."
    if verb is Verb.REJECT and person.id == case.raised_by:
        return "You raised this; a colleague of the same function says that it is none."
    if verb is Verb.ANSWER_MOVE and person.id == case.move_asked_by:
        return "You asked for this date; somebody else decides about it."
    return None


def function_of(roles: AbstractSet[str], source: FindingSource, *, is_admin: bool = False) -> Function | None:
    """Say in which function somebody raises a finding: the validator's where it comes of a validation."""
    held = [function for function in (Function.RISK, Function.COMPLIANCE, Function.VALIDATOR) if function in roles]
    if source is FindingSource.VALIDATION and Function.VALIDATOR in held:
        return Function.VALIDATOR
    return held[0] if held else Function.RISK if is_admin else None


# ---- the data ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SeverityRule:
    """What a severity means: when it is due, what it holds up, and how late it is told to others."""

    severity: Severity
    meaning: str
    due_days: int
    plan_days: int | None
    blocks: str
    escalate_days_late: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Together:
    """So many open findings of a severity count as one that is worse."""

    severity: Severity
    count: int
    counts_as: Severity


@dataclass(frozen=True, slots=True)
class FindingRules:
    """Everything the data file says."""

    severities: Mapping[Severity, SeverityRule]
    together: tuple[Together, ...]

    def due(self, severity: Severity, raised: date) -> date:
        """Return the day by which a finding of this severity is due."""
        return raised + timedelta(days=self.severities[severity].due_days)

    def weigh(self, findings: Sequence[FindingFact]) -> tuple[FindingFact, ...]:
        """Return the findings as they count: where many of a severity are open, each of them counts as worse."""
        counted = Counter(finding.severity for finding in findings if finding.is_open)
        rules = {rule.severity: rule for rule in self.together if counted[rule.severity] >= rule.count}

        def as_it_counts(one: FindingFact) -> FindingFact:
            rule = rules.get(one.severity) if one.is_open else None
            if rule is None:
                return one
            title = f"{one.title} (one of {counted[one.severity]} that are {one.severity})"
            return replace(one, severity=rule.counts_as, title=title)

        return tuple(map(as_it_counts, findings))

    def late_steps(self, severity: Severity, due: date, today: date) -> Iterable[int]:
        """Return the days after the due date at which others are to have been told by today."""
        late = (today - due).days
        return [step for step in self.severities[severity].escalate_days_late if late >= step]


def read_finding_rules(data: object) -> FindingRules:
    """Read the data file. Raises InvalidInput."""
    fields = Fields(data, "")
    fields.id()
    fields.integer("version", 1, 1_000_000)
    fields.text("source")
    fields.value("checked")
    rules = fields.mappings("severities", _read_severity)
    together = fields.mappings("together", _read_together, empty=True)
    fields.done()
    unique((rule.severity.value for rule in rules), "severities")
    return FindingRules({rule.severity: rule for rule in rules}, together)


def _read_severity(fields: Fields) -> SeverityRule:
    return SeverityRule(
        severity=fields.choice("severity", Severity),
        meaning=fields.text("meaning"),
        due_days=fields.integer("due_days", 1, 3660),
        plan_days=fields.integer("plan_days", 1, 3660) if fields.has("plan_days") else None,
        blocks=fields.text("blocks"),
        escalate_days_late=fields.list(
            "escalate_days_late", lambda item, place: as_integer(item, place, -3660, 3660), empty=True
        ),
    )


def _read_together(fields: Fields) -> Together:
    return Together(
        fields.choice("severity", Severity), fields.integer("count", 2, 1000), fields.choice("as", Severity)
    )
