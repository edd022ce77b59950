"""The form of the organisation."""

from typing import Annotated

from pydantic import AfterValidator, Field

from modelops_platform.web.forms import In

MOST_UNITS = 50


def _names(text: str) -> list[str]:
    return [name for line in text.splitlines() if (name := line.strip())]


def _few(text: str) -> str:
    if len(_names(text)) > MOST_UNITS:
        raise ValueError(f"at most {MOST_UNITS} units at once; others can be added later")
    return text


class OrganisationIn(In):
    """What the organisation is called, and its first units, one a line."""

    name: str = Field(min_length=1, max_length=200)
    units: Annotated[str, Field(max_length=12_000), AfterValidator(_few)] = ""

    @property
    def unit_names(self) -> list[str]:
        """The units' names."""
        return _names(self.units)
