"""What a scan collects on its way, and how much it may spend."""

from dataclasses import dataclass, field
from typing import Any

from ..domain import MAX_GLOBALS, MAX_REASONS, Verdict, worst

MIB = 1024 * 1024


class CannotParse(Exception):
    """The content does not follow the rules of its format, or goes beyond what we are willing to follow."""


class Bomb(Exception):
    """The content grows far beyond its own size when it is unpacked."""


@dataclass(slots=True)
class Findings:
    """The worst verdict so far, with its reasons."""

    verdict: Verdict = Verdict.CLEAN
    reasons: list[str] = field(default_factory=list)
    globals: dict[str, None] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    def unknown(self, reason: str) -> None:
        """Something stands in the way of a clean verdict."""
        self._add(Verdict.UNKNOWN, reason)

    def dangerous(self, reason: str) -> None:
        """Something could harm whoever loads the file."""
        self._add(Verdict.DANGEROUS, reason)

    def import_seen(self, name: str) -> None:
        """Note a global that loading the file would import."""
        if len(self.globals) < MAX_GLOBALS:
            self.globals[name[:200]] = None

    def merge(self, other: "Findings", *, where: str = "") -> None:
        """Take over what was found in a part of the file."""
        self.verdict = worst(self.verdict, other.verdict)
        for reason in other.reasons:
            self._keep(f"{where}: {reason}" if where else reason, front=other.verdict is Verdict.DANGEROUS)
        for name in other.globals:
            self.import_seen(name)

    def _add(self, verdict: Verdict, reason: str) -> None:
        self.verdict = worst(self.verdict, verdict)
        self._keep(reason, front=verdict is Verdict.DANGEROUS)

    def _keep(self, reason: str, *, front: bool) -> None:
        """Keep a bounded list in which what is dangerous is never crowded out."""
        reason = reason.encode("utf-8", "backslashreplace").decode()[:400]
        if reason in self.reasons:
            return
        if front:
            self.reasons.insert(0, reason)
        else:
            self.reasons.append(reason)
        del self.reasons[MAX_REASONS:]


@dataclass(slots=True)
class Budget:
    """What one scan may unpack, over all nested parts together."""

    part_bytes: int = 256 * MIB
    total_bytes: int = 1024 * MIB
    members: int = 10_000
    depth: int = 4
    ratio: int = 100
    ratio_from: int = 32 * MIB
    """Below this size no ratio is suspicious."""

    def spend_member(self) -> None:
        """Count one more member of an archive; raises CannotParse when there are too many."""
        self.members -= 1
        if self.members < 0:
            raise CannotParse("the archives hold more members than a scan follows")
