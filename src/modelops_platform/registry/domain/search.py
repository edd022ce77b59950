"""The text people search models by: free words, and `key:value` terms as on GitHub."""

import re
from dataclasses import dataclass, field

from modelops_platform.core.errors import InvalidInput

KEYS = {
    "kind": "kind", "unit": "unit", "tier": "tier", "state": "state", "light": "light", "environment": "environment",
    "env": "environment", "owner": "owner", "tag": "tag", "alias": "alias", "use-case": "use_case",
}  # fmt: skip
UNKNOWN_LIGHTS = ("error", "no_data", "too_few_rows", "stale", "not_monitored")
MOST_TERMS = 30
_TOKEN = re.compile(r'(-?)(?:([A-Za-z_-]+):)?("[^"]*"|[^\s"]+)')


@dataclass(frozen=True, slots=True)
class Term:
    """One condition: the key's value is one of these, or none of these."""

    key: str
    values: tuple[str, ...]
    is_excluded: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """What a search text asks for; everything must hold."""

    terms: tuple[Term, ...] = ()
    words: tuple[Term, ...] = field(default=())


def parse_search(text: str) -> Search:
    """Read a search text such as `kind:ml -light:pass owner:ann "credit risk"`.

    A key named twice means any of its values; a minus sign excludes; quotes keep spaces, and colons, together.
    Raises InvalidInput for a key that does not exist, and for more than 30 terms.
    """
    wanted: dict[tuple[str, bool], list[str]] = {}
    words = []
    for minus, key, quoted in _TOKEN.findall(text):
        value = quoted.strip('"').strip()
        if not value:
            continue
        if key:
            wanted.setdefault((_known(key), bool(minus)), []).append(value)
        else:
            words.append(Term("text", (value,), bool(minus)))
    if len(words) + sum(map(len, wanted.values())) > MOST_TERMS:
        raise InvalidInput(
            f"The search has more than {MOST_TERMS} terms.", remedy="Search for less.", field="q", value=text[:80]
        )
    terms = tuple(Term(key, tuple(values), excluded) for (key, excluded), values in wanted.items())
    return Search(terms, tuple(words))


def _known(key: str) -> str:
    found = KEYS.get(key.casefold().replace("_", "-"))
    if found is None:
        raise InvalidInput(
            f"There is nothing called {key[:40]!r} to search by.",
            remedy=f'Use one of {", ".join(sorted(KEYS))}, or put the text in quotes: "{key[:40]}:...".',
            field="q",
            value=f"{key[:40]}:",
        )
    return found


def search_text(*parts: str) -> str:
    """Return the text that free words are looked for in: without regard to case."""
    return "\n".join(part.casefold() for part in parts if part)
