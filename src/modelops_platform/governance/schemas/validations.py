"""Shapes of validating a version: the plan, the report part by part, the sign-off."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AliasPath, Field

from modelops_platform.core.errors import InvalidInput
from modelops_platform.web.forms import EmptyIsNone, In, Out

from ..domain.findings import Category, Likelihood
from ..domain.known import Opinion, Severity
from ..domain.validation import Scope
from .findings import Day
from .shared import Name, Sentence


class ValidationIn(In):
    """A validation to plan."""

    version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    validator: Name = Field(default=None, description="Id of the person; by default whom the model's record names.")
    scope: Annotated[Scope | None, EmptyIsNone] = Field(default=None, description="By default as the tier asks for.")
    due: Day = Field(default=None, description="By default as long as the scope may take.")
    note: Annotated[str, Field(max_length=2_000)] = ""


class PartIn(In):
    """What the validator writes into one part of the report."""

    part: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,39}$")
    text: Annotated[str, Field(min_length=1, max_length=20_000)]


class PartsIn(In):
    """The parts of a report as its page has them, those that are still empty too; and the one that is looked at."""

    part: list[str] = Field(max_length=100)
    text: list[Annotated[str, Field(max_length=20_000)]] = Field(max_length=100)
    at: Annotated[str, Field(max_length=40)] = ""

    def written(self) -> list[PartIn]:
        """Return the parts that hold words. Raises InvalidInput for parts and texts that are not as many."""
        if len(self.part) != len(self.text):
            raise InvalidInput(
                f"There are {len(self.part)} parts but {len(self.text)} texts.",
                remedy="Send a text with each part.",
                field="text",
            )
        texts = [text.replace("\r\n", "\n") for text in self.text]  # browsers end lines as mail does
        return [PartIn(part=part, text=text) for part, text in zip(self.part, texts, strict=True) if text]


class ConditionIn(In):
    """A finding of the validation, rated and with a date."""

    title: Annotated[str, Field(min_length=1, max_length=250)]
    description: Annotated[str, Field(min_length=1, max_length=10_000)]
    recommendation: Annotated[str, Field(max_length=10_000)] = ""
    category: Category
    severity: Severity
    likelihood: Likelihood = Likelihood.MEDIUM
    due: Day = None


class SignIn(In):
    """The validator's word."""

    opinion: Opinion
    sentence: Sentence = Field(description="Why, in a sentence.")
    covers: str = Field(pattern=r"^[0-9a-f]{64}$", description="`covers` of the report that was read.")
    digest: Annotated[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None, EmptyIsNone] = Field(
        default=None, description="`digest` of the report that was read."
    )


class CallOffIn(In):
    """Why a validation is not done."""

    sentence: Sentence


class SignatureOut(Out):
    """A signed opinion, about which bytes and words."""

    opinion: str
    sentence: str
    statement: str
    validator_id: str
    digest: str | None
    covers: str
    sha256: str
    at: datetime


class ValidationOut(Out):
    """A validation."""

    id: str
    model: str = Field(validation_alias=AliasPath("model", "name"))
    version: int = Field(validation_alias=AliasPath("version", "number"))
    scope: str
    state: str
    validator_id: str
    note: str
    due: date
    assigned_by: str
    assigned_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    reopens_id: str | None
    signature: SignatureOut | None


class ValidationsOut(Out):
    """The validations of a model, the newest first."""

    items: list[ValidationOut]
    next: None = None


class ReportOut(Out):
    """A report: as it was signed, else as it stands."""

    validation: ValidationOut
    is_signed: bool
    digest: str | None
    covers: str
    missing: list[str]
    parts: list[dict[str, Any]]
