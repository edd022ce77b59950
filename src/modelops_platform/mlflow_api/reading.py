"""Reading what clients of all ages send.

The newest Python client sends plain JSON with the fields of the message, which is decoded in one go. Everything else
(camelCase, numbers as text, a bare NaN, unknown fields, null, enum numbers, JSON within a JSON string, a query) takes
the patient way: parsed leniently, put in order by the message's own description, then checked by it.
"""

import enum
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec

from modelops_platform.core.errors import InvalidInput
from modelops_platform.web.requests import check_plain

from .wire import Message

M = TypeVar("M", bound=Message)
_PLACE = re.compile(r" - at `\$\.?(.*)`$")
_MISSING = re.compile(r"^Object missing required field `(\w+)`")


class Reader(Generic[M]):
    """Reads one kind of message."""

    def __init__(self, kind: type[M]) -> None:
        self.kind = kind
        self._shape = _Shape(kind)
        self._decode = msgspec.json.Decoder(kind, strict=False).decode

    def read_body(self, body: bytes, path: Mapping[str, str] | None = None) -> M:
        """Return the message of a JSON body; what cannot be parsed counts as empty. Raises InvalidInput."""
        if not path and b"\\u0000" not in body:
            try:
                return self._decode(body)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                pass  # the patient way finds out what it is, and says it
        return self.read(parse(body), path)

    def read_query(self, query: bytes, path: Mapping[str, str] | None = None) -> M:
        """Return the message of a query. Raises InvalidInput."""
        given: dict[str, Any] = {}
        for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=10_000):
            field = self._shape.field_of(name)
            if field is not None and field.is_list:
                given.setdefault(name, []).append(value)
            else:
                given[name] = value
        return self.read(given, path)

    def read(self, given: Any, path: Mapping[str, str] | None = None) -> M:
        """Return the message of parsed values; what stands in the path wins. Raises InvalidInput."""
        if not isinstance(given, dict):
            raise InvalidInput("The body is not a JSON object.", remedy="Send an object.", field="body")
        check_plain(given)
        values = self._shape.put_in_order({**given, **path} if path else given)
        try:
            return msgspec.convert(values, self.kind, strict=False)
        except msgspec.ValidationError as error:
            raise _refusal(str(error), values) from None


def parse(body: bytes) -> Any:
    """Return the JSON value of a body, with bare NaN and infinities; {} for what is not JSON."""
    try:
        value = json.loads(body)
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return {}


class _Field:
    """One field of a message: its name, whether it repeats, and the message or enum it holds."""

    def __init__(self, name: str, hint: Any) -> None:
        self.name = name
        parts = _flat(hint)
        self.is_list = any(get_origin(part) is list for part in parts)
        classes = [part for part in parts if isinstance(part, type)]
        self.shape = next((_Shape(part) for part in classes if issubclass(part, Message)), None)
        self.enum = next((part for part in classes if issubclass(part, enum.Enum)), None)

    def put_in_order(self, value: Any) -> Any:
        if self.is_list and isinstance(value, list):
            return [self._one(item) for item in value]
        return self._one(value)

    def _one(self, value: Any) -> Any:
        if self.shape is not None and isinstance(value, dict):
            return self.shape.put_in_order(value)
        return value if self.enum is None else _by_number(self.enum, value)


class _Shape:
    """The fields of a message, found by either spelling."""

    def __init__(self, kind: type[Message]) -> None:
        self._fields: dict[str, _Field] = {}
        hints = get_type_hints(kind, include_extras=True)
        for name, encoded in zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True):
            field = _Field(encoded, hints[name])
            self._fields[encoded] = self._fields[_camel(encoded)] = field

    def field_of(self, name: str) -> _Field | None:
        return self._fields.get(name)

    def put_in_order(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the known fields by their own names, without those that are null."""
        found: dict[str, Any] = {}
        for name, value in given.items():
            field = self._fields.get(name)
            if field is None or value is None:
                continue
            if field.name in found:
                raise InvalidInput(
                    f"The field {field.name!r} is given twice, as {field.name!r} and {_camel(field.name)!r}.",
                    remedy="Send one of them.",
                    field=field.name,
                )
            found[field.name] = field.put_in_order(value)
        return found


def _flat(hint: Any) -> list[Any]:
    """Return a type hint and everything inside it: unions, lists, annotations."""
    return [hint, *(part for inner in get_args(hint) for part in _flat(inner))]


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def _by_number(kind: type[enum.Enum], value: Any) -> Any:
    """Return the name of an enum's member that is given by its number; members count from 1."""
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, str) and value.isdecimal())):
        return value
    names = list(kind)
    return names[int(value) - 1].value if len(str(value)) < 4 and 1 <= int(value) <= len(names) else value


def _refusal(problem: str, values: Mapping[str, Any]) -> InvalidInput:
    """Say what msgspec found in the words that clients of the protocol know."""
    found = _PLACE.search(problem)
    place, problem = (found[1] if found else ""), _PLACE.sub("", problem)
    if missing := _MISSING.match(problem):
        place = f"{place}.{missing[1]}" if place else missing[1]
    if missing or problem.endswith("of length >= 1"):
        return missing_parameter(place)
    value = _at(values, place)
    return InvalidInput(
        f"Invalid value {_shown(value)} for parameter '{place}' supplied: {problem}.",
        field=place or "body",
        value=_shown(value),
    )


def missing_parameter(name: str) -> InvalidInput:
    """Return the refusal of a request without something it must have."""
    return InvalidInput(
        f"Missing value for required parameter '{name}'. "
        "See the API docs for more information about request parameters.",
        field=name,
    )


def _at(values: Any, place: str) -> Any:
    for part in re.findall(r"\w+", place):
        try:
            values = values[int(part)] if isinstance(values, Sequence) else values[part]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return values


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:200]
