"""What is known of the model itself: its tier, its determination, its state, its card, its review, plain facts."""

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import ClassVar, Self

from ..citable import Known, check_cited
from ..conditions import Condition, holds, leaves, read_condition
from ..documents import Fields
from ..facts import Facts
from ..judging import Evidence, Found, LinkKind, Status, day, few, join
from ..known import EvidenceKind
from ..policies import Policy
from ..review import REVIEWING
from ..words import describe_condition
from .ages import age_words, months_ago


@dataclass(frozen=True, slots=True)
class TierAssessed:
    """The risk questionnaire was answered, not longer ago than this."""

    name: ClassVar[str] = "tier_assessed"
    cites: ClassVar[frozenset[str]] = frozenset({"assessment", "people"})
    max_age_days: int | None

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        return cls(fields.integer_or_none("max_age_days", 1, 3660))

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        age = f", not longer than {self.max_age_days} days ago." if self.max_age_days else "."
        return f"The risk questionnaire is answered{age}"

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Look at the assessment in force."""
        tier = facts.tier
        if facts.determination is not None and not facts.determination.is_model:
            detail = "It is determined to be a tool, which has no score and is judged as tier 4."
            evidence = (Evidence("determination", facts.determination.id),)
            return Found(Status.NOT_APPLICABLE, detail, LinkKind.SHOW_GOVERNANCE, evidence, facts.determination.at)
        if tier is None:
            detail = "Nobody has assessed this model; it is judged as tier 1."
            return Found(Status.NOT_MET, detail, LinkKind.ASSESS_MODEL)
        evidence = (Evidence("risk_assessment", tier.assessment_id),)
        if facts.tier_in_force is None:
            detail = (
                f"Tier {tier.tier} is proposed, by somebody who made the model or answers for it; nobody independent"
                " has confirmed it, so it is judged as tier 1."
            )
            remedy = f"Have somebody else confirm it who holds {', '.join(sorted(REVIEWING))} there."
            return Found(Status.NOT_MET, detail, LinkKind.CONFIRM_TIER, evidence, tier.assessed_at, remedy=remedy)
        age = facts.now - tier.assessed_at
        detail = f"Tier {tier.tier}, score {tier.total}, assessed {day(tier.assessed_at)} with {tier.questionnaire}"
        if facts.tier_in_force != tier.tier and tier.override is not None:
            until = day(tier.override.to_at)
            detail += f", overridden to tier {facts.tier_in_force} until {until}: {tier.override.reason.rstrip('.')}"
        if tier.reopened:
            detail += f". It is due again. {' '.join(tier.reopened)}"
            return Found(Status.NOT_MET, detail, LinkKind.ASSESS_MODEL, evidence, tier.assessed_at)
        too_old = self.max_age_days is not None and age > timedelta(days=self.max_age_days)
        detail += f"; {age.days} days old, at most {self.max_age_days} count." if too_old else "."
        status = Status.NOT_MET if too_old else Status.MET
        return Found(status, detail, LinkKind.ASSESS_MODEL, evidence, tier.assessed_at)


@dataclass(frozen=True, slots=True)
class Determined:
    """Somebody has written down whether this counts as a model."""

    name: ClassVar[str] = "determined"
    cites: ClassVar[frozenset[str]] = frozenset({"determination"})
    is_model: bool | None

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        return cls(fields.flag("is_model", default=True) if fields.has("is_model") else None)

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        if self.is_model is None:
            return "It is written down whether this counts as a model."
        return f"It is determined to be {'a model' if self.is_model else 'a tool'}."

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Look at the determination."""
        found = facts.determination
        if found is None:
            detail = "Nobody has written down whether this counts as a model."
            return Found(Status.UNKNOWN, detail, LinkKind.SHOW_GOVERNANCE)
        detail = f"Determined to be {'a model' if found.is_model else 'a tool'}, {day(found.at)}."
        is_met = self.is_model is None or self.is_model is found.is_model
        evidence = (Evidence("determination", found.id),)
        return Found(Status.MET if is_met else Status.NOT_MET, detail, LinkKind.SHOW_GOVERNANCE, evidence, found.at)


@dataclass(frozen=True, slots=True)
class InState:
    """The life cycle has come to one of these states."""

    name: ClassVar[str] = "lifecycle_state"
    cites: ClassVar[frozenset[str]] = frozenset({"lifecycle_state"})
    states: tuple[str, ...]

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        return cls(fields.list("states", lambda value, place: Fields({"state": value}, place).id("state")))

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        return f"The life cycle stands at {join([_spoken(state) for state in self.states], 'or')}."

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Look at the state."""
        if facts.lifecycle_state is None:
            return Found(Status.UNKNOWN, "Nobody knows the state of the life cycle.", LinkKind.SHOW_GOVERNANCE)
        status = Status.MET if facts.lifecycle_state in self.states else Status.NOT_MET
        return Found(status, f"It is {_spoken(facts.lifecycle_state)}.", LinkKind.SHOW_GOVERNANCE)


def _spoken(state: str) -> str:
    return state.replace("_", " ")


@dataclass(frozen=True, slots=True)
class CardComplete:
    """So much of the card is filled in, and valid."""

    name: ClassVar[str] = "card_complete"
    cites: ClassVar[frozenset[str]] = frozenset({"card"})
    at_least_percent: int

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        return cls(fields.integer("at_least_percent", 1, 100))

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        return f"At least {self.at_least_percent} % of the card is filled in and valid."

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Look at how complete the card is."""
        card = facts.card
        if card is None:
            return Found(Status.UNKNOWN, "Nobody knows how complete the card is.", LinkKind.SHOW_CARD)
        percent = int(card.share * 100)
        if card.share >= Fraction(self.at_least_percent, 100):
            return Found(Status.MET, f"The card is {percent} % complete.", LinkKind.SHOW_CARD)
        missing = f"; missing: {few(list(card.missing), 5)}" if card.missing else ""
        detail = f"The card is {percent} % complete, wanted are {self.at_least_percent} %{missing}."
        return Found(Status.NOT_MET, detail, LinkKind.SHOW_CARD)


@dataclass(frozen=True, slots=True)
class ReviewCurrent:
    """The model was reviewed, assessed or validated not longer ago than this, with some days of grace.

    A review by who made the version does not count: nobody looks back at their own work alone.
    """

    name: ClassVar[str] = "review_current"
    cites: ClassVar[frozenset[str]] = frozenset({"evidence", "assessment", "validation"})
    max_age_months: int
    grace_days: int

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        return cls(fields.integer("max_age_months", 1, 120), fields.integer_or_none("grace_days", 0, 365) or 0)

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        grace = f", with {self.grace_days} days of grace" if self.grace_days else ""
        months = age_words(self.max_age_months)
        return f"The last review, assessment or validation is at most {months} old{grace}."

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Look for the newest moment at which somebody looked at the model as a whole."""
        makers = {facts.author, *facts.committers}
        reviews = [piece for piece in facts.evidence or () if piece.kind is EvidenceKind.REVIEW]
        looks = [("review", piece.id, piece.at) for piece in reviews if piece.by not in makers]
        if facts.tier is not None and facts.tier_in_force is not None:
            looks.append(("risk_assessment", facts.tier.assessment_id, facts.tier.assessed_at))
        if facts.validation is not None:
            looks.append(("validation", facts.validation.id, facts.validation.signed_at))
        if not looks:
            status = Status.UNKNOWN if facts.evidence is None else Status.NOT_MET
            return Found(status, "Nobody beside its makers has reviewed this model.", LinkKind.ADD_EVIDENCE)
        kind, id, at = max(looks, key=lambda look: (look[2], look[1]))
        is_met = months_ago(facts.now, self.max_age_months) - at <= timedelta(days=self.grace_days)
        detail = f"Last looked at {day(at)}, {(facts.now - at).days} days ago ({kind.replace('_', ' ')})."
        status = Status.MET if is_met else Status.NOT_MET
        return Found(status, detail, LinkKind.ADD_EVIDENCE, (Evidence(kind, id),), at)


@dataclass(frozen=True, slots=True)
class FactHolds:
    """A condition over the facts holds."""

    name: ClassVar[str] = "fact"
    that: Condition

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read it from a document. Raises InvalidInput."""
        place = fields.place("that")
        condition = read_condition(fields.value("that"), place)
        check_cited(condition, place)
        return cls(condition)

    @property
    def cites(self) -> frozenset[str]:
        """The facts that it looks at."""
        return frozenset(str(getattr(leaf, "fact", "")) for leaf in leaves(self.that))

    @property
    def demand(self) -> str:
        """Say in words when it is met."""
        words = describe_condition(self.that)
        return f"{words[0].upper()}{words[1:]}."

    def find(self, facts: Facts, policy: Policy) -> Found:
        """Look at the facts themselves."""
        known = Known(facts)
        values = sorted({(str(name), known[str(name)]) for name in self.cites}, key=lambda pair: pair[0])
        detail = "; ".join(
            f"{name.removeprefix('field.').replace('_', ' ')} is {'not recorded' if value is None else value}"
            for name, value in values
        )
        status = {True: Status.MET, False: Status.NOT_MET, None: Status.UNKNOWN}[holds(self.that, {}, known)]
        return Found(status, f"{detail[0].upper()}{detail[1:]}.", LinkKind.EDIT_MODEL)
