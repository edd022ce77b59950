"""Rules of the inventory: kinds, and what a name may be."""

import unicodedata
from enum import StrEnum

from modelops_platform.core.errors import InvalidInput

LONGEST_NAME = 250


class ModelKind(StrEnum):
    """What sort of model an inventory entry is."""

    ML = "ml"
    STATISTICAL = "statistical"
    RULES = "rules"
    SPREADSHEET = "spreadsheet"
    LLM = "llm"
    AGENT = "agent"
    VENDOR = "vendor"
    OTHER = "other"


class DigestState(StrEnum):
    """Whether the platform has read the bytes that a version names."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"


def checked_name(name: str, field: str = "name") -> str:
    """Return the name as it is kept (NFC). Raises InvalidInput saying which rule it breaks."""
    kept = unicodedata.normalize("NFC", name)
    if problem := _name_problem(kept):
        raise InvalidInput(f"The name {name[:80]!r} {problem}.", remedy="Choose another name.", field=field, value=name[:80])
    return kept


def _name_problem(name: str) -> str | None:
    if not name or len(name) > LONGEST_NAME:
        return f"must have 1 to {LONGEST_NAME} characters"
    if name in (".", ".."):
        return "cannot be . or .."
    if name != name.strip():
        return "begins or ends with a space"
    if found := next((c for c in name if c in "/:"), None):
        return f"holds {found!r}"
    if found := next((c for c in name if _is_invisible(c)), None):
        return f"holds the invisible character U+{ord(found):04X}"
    return None


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


_LOOK_ALIKES = str.maketrans(
    {
        "а": "a", "в": "b", "е": "e", "к": "k", "м": "m", "н": "h", "о": "o", "р": "p", "с": "c", "т": "t", "у": "y", "х": "x",
        "і": "i", "ј": "j", "ѕ": "s", "ԁ": "d", "ɡ": "g", "α": "a", "β": "b", "ε": "e", "ι": "i", "κ": "k", "ν": "v", "ο": "o",
        "ρ": "p", "τ": "t", "υ": "u", "χ": "x", "ı": "i", "0": "o", "1": "l", "|": "l", "_": "-", " ": "-", "–": "-", "—": "-",
    }
)  # fmt: skip


def skeleton(name: str) -> str:
    """Return a form that names share when a reader could take one for the other: case and look-alikes folded."""
    folded = unicodedata.normalize("NFKD", name).casefold().translate(_LOOK_ALIKES)
    plain = "".join(c for c in folded if not unicodedata.combining(c))
    return plain.replace("i", "l").replace("rn", "m").replace("vv", "w")
