"""Shapes of what people write and publish."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from modelops_platform.web.forms import In, Out

from .shared import Sentence


class DocumentIn(In):
    """A version to publish."""

    document: Annotated[str, Field(max_length=200_000)] | dict[str, Any] = Field(
        description="The document as YAML text or as JSON; its `version` is the next number."
    )
    reason: Sentence = Field(description="Why it changes.")


class DraftForm(In):
    """A draft as it stands in an editor; it may be nonsense yet."""

    document: Annotated[str, StringConstraints(strip_whitespace=False, max_length=200_000)] = ""
    reason: str = Field(default="", max_length=2000)


class PublishedOut(Out):
    """A published version of what people wrote."""

    number: int
    title: str
    document: str
    sha256: str
    reason: str
    published_by: str | None = Field(description="None: shipped with the platform.")
    published_at: datetime | None


class DocumentOut(PublishedOut):
    """A published version of a document."""

    document_id: str


class DocumentsOut(Out):
    """The versions of documents, the newest of each first."""

    items: list[DocumentOut]
    next: None = None
