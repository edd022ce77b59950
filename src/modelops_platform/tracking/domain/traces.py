"""What traces and assessments may hold, and how they write times."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from modelops_platform.core.errors import InvalidInput

from .limits import LONGEST_KEY, LONGEST_TAG, checked_key

LONGEST_ID, LONGEST_NAME, LONGEST_PREVIEW, LONGEST_TEXT = 250, 250, 10_000, 100_000
SHOWN_PREVIEW = 1_000  # of what is taken from spans
DEEPEST, MOST_WORDS, MOST_LINKS, MOST_PROMPTS, MOST_AT_ONCE = 50, 200, 100, 100, 1_000
_ID = re.compile(r"[a-zA-Z0-9][\w\-.:]{0,249}")
NAME, SPANS_AT, ARTIFACTS_AT, PROMPTS = (
    "mlflow.traceName", "mlflow.trace.spansLocation", "mlflow.artifactLocation", "mlflow.linkedPrompts",
)  # fmt: skip
RUN, SESSION, USER, TOKENS, COST = (
    "mlflow.sourceRun", "mlflow.trace.session", "mlflow.trace.user", "mlflow.trace.tokenUsage", "mlflow.trace.cost",
)  # fmt: skip
HERE = "TRACKING_STORE"


class TraceState(StrEnum):
    """How a trace ended, in the order of the protocol's numbers."""

    OK = "OK"
    ERROR = "ERROR"
    IN_PROGRESS = "IN_PROGRESS"
    STATE_UNSPECIFIED = "STATE_UNSPECIFIED"


class AssessmentKind(StrEnum):
    """What an assessment says: how good it was, what it should have been, or which problem it shows."""

    FEEDBACK = "feedback"
    EXPECTATION = "expectation"
    ISSUE = "issue"


class SourceType(StrEnum):
    """Who assesses, in the order of the protocol's numbers."""

    HUMAN = "HUMAN"
    LLM_JUDGE = "LLM_JUDGE"
    CODE = "CODE"
    AI_JUDGE = "AI_JUDGE"
    SOURCE_TYPE_UNSPECIFIED = "SOURCE_TYPE_UNSPECIFIED"


@dataclass(slots=True)
class ToldAssessment:
    """An assessment as somebody gives it."""

    name: str
    kind: AssessmentKind
    content: dict[str, Any]
    source_type: SourceType
    source_id: str
    id: str | None = None
    span_id: str | None = None
    overrides: str | None = None
    is_valid: bool = True
    created_ms: int | None = None

    def check(self) -> None:
        """Raise InvalidInput for what is too long."""
        for what, text, most in (
            ("assessment_name", self.name, LONGEST_NAME),
            ("assessment_id", self.id or "", LONGEST_ID),
            ("source.source_id", self.source_id, LONGEST_NAME),
            ("span_id", self.span_id or "", LONGEST_ID),
            ("overrides", self.overrides or "", LONGEST_ID),
            ("rationale", self.content.get("rationale") or "", LONGEST_TEXT),
        ):
            checked_length(text, most, what)


@dataclass(slots=True)
class ToldTrace:
    """What a client says of a whole trace."""

    id: str
    start_ms: int
    state: TraceState
    duration_ms: int | None = None
    client_request_id: str | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    assessments: list[ToldAssessment] = field(default_factory=list)

    def check(self) -> None:
        """Raise InvalidInput for what is too long; values are cut, as clients expect."""
        if not _ID.fullmatch(self.id):
            raise InvalidInput(
                f"Invalid value {self.id[:80]!r} for parameter 'trace_id' supplied.",
                remedy=f"Use at most {LONGEST_ID} letters, digits, and the signs _ - . :",
                field="trace_id",
            )
        checked_length(self.client_request_id or "", LONGEST_PREVIEW, "client_request_id")
        self.tags, self.metadata = checked_words(self.tags, "tags"), checked_words(self.metadata, "trace_metadata")
        for preview in ("request_preview", "response_preview"):
            text = getattr(self, preview)
            setattr(self, preview, None if text is None else text[:LONGEST_PREVIEW])
        if len(self.assessments) > MOST_AT_ONCE:
            raise InvalidInput(f"A trace takes at most {MOST_AT_ONCE:,} assessments at once.", field="assessments")
        for assessment in self.assessments:
            assessment.check()


@dataclass(slots=True)
class TraceRecord:
    """A trace as it is read, without its spans."""

    id: str
    experiment_id: str
    start_ms: int
    duration_ms: int | None
    state: str
    client_request_id: str | None
    request_preview: str | None
    response_preview: str | None
    created_by: str
    tags: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    assessments: list[Any] = field(default_factory=list)


def checked_length(text: str, most: int, what: str) -> str:
    """Return the text. Raises InvalidInput."""
    if len(text) > most:
        raise InvalidInput(f"'{what}' exceeds the maximum length of {most:,} characters.", field=what)
    return text


def checked_words(words: Mapping[str, str], what: str) -> dict[str, str]:
    """Return tags or metadata with their values cut to what is kept. Raises InvalidInput."""
    if len(words) > MOST_WORDS:
        raise InvalidInput(f"A trace takes at most {MOST_WORDS} of '{what}' at once.", field=what)
    return {checked_key(key, "Trace key", f"{what}.key"): value[:LONGEST_TAG] for key, value in words.items()}


def keeps_word(key: str) -> bool:
    """Say whether a word that nobody is there to be told of can be kept as a tag."""
    try:
        checked_key(key, "Trace key")
    except InvalidInput:
        return False
    return bool(key) and len(key) <= LONGEST_KEY


def checked_json(value: Any, what: str, depth: int = 0) -> Any:
    """Return a JSON value that databases and clients keep: no NaN, no infinity, not too deep. Raises InvalidInput."""
    if depth > DEEPEST:
        raise InvalidInput(f"'{what}' is nested too deeply.", field=what)
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidInput(f"'{what}' holds a number that is not finite, which JSON does not know.", field=what)
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        checked_json(inner, what, depth + 1)
    return value


def comparable(value: Any) -> tuple[str | None, float | None]:
    """Return a JSON value as a search compares it: as text, and as a number if it is one."""
    if value is None:
        return None, None
    if isinstance(value, str):
        return value, None
    text = msgspec.json.encode(value).decode()
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    return text, float(value) if is_number and math.isfinite(value) else None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST_MS, _LATEST_MS = -62_135_596_800_000, 253_402_300_799_999  # the years 1 to 9999
_DURATION = re.compile(r"(-?\d{1,12})(?:\.(\d{1,9}))?s")


def print_time(ms: int) -> str:
    """Return Unix milliseconds as the protocol writes points in time: RFC 3339, a fraction only where there is one."""
    moment = _EPOCH + timedelta(milliseconds=min(max(ms, _EARLIEST_MS), _LATEST_MS))
    text = moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    return f"{text}.{ms % 1000:03d}Z" if ms % 1000 else f"{text}Z"


def read_time(value: Any, what: str) -> int:
    """Return a point in time as Unix milliseconds; numbers are taken for such. Raises InvalidInput."""
    ms: int | None = None
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            ms = (moment - _EPOCH) // timedelta(milliseconds=1)
        except (ValueError, OverflowError):
            ms = None
    elif isinstance(value, int) and not isinstance(value, bool):
        ms = value
    if ms is None or not _EARLIEST_MS <= ms <= _LATEST_MS:
        raise InvalidInput(
            f"Invalid value {str(value)[:80]!r} for parameter '{what}' supplied: no point in time.",
            remedy="Write it like 2026-05-03T12:00:00.123Z.",
            field=what,
        )
    return ms


def print_duration(ms: int) -> str:
    """Return milliseconds as the protocol writes durations."""
    seconds, rest = divmod(abs(ms), 1000)
    return f"{'-' if ms < 0 else ''}{seconds}{f'.{rest:03d}' if rest else ''}s"


def read_duration(value: Any, what: str) -> int:
    """Return a duration in milliseconds. Raises InvalidInput."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise InvalidInput(
            f"Invalid value {str(value)[:80]!r} for parameter '{what}' supplied: no duration.",
            remedy="Write it like 0.098s.",
            field=what,
        )
    ms = abs(int(found[1])) * 1000 + int((found[2] or "0").ljust(3, "0")[:3])
    return -ms if found[1].startswith("-") else ms
