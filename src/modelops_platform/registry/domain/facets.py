"""Facets: ways to narrow a list, with how much each would leave."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FacetOption:
    """One value of a facet, and how many things have it."""

    value: str
    label: str
    count: int
    active: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """A way to narrow a list, with its most frequent values."""

    name: str
    label: str
    options: list[FacetOption]
