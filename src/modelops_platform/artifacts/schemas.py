"""Shapes of stored files as the API shows them."""

from datetime import datetime

from pydantic import Field

from modelops_platform.web.forms import Out

from .domain import Format, Verdict


class FileOut(Out):
    """A stored file and what a scan said about it."""

    sha256: str
    name: str = Field(description="The path that was told when the file was sent.")
    size: int = Field(description="Bytes.")
    format: Format | None = Field(description="What the content is; null until it is scanned.")
    verdict: Verdict = Field(description="`unknown` until it is scanned, and whenever a scan cannot tell.")
    reasons: list[str]
    globals: list[str] = Field(description="What a pickle or skops file would import.")
    scanned_at: datetime | None
    damaged_at: datetime | None = Field(description="When the stored bytes were found missing or wrong.")
    created_at: datetime


class UploadOut(Out):
    """A file that you sent."""

    name: str
    created_at: datetime
    is_used: bool = Field(description="Unused uploads are removed after a day.")
    file: FileOut = Field(validation_alias="blob")


class HolderOut(Out):
    """A thing that keeps the file."""

    holder_kind: str
    holder_id: str
    name: str
    model_id: str | None


class FileReport(FileOut):
    """A stored file, what a scan said about it, and what keeps it."""

    holders: list[HolderOut]
