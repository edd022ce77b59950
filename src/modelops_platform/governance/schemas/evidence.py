"""Shapes of evidence that people add."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import AliasPath, Field, model_validator

from modelops_platform.web.forms import Date, EmptyIsNone, In, Out, PageIn

from ..domain.evidence import ReviewOutcome
from ..domain.known import EvidenceKind
from .findings import Day, Number
from .shared import Name, Sentence

Word = Annotated[str, Field(min_length=1, max_length=100)]
Digest = Annotated[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None, EmptyIsNone]
Link = Annotated[Annotated[str, Field(max_length=2000, pattern=r"^https?://\S+$")] | None, EmptyIsNone]
Statement = Annotated[Annotated[str, Field(max_length=4000)] | None, EmptyIsNone]


class EvidenceDocumentIn(In):
    """A document: a stored file by its digest, or a link."""

    version: Number = Field(default=None, description="Of this version alone; by default of the model.")
    word: Word = Field(description="What it is, as policies name it.", examples=["validation report"])
    title: Annotated[str, Field(min_length=1, max_length=250)]
    text: Annotated[str, Field(max_length=10_000)] = ""
    file: Digest = Field(default=None, description="SHA-256 of a stored file.")
    link: Link = Field(default=None, description="Where it is, when it is not stored here.")
    expires: Day = Field(default=None, description="The last day on which it counts.")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.file is None) == (self.link is None):
            raise ValueError("name either a file or a link")
        return self


class AttestationIn(In):
    """A statement in one's own name; the platform signs the text that was shown."""

    version: Number = None
    word: Word = Field(examples=["owner attestation"])
    statement: Statement = Field(default=None, description="The text; by default the shipped one of this word.")
    expires: Day = None


class ReviewIn(In):
    """A periodic review of a model, what it came to, and when the next is due."""

    word: Word = "periodic review"
    outcome: ReviewOutcome
    text: Sentence = Field(description="What was looked at, and what was found.")
    next_due: Date


class SignatureIn(In):
    """A detached Ed25519 signature of a version's digest, by a key that is trusted here."""

    version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$", description="Name of the key.", examples=["0" * 16])]
    signature: Annotated[str, Field(pattern=r"^[0-9a-f]{128}$", description="In hex.", examples=["0" * 128])]


class WithdrawalIn(In):
    """Why a piece of evidence no longer counts."""

    reason: Sentence


class EvidenceOut(Out):
    """A piece of evidence."""

    id: str
    model_id: str
    model: str = Field(validation_alias=AliasPath("model", "name"))
    version_id: str | None
    kind: EvidenceKind
    word: str
    title: str
    text: str
    added_by: str
    roles: list[str]
    source: str
    file_sha256: str | None
    link: str | None
    digest: str | None = Field(description="Of the version's files, at that time.")
    covers: str | None = Field(description="Digest of what the model's record said then.")
    outcome: str | None
    next_due: date | None
    signed_text: str | None
    key_id: str | None
    signature: str | None
    at: datetime
    expires_at: datetime | None
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawn_reason: str


class EvidencePage(PageIn):
    """Which evidence to list, the newest first."""

    kind: Annotated[EvidenceKind | None, EmptyIsNone] = None
    version: Number = None
    withdrawn: bool = Field(default=False, description="Also what was withdrawn.")


class TrustedKeyIn(In):
    """A public key whose signatures count from now on."""

    name: Name = Field(description="Whose it is.", examples=["release signing"])
    public_key: Annotated[str, Field(min_length=1, max_length=2000, description="Ed25519, as PEM.")]


class TrustedKeyOut(Out):
    """A key whose signatures count, or counted."""

    id: str
    key_id: str
    name: str
    public_key: str
    added_by: str
    from_at: datetime
    to_at: datetime | None
    end_reason: str
