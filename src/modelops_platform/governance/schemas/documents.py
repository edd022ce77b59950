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


class ConfirmationIn(In):
    """The word of a second person."""

    sentence: Sentence = Field(description="What was looked at.", examples=["The new limits follow the minutes."])


class SuiteOut(DocumentOut):
    """A published version of a test suite."""

    is_in_force: bool = Field(description="False: a policy looks at it, and nobody else has confirmed it yet.")
    confirmed_by: str | None = Field(description="Who brought it into force, where it takes a second person.")


class SuitesOut(Out):
    """The versions of suites, the newest of each first."""

    items: list[SuiteOut]
    next: None = None


class DocumentsOut(Out):
    """The versions of documents, the newest of each first."""

    items: list[DocumentOut]
    next: None = None
