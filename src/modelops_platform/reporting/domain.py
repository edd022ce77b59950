"""What leaders read off the inventory: who needs attention, and the whole in one sentence."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Attention(StrEnum):
    """Why a model needs somebody now; the first that applies is told."""

    FAILING = "failing"
    BLIND = "blind"
    UNASSESSED = "unassessed"


ATTENTION_WORDS = {
    Attention.FAILING: "a check fails or does not work",
    Attention.BLIND: "in use, but nobody knows how it does",
    Attention.UNASSESSED: "in use without a risk assessment",
}
FAILING_LIGHTS = frozenset({"fail", "error"})
UNKNOWN_LIGHTS = frozenset({"error", "no_data", "too_few_rows", "stale", "not_monitored"})
LIGHTS = ("fail", "error", "warn", "stale", "no_data", "too_few_rows", "not_monitored", "pass")


def attention(*, light: str, tier: int | None, is_live: bool) -> Attention | None:
    """Say why a model needs attention, or None; what is unknown about a live model is never good."""
    if light in FAILING_LIGHTS:
        return Attention.FAILING
    if is_live and light in UNKNOWN_LIGHTS:
        return Attention.BLIND
    if is_live and tier is None:
        return Attention.UNASSESSED
    return None


@dataclass(frozen=True, slots=True)
class Standing:
    """How many models share everything that leaders count by."""

    unit_id: str
    tier: int | None
    impact: int | None
    likelihood: int | None
    light: str
    state: str
    is_live: bool
    count: int

    @property
    def attention(self) -> Attention | None:
        """Why these models need attention."""
        return attention(light=self.light, tier=self.tier, is_live=self.is_live)


@dataclass(frozen=True, slots=True)
class Tally:
    """The inventory in numbers."""

    total: int
    live: int
    needing_attention: int
    by_tier: dict[int | None, int]
    by_light: dict[str, int]
    by_state: dict[str, int]
    by_unit: dict[str, int]
    by_attention: dict[Attention, int]
    by_cell: dict[tuple[int, int], int]


def tally(standings: Iterable[Standing]) -> Tally:
    """Add the standings up along everything that the page shows."""
    total = live = needing = 0
    by_tier: dict[int | None, int] = {}
    by_light: dict[str, int] = {}
    by_state: dict[str, int] = {}
    by_unit: dict[str, int] = {}
    by_attention: dict[Attention, int] = {}
    by_cell: dict[tuple[int, int], int] = {}
    for group in standings:
        total += group.count
        live += group.count if group.is_live else 0
        _add(by_tier, group.tier, group.count)
        _add(by_light, group.light, group.count)
        _add(by_state, group.state, group.count)
        _add(by_unit, group.unit_id, group.count)
        if group.attention is not None:
            needing += group.count
            _add(by_attention, group.attention, group.count)
        if group.impact is not None and group.likelihood is not None:
            _add(by_cell, (group.impact, group.likelihood), group.count)
    return Tally(total, live, needing, by_tier, by_light, by_state, by_unit, by_attention, by_cell)


def _add(counts: dict, key: object, count: int) -> None:  # type: ignore[type-arg]
    counts[key] = counts.get(key, 0) + count


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """The inventory on one day."""

    day: str
    total: int
    needing_attention: int


def sentence(now: Tally, before: TrendPoint | None) -> str:
    """Say the whole in one sentence: "18 models, 4 need attention, 2 more than a month ago."."""
    if now.total == 0:
        return "There is no model that you may see yet."
    models = f"{now.total:,} model{'' if now.total == 1 else 's'}"
    verb = "needs" if now.needing_attention == 1 else "need"
    text = f"{models}, {now.needing_attention or 'none'} {verb if now.needing_attention else 'needs'} attention"
    if before is None or before.total == 0:
        return f"{text}."
    change = now.needing_attention - before.needing_attention
    if change == 0:
        return f"{text}, as many as a month ago."
    return f"{text}, {abs(change):,} {'more' if change > 0 else 'fewer'} than a month ago."


class TaskKind(StrEnum):
    """What somebody is asked to do."""

    VOTE = "vote"
    WORK = "work"
    ALERT = "alert"
    ASSESS = "assess"
    WATCH = "watch"


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that needs this person, in words, with what it is about."""

    kind: TaskKind
    text: str
    model: str
    reference: str = ""
    detail: str = ""
    light: str | None = None
    at: datetime | None = None
    due: date | None = None
    label: str = ""
    route: str = ""  # of governance's work: where it is done, with the parameters of its path
    parameters: tuple[tuple[str, str], ...] = ()
