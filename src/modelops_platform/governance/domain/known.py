"""The pieces of what is known about a version, each loaded by its own query and judged by the checks.

Everything here was appended at some moment or held from one moment to another, so a piece can be gathered as it was
at any time in the past. A piece that nobody could load is None in `Facts`, which is *unknown*, never *nothing there*.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction

from modelops_platform.monitoring.domain.lights import Light


@dataclass(frozen=True, slots=True)
class MetricFact:
    """A figure that a version was registered with, or that an evaluation measured."""

    name: str
    value: float | None
    standard_error: float | None = None
    rows: int | None = None
    data_set: str | None = None
    segment: str | None = None


@dataclass(frozen=True, slots=True)
class Champion:
    """The version that answers now where this one wants to go; the figures to beat."""

    version_id: str
    name: str
    digest: str | None
    metrics: tuple[MetricFact, ...]


class Source(StrEnum):
    """Who says so: the platform computed it, a pipeline pushed it, or a person stated it."""

    PLATFORM = "platform"
    PIPELINE = "pipeline"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class TestFact:
    """The last result of one test of a suite on this version; a segment is a test of its own."""

    __test__ = False  # the name is the field's; pytest must not collect it

    id: str
    suite: str
    test: str
    check: str
    outcome: Light
    value: float | None
    limit: str
    rows: int | None
    segment: str | None
    source: Source
    digest: str | None
    at: datetime


class Opinion(StrEnum):
    """What a validator concludes."""

    FIT = "fit"
    FIT_WITH_CONDITIONS = "fit_with_conditions"
    NOT_FIT = "not_fit"


@dataclass(frozen=True, slots=True)
class ValidationFact:
    """The last signed validation of this version: about these bytes and words, by this person."""

    id: str
    validator: str
    opinion: Opinion
    digest: str | None
    covers: str
    signed_at: datetime
    scope: str = "full"


class Severity(StrEnum):
    """How bad a finding is."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class FindingFact:
    """A finding about the model or this version as it stood at the moment that is judged."""

    id: str
    title: str
    severity: Severity
    state: str
    is_open: bool
    due: date | None
    of_validation: str | None = None  # a condition of this validation
    accepted_tier: int | None = None  # by the rules of which tier its risk is accepted


@dataclass(frozen=True, slots=True)
class WaiverFact:
    """A waiver in force: this requirement need not be met there, until then, in no stricter tier."""

    id: str
    requirement_id: str
    environment_id: str  # "" for every environment
    from_at: datetime
    to_at: datetime
    tier: int = 1  # by whose rules it was decided


@dataclass(frozen=True, slots=True)
class EmergencyFact:
    """An emergency change in force: these very files may go there until then, in no stricter tier."""

    id: str
    action: str
    environment_id: str
    digest: str | None
    from_at: datetime
    to_at: datetime
    tier: int = 1  # by whose rules it was agreed to


class EvidenceKind(StrEnum):
    """What a piece of evidence is."""

    DOCUMENT = "document"
    ATTESTATION = "attestation"
    REVIEW = "review"
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class EvidenceFact:
    """A document, an attestation, a review or a signature that somebody added and nobody withdrew."""

    id: str
    kind: EvidenceKind
    name: str
    by: str
    roles: frozenset[str]
    source: Source
    digest: str | None
    covers: str | None
    at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class MonitorFact:
    """A monitor that was switched on, with its light at that moment."""

    id: str
    name: str
    measures: str
    environment_id: str | None
    light: Light
    at: datetime | None


@dataclass(frozen=True, slots=True)
class StayFact:
    """How long these very bytes ran somewhere; still there when `to_at` is None."""

    revision_id: str
    environment_id: str
    environment: str
    is_protected: bool
    rank: int
    digest: str | None
    from_at: datetime
    to_at: datetime | None


@dataclass(frozen=True, slots=True)
class LineageFact:
    """Where a version comes from; frozen when it was made."""

    run_id: str | None
    commit: str | None
    data_set: str | None
    data_digest: str | None
    has_parameters: bool
    has_environment: bool


@dataclass(frozen=True, slots=True)
class CardFact:
    """How complete the model's card is for its tier, what is missing, and the digest of what it says."""

    share: Fraction
    missing: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Determination:
    """Whether this counts as a model at all; what does not is a tool."""

    id: str
    is_model: bool
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class StandingFact:
    """Where the model and this version stand in their life cycles, and what of that bars anything new."""

    model_state: str | None
    version_state: str | None
    barred: tuple[str, ...] = ()
