"""Rules of release control: environments, digest proof, traffic, and moments in time."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum

from modelops_platform.core.errors import InvalidInput
from modelops_platform.registry.domain.facets import Facet, FacetOption


class Served(StrEnum):
    """Where a deployment answers: in somebody else's system, or here."""

    ELSEWHERE = "elsewhere"
    HERE = "here"


class DigestProof(StrEnum):
    """Whether what runs is known to be what was allowed to run."""

    MATCH = "match"
    DIFFERS = "differs"
    NOT_REPORTED = "not_reported"
    UNVERIFIED = "unverified"


class Standing(StrEnum):
    """How a deployment stands: out of service, or live with one of the proofs."""

    DIFFERS = "differs"
    UNVERIFIED = "unverified"
    NOT_REPORTED = "not_reported"
    MATCH = "match"
    NOT_LIVE = "not_live"


def prove(approved: str | None, reported: str | None) -> DigestProof:
    """Compare the digest that was allowed with the one that the serving side says it runs.

    Without an approved digest nothing can be proved: an unverified version never becomes a verified one.
    """
    if approved is None:
        return DigestProof.UNVERIFIED
    if reported is None:
        return DigestProof.NOT_REPORTED
    return DigestProof.MATCH if approved == reported else DigestProof.DIFFERS


@dataclass(frozen=True, slots=True)
class DefaultEnvironment:
    """An environment that every workspace begins with."""

    name: str
    rank: int
    is_protected: bool
    description: str


DEFAULT_ENVIRONMENTS = (
    DefaultEnvironment("development", 10, False, "Where models are tried out. Nothing depends on it."),
    DefaultEnvironment("staging", 20, False, "Where a version proves itself before people depend on it."),
    DefaultEnvironment("production", 30, True, "Where decisions are made. The policies judge every activation."),
)


def all_traffic_to(version: int) -> list[dict[str, str | int]]:
    """Return the plan that sends everything to one version; shares are percent and add up to 100."""
    return [{"role": "primary", "version": version, "share": 100}]


def next_moment(now: datetime, *marks: datetime | None) -> datetime:
    """Return the time of a change: now, but never before what was already written, should a clock run behind."""
    return max([now, *(mark for mark in marks if mark is not None)])


def read_moment(text: str | None, now: datetime) -> datetime | None:
    """Read a moment of the past; a bare date is its last one (UTC). None is now: today, or nothing given.

    Raises InvalidInput for what is no time, and for the future, about which nobody knows anything.
    """
    if text is None or not text.strip():
        return None
    try:
        at = _parse(text.strip())
    except (ValueError, OverflowError):
        raise _not_a_moment(text, "is not a time", "Write 2026-05-03, or 2026-05-03T14:00:00Z.") from None
    if at.date() == now.date() and _is_date(text.strip()):
        return None
    if at > now:
        raise _not_a_moment(text, "lies in the future", "Ask about now or a time before.")
    return at


def _parse(text: str) -> datetime:
    if _is_date(text):
        return datetime.combine(date.fromisoformat(text), time.max, UTC)
    at = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)  # a plus sign in an address is a space
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _is_date(text: str) -> bool:
    return len(text) == 10 and text.isascii()


def _not_a_moment(text: str, what: str, remedy: str) -> InvalidInput:
    return InvalidInput(f"{text[:40]!r} {what}.", remedy=remedy, field="at", value=text[:40])


FACETS = {"environment": "Environment", "standing": "Proof", "unit": "Unit"}
STANDING_WORDS = {
    Standing.MATCH: "Digest matches",
    Standing.DIFFERS: "Digest differs",
    Standing.NOT_REPORTED: "Not reported",
    Standing.UNVERIFIED: "Unverified",
    Standing.NOT_LIVE: "Not live",
}


def count_facets(
    counted: Iterable[tuple[Mapping[str, str], int]], chosen: Mapping[str, str]
) -> tuple[int, list[Facet]]:
    """Return how many deployments match, and the facets with their counts.

    Args:
        counted: How many deployments have each combination of facet values, whatever was chosen.
        chosen: The value chosen of each narrowed facet. A facet's own choice does not narrow its own counts.
    """
    rows = list(counted)
    total = sum(count for values, count in rows if _fits(values, chosen, but=None))
    return total, [Facet(name, label, _options(name, rows, chosen)) for name, label in FACETS.items()]


def _fits(values: Mapping[str, str], chosen: Mapping[str, str], *, but: str | None) -> bool:
    return all(values[name] == value for name, value in chosen.items() if name != but)


def _options(name: str, rows: list[tuple[Mapping[str, str], int]], chosen: Mapping[str, str]) -> list[FacetOption]:
    counts: Counter[str] = Counter()
    for values, count in rows:
        counts[values[name]] += count if _fits(values, chosen, but=name) else 0
    active = chosen.get(name)
    shown = [value for value in counts if counts[value] or value == active]
    if active is not None and active not in counts:
        shown.append(active)
    if name == "standing":
        shown.sort(key=lambda value: list(Standing).index(Standing(value)))
    return [FacetOption(value, _in_words(name, value), counts[value], value == active) for value in shown]


def _in_words(name: str, value: str) -> str:
    return STANDING_WORDS[Standing(value)] if name == "standing" else value
