"""Shapes of the inventory's API."""

from datetime import datetime
from typing import Any

from pydantic import Field

from modelops_platform.web.forms import In, OptionalText, Out

from .domain import ModelKind


class ModelIn(In):
    """A model to add to the inventory."""

    name: str = Field(min_length=1, max_length=250, examples=["churn"])
    kind: ModelKind = Field(default=ModelKind.ML, description="What sort of model this is; decides which fields apply.")
    purpose: str = Field(default="", max_length=4000, description="What it decides, for whom, in plain words.")
    unit_id: OptionalText = Field(default=None, description="The unit it belongs to; by default your home unit.")


class ModelOut(Out):
    """A model as the inventory knows it."""

    id: str
    name: str
    kind: ModelKind
    purpose: str
    unit_id: str
    owner_id: str
    fields: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None
    revision: int
