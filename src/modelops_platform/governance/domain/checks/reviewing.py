"""What people concluded: validations, findings, evidence and attestations."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Self

from ..documents import Fields, as_choice, invalid
from ..facts import Facts
from ..judging import Evidence, Found, LinkKind, Status, count, day, few, join
from ..known import EvidenceFact, EvidenceKind, FindingFact, Opinion, Severity, Source
from ..policies import Policy
from ..questionnaire import judged_tier
from .ages import age_words, is_within, months_ago


class Speaker(StrEnum):
    """In which capacity somebody attests."""

    OWNER = "owner"
    CONTRIBUTOR = "contributor"
    VALIDATOR = "validator"
    RISK = "risk"
    COMPLIANCE = "compliance"
    EXECUTIVE = "executive"
    ADMIN = "admin"


_WORST_FIRST = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)


def _at_least(severity: Severity) -> frozenset[Severity]:
    return frozenset(_WORST_FIRST[: _WORST_FIRST.index(severity) + 1])


@dataclass(frozen=True, slots=True)
class Validated:
    """An independent validator signed that these very files and words are fit."""

    name: ClassVar[str] = "validated"
    cites: ClassVar[frozenset[str]] = frozenset({"validation", "findings", "digest", "people"})
    opinions: frozenset[Opinion]
    max_age_months: int | None
    scopes: tuple[str, ...]
    same_content: bool

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        opinions = fields.choices("opinions", Opinion)
        if opinions is not None and Opinion.NOT_FIT in opinions:
            raise invalid(fields.place("opinions"), sorted(opinions), "lets what is not fit pass", "Remove not_fit.")
        return cls(
            frozenset({Opinion.FIT, Opinion.FIT_WITH_CONDITIONS}) if opinions is None else opinions,
            fields.integer_or_none("max_age_months", 1, 120),
            fields.texts("scopes"),
            fields.flag("same_content", default=True),
        )

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        opinions = join([opinion.replace("_", " ") for opinion in sorted(self.opinions)], "or")
        scope = f" {join(list(self.scopes), 'or')}" if self.scopes else ""
        age = f", at most {age_words(self.max_age_months)} ago" if self.max_age_months else ""
        words = " and words" if self.same_content else ""
        return (
            f"An independent validator signed a{scope} validation of these very files{words} as {opinions}{age};"
            " none of its conditions is overdue."
        )

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Look at the last signed validation. A tool needs none."""
        if facts.determination is not None and not facts.determination.is_model:
            evidence = (Evidence("determination", facts.determination.id),)
            return Found(Status.NOT_APPLICABLE, "It is determined to be a tool.", LinkKind.SHOW_GOVERNANCE, evidence)
        signed = facts.validation
        if signed is None:
            return Found(Status.NOT_MET, "Nobody has signed a validation of this version.", LinkKind.VALIDATE)
        evidence = (Evidence("validation", signed.id),)
        why = self._why_not(facts)
        detail = f"Signed {day(signed.signed_at)} as {signed.opinion.replace('_', ' ')}"
        if why is not None:
            return Found(Status.NOT_MET, f"{detail}; {why}.", LinkKind.VALIDATE, evidence, signed.signed_at)
        if facts.findings is None and signed.opinion is Opinion.FIT_WITH_CONDITIONS:
            detail = f"{detail}; nobody knows how its conditions stand."
            return Found(Status.UNKNOWN, detail, LinkKind.SHOW_FINDINGS, evidence, signed.signed_at)
        if facts.author is None:
            detail = f"{detail}; nobody is recorded as author, so nobody knows whether the validator is independent."
            return Found(Status.UNKNOWN, detail, LinkKind.VALIDATE, evidence, signed.signed_at)
        return Found(Status.MET, f"{detail}.", LinkKind.VALIDATE, evidence, signed.signed_at)

    def _why_not(self, facts: Facts) -> str | None:
        signed = facts.validation
        assert signed is not None, "asked only about one"
        if signed.opinion not in self.opinions:
            return "that opinion is not enough"
        if signed.digest != facts.digest:
            return "that was about other files"
        if self.same_content and signed.covers != facts.covers:
            return "what it covers was edited since"
        if self.scopes and signed.scope not in self.scopes:
            return f"its scope is {signed.scope}, wanted is {join(list(self.scopes), 'or')}"
        if self.max_age_months is not None and signed.signed_at < months_ago(facts.now, self.max_age_months):
            return f"that is more than {age_words(self.max_age_months)} ago"
        if signed.validator in {facts.author, facts.owner, *facts.committers}:
            return "by somebody who made the model or owns it"
        overdue = [one for one in facts.findings or () if one.of_validation == signed.id and _is_overdue(one, facts)]
        return f"{count(len(overdue), 'condition')} overdue" if overdue else None


def _is_overdue(finding: FindingFact, facts: Facts) -> bool:
    return _stands(finding, facts) and finding.due is not None and finding.due < facts.now.date()


@dataclass(frozen=True, slots=True)
class FindingsClear:
    """No finding of a severity is open, none is overdue, and not too many stand of each."""

    name: ClassVar[str] = "findings"
    cites: ClassVar[frozenset[str]] = frozenset({"findings"})
    none_open: Severity | None
    none_overdue: Severity | None
    at_most: tuple[tuple[Severity, int], ...]

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        none_open = fields.choice("none_open", Severity) if fields.has("none_open") else None
        none_overdue = fields.choice("none_overdue", Severity) if fields.has("none_overdue") else None
        most: tuple[tuple[Severity, int], ...] = ()
        if fields.has("at_most"):
            given = Fields(fields.value("at_most"), fields.place("at_most"))
            most = tuple((severity, given.integer(severity, 0, 10_000)) for severity in Severity if given.has(severity))
            given.done()
        if none_open is None and none_overdue is None and not most:
            raise invalid(fields.where, None, "asks nothing of findings", "Add none_open, none_overdue or at_most.")
        return cls(none_open, none_overdue, most)

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        parts = []
        if self.none_open:
            parts.append(f"No finding that is {_or_worse(self.none_open)} is open.")
        if self.none_overdue:
            parts.append(f"None that is {_or_worse(self.none_overdue)} is overdue.")
        parts += [f"At most {most} {severity} stand open." for severity, most in self.at_most]
        return " ".join(parts)

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Look at the findings as they stand."""
        if facts.findings is None:
            return Found(Status.UNKNOWN, "Nobody knows what findings there are.", LinkKind.SHOW_FINDINGS)
        standing = [one for one in facts.findings if _stands(one, facts)]
        bad: dict[str, FindingFact] = {}
        said = []
        if self.none_open:
            found = [one for one in standing if one.severity in _at_least(self.none_open)]
            bad |= {one.id: one for one in found}
            said += [f"{one.title} ({one.severity}) is open" for one in found]
        if self.none_overdue:
            late = [one for one in standing if one.severity in _at_least(self.none_overdue) and _is_overdue(one, facts)]
            said += [f"{one.title} ({one.severity}) was due {one.due}" for one in late if one.id not in bad]
            bad |= {one.id: one for one in late}
        for severity, most in self.at_most:
            found = [one for one in standing if one.severity is severity]
            if len(found) > most:
                said.append(f"{len(found)} {severity} stand open, at most {most}")
                bad |= {one.id: one for one in found}
        if said:
            evidence = tuple(Evidence("finding", id) for id in bad)
            return Found(Status.NOT_MET, f"{few(said)}.", LinkKind.SHOW_FINDINGS, evidence)
        detail = f"{count(len(standing), 'finding')} open, none that refuses." if standing else "No finding is open."
        return Found(Status.MET, detail, LinkKind.SHOW_FINDINGS, tuple(Evidence("finding", one.id) for one in standing))


def _stands(finding: FindingFact, facts: Facts) -> bool:
    """Tell whether a finding is open; a risk that was accepted by the rules of a laxer tier is not accepted here."""
    if finding.accepted_tier is not None and finding.accepted_tier > judged_tier(facts.tier_in_force):
        return True
    return finding.is_open


def _or_worse(severity: Severity) -> str:
    return "critical" if severity is Severity.CRITICAL else f"{severity} or worse"


@dataclass(frozen=True, slots=True)
class EvidencePresent:
    """A piece of evidence of this name is there and has not expired."""

    name: ClassVar[str] = "evidence"
    cites: ClassVar[frozenset[str]] = frozenset({"evidence", "digest"})
    of: str
    kind: EvidenceKind
    sources: frozenset[Source]
    max_age_days: int | None
    same_digest: bool

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        return cls(
            fields.text("of"),
            fields.choice("kind", EvidenceKind, EvidenceKind.DOCUMENT),
            fields.choices("from", Source) or frozenset(Source),
            fields.integer_or_none("max_age_days", 1, 3660),
            fields.flag("same_digest", default=False),
        )

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        parts = [f"The {self.kind} “{self.of}” is there and has not expired"]
        if self.max_age_days:
            parts.append(f"it is at most {self.max_age_days} days old")
        if self.same_digest:
            parts.append("it is about these very files")
        if self.sources != frozenset(Source):
            parts.append(f"it comes from a {join(sorted(self.sources), 'or')}")
        return f"{', '.join(parts)}."

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Look for a piece that counts."""
        if facts.evidence is None:
            return Found(Status.UNKNOWN, "Nobody knows what evidence there is.", LinkKind.ADD_EVIDENCE)
        named = [
            piece
            for piece in facts.evidence
            if piece.kind is self.kind
            and piece.name.casefold() == self.of.casefold()
            and piece.source in self.sources
            and not (self.same_digest and piece.digest != facts.digest)
        ]
        return _newest(named, facts, self.max_age_days, f"“{self.of}”")


def _newest(named: Sequence[EvidenceFact], facts: Facts, max_age_days: int | None, label: str) -> Found:
    """Take the newest piece that counts, or say why none does."""
    standing = [
        piece
        for piece in named
        if (piece.expires_at is None or piece.expires_at > facts.now)
        and is_within(piece.at, facts.now, days=max_age_days)
    ]
    if standing:
        newest = max(standing, key=lambda piece: (piece.at, piece.id))
        until = f", until {day(newest.expires_at)}" if newest.expires_at else ""
        detail = f"{label} of {day(newest.at)}{until}."
        return Found(Status.MET, detail, LinkKind.ADD_EVIDENCE, (Evidence("evidence", newest.id),), newest.at)
    if not named:
        return Found(Status.NOT_MET, f"{label} is missing.", LinkKind.ADD_EVIDENCE)
    last = max(named, key=lambda piece: (piece.at, piece.id))
    evidence = (Evidence("evidence", last.id),)
    if last.expires_at is not None and last.expires_at <= facts.now:
        detail = f"{label} expired {day(last.expires_at)}."
    else:
        detail = f"{label} is {(facts.now - last.at).days} days old, at most {max_age_days} count."
    return Found(Status.NOT_MET, detail, LinkKind.ADD_EVIDENCE, evidence, last.at)


@dataclass(frozen=True, slots=True)
class Attested:
    """Somebody in a role has stated something, about this very content, lately."""

    name: ClassVar[str] = "attestation"
    cites: ClassVar[frozenset[str]] = frozenset({"evidence", "people"})
    statement: str
    roles: frozenset[str]
    max_age_days: int | None
    same_content: bool
    not_author: bool

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        roles = fields.list("roles", lambda value, place: as_choice(value, place, Speaker).value)
        return cls(
            fields.text("statement"),
            frozenset(roles),
            fields.integer_or_none("max_age_days", 1, 3660),
            fields.flag("same_content", default=False),
            fields.flag("not_author", default=False),
        )

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        parts = [f"“{self.statement}” is attested by somebody who is {join(sorted(self.roles), 'or')}"]
        if self.not_author:
            parts.append("and did not make the version")
        if self.same_content:
            parts.append("about what the model is now")
        if self.max_age_days:
            parts.append(f"at most {self.max_age_days} days ago")
        return f"{', '.join(parts)}."

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Look for a statement that counts."""
        if facts.evidence is None:
            return Found(Status.UNKNOWN, "Nobody knows what was attested.", LinkKind.ADD_EVIDENCE)
        said = [
            piece
            for piece in facts.evidence
            if piece.kind is EvidenceKind.ATTESTATION
            and piece.name.casefold() == self.statement.casefold()
            and piece.roles & self.roles
            and not (self.not_author and piece.by in {facts.author, *facts.committers})
            and not (self.same_content and piece.covers != facts.covers)
        ]
        return _newest(said, facts, self.max_age_days, f"“{self.statement}”")
