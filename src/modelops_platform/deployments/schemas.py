"""Shapes of release control's outside."""

from datetime import datetime
from typing import Annotated

from pydantic import AliasPath, Field

from modelops_platform.registry.schemas import Named, Sha256
from modelops_platform.web.forms import EmptyIsNone, In, Out, PageIn

from .domain import DigestProof, Served, Standing

Reason = Annotated[
    str, Field(min_length=1, max_length=1000, description="Why, in a sentence; it stays in the history for ever.")
]
Reference = Annotated[Annotated[str, Field(max_length=250)] | None, EmptyIsNone]
Moment = Annotated[
    Annotated[
        str,
        Field(max_length=40, description="A time of the past, by default now; a bare date is its last moment (UTC)."),
    ]
    | None,
    EmptyIsNone,
]
Rank = Annotated[int, Field(ge=0, le=1000, description="Order in lists: what comes later in a release has more.")]


class EnvironmentIn(In):
    """A place where versions go live."""

    name: str = Field(min_length=1, max_length=250, examples=["production"])
    description: str = Field(default="", max_length=1000)
    is_protected: bool = Field(
        default=False, description="Whether the policies judge activations here. It cannot be taken back."
    )
    rank: Rank = 50


class EnvironmentPatch(In):
    """What to change of an environment; what is left out stays."""

    description: str | None = Field(default=None, max_length=1000)
    is_protected: bool | None = Field(default=None, description="Only true is taken: protection stays for ever.")
    rank: Rank | None = None


class EnvironmentOut(Out):
    """A place where versions go live."""

    id: str
    name: str
    description: str
    is_protected: bool
    rank: int
    created_at: datetime
    retired_at: datetime | None
    revision: int


class DeploymentIn(In):
    """A model that answers somewhere."""

    name: str = Field(min_length=1, max_length=250, examples=["churn-crm"])
    environment: str = Field(min_length=1, max_length=250, description="By name or id.", examples=["production"])
    model: str = Field(min_length=1, max_length=250, description="The model's name.", examples=["churn"])
    served: Served = Field(default=Served.ELSEWHERE, description="In whose system it answers.")
    consumer: str = Field(default="", max_length=250, description="The system that uses the answers.")
    endpoint: str = Field(default="", max_length=2000, description="Where it answers, as text: it is never called.")
    owner: str = Field(default="", max_length=250, description="Who runs it there.")
    description: str = Field(default="", max_length=4000)


class DeploymentPatch(In):
    """What to change of a deployment's record; what is left out stays."""

    name: str | None = Field(default=None, min_length=1, max_length=250)
    consumer: str | None = Field(default=None, max_length=250)
    endpoint: str | None = Field(default=None, max_length=2000)
    owner: str | None = Field(default=None, max_length=250)
    description: str | None = Field(default=None, max_length=4000)


class ActivationIn(In):
    """A version to make live."""

    version: int = Field(ge=1, le=2**31 - 1, description="Number of a version of the deployment's model.")
    reason: Reason


class EndIn(In):
    """Why a deployment is taken out of service."""

    reason: Reason


class DigestIn(In):
    """What the serving side says it runs."""

    digest: Sha256


class DeploymentFilter(In):
    """What the list of deployments is narrowed by; page and API take the same."""

    q: str = Field(default="", max_length=250, description="Part of the name, the model's name or the consumer's.")
    environment: Reference = None
    standing: Annotated[Standing | None, EmptyIsNone] = None
    unit: Reference = Field(default=None, description="Name of the unit that the model belongs to.")
    model: Reference = None
    at: Moment = None

    def chosen(self) -> dict[str, str]:
        """Return the values of the facets that narrow the list."""
        values = {"environment": self.environment, "standing": self.standing, "unit": self.unit}
        return {name: str(value) for name, value in values.items() if value is not None}


class DeploymentPage(DeploymentFilter, PageIn):
    """A page of the filtered list."""


class LivePage(PageIn):
    """What was live when, narrowed."""

    at: Moment = None
    environment: Reference = None
    model: Reference = None


class TrafficOut(Out):
    """A share of the traffic, in percent."""

    role: str
    version: int
    share: int


class RevisionOut(Out):
    """What a deployment ran from one moment to another."""

    id: str
    number: int
    version: int = Field(validation_alias=AliasPath("version", "number"))
    version_id: str
    approved_digest: str | None
    reported_digest: str | None
    reported_at: datetime | None
    proof: DigestProof
    traffic: list[TrafficOut]
    reason: str
    activated_by: Named | None = Field(validation_alias="activator", description="null: the platform itself.")
    decision_id: str | None = Field(description="The decision that allowed it.")
    from_at: datetime
    to_at: datetime | None = Field(description="null: live now.")
    ended_by: Named | None = Field(validation_alias="ender")
    end_reason: str | None


class RecordOut(Out):
    """A deployment's record."""

    id: str
    name: str
    environment: Named
    model: Named
    served: Served
    consumer: str
    endpoint: str
    owner: str
    description: str
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None
    revision: int = Field(description="Counts edits; it is part of the ETag.")


class DeploymentOut(RecordOut):
    """A deployment with what it runs, or ran at the moment that was asked about."""

    live: RevisionOut | None
    standing: Standing


class LiveOut(RevisionOut):
    """A revision that was live, with where."""

    deployment: RecordOut
