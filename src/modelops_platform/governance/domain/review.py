"""Who may say that a model does little harm, for how long that holds, and what makes it be asked anew.

Whoever builds a model may answer its questionnaire. Tier 1, the strictest, counts at once; a lower one is a proposal
until somebody independent who watches over risk there has made or confirmed it, and is judged as tier 1 until then.
The same holds for saying that something is no model at all. An override lets another tier count for a while; only
time and the words of people end it, nothing needs to run for that.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .questionnaire import Tier

REVIEWING = frozenset({"admin", "risk", "compliance", "validator"})
LOWERING = frozenset({"risk"})
LONGEST_OVERRIDE = timedelta(days=366)

REMEMBERED: Mapping[str, str] = {
    "eu_class": "class under the EU AI Act",
    "affects_people": "answer to whether it affects people",
    "use_case_id": "use case",
    "kind": "kind of model",
    "vendor": "vendor",
}
"""What of a model's record an assessment rests on, in words; a change of it re-opens the assessment."""


def counts(tier: Tier, reviewed_by: str | None, involved: AbstractSet[str]) -> bool:
    """Tell whether an assessment is in force: tier 1 always, a lower one by the word of somebody not involved."""
    return tier is Tier.CRITICAL or is_independent(reviewed_by, involved)


def is_independent(person_id: str | None, involved: AbstractSet[str]) -> bool:
    """Tell whether somebody said it who neither made the model nor answers for it."""
    return person_id is not None and person_id not in involved


def why_not_review(
    person_id: str, roles: AbstractSet[str], involved: AbstractSet[str], *, is_person: bool
) -> str | None:
    """Say in words why somebody's word does not bring a lower tier into force; None when it does."""
    if not is_person:
        return "Only people confirm an assessment; a service account never does."
    if person_id in involved:
        return "You own this model, develop it or made a version of it, so others confirm its tier."
    if not roles & REVIEWING:
        return f"You hold none of the roles that confirm a tier here: {', '.join(sorted(REVIEWING))}."
    return None


@dataclass(frozen=True, slots=True)
class Override:
    """Another tier than the answers give, asked by one person and confirmed by another, until it expires."""

    id: str
    assessment_id: str
    computed: Tier
    tier: Tier
    reason: str
    asked_by: str
    confirmed_by: str
    from_at: datetime
    to_at: datetime

    def holds(self, at: datetime) -> bool:
        """Tell whether it is in force at a moment; its last moment no longer is."""
        return self.from_at <= at < self.to_at


def overridden(
    computed: Tier,
    assessment_id: str,
    override: Override | None,
    at: datetime,
    involved: AbstractSet[str] = frozenset(),
) -> Tier:
    """Return the tier that counts. A stricter override always does; a laxer one only for the answers it was about.

    Who confirmed a laxer one and answers for the model now has confirmed nothing.
    """
    if override is None or not override.holds(at):
        return computed
    if override.tier < computed:
        return override.tier
    is_about_these = override.assessment_id == assessment_id and is_independent(override.confirmed_by, involved)
    return override.tier if is_about_these else computed


def why_not_override(
    person_id: str,
    roles: AbstractSet[str],
    involved: AbstractSet[str],
    *,
    asked_by: str,
    is_person: bool,
    lowers: bool,
) -> str | None:
    """Say in words why somebody's word does not bring an override into force; None when it does."""
    if not is_person:
        return "Only people confirm an override; a service account never does."
    if person_id == asked_by:
        return "You asked for it, so somebody else confirms it."
    if not lowers:
        return None if roles & REVIEWING else f"Only these roles confirm it: {', '.join(sorted(REVIEWING))}."
    if person_id in involved:
        return "You own this model, develop it or made a version of it, so others may lower its tier."
    if not roles & LOWERING:
        return "Only a risk officer of this model lowers its tier."
    return None


def reopened_by(then: Mapping[str, object] | None, now: Mapping[str, object]) -> tuple[str, ...]:
    """Name what of the record changed since it was assessed; only what was remembered then is compared."""
    return tuple(
        f"The {words} changed since then"
        + (f" from {_word(then[key])} to {_word(now.get(key))}." if _tells(key) else ".")
        for key, words in REMEMBERED.items()
        if then is not None and key in then and then[key] != now.get(key)
    )


def _tells(key: str) -> bool:
    return not key.endswith("_id")


def _word(value: object) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).replace("_", " ")[:80]


def due_on(assessed_at: datetime, *day_counts: int | None) -> date | None:
    """Return the day after which the first of these no longer counts the assessment; None when none of them ends."""
    days = [count for count in day_counts if count]
    return (assessed_at + timedelta(days=min(days))).date() if days else None
