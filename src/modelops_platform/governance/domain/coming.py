"""What comes due: one line for each thing that ends, or that somebody has to do by a day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class ComingKind(StrEnum):
    """What it is that comes due or ends."""

    WAIVER = "waiver"
    OVERRIDE = "override"
    EVIDENCE = "evidence"
    FINDING = "finding"
    VALIDATION = "validation"
    REVIEW = "review"
    APPROVAL = "approval"
    EMERGENCY = "emergency"


COMING_WORDS = {
    ComingKind.WAIVER: ("Waivers", "The waiver ends; the gate asks again for what it set aside."),
    ComingKind.OVERRIDE: ("Tier overrides", "The override ends; the tier that the answers give counts again."),
    ComingKind.EVIDENCE: ("Evidence", "It counts no longer; the gate asks for a new one."),
    ComingKind.FINDING: ("Findings", "The weakness is to be remedied."),
    ComingKind.VALIDATION: ("Validations", "The validator signs the report."),
    ComingKind.REVIEW: ("Reviews", "The model is to be reviewed or assessed again."),
    ComingKind.APPROVAL: ("Approvals", "The request is decided, or its policy says what happens."),
    ComingKind.EMERGENCY: ("Emergencies", "The full gate is to be passed."),
}


@dataclass(frozen=True, slots=True)
class Coming:
    """Something about a model that ends or is due on a day, and the page where it is dealt with."""

    on: date
    kind: ComingKind
    model: str
    what: str
    route: str
    parameters: Mapping[str, str]
    requirement_id: str | None = None  # what a waiver sets aside
