"""What a name may be, and when a reader could take two names for one another."""

import unicodedata

from modelops_platform.core.errors import InvalidInput

LONGEST_NAME, LONGEST_ALIAS = 250, 255
SAMPLE_TAG = "modelops.sample"  # marks what the sample data switch made, and what it takes out again
LONGEST_SKELETON = 1000  # some characters stand for many: compatibility forms are spelled out
_RESERVED_ALIASES = frozenset({"latest"})


def checked_name(name: str, field: str = "name", *, longest: int = LONGEST_NAME) -> str:
    """Return the name as it is kept (NFC). Raises InvalidInput saying which rule it breaks.

    Any script is taken. Invisible characters are not, because two names must not look the same; that
    includes the joiners and selectors inside some emoji, plain emoji are fine.
    """
    kept = unicodedata.normalize("NFC", name)
    if problem := _name_problem(kept, longest):
        raise InvalidInput(
            f"The {field.replace('_', ' ')} {name[:80]!r} {problem}.",
            remedy="Choose another name; visible characters of any script are fine, except / and :.",
            field=field,
            value=name[:80],
        )
    return kept


def checked_tag(key: str) -> str:
    """Return the key of a tag as it is kept: a name that may also hold slashes and colons. Raises InvalidInput."""
    for part in key.replace(":", "/").split("/"):
        checked_name(part, "tag")
    if len(key) > LONGEST_NAME:
        raise InvalidInput(f"The tag {key[:80]!r} must have 1 to {LONGEST_NAME} characters.", field="tag")
    return unicodedata.normalize("NFC", key)


def checked_alias(name: str) -> str:
    """Return an alias as it is kept: a name that cannot be read as a version. Raises InvalidInput."""
    kept = checked_name(name, "alias", longest=LONGEST_ALIAS)
    digits = kept.casefold().removeprefix("v")
    if kept.casefold() in _RESERVED_ALIASES or digits.isdecimal():
        raise InvalidInput(
            f"The alias {kept!r} reads like a version.",
            remedy="Choose a word that says what the version is for, such as champion.",
            field="alias",
            value=kept,
        )
    meant = _CLEAR_ALIASES.get(skeleton(kept))
    if meant is not None and kept.casefold() != meant:
        raise InvalidInput(
            f"The alias {kept!r} looks like {meant!r}, and is another one.",
            remedy=f"Write {meant}, or choose a word that nobody takes for it.",
            field="alias",
            value=kept,
        )
    return kept


def _name_problem(name: str, longest: int) -> str | None:
    if not name or len(name) > longest:
        return f"must have 1 to {longest} characters"
    if name in (".", ".."):
        return "cannot be . or .."
    if name != name.strip():
        return "begins or ends with a space"
    if found := next((c for c in name if c in "/:"), None):
        return f"holds {found!r}"
    if found := next((c for c in name if _is_invisible(c)), None):
        return f"holds {_described(found)}, which cannot be seen"
    return None


# Blank although their category says letter or mark: fillers, and selectors that only change how the sign before looks.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f") | {chr(code) for code in range(0xFE00, 0xFE10)}
_CATEGORIES = {
    "Cc": "the control character",
    "Cf": "the formatting character",
    "Cs": "half of the surrogate pair",
    "Co": "the private character",
    "Cn": "the unassigned character",
    "Zl": "the line separator",
    "Zp": "the paragraph separator",
}


def _is_invisible(character: str) -> bool:
    return character in _BLANK or unicodedata.category(character) in _CATEGORIES


def _described(character: str) -> str:
    what = _CATEGORIES.get(unicodedata.category(character), "the blank character")
    return f"{what} U+{ord(character):04X}"


_LOOK_ALIKES = str.maketrans(
    "авекмнорстухіјѕԁɡαβεικνορτυχı01|_ –—‐‑−",
    "abekmhopctyxijsdgabeikvoptuxiol" + "l" + "-" * 7,
)


def skeleton(name: str) -> str:
    """Return a form that names share when a reader could take one for the other: case and look-alikes folded."""
    folded = unicodedata.normalize("NFKD", name).casefold().translate(_LOOK_ALIKES)
    plain = "".join(c for c in folded if not unicodedata.combining(c))
    return plain.replace("i", "l").replace("rn", "m").replace("vv", "w")[:LONGEST_SKELETON]


# What stands for a decision may not be imitated: who reads such an alias must be right.
_CLEAR_ALIASES = {skeleton(word): word for word in ("champion", "challenger", "production")}
