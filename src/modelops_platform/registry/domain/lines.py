"""Figures and parameters as people type them: one a line, `name = value`."""

import math
import re
from typing import Any

from modelops_platform.core.errors import InvalidInput

LONGEST_LINE = 1000
_METRIC = re.compile(r"(?P<name>.+?)\s*[=:]\s*(?P<value>\S+)(?P<more>(?:\s+(?:n|se)\s*=\s*\S+)*)")
_MORE = re.compile(r"(n|se)\s*=\s*(\S+)")
_WORDS = {"true": True, "false": False, "none": None}


def read_metrics(text: str) -> list[dict[str, Any]]:
    """Read lines such as `roc_auc = 0.842 n=1200 se=0.011`. Raises InvalidInput naming the line."""
    return [_metric(number, line) for number, line in _lines(text)]


def _metric(number: int, line: str) -> dict[str, Any]:
    found = _METRIC.fullmatch(line)
    if found is None:
        raise _wrong("metrics", number, line, "roc_auc = 0.842 n=1200")
    more = dict(_MORE.findall(found["more"]))
    value, error = _number(found["value"]), _number(more["se"]) if "se" in more else None
    rows = more.get("n", "")
    if value is None or ("se" in more and (error is None or error < 0)) or (rows and not rows.isdecimal()):
        raise _wrong("metrics", number, line, "roc_auc = 0.842 n=1200 se=0.011")
    return {"name": found["name"], "value": value, "n": int(rows[:18]) if rows else None, "standard_error": error}


def read_parameters(text: str) -> dict[str, Any]:
    """Read lines such as `C = 0.5`; numbers and true, false, none are taken as such. Raises InvalidInput."""
    parameters: dict[str, Any] = {}
    for number, line in _lines(text):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not name or name in parameters:
            raise _wrong("parameters", number, line, "C = 0.5, each name once")
        parameters[name] = _scalar(value)
    return parameters


def read_columns(text: str) -> list[dict[str, str]]:
    """Read lines such as `age: integer`; the type may be left out."""
    found = (re.split(r"[:\t]", line, maxsplit=1) for _, line in _lines(text))
    return [{"name": parts[0].strip(), "type": parts[1].strip() if len(parts) > 1 else ""} for parts in found]


def _lines(text: str) -> list[tuple[int, str]]:
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    for number, line in lines:
        if len(line) > LONGEST_LINE:
            raise InvalidInput(
                f"Line {number} is longer than {LONGEST_LINE} characters.",
                remedy="Write one thing a line.",
                value=line[:80],
            )
    return lines


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _scalar(text: str) -> str | int | float | bool | None:
    if text.casefold() in _WORDS:
        return _WORDS[text.casefold()]
    if re.fullmatch(r"-?\d{1,15}", text, re.ASCII):
        return int(text)
    number = _number(text)
    return text if number is None else number


def _wrong(field: str, number: int, line: str, example: str) -> InvalidInput:
    return InvalidInput(
        f"Line {number} cannot be read: {line[:80]!r}.", remedy=f"Write it as {example}.", field=field, value=line[:80]
    )
