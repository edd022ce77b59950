"""Shapes of planning policies, and of asking what drafts would change."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from modelops_platform.web.forms import AsOf, EmptyIsNone, In, Out, PageIn

from ..domain.plans import Change

# Not stripped: lines are counted from the first.
Document = Annotated[str, StringConstraints(strip_whitespace=False, min_length=1, max_length=200_000)]


class PlanIn(In):
    """Policies as they would be published, to be read and compared with those in force."""

    documents: list[Document] = Field(min_length=1, max_length=50, description="Each is one policy as YAML text.")


class PlanProblemOut(Out):
    """Why a document is no policy: what is wrong, on which line, at which key."""

    message: str
    remedy: str | None
    line: int | None
    field: str | None


class PlannedChangeOut(Out):
    """One line of a plan."""

    id: str
    title: str
    change: Change
    before: str | None
    after: str | None


class PlannedPolicyOut(Out):
    """What one document would change."""

    policy_id: str | None
    version: int | None
    in_force: int | None = Field(description="The version that it would replace; none: the policy is new.")
    problem: PlanProblemOut | None
    changes: list[PlannedChangeOut]


class PlanOut(Out):
    """What the documents would change, in their order."""

    items: list[PlannedPolicyOut]
    next: None = None


class WhatIfIn(In):
    """Ask what drafts of policies would change for every model, before they are published."""

    documents: list[Document] = Field(min_length=1, max_length=20)
    title: str = Field(default="", max_length=250, description="What the question is called; by default the policies.")


class WhatIfForm(In):
    """The same question from the editor, about one draft."""

    document: Document
    reason: str = Field(default="", max_length=2000, description="Not asked for here; the editor sends it along.")


class WhatIfOut(Out):
    """A question about drafts, and what it found once its job is done."""

    id: str
    title: str
    asked_by: str
    asked_at: datetime
    done_at: datetime | None
    problem: str | None
    job_id: str | None
    summary: dict[str, Any] = Field(description="How many were judged, would newly fail or pass, by unit and tier.")


Would = Literal["fail", "pass"]


class WhatIfCasePage(PageIn):
    """Which of the changed answers to list."""

    would: Annotated[Would | None, EmptyIsNone] = None
    unit: Annotated[Annotated[str, Field(max_length=250)] | None, EmptyIsNone] = None
    tier: Annotated[Annotated[int, Field(ge=1, le=4)] | None, EmptyIsNone] = None


class WhatIfCaseOut(Out):
    """One version towards one environment whose answer would change."""

    id: str
    model: str
    version: int
    environment: str
    unit_id: str
    tier: int
    would: Would
    unmet: list[str]
    policy: str


class CompliancePage(PageIn):
    """Which standings to list."""

    unit: Annotated[Annotated[str, Field(max_length=250)] | None, EmptyIsNone] = None
    tier: Annotated[Annotated[int, Field(ge=1, le=4)] | None, EmptyIsNone] = None
    outcome: Annotated[Literal["allow", "deny"] | None, EmptyIsNone] = None
    environment: Annotated[Annotated[str, Field(max_length=250)] | None, EmptyIsNone] = None
    live: Annotated[bool | None, EmptyIsNone] = Field(default=None, description="Only what runs there, or does not.")
    requirement: Annotated[Annotated[str, Field(max_length=100)] | None, EmptyIsNone] = Field(
        default=None, description="Only where this requirement is not met."
    )
    at: AsOf = Field(default=None, description="As it was at that moment; a bare date is its last one.")


class ComplianceOut(Out):
    """How one model stands towards one protected environment, since when."""

    id: str
    model: str
    version: int
    environment: str
    is_live: bool
    tier: int
    outcome: Literal["allow", "deny"]
    unmet: list[str]
    policy_id: str | None
    policy_version: int | None
    facts_digest: str
    from_at: datetime
    to_at: datetime | None


class ComplianceCountsOut(Out):
    """How many stand how, in all, by tier and by unit."""

    total: int
    met: int
    unmet: int
    live_unmet: int
    by_tier: list[dict[str, Any]]
    by_unit: list[dict[str, Any]]
    by_requirement: list[dict[str, Any]]
