"""Things to choose from, as the select component takes them."""

from collections.abc import Iterable
from typing import Protocol


class Named(Protocol):
    """Anything with an id and a name."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...


def choices(things: Iterable[Named]) -> list[tuple[str, str]]:
    """Return (id, name) of each."""
    return [(thing.id, thing.name) for thing in things]
