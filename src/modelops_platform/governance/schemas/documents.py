"""Shapes of published questionnaires and life cycles."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from modelops_platform.web.forms import In, Out

from .shared import Sentence


class DocumentIn(In):
    """A version to publish."""

    document: Annotated[str, Field(max_length=200_000)] | dict[str, Any] = Field(
        description="The document as YAML text or as JSON; its `version` is the next number."
    )
    reason: Sentence = Field(description="Why it changes.")


class DocumentOut(Out):
    """A published version of a document."""

    document_id: str
    number: int
    title: str
    document: str
    sha256: str
    reason: str
    published_by: str | None = Field(description="None: shipped with the platform.")
    published_at: datetime | None


class DocumentsOut(Out):
    """The versions of documents, the newest of each first."""

    items: list[DocumentOut]
    next: None = None
