"""Regular expressions of strangers: compared with a bounded text, and only if that cannot take long."""

import importlib
import re
from collections.abc import Iterable
from typing import Any

from modelops_platform.core.errors import InvalidInput

# What Python itself makes of an expression; the module has no types, and a type checker sees it or not by its cache.
_parser: Any = importlib.import_module("re._parser")

LONGEST, MOST_REPEATS, LONGEST_TEXT = 200, 2, 1_000


def checked_pattern(pattern: str) -> str:
    """Return a regular expression that cannot run wild.

    It has at most two open-ended repeats, none inside another, and looks neither back nor around. Raises InvalidInput.
    """
    if len(pattern) > LONGEST:
        raise _wrong(f"has more than {LONGEST} characters")
    try:
        compiled = re.compile(pattern)
        parsed = _parser.parse(pattern)
    except (re.error, RecursionError, OverflowError):
        raise _wrong("is no regular expression") from None
    if compiled.groups > 20 or _repeats(parsed, inside=False) > MOST_REPEATS:
        raise _wrong(f"has more than {MOST_REPEATS} open-ended repeats")
    return pattern


def _repeats(parsed: Iterable[Any], *, inside: bool) -> int:
    """Count the open-ended repeats of a parsed expression. Raises InvalidInput for what is not taken at all."""
    found = 0
    for operator, argument in parsed:
        name = str(operator)
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            _least, most, body = argument
            if inside:
                raise _wrong("repeats a repeat")
            found += int(most) > 20
            found += _repeats(body, inside=True)
        elif name == "SUBPATTERN":
            found += _repeats(argument[-1], inside=inside)
        elif name == "BRANCH":
            found += sum(_repeats(branch, inside=inside) for branch in argument[1])
        elif name not in ("LITERAL", "NOT_LITERAL", "ANY", "IN", "AT", "CATEGORY", "RANGE"):
            raise _wrong("looks back or around, which is not taken")
    return found


def matches(pattern: str, text: str | None) -> bool | None:
    """Say whether the beginning of a text holds a match; what is missing is neither."""
    return None if text is None else re.search(pattern, text[:LONGEST_TEXT]) is not None


def _wrong(why: str) -> InvalidInput:
    return InvalidInput(f"Invalid clause(s) in filter string: the pattern of RLIKE {why}.", field="filter")
