"""Shapes of assessing risk."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StrictBool, StrictInt

from modelops_platform.web.forms import In, Moment, Out

from .shared import Sentence


class AssessmentIn(In):
    """Answers to the risk questionnaire; what is left out counts as the worst answer."""

    answers: dict[str, StrictInt | None] = Field(
        default_factory=dict, max_length=200, description="Score 0 to 4 by question.", examples=[{"I1": 2, "I2": 0}]
    )
    facts: dict[str, StrictBool | str | None] = Field(
        default_factory=dict,
        max_length=50,
        description="Facts asked beside, such as eu_class.",
        examples=[{"gdpr22": False}],
    )
    reason: str = Field(default="", max_length=2000, description="Why it is assessed now.")


class AssessmentOut(Out):
    """One assessment: answers, scores, floors, tier, and from when to when it was in force."""

    id: str
    model_id: str
    questionnaire_id: str
    questionnaire_version: int
    answers: dict[str, int]
    facts: dict[str, Any]
    result: dict[str, Any]
    tier: int
    total: str
    reason: str
    assessed_by: str
    reviewed_by: str | None = Field(
        description="Who independent has made or confirmed it; while nobody has, a tier below 1 is a proposal only."
    )
    reviewed_at: datetime | None
    from_at: datetime
    to_at: datetime | None


class OverrideIn(In):
    """Another tier than the answers give, for a while."""

    tier: int = Field(ge=1, le=4, description="The tier that shall count.")
    reason: Sentence = Field(description="Why the answers do not say it all.")
    expires_at: Moment = Field(description="Until when, at most twelve months.", examples=["2027-03-31T00:00:00Z"])


class EndIn(In):
    """Why something ends."""

    reason: Sentence


class OverrideOut(Out):
    """An override as it stands: asked, in force from `from_at` to `to_at`, or ended."""

    id: str
    model_id: str
    assessment_id: str
    computed_tier: int
    tier: int
    reason: str
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    confirmed_by: str | None
    from_at: datetime | None
    to_at: datetime | None
    ended_by: str | None
    end_reason: str


class OverridesOut(Out):
    """The overrides of a model, the newest first."""

    items: list[OverrideOut]
    next: None = None


class DeterminationIn(In):
    """Whether something counts as a model."""

    is_model: bool = Field(description="False: it is a tool, kept in the inventory without the duties of a model.")
    reason: Sentence = Field(description="Why.")


class DeterminationOut(Out):
    """A determination, and from when to when it stood."""

    id: str
    model_id: str
    is_model: bool
    reason: str
    decided_by: str
    reviewed_by: str | None = Field(description="Who independent has made or confirmed it.")
    reviewed_at: datetime | None
    from_at: datetime
    to_at: datetime | None


class DeterminationsOut(Out):
    """The determinations of a model, the newest first."""

    items: list[DeterminationOut]
    next: None = None


class ClassificationIn(In):
    """Answers to the guided questions, as far as the class."""

    answers: dict[Annotated[str, Field(max_length=100)], Annotated[str, Field(max_length=100)]] = Field(
        max_length=100, description="The id of the answer by the id of the question.", examples=[{"ai-system": "no"}]
    )
    reason: str = Field(default="", max_length=2000, description="What the answers do not say.")


class ClassificationOut(Out):
    """A class under the EU AI Act with the trail that led to it."""

    id: str
    model_id: str
    guide_id: str
    guide_version: int
    answers: dict[str, str]
    trail: list[dict[str, str]]
    eu_class: str
    reason: str
    decided_by: str
    from_at: datetime
    to_at: datetime | None


class ClassificationsOut(Out):
    """The classes of a model, the newest first."""

    items: list[ClassificationOut]
    next: None = None
