"""What waits for one person: of which kind, about what, and by when."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class WorkKind(StrEnum):
    """What somebody is wanted for; the order is that of the page."""

    VOTE = "vote"
    EMERGENCY = "emergency"
    WAIVER = "waiver"
    VERIFY = "verify"
    DUE_DATE = "due_date"
    CONDITION = "condition"
    FINDING = "finding"
    VALIDATION = "validation"
    TIER = "tier"
    DETERMINATION = "determination"
    OVERRIDE = "override"
    SUITE = "suite"
    ENDING = "ending"
    REVIEW = "review"
    ATTESTATION = "attestation"
    REQUEST = "request"


WORK_WORDS = {
    WorkKind.VOTE: ("Your vote", "Vote"),
    WorkKind.EMERGENCY: ("Emergency changes to agree to", "Answer"),
    WorkKind.WAIVER: ("Waivers to decide", "Decide"),
    WorkKind.VERIFY: ("Findings to verify", "Verify"),
    WorkKind.DUE_DATE: ("Due dates to decide", "Decide"),
    WorkKind.CONDITION: ("Conditions of validations to meet", "Work on it"),
    WorkKind.FINDING: ("Findings to work on", "Work on it"),
    WorkKind.VALIDATION: ("Validations assigned to you", "Validate"),
    WorkKind.TIER: ("Tiers to confirm", "Confirm"),
    WorkKind.DETERMINATION: ("Tools to confirm", "Confirm"),
    WorkKind.OVERRIDE: ("Overrides of tiers to confirm", "Confirm"),
    WorkKind.SUITE: ("Test suites to confirm", "Confirm"),
    WorkKind.ENDING: ("Waivers that end soon", "Look"),
    WorkKind.REVIEW: ("Reviews due", "Review"),
    WorkKind.ATTESTATION: ("Attestations due", "Attest"),
    WorkKind.REQUEST: ("Your own requests", "Look"),
}
"""For each kind its heading, and the verb of its link."""


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One thing that waits: `route` and `parameters` lead to where it is done."""

    kind: WorkKind
    text: str
    detail: str
    route: str
    parameters: tuple[tuple[str, str], ...]
    due: date | None = None
    since: datetime | None = None

    @property
    def is_mine_to_do(self) -> bool:
        """Tell whether somebody is wanted; one's own requests wait for others."""
        return self.kind is not WorkKind.REQUEST

    def is_overdue(self, today: date) -> bool:
        """Tell whether its day has passed."""
        return self.due is not None and self.due < today


def in_order(items: list[WorkItem]) -> list[WorkItem]:
    """Return the items as people take them: what is due first, then by kind, then what waits longest."""
    kinds = list(WorkKind)

    def key(item: WorkItem) -> tuple[bool, date, int, str, str]:
        since = item.since.isoformat() if item.since else ""
        return item.due is None, item.due or date.max, kinds.index(item.kind), since, item.text

    return sorted(items, key=key)
