"""Optimistic edits: a row's revision becomes its ETag, and an edit may name the one it read."""

from typing import Protocol

from .errors import Stale


class Revised(Protocol):
    """A row that counts its edits."""

    @property
    def id(self) -> str: ...
    @property
    def revision(self) -> int: ...


def etag(row: Revised) -> str:
    """Return the entity tag of the row as it is now."""
    return f'"{row.id}.{row.revision}"'


def must_match(row: Revised, given: str | None) -> None:
    """Raise Stale when the caller read another revision; nothing given matches all."""
    if given is None or given.strip() == "*":
        return
    if etag(row) not in [tag.strip().removeprefix("W/") for tag in given.split(",")]:
        raise Stale(
            f"It was changed since you read it: you hold {given[:80]}, it is now {etag(row)}.",
            remedy="Read it again, then repeat the edit.",
            field="If-Match",
            value=given[:80],
        )
