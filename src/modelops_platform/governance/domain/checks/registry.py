"""All checks by name, and reading one from a document."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from ..citable import FACTS, may_cite
from ..documents import Fields, invalid
from ..policies import Approvals, Check, Policy
from ..suites import Suite
from .approvals import ApprovalsGiven
from .artifacts import ArtifactFormat, ArtifactScanned, ArtifactSigned, DigestVerified
from .combined import AllOfChecks, AnyOfChecks, NotFact
from .figures import BeatsChampion, Metric
from .results import TestsPassed
from .reviewing import Attested, EvidencePresent, FindingsClear, Validated
from .risk import CardComplete, Determined, FactHolds, InState, ReviewCurrent, TierAssessed
from .running import Healthy, LineageKnown, Monitored, Ran


class CheckType(Protocol):
    """A sort of check that can be read from a document."""

    name: str

    def read(self, fields: Fields, /) -> Check:
        """Read one. Raises InvalidInput."""


CHECKS: Mapping[str, CheckType] = {
    kind.name: kind
    for kind in (
        ApprovalsGiven,
        ArtifactFormat,
        ArtifactScanned,
        ArtifactSigned,
        Attested,
        BeatsChampion,
        CardComplete,
        Determined,
        DigestVerified,
        EvidencePresent,
        FactHolds,
        FindingsClear,
        Healthy,
        InState,
        LineageKnown,
        Metric,
        Monitored,
        Ran,
        ReviewCurrent,
        TestsPassed,
        TierAssessed,
        Validated,
    )
}
"""The checks that a policy may ask for; a new one is a line here."""

STANDS_ALONE = frozenset({ApprovalsGiven.name, ArtifactScanned.name, DigestVerified.name})


def read_check(fields: Fields) -> Check:
    """Read a check, or a combination of checks. Raises InvalidInput."""
    if fields.has("any_of"):
        return AnyOfChecks(fields.mappings("any_of", _read_part))
    if fields.has("all_of"):
        return AllOfChecks(fields.mappings("all_of", _read_part))
    if fields.has("not"):
        return _read_not(fields)
    name = fields.value("check")
    kind = CHECKS.get(name) if isinstance(name, str) else None
    if kind is None:
        remedy = f"Use one of: {', '.join(CHECKS)}; or any_of, all_of, not."
        raise invalid(fields.place("check"), name, "is not a known word", remedy)
    check = kind.read(fields)
    for fact in sorted(check.cites):
        if fact not in FACTS and not may_cite(fact):
            raise invalid(fields.place("check"), fact, "cites what is not kept", f"Use: {', '.join(FACTS)}.")
    return check


def _read_part(fields: Fields) -> Check:
    """Read a part of a combination. Raises InvalidInput for what others find only where it stands by itself."""
    check = read_check(fields)
    if check.name in STANDS_ALONE:
        remedy = "Make it a requirement of its own: votes are counted, and emergencies end, where it stands by itself."
        raise invalid(fields.place("check"), check.name, "is no part of any_of or all_of", remedy)
    return check


def _read_not(fields: Fields) -> Check:
    inner = Fields(fields.value("not"), fields.place("not"))
    check = read_check(inner)
    inner.done()
    if not isinstance(check, FactHolds | NotFact):
        remedy = "Only `check: fact` can be turned round: evidence must never count against a version."
        raise invalid(fields.place("not"), check.name, "cannot be turned round", remedy)
    return NotFact(check)


def parts_of(check: Check) -> Iterator[Check]:
    """Walk a check and everything that it is made of."""
    yield check
    match check:
        case AnyOfChecks(parts) | AllOfChecks(parts):
            for part in parts:
                yield from parts_of(part)
        case NotFact(part):
            yield from parts_of(part)


def is_looked_at(suite: Suite, policies: Iterable[Policy]) -> bool:
    """Tell whether some policy looks at results of this suite, so that who changes it changes a gate."""
    parts = (part for policy in policies for one in policy.requirements for part in parts_of(one.check))
    return any(isinstance(part, TestsPassed) and part.may_look_at(suite) for part in parts)


def asks_approval(check: Check) -> bool:
    """Tell whether it cannot be met without somebody else's approval."""
    match check:
        case AllOfChecks(parts):
            return any(asks_approval(part) for part in parts)
        case AnyOfChecks(parts):
            return all(asks_approval(part) for part in parts)
    return isinstance(check, Approvals)
