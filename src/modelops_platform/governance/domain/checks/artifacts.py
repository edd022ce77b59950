"""What the platform knows of a version's files: scanned, the ones that the digest names, of a format, signed."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

from modelops_platform.artifacts.domain import Verdict

from ..documents import Fields
from ..facts import DigestState, Facts, Kind
from ..judging import Evidence, Found, LinkKind, Status, count, day, few, join
from ..known import EvidenceKind
from ..policies import Policy


def _read_kinds(fields: Fields) -> frozenset[Kind]:
    return fields.choices("without_file", Kind) or frozenset()


@dataclass(frozen=True, slots=True)
class AboutFiles(ABC):
    """Looks at the files of a version; the kinds named may have none at all."""

    without_file: frozenset[Kind]

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Look at the files, where there are any."""
        if facts.file_count != 0:
            return self.find_in_files(facts)
        if facts.kind in self.without_file:
            detail = f"This version has no file, which the policy accepts for kind {facts.kind}."
            return Found(Status.NOT_APPLICABLE, detail, LinkKind.ADD_VERSION)
        detail = f"This version has no file; a version of kind {facts.kind} is judged by its files."
        return Found(Status.NOT_MET, detail, LinkKind.ADD_VERSION)

    @abstractmethod
    def find_in_files(self, facts: Facts) -> Found:
        """Look at a version that has files, or of which nobody knows."""

    @property
    def _excused(self) -> str:
        return f" Kinds {join(sorted(self.without_file))} may have no file." if self.without_file else ""


@dataclass(frozen=True, slots=True)
class ArtifactScanned(AboutFiles):
    """Every file was scanned and found clean; the kinds named may have no file at all."""

    name: ClassVar[str] = "artifact_scanned"
    cites: ClassVar[frozenset[str]] = frozenset({"files", "scans", "kind"})

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        return cls(_read_kinds(fields))

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        return f"Every file was scanned and found clean.{self._excused}"

    def find_in_files(self, facts: Facts) -> Found:
        """Look at the scans."""
        evidence = tuple(Evidence("scan", scan.id) for scan in facts.scans if scan.id is not None)
        at = min((scan.at for scan in facts.scans), default=None)
        status, detail = _judge_scans(facts)
        return Found(status, detail, LinkKind.SHOW_FILES, evidence, at)


def _judge_scans(facts: Facts) -> tuple[Status, str]:
    if facts.file_count is None:
        return Status.UNKNOWN, "The source of this version cannot be read, so nothing was scanned."
    dangerous = [f"{scan.path} ({scan.reason})" for scan in facts.scans if scan.verdict is Verdict.DANGEROUS]
    if dangerous:
        return Status.NOT_MET, f"Dangerous: {few(dangerous)}."
    unknown = [f"{scan.path} ({scan.reason})" for scan in facts.scans if scan.verdict is Verdict.UNKNOWN]
    if unknown:
        return Status.UNKNOWN, f"The scan cannot tell about {few(unknown)}."
    scanned = len({scan.path for scan in facts.scans})
    if scanned < max(facts.file_count, 1):
        return Status.UNKNOWN, f"Only {scanned} of {count(facts.file_count, 'file')} scanned so far."
    last = max(scan.at for scan in facts.scans)
    return Status.MET, f"{count(facts.file_count, 'file')} clean, scanned {day(last)}."


@dataclass(frozen=True, slots=True)
class DigestVerified(AboutFiles):
    """The stored bytes are those the digest names; the kinds named may have no file at all."""

    name: ClassVar[str] = "digest_verified"
    cites: ClassVar[frozenset[str]] = frozenset({"files", "digest", "kind"})

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        return cls(_read_kinds(fields))

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        return f"The stored bytes are those that the digest names.{self._excused}"

    def find_in_files(self, facts: Facts) -> Found:
        """Look at what comparing the bytes with the digest found."""
        shown = f"sha256 {facts.digest[:8]}…{facts.digest[-4:]}" if facts.digest else "no digest"
        evidence = (Evidence("digest", facts.digest),) if facts.digest else ()
        match facts.digest_state:
            case DigestState.VERIFIED if facts.digest:
                status, detail = Status.MET, f"The stored files match {shown}."
            case DigestState.MISMATCH:
                status, detail = Status.NOT_MET, f"The stored files do not match {shown}."
            case DigestState.UNVERIFIED | DigestState.VERIFIED:
                status, detail = Status.NOT_MET, f"The files cannot be read by the platform, so {shown} proves nothing."
            case None:
                status, detail = Status.UNKNOWN, f"Nobody has compared the stored files with {shown} yet."
        return Found(status, detail, LinkKind.ADD_VERSION, evidence, facts.digest_checked_at)


@dataclass(frozen=True, slots=True)
class ArtifactFormat(AboutFiles):
    """Every file is of a format that the policy allows."""

    name: ClassVar[str] = "artifact_format"
    cites: ClassVar[frozenset[str]] = frozenset({"files", "kind"})
    formats: frozenset[str]

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        formats = frozenset(fields.list("formats", _read_format))
        return cls(_read_kinds(fields), formats)

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        return f"Every file is {join(sorted(self.formats), 'or')}.{self._excused}"

    def find_in_files(self, facts: Facts) -> Found:
        """Look at the formats that the scans recognised."""
        if facts.file_count is None:
            detail = "The source of this version cannot be read, so nobody knows its formats."
            return Found(Status.UNKNOWN, detail, LinkKind.ADD_VERSION)
        known = dict(facts.formats)
        others = sorted(f"{path} ({form})" for path, form in known.items() if form and form not in self.formats)
        if others:
            return Found(Status.NOT_MET, f"Not allowed: {few(others)}.", LinkKind.ADD_VERSION)
        recognised = sum(bool(form) for form in known.values())
        if recognised < facts.file_count:
            detail = f"The format of {count(facts.file_count - recognised, 'file')} was not recognised."
            return Found(Status.UNKNOWN, detail, LinkKind.ADD_VERSION)
        detail = f"{count(facts.file_count, 'file')}, {join(sorted(set(known.values())))}."
        return Found(Status.MET, detail, LinkKind.ADD_VERSION)


def _read_format(value: object, place: str) -> str:
    return Fields({"format": value}, place).id("format").casefold()


@dataclass(frozen=True, slots=True)
class ArtifactSigned(AboutFiles):
    """A trusted key has signed these very bytes."""

    name: ClassVar[str] = "artifact_signed"
    cites: ClassVar[frozenset[str]] = frozenset({"files", "digest", "evidence", "kind"})
    keys: tuple[str, ...]

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        keys = fields.texts("keys")
        return cls(_read_kinds(fields), keys)

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        who = f"one of the keys {join(list(self.keys), 'or')}" if self.keys else "a trusted key"
        return f"{who.capitalize()} has signed these very files.{self._excused}"

    def find_in_files(self, facts: Facts) -> Found:
        """Look for a signature that was verified when it was added."""
        if facts.evidence is None:
            return Found(Status.UNKNOWN, "Nobody knows what was signed.", LinkKind.ADD_EVIDENCE)
        signed = [piece for piece in facts.evidence if piece.kind is EvidenceKind.SIGNATURE]
        if self.keys:
            signed = [piece for piece in signed if piece.name in self.keys]
        mine = [piece for piece in signed if piece.digest is not None and piece.digest == facts.digest]
        standing = [piece for piece in mine if piece.expires_at is None or piece.expires_at > facts.now]
        if standing:
            newest = max(standing, key=lambda piece: piece.at)
            evidence = (Evidence("evidence", newest.id),)
            detail = f"Signed {day(newest.at)} with the key {newest.name}."
            return Found(Status.MET, detail, LinkKind.ADD_EVIDENCE, evidence, newest.at)
        why = "has expired" if mine else "is for other files" if signed else "is missing"
        return Found(Status.NOT_MET, f"The signature {why}.", LinkKind.ADD_EVIDENCE)
