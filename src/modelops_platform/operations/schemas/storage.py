"""Shapes of the storage: rules, figures, collections."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from modelops_platform.artifacts.domain import Kept
from modelops_platform.web.forms import EmptyIsNone, In, Out


class RuleIn(In):
    """How long something is kept that nothing uses any more."""

    what: Kept
    days: int = Field(ge=1, le=36_500)
    unit: Annotated[Annotated[str, Field(max_length=250)] | None, EmptyIsNone] = Field(
        default=None, description="The unit it is for, by name or id; without one it is for all others."
    )


class RuleOut(Out):
    """A rule of retention."""

    id: str
    what: Kept
    days: int
    unit_id: str | None
    created_by: str
    created_at: datetime


class CollectIn(In):
    """Whether to remove what nothing uses, or only to say how much it is."""

    dry: bool = True


class FigureOut(Out):
    """How much is stored."""

    files: int
    size: int = Field(description="Bytes.")
    unused_files: int = Field(description="Files that no version or data set uses.")
    unused_size: int
    due_files: int = Field(description="Those of them that the rules keep no longer: they go next.")
    due_size: int
    removing: int
    unfinished: int = Field(description="Uploads in parts that are under way.")
    unfinished_size: int


class DueOut(Out):
    """A file that goes at the next collection."""

    sha256: str
    size: int
    created_at: datetime


class StorageOut(Out):
    """The storage, and what would go."""

    figures: FigureOut
    due: list[DueOut] = Field(description="The largest of what goes next, at most 100.")
