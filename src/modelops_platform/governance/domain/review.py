"""Who may say that a model does little harm: somebody who neither made it nor answers for it.

Whoever builds a model may answer its questionnaire. Tier 1, the strictest, counts at once; a lower one is a proposal
until somebody independent who watches over risk there has made or confirmed it, and is judged as tier 1 until then.
"""

from collections.abc import Set as AbstractSet

from .questionnaire import Tier

REVIEWING = frozenset({"admin", "risk", "compliance", "validator"})


def counts(tier: Tier, reviewed_by: str | None, involved: AbstractSet[str]) -> bool:
    """Tell whether an assessment is in force: tier 1 always, a lower one by the word of somebody not involved."""
    return tier is Tier.CRITICAL or (reviewed_by is not None and reviewed_by not in involved)


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
