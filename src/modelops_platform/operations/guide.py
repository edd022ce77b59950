"""Help in words, read from `data/help.yaml`: what a page is, and the terms on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml


@dataclass(frozen=True, slots=True)
class PageHelp:
    """What a page is in a sentence or two, and the terms on it."""

    title: str
    text: str
    terms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Guide:
    """All terms with their meaning, and help by the first part of a page's address."""

    terms: Mapping[str, str]
    pages: Mapping[str, PageHelp]

    def page(self, path: str) -> PageHelp | None:
        """Return the help for a page by its address; None for what has none."""
        return self.pages.get(path.strip("/").partition("/")[0] or "home")


@cache
def guide() -> Guide:
    """Return the help, read once. Raises KeyError for a page that names a term nobody explains."""
    read = yaml.safe_load((Path(__file__).parent / "data" / "help.yaml").read_text(encoding="utf-8"))
    pages = {
        key: PageHelp(page["title"], page["text"], tuple(page.get("terms", ()))) for key, page in read["pages"].items()
    }
    for page in pages.values():
        for term in page.terms:
            read["terms"][term]
    return Guide(read["terms"], pages)
