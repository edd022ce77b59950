"""Shapes of the inventory's outside: what may come in, and what goes out."""

import re
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictFloat, StrictInt, model_validator

from modelops_platform.web.forms import EmptyIsNone, In, Out, PageIn, filled

from .domain.fields import FieldType
from .domain.kinds import DigestState, EuClass, ModelKind

LARGEST_COUNT = 2**53 - 1
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", examples=["3f9a" * 16])]
Name = Annotated[str, Field(min_length=1, max_length=250)]
Reference = Annotated[Annotated[str, Field(max_length=254)] | None, EmptyIsNone]
Label = Annotated[Annotated[str, Field(max_length=250)] | None, EmptyIsNone]
Address = Annotated[Annotated[str, Field(max_length=2000)] | None, EmptyIsNone]
Count = Annotated[int, Field(strict=True, ge=0, le=LARGEST_COUNT)]
Scalar = StrictBool | StrictInt | StrictFloat | str | None  # text that looks like a number stays text


class Sort(StrEnum):
    """Orders of the list of models; a minus sign turns them round."""

    CHANGED = "changed"
    NAME = "name"
    TIER = "tier"
    LIGHT = "light"
    CHANGED_DOWN = "-changed"
    NAME_DOWN = "-name"
    TIER_DOWN = "-tier"
    LIGHT_DOWN = "-light"


class ModelFilter(In):
    """What the list of models is narrowed by; page, API and export take the same."""

    q: str = Field(
        default="",
        max_length=1000,
        description="Free words and terms such as `kind:ml tier:1 owner:ann light:fail -kind:llm`.",
    )
    kind: Annotated[ModelKind | None, EmptyIsNone] = None
    tier: Annotated[Literal["1", "2", "3", "4", "none"] | None, EmptyIsNone] = None
    state: Reference = None
    light: Reference = None
    environment: Reference = None
    unit: Reference = Field(default=None, description="A unit by name or id, with all below it.")
    owner: Reference = Field(default=None, description="The owner by id, e-mail or part of the name; `me` is you.")
    tag: Reference = None

    def facets(self) -> dict[str, str]:
        """Return the terms given by key, without the search text."""
        given = ((key, getattr(self, key)) for key in ModelFilter.model_fields if key != "q")
        return {key: str(value) for key, value in given if value is not None}


class ModelPage(ModelFilter, PageIn):
    """A page of the filtered list."""

    sort: Sort = Sort.CHANGED_DOWN


class ModelExport(ModelFilter):
    """The whole filtered list as a file."""

    sort: Sort = Sort.CHANGED_DOWN
    format: Literal["csv", "json"] = "csv"


class ModelIn(In):
    """A model to add to the inventory."""

    name: str = Field(min_length=1, max_length=250, examples=["churn"])
    kind: ModelKind = Field(default=ModelKind.ML, description="What sort of model this is; decides which fields apply.")
    purpose: str = Field(default="", max_length=5000, description="What it decides, for whom, in plain words.")
    unit: Reference = Field(
        default=None, description="The unit it belongs to, by name or id; by default your home unit."
    )
    use_case: Reference = Field(default=None, description="The use case it serves, by name or id.")
    owner: Reference = Field(default=None, description="Who answers for it: e-mail or id; by default you.")
    developer: Reference = Field(default=None, description="Who builds it: e-mail or id.")
    validator: Reference = Field(default=None, description="Who checks it independently: e-mail or id.")
    eu_class: Annotated[EuClass | None, EmptyIsNone] = None
    affects_people: bool = Field(default=False, description="Whether its results touch natural persons.")
    fields: dict[str, Any] = Field(
        default_factory=dict, max_length=200, description="Values of the kind's and the workspace's own fields."
    )
    tags: dict[Name, Annotated[str, Field(max_length=5000)]] = Field(default_factory=dict, max_length=100)


class ModelPatch(In):
    """What to change of a model; what is left out stays."""

    name: str | None = Field(default=None, min_length=1, max_length=250)
    kind: ModelKind | None = None
    purpose: str | None = Field(default=None, max_length=5000)
    unit: Reference = None
    use_case: Reference = Field(default=None, description="null takes it out of its use case.")
    owner: Reference = None
    developer: Reference = Field(default=None, description="null: nobody.")
    validator: Reference = Field(default=None, description="null: nobody.")
    eu_class: Annotated[EuClass | None, EmptyIsNone] = None
    affects_people: bool | None = None
    fields: dict[str, Any] | None = Field(
        default=None, max_length=200, description="null as a value takes the value away."
    )


class Named(Out):
    """Something else, by id and name."""

    id: str
    name: str


class SummaryOut(Out):
    """What the other rooms know about a model."""

    tier: int | None
    state: str
    light: str
    light_at: datetime | None
    live_environments: list[Any]
    approvals_waiting: int
    open_findings: int
    next_review: date | None


def _to_dict(value: Any) -> Any:
    return dict(value) if isinstance(value, list) else value


class ModelOut(Out):
    """A model as the inventory knows it."""

    id: str
    name: str
    kind: ModelKind
    purpose: str
    unit: Named
    use_case: Named | None
    owner: Named
    developer: Named | None
    validator: Named | None
    validator_named_by: str | None = Field(
        description="Who named the validator, having the right and no part in the model; null: it is a proposal."
    )
    eu_class: EuClass | None
    affects_people: bool
    fields: dict[str, Any]
    tags: Annotated[dict[str, str], BeforeValidator(_to_dict)]
    aliases: dict[str, int]
    last_version: int
    summary: SummaryOut
    similar_names: list[str] = Field(description="Living models that a reader could take for this one.")
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None
    revision: int


class ValidatorIn(In):
    """Who checks a model independently."""

    validator: Name = Field(description="E-mail or id of a person.")


class FileIn(In):
    """One file of a version, stored before: where it stands in the version, and its SHA-256."""

    path: str = Field(min_length=1, max_length=500, examples=["model/model.onnx"])
    sha256: Sha256


class FileOut(Out):
    """One line of the manifest."""

    path: str
    sha256: str
    size: int


class ColumnIn(In):
    """A column that goes in or comes out."""

    name: Name
    type: str = Field(default="", max_length=100, examples=["double"])
    is_required: bool = True
    unit: str = Field(default="", max_length=100)


class SignatureIn(In):
    """Which columns the version takes, and which it gives."""

    inputs: list[ColumnIn] = Field(default_factory=list, max_length=5000)
    outputs: list[ColumnIn] = Field(default_factory=list, max_length=5000)


class MetricIn(In):
    """One figure measured on the version."""

    name: Name
    value: float = Field(strict=True, description="Finite.")
    n: Count | None = Field(default=None, description="Rows it was measured on.")
    standard_error: float | None = Field(default=None, strict=True, ge=0)
    higher_is_better: StrictBool | None = Field(
        default=None, description="Needed only for names that are not well known."
    )
    data_set: Reference = Field(default=None, description="What it was measured on, in words.")


class SourceIn(In):
    """Where the version comes from."""

    repository: Address = None
    commit: Label = None
    run: Label = Field(default=None, description="Id of the tracked run.")
    recipe_run: Label = Field(default=None, description="Id of the training run of a recipe.")
    location: Address = Field(default=None, description="Where the files are, when they are not here.")


def _unique_names(metrics: list[MetricIn]) -> list[MetricIn]:
    seen = set()
    for metric in metrics:
        if (metric.name, metric.data_set) in seen:
            raise ValueError(f"the metric {metric.name!r} is given twice for the same data set")
        seen.add((metric.name, metric.data_set))
    return metrics


class EnvironmentIn(In):
    """What it was made with."""

    python: Label = None
    platform: Label = None
    packages: dict[Name, Annotated[str, Field(max_length=250)]] = Field(default_factory=dict, max_length=2000)
    flavors: list[Name] | None = Field(
        default=None, max_length=50, description="Ways to load it, as MLflow names them."
    )


class VersionIn(In):
    """A version to add; its number is given by the platform, and nothing of it changes later."""

    description: str = Field(default="", max_length=4000)
    files: list[FileIn] = Field(default_factory=list, max_length=2000)
    signature: SignatureIn = Field(default_factory=SignatureIn)
    metrics: Annotated[list[MetricIn], AfterValidator(_unique_names)] = Field(default_factory=list, max_length=1000)
    parameters: dict[Name, Annotated[Scalar, Field(union_mode="left_to_right")]] = Field(
        default_factory=dict, max_length=2000
    )
    environment: EnvironmentIn = Field(default_factory=EnvironmentIn)
    source: SourceIn = Field(default_factory=SourceIn)
    data_set: Reference = Field(
        default=None, description="The data it was trained on: name or id of a data set record."
    )

    @model_validator(mode="after")
    def _unique_paths(self) -> Self:
        paths = [file.path for file in self.files]
        for path in paths:
            if paths.count(path) > 1:
                raise ValueError(f"files: the path {path[:80]!r} is given twice")
        return self


class VersionOut(Out):
    """A version, without its files."""

    id: str
    number: int
    description: str
    manifest_digest: str | None
    digest_state: DigestState
    signature: dict[str, Any]
    metrics: list[Any]
    parameters: dict[str, Any]
    environment: dict[str, Any]
    source: dict[str, Any]
    data_set_id: str | None
    created_by: str
    created_at: datetime
    archived_at: datetime | None = Field(description="When it was taken out of use; none: it is in use.")


class VersionPage(PageIn):
    """Which versions of a model."""

    archived: bool = Field(default=False, description="Those that were taken out of use, instead of the others.")


class VersionDetailOut(VersionOut):
    """A version with its manifest."""

    model: Named
    files: list[FileOut]


class AliasIn(In):
    """Which version the alias names from now on."""

    version: int = Field(strict=True, ge=1, le=2**31 - 1)


class AliasOut(Out):
    """An alias, from when to when it named a version."""

    name: str
    version_number: int
    from_at: datetime
    to_at: datetime | None
    set_by: str


class TagIn(In):
    """A tag's value, empty for a tag that is only a word."""

    value: str = Field(default="", max_length=5000)


class UseCaseIn(In):
    """A purpose that models serve."""

    name: Name
    purpose: str = Field(default="", max_length=4000)
    value: str = Field(default="", max_length=4000, description="What it is worth, in words or money.")
    unit: Reference = None
    owner: Reference = None


class UseCasePatch(In):
    """What to change of a use case; what is left out stays."""

    name: Name | None = None
    purpose: str | None = Field(default=None, max_length=4000)
    value: str | None = Field(default=None, max_length=4000)
    owner: Reference = None


class UseCaseOut(Out):
    """A use case."""

    id: str
    name: str
    purpose: str
    value: str
    unit: Named
    owner: Named
    created_at: datetime
    revision: int


class DataColumnIn(In):
    """A column of a data set."""

    name: Name
    type: str = Field(default="", max_length=100)


class DataSetIn(In):
    """A record of data: what it is, and by which bytes one would know it."""

    name: Name
    digest: Sha256 = Field(description="SHA-256 of the file.")
    file_name: Label = Field(default=None, description="Given when the file is kept here; it must be stored already.")
    description: str = Field(default="", max_length=4000)
    licence: str = Field(default="", max_length=200)
    source: str = Field(default="", max_length=4000)
    size: Count | None = None
    rows: Count | None = Field(default=None, le=2**31 - 1)
    columns: list[DataColumnIn] = Field(default_factory=list, max_length=5000)
    unit: Reference = None


class DataSetOut(Out):
    """A data set record."""

    id: str
    name: str
    description: str
    licence: str
    source: str
    digest: str
    file_name: str | None
    size: int | None
    rows: int | None
    columns: list[Any]
    unit: Named
    created_by: str
    created_at: datetime


def _lines(value: Any) -> Any:
    """Take choices from a text field too: one a line."""
    if isinstance(value, str):
        return [line.strip() for line in re.split(r"[\r\n]+", value) if line.strip()]
    return value


class FieldIn(In):
    """A field that this workspace asks of its models."""

    key: str = Field(pattern=r"^[a-z][a-z0-9_]{0,59}$", examples=["cost_centre"])
    label: str = Field(min_length=1, max_length=120)
    type: FieldType
    choices: Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], BeforeValidator(_lines)] = Field(
        default_factory=list, max_length=200
    )
    kinds: list[ModelKind] = Field(default_factory=list, description="Kinds that have it; none named means all.")
    hint: str = Field(default="", max_length=300)
    is_required: bool = False


class FieldOut(Out):
    """A field of models."""

    key: str
    label: str
    type: FieldType
    choices: list[str]
    kinds: list[ModelKind]
    hint: str
    is_required: bool
    archived_at: datetime | None


class KindFieldOut(Out):
    """A field that a kind brings along, or that the workspace adds to it."""

    key: str
    label: str
    type: FieldType
    choices: list[str]
    hint: str
    is_required: bool
    is_custom: bool


class KindOut(Out):
    """A kind with all its fields."""

    kind: ModelKind
    label: str
    fields: list[KindFieldOut]


Sentence = Annotated[str, Field(min_length=3, max_length=2000)]


class HoldIn(In):
    """A reason why a model, or one of its versions, must stay."""

    model: Name = Field(description="A model by name; an archived one by its id.")
    version: int | None = Field(
        default=None, strict=True, ge=1, le=2**31 - 1, description="One version; without it the whole model."
    )
    reason: Sentence


class HoldForm(In):
    """The form of a hold: a model or a version as `model/number`."""

    model: str = Field(min_length=1, max_length=300)
    reason: Sentence

    def to_hold(self) -> HoldIn:
        """Return what the form says. Raises InvalidInput for a name that is too long."""
        name, _, number = self.model.rpartition("/")
        if name and number.isdecimal() and 1 <= int(number[:12]) < 2**31:
            return filled(HoldIn, model=name, version=int(number), reason=self.reason)
        return filled(HoldIn, model=self.model, reason=self.reason)


class LiftIn(In):
    """Why a hold ends."""

    reason: Sentence


class HoldOut(Out):
    """A legal hold."""

    id: str
    name: str = Field(description="What is held.")
    model_id: str
    version_id: str | None
    reason: str
    placed_by: str
    placed_at: datetime
    lifted_by: str | None
    lifted_at: datetime | None
    lift_reason: str | None
