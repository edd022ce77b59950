"""What people add about a model: words of attestations, how fresh a password must be, reviews and their outcomes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from .documents import Fields, as_integer, unique
from .questionnaire import Tier


class ReviewOutcome(StrEnum):
    """What a periodic review came to."""

    CONTINUE = "continue"
    CONTINUE_WITH_FINDINGS = "continue_with_findings"
    RESTRICT = "restrict"
    RETIRE = "retire"


@dataclass(frozen=True, slots=True)
class Statement:
    """Something that people attest, in the very words that are shown and signed."""

    word: str
    meaning: str
    text: str
    days: int


@dataclass(frozen=True, slots=True)
class EvidenceRules:
    """Everything the data file says."""

    statements: Mapping[str, Statement]
    fresh_password: timedelta
    fresh_password_tiers: frozenset[Tier]
    review_due_notice_days: int

    def needs_password(self, tier: Tier | None, proved_at: datetime | None, now: datetime) -> bool:
        """Tell whether whoever attests must type the password again; `proved_at` is None without a password."""
        if proved_at is None or (tier or Tier.CRITICAL) not in self.fresh_password_tiers:
            return False
        return not timedelta(0) <= now - proved_at <= self.fresh_password


def read_evidence_rules(data: object) -> EvidenceRules:
    """Read the data file. Raises InvalidInput."""
    fields = Fields(data, "")
    fields.id()
    fields.integer("version", 1, 1_000_000)
    fields.text("source")
    fields.value("checked")
    minutes = fields.integer("fresh_password_minutes", 1, 1440)
    tiers = fields.list("fresh_password_tiers", lambda item, place: Tier(as_integer(item, place, 1, 4)), empty=True)
    notice = fields.integer("review_due_notice_days", 1, 365)
    statements = fields.mappings("statements", _read_statement)
    fields.done()
    unique((statement.word for statement in statements), "statements")
    by_word = {statement.word: statement for statement in statements}
    return EvidenceRules(by_word, timedelta(minutes=minutes), frozenset(tiers), notice)


def _read_statement(fields: Fields) -> Statement:
    return Statement(fields.text("word"), fields.text("meaning"), fields.text("text"), fields.integer("days", 1, 3660))
