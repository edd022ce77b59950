"""Shapes of stored files as the API shows them."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from modelops_platform.web.forms import EmptyIsNone, In, Out

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
    checked_at: datetime | None = Field(description="When all stored bytes were last compared with the digest.")
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


LARGEST = 2**53 - 1
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", examples=["3f9a" * 16])]


class BeginIn(In):
    """A file that is sent in parts."""

    name: str = Field(min_length=1, max_length=1024, description="The file's path, a label only.", examples=["a/b.bin"])
    size: int = Field(strict=True, ge=0, le=LARGEST, description="Bytes of the whole file.")
    sha256: Annotated[Sha256 | None, EmptyIsNone] = Field(
        default=None, description="Compared with what has arrived, once it is whole."
    )


class UploadState(Out):
    """A file on its way in: send the bytes from `offset` on, until `offset` is `size`."""

    id: str
    name: str
    size: int
    offset: int = Field(validation_alias="received", description="Bytes that have arrived for good.")
    sha256: str | None = Field(description="The stored file, once it is whole; null until then.")
    created_at: datetime
    expires_at: datetime = Field(description="When it is removed unless somebody goes on with it.")
