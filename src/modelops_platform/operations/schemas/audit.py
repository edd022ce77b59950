"""Shapes of the log's API."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from modelops_platform.web.forms import EmptyIsNone, OptionalText, Out, PageIn

OptionalDate = Annotated[date | None, EmptyIsNone]


class EventFilter(PageIn):
    """What the log is narrowed by."""

    kind: OptionalText = Field(
        default=None, max_length=60, description="A kind such as `model.registered`, or its beginning: `model`."
    )
    actor: OptionalText = Field(default=None, max_length=254, description="Who did it: id, or part of name or address.")
    object_kind: OptionalText = Field(default=None, max_length=40, description="What it is about: `model`, `user` ...")
    object_id: OptionalText = Field(default=None, max_length=36)
    since: OptionalDate = Field(default=None, description="First day, UTC.")
    until: OptionalDate = Field(default=None, description="Last day, UTC.")
    q: OptionalText = Field(default=None, max_length=200, description="Text that the event holds.")


class ActedOut(Out):
    """Somebody or something that an event names."""

    kind: str
    id: str
    name: str | None = None


class EventOut(Out):
    """One event; `content` is the very text whose SHA-256 is `sha256`."""

    id: str
    place: int | None = Field(description="Its place in the log; none for a moment after it happened.")
    at: datetime
    kind: str
    actor: ActedOut
    object: ActedOut
    unit_id: str | None
    model_id: str | None
    words: str = Field(description="What was done, to be read after the name of who did it.")
    data: dict[str, Any]
    personal: dict[str, Any] = Field(description="Personal data, kept outside the hash so that it can be erased.")
    content: str
    sha256: str
    hmac: str


class ExportFilter(EventFilter):
    """What an export is narrowed by."""

    proofs: bool = Field(default=False, description="With the proof of each event, so that each can be checked alone.")


class WholeExport(BaseModel):
    """How the whole log is exported."""

    model_config = ConfigDict(extra="forbid")
    personal: bool = Field(default=False, description="With the personal data beside the events.")


class SealOut(Out):
    """A seal: the very text that was signed, and its Ed25519 signature in hex."""

    text: str
    signature: str


class PathOut(Out):
    """What leads from an event's text to its seal."""

    path: list[str] = Field(description="The hashes beside the way up to the root, from below, in hex (RFC 6962).")
    seal: SealOut


class ProofOut(Out):
    """An event with the proof that it stands in the log; `modelops audit verify` takes it as a file."""

    place: int
    content: str
    sha256: str
    proof: PathOut


class KeyOut(Out):
    """A public key that signs the log, or did."""

    id: str = Field(description="How seals name it: the beginning of the fingerprint.")
    algorithm: str
    fingerprint: str = Field(description="SHA-256 of the 32 bytes of the key: what people compare.")
    pem: str


class KeysOut(Out):
    """The public keys of this installation, the one in use first."""

    items: list[KeyOut]


class TailOut(Out):
    """Events that no seal covers yet."""

    events: int
    age_seconds: float
    words: str


class FindingOut(Out):
    """One thing that is wrong, with where it is."""

    what: str
    words: str
    place: int | None = None
    event: str | None = None
    seal: int | None = None


class ReportOut(Out):
    """What came of verifying the log; the same as `modelops audit verify --format json` prints."""

    outcome: Literal["whole", "broken", "could_not_check"]
    headline: str
    checked_at: datetime
    seconds: float
    events: int
    sealed: int
    seals: int
    last_seal: int | None
    last_sealed_at: datetime | None
    erased: int = Field(description="Events whose personal data was erased; their hashes stand.")
    tail: TailOut
    keys: list[str]
    notes: list[str]
    findings: list[FindingOut] = Field(description="The first hundred.")
    found: int


class LogOut(Out):
    """Where the log stands now; nothing of it is checked."""

    seal: SealOut | None
    tail: TailOut
    key: KeyOut
    sink: str | None
