"""What came of checking a log."""

from enum import StrEnum
from typing import Any

import msgspec

MOST_FINDINGS = 100


class Outcome(StrEnum):
    """What can be said about a log; the command's exit status is its place in this list."""

    WHOLE = "whole"
    BROKEN = "broken"
    UNCHECKED = "could_not_check"


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong, in a sentence, with where it is."""

    what: str
    words: str
    place: int | None = None
    event: str | None = None
    seal: int | None = None


class Tail(msgspec.Struct, frozen=True):
    """Events that no seal covers yet: a removal among them cannot be proved."""

    events: int = 0
    age_seconds: float = 0.0

    @property
    def words(self) -> str:
        """The tail in a sentence."""
        if not self.events:
            return "Every event is sealed."
        what = "1 event waits" if self.events == 1 else f"{self.events:,} events wait"
        age = _span(self.age_seconds)
        return f"{what} for the next seal, the oldest for {age}: edits and insertions there show, a removal would not."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _span(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


class Findings:
    """Findings as they come: all are counted, the first hundred are kept."""

    def __init__(self) -> None:
        self.kept: list[Finding] = []
        self.count = 0

    def add(
        self, what: str, words: str, *, place: int | None = None, event: str | None = None, seal: int | None = None
    ) -> None:
        """Note something that is wrong."""
        self.count += 1
        if len(self.kept) < MOST_FINDINGS:
            self.kept.append(Finding(what, words, place, event, seal))

    def take(self, kept: list[Finding], count: int) -> None:
        """Add what somebody else has found."""
        self.kept += kept[: MOST_FINDINGS - len(self.kept)]
        self.count += count


class Report(msgspec.Struct, kw_only=True):
    """The answer of `audit verify`."""

    outcome: Outcome
    checked_at: str
    seconds: float
    events: int = 0
    sealed: int = 0
    seals: int = 0
    last_seal: int | None = None
    last_sealed_at: str | None = None
    erased: int = 0
    tail: Tail = msgspec.field(default_factory=Tail)
    keys: list[str] = msgspec.field(default_factory=list)
    notes: list[str] = msgspec.field(default_factory=list)
    findings: list[Finding] = msgspec.field(default_factory=list)
    found: int = 0

    @property
    def status(self) -> int:
        """The exit status: 0 whole, 1 broken, 2 could not check."""
        return list(Outcome).index(self.outcome)

    @property
    def headline(self) -> str:
        """The outcome in a sentence."""
        if self.outcome is Outcome.WHOLE:
            return f"The log is whole: {_count(self.events, 'event')}, {_count(self.seals, 'seal')}."
        if self.outcome is Outcome.BROKEN:
            things = "1 thing is" if self.found == 1 else f"{self.found:,} things are"
            return f"The log is broken: {things} not as it was written."
        return "The log could not be checked."

    def to_shape(self) -> dict[str, Any]:
        """Return it as JSON values."""
        shape: dict[str, Any] = msgspec.to_builtins(self)
        return {**shape, "headline": self.headline, "tail": {**shape["tail"], "words": self.tail.words}}
