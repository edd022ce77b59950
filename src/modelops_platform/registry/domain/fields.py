"""Typed fields as data: a kind brings some along, a workspace adds its own; one way to check them all."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from urllib.parse import urlsplit

from modelops_platform.core.errors import InvalidInput

LONGEST_TEXT = 4000
LONGEST_LINK = 2000
Value = str | int | float | bool
_YES_NO = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class FieldType(StrEnum):
    """What a field takes."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    CHOICE = "choice"
    PERSON = "person"
    LINK = "link"
    YES_NO = "yes_no"


@dataclass(frozen=True, slots=True)
class Definition:
    """One field that models are asked for."""

    key: str
    label: str
    type: FieldType
    choices: tuple[str, ...] = ()
    hint: str = ""
    is_required: bool = False
    is_custom: bool = False

    def read(self, value: object) -> Value:
        """Return the value as it is kept. Raises InvalidInput naming field, value and remedy.

        Text from a form is taken for every type; a person stays what was given, to be looked up by the caller.
        """
        given = value.strip() if isinstance(value, str) else value
        match self.type:
            case FieldType.TEXT if isinstance(given, str) and len(given) <= LONGEST_TEXT:
                return given
            case FieldType.TEXT:
                raise self._wrong(value, "is not a text", f"Write at most {LONGEST_TEXT} characters.")
            case FieldType.NUMBER:
                return self._number(given)
            case FieldType.DATE:
                return self._date(given)
            case FieldType.CHOICE:
                if not isinstance(given, str) or given not in self.choices:
                    raise self._wrong(value, "is not one of the choices", f"Choose one of: {', '.join(self.choices)}.")
                return given
            case FieldType.PERSON:
                if not isinstance(given, str) or len(given) > 254:
                    raise self._wrong(value, "names nobody", "Give the e-mail address or the id of a person.")
                return given
            case FieldType.LINK:
                return self._link(given)
            case FieldType.YES_NO:
                found = _YES_NO.get(given.casefold()) if isinstance(given, str) else given
                if not isinstance(found, bool):
                    raise self._wrong(value, "is neither yes nor no", "Answer yes or no.")
                return found

    def _number(self, given: object) -> int | float:
        remedy = "Write a number with a decimal point, without a unit."
        if isinstance(given, bool) or not isinstance(given, str | int | float):
            raise self._wrong(given, "is not a number", remedy)
        try:
            number = float(given)
        except (ValueError, OverflowError):
            raise self._wrong(given, "is not a number", remedy) from None
        if not math.isfinite(number) or abs(number) > 1e15:
            raise self._wrong(given, "is not a number that can be kept", "Write a number below 10 to the power of 15.")
        return int(number) if number == int(number) else number

    def _date(self, given: object) -> str:
        try:
            if not isinstance(given, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", given, re.ASCII):
                raise ValueError(given)
            return date.fromisoformat(given).isoformat()
        except ValueError:
            raise self._wrong(given, "is not a date", "Write it as 2026-05-31.") from None

    def _link(self, given: object) -> str:
        remedy = "Give an address that begins with https:// or http://."
        if not isinstance(given, str) or len(given) > LONGEST_LINK or any(c.isspace() for c in given):
            raise self._wrong(given, "is not an address", remedy)
        try:
            parts = urlsplit(given)
            known = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        except ValueError:
            known = False
        if not known:
            raise self._wrong(given, "is not an address", remedy)
        return given

    def _wrong(self, value: object, problem: str, remedy: str) -> InvalidInput:
        shown = str(value)[:80]
        return InvalidInput(
            f"{self.label}: {shown!r} {problem}.", remedy=remedy, field=f"fields.{self.key}", value=shown
        )


def read_values(
    definitions: Iterable[Definition], given: Mapping[str, object], kept: Mapping[str, Value] | None = None
) -> dict[str, Value]:
    """Return the values that the definitions make of what was given, on top of those kept before.

    Nothing (none, empty text) takes a value away. Values of archived fields, which no definition
    describes any more, stay as they are. Raises InvalidInput for the first value that is wrong, for a
    key that does not apply, and for a required field that is missing.
    """
    known = {definition.key: definition for definition in definitions}
    values = dict(kept or {})
    for key, value in given.items():
        if key not in known:
            raise InvalidInput(
                f"There is no field {key[:60]!r} for this kind of model.",
                remedy=f"Leave it out, or use one of: {', '.join(sorted(known)) or 'none'}.",
                field=f"fields.{key[:60]}",
            )
        if value is None or (isinstance(value, str) and not value.strip()):
            values.pop(key, None)
        else:
            values[key] = known[key].read(value)
    for key, definition in known.items():
        if definition.is_required and key not in values:
            raise InvalidInput(
                f"{definition.label} is required.", remedy="Fill it in.", field=f"fields.{key}", value=None
            )
    return values
