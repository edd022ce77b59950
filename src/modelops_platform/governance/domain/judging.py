"""What a check says about a version: how it stands, on what evidence, and the way out."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .approvals import Seat


class Status(StrEnum):
    """How a requirement stands."""

    MET = "met"
    NOT_MET = "not_met"
    UNKNOWN = "unknown"
    WAIVED = "waived"
    NOT_APPLICABLE = "not_applicable"


OPEN = frozenset({Status.NOT_MET, Status.UNKNOWN})


class LinkKind(StrEnum):
    """Where a remedy is found; pages turn it into an address."""

    ASSESS_MODEL = "assess_model"
    CONFIRM_TIER = "confirm_tier"
    ADD_VERSION = "add_version"
    SHOW_FILES = "show_files"
    ASK_APPROVAL = "ask_approval"
    SHOW_POLICIES = "show_policies"
    RUN_TESTS = "run_tests"
    VALIDATE = "validate"
    SHOW_FINDINGS = "show_findings"
    ADD_EVIDENCE = "add_evidence"
    EDIT_MODEL = "edit_model"
    SHOW_MONITORS = "show_monitors"
    DEPLOY = "deploy"
    SHOW_GOVERNANCE = "show_governance"
    SHOW_LIFE_CYCLE = "show_life_cycle"
    SHOW_CARD = "show_card"


WHO_CAN = {
    LinkKind.ASSESS_MODEL: "whoever develops or owns the model, or watches over risk there",
    LinkKind.CONFIRM_TIER: "somebody independent who watches over risk there",
    LinkKind.ADD_VERSION: "a developer of the model",
    LinkKind.SHOW_FILES: "a developer of the model",
    LinkKind.ASK_APPROVAL: "the people who hold the roles still wanted",
    LinkKind.SHOW_POLICIES: "whoever manages policies",
    LinkKind.RUN_TESTS: "a developer, a validator, or a pipeline with a token",
    LinkKind.VALIDATE: "an independent validator",
    LinkKind.SHOW_FINDINGS: "the owner of each finding, and who raised it",
    LinkKind.ADD_EVIDENCE: "whoever can add evidence there, in the role that is asked for",
    LinkKind.EDIT_MODEL: "the owner or a developer of the model",
    LinkKind.SHOW_MONITORS: "a developer of the model, or a pipeline with a token",
    LinkKind.DEPLOY: "whoever deploys the model",
    LinkKind.SHOW_LIFE_CYCLE: "whom the life cycle names for the move",
    LinkKind.SHOW_CARD: "the owner or a developer of the model",
    LinkKind.SHOW_GOVERNANCE: "the owner of the model, or who watches over risk there",
}
"""Who can take each way out."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a judgement rests on: a kind of record and its id."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found, before the requirement's own words are added."""

    status: Status
    detail: str
    link: LinkKind
    evidence: tuple[Evidence, ...] = ()
    at: datetime | None = None
    seats: tuple[Seat, ...] = ()
    remedy: str | None = None


_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def day(moment: datetime) -> str:
    """Print a day as people write it."""
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def few(items: list[str], most: int = 3) -> str:
    """List a few things, and say how many more there are."""
    shown = ", ".join(items[:most])
    return shown if len(items) <= most else f"{shown} and {len(items) - most} more"


def join(words: "list[str] | tuple[str, ...]", last: str = "and") -> str:
    """Join words as people do: "a, b and c"."""
    if len(words) < 2:
        return words[0] if words else "nothing"
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def count(number: int, noun: str) -> str:
    """Print a number with its noun: "1 file", "2 files"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def number(value: float) -> str:
    """Print a figure as short as it can be told apart."""
    return f"{value:.6g}"


def worst(statuses: list[Status]) -> Status:
    """Join parts that must all be met: one that is not met decides, then one that nobody knows."""
    for status in (Status.NOT_MET, Status.UNKNOWN, Status.MET):
        if status in statuses:
            return status
    return Status.NOT_APPLICABLE
