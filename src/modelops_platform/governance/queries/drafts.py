"""Drafts of documents that somebody is writing: what they say so far, or why they are none yet."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor
from modelops_platform.core.errors import InvalidInput

from ..domain.documents import line_of
from ..tables import PublishedDocument
from .documents import Published, list_documents


class Versioned(Protocol):
    """A document as it was read."""

    @property
    def id(self) -> str:
        """What tells it from others."""

    @property
    def version(self) -> int:
        """The number of its version."""


Document = TypeVar("Document", bound=Versioned)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a text is no such document, or cannot be published."""

    message: str
    remedy: str | None
    line: int | None
    field: str | None


@dataclass(frozen=True, slots=True)
class Draft(Generic[Document]):
    """A text read as a document; `row` is the latest version."""

    document: Document | None
    row: PublishedDocument | None
    problem: Problem | None


def problem_of(error: InvalidInput) -> Problem:
    """Return why a text is no document, with the place where it says so."""
    return Problem(error.message, error.remedy, error.details.get("line"), error.details.get("field"))


def not_next(text: str, document: Versioned, last: int) -> Problem | None:
    """Return what is wrong with the version that a draft names; None when it is the next one."""
    if document.version == last + 1:
        return None
    message = f"The document says version {document.version}; the next version of {document.id!r} is {last + 1}."
    return Problem(message, f"Write version: {last + 1}.", line_of(text, "version"), "version")


def read_draft(
    db: Session, actor: Actor, table: type[Published], parse: Callable[[str], Document], text: str
) -> Draft[Document]:
    """Read a draft without keeping it, beside the latest version."""
    try:
        document = parse(text)
    except InvalidInput as error:
        return Draft(None, None, problem_of(error))
    rows = list_documents(db, table, actor.workspace_id)
    row = next((row for row in rows if row.document_id == document.id), None)
    return Draft(document, row, not_next(text, document, row.number if row else 0))
