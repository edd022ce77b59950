"""Reading documents that people write: policies and questionnaires. Strict, and exact about what is wrong where.

A document is plain data (mappings, lists, text, numbers, yes and no), read from YAML or JSON. Nothing is guessed:
a key that means nothing is refused, because a misspelt rule would otherwise be a rule that never fires.
"""

import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Protocol, TypeVar

import yaml

try:
    from yaml import CSafeLoader as _Loader  # ten times as fast
except ImportError:  # built without libyaml; to us the two are alike, but they share no class that could be named
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

from modelops_platform.core.errors import InvalidInput

MAX_DEPTH = 12
MAX_TEXT = 2000
MAX_DOCUMENT = 200_000
MAX_NODES = 5_000  # keys, values, lists and mappings; a policy has some hundred

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # escapes write what no database keeps
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,99}")
_E = TypeVar("_E", bound=StrEnum)
_T = TypeVar("_T")


def invalid(field: str, value: object, problem: str, remedy: str) -> InvalidInput:
    """Make the error that names the field, the value and the way out."""
    told = f"{field or 'The document'} {problem}: {_shown(value)}."
    return InvalidInput(told, field=field or "document", value=_shown(value), remedy=remedy)


def read_document(text: str, read: Callable[[object], _T]) -> _T:
    """Read a YAML document by `read`. Raises InvalidInput that names the line beside the key."""
    data = read_yaml(text)
    try:
        return read(data)
    except InvalidInput as error:
        line = line_of(text, str(error.details.get("field", "")))
        details = {**error.details, "line": line}
        raise InvalidInput(f"Line {line}: {error.message}", remedy=error.remedy, **details) from None


def read_yaml(text: str) -> object:
    """Read one YAML document as plain data. Raises InvalidInput for anything clever: links, depth, double keys."""
    if len(text) > MAX_DOCUMENT:
        raise InvalidInput(
            f"The document has {len(text):,} characters; at most {MAX_DOCUMENT:,} are read.",
            field="document",
            value=text[:80],
            remedy="Split it into several policies.",
        )
    try:
        _check_shape(text)
        return yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader that is stricter still
    except (yaml.YAMLError, ValueError) as error:
        place = getattr(error, "problem_mark", None)
        where = f" near line {place.line + 1}, column {place.column + 1}" if place is not None else ""
        what = getattr(error, "problem", None) or str(error)
        raise InvalidInput(
            f"The document is not plain YAML{where}: {what[:200]}.",
            field="document",
            value=text[:80],
            **({} if place is None else {"line": place.line + 1}),
            remedy="Correct that place and send the document again.",
        ) from error


class Numbered(Protocol):
    """A document of which versions are published."""

    @property
    def id(self) -> str:
        """The document."""

    @property
    def version(self) -> int:
        """The number of this version."""


_N = TypeVar("_N", bound=Numbered)


def current(documents: Iterable[_N]) -> list[_N]:
    """Keep the latest version of each document, in the order of their ids."""
    latest: dict[str, _N] = {}
    for document in documents:
        if document.id not in latest or document.version > latest[document.id].version:
            latest[document.id] = document
    return [latest[id] for id in sorted(latest)]


class Fields:
    """One mapping of a document, taken apart key by key; `done` refuses the keys that nobody asked for."""

    def __init__(self, data: object, where: str) -> None:
        """Open the mapping `data` found at `where`. Raises InvalidInput when it is not a mapping with text keys."""
        if not isinstance(data, Mapping):
            raise invalid(where, data, "must be a mapping of keys to values", "Write it as `key: value` lines.")
        for key in data:
            if not isinstance(key, str):
                raise invalid(where, key, "has a key that is not text", "Put the key in quotes.")
        self.where = where
        self._data: dict[str, object] = dict(data)
        self._taken: list[str] = []

    def place(self, key: str) -> str:
        """Name the place of a key, as error messages do."""
        return f"{self.where}.{key}" if self.where else key

    def has(self, key: str) -> bool:
        """Tell whether the key is there."""
        return key in self._data

    def value(self, key: str) -> object:
        """Take a value as it is. Raises InvalidInput when it is missing."""
        self._taken.append(key)
        if key not in self._data:
            raise invalid(self.place(key), None, "is missing", f"Add `{key}`.")
        return self._data[key]

    def text(self, key: str) -> str:
        """Take a text that says something."""
        return as_text(self.value(key), self.place(key))

    def id(self, key: str = "id") -> str:
        """Take an identifier: a letter, then letters, digits, `-` or `_`."""
        value = self.value(key)
        if not isinstance(value, str) or not _ID.fullmatch(value):
            raise invalid(self.place(key), value, "is not an identifier", "Use a letter, then letters, digits, - or _.")
        return value

    def path(self, key: str) -> str:
        """Take the name of a fact: an identifier, maybe with one behind a dot, as in `field.region`."""
        value = self.value(key)
        if not isinstance(value, str) or not all(_ID.fullmatch(part) for part in value.split(".", 1)):
            raise invalid(self.place(key), value, "is not the name of a fact", "Use the name from the table of facts.")
        return value

    def number(self, key: str, low: float = -1e300, high: float = 1e300) -> float:
        """Take a finite number."""
        return as_number(self.value(key), self.place(key), low, high)

    def number_or_none(self, key: str, low: float = -1e300, high: float = 1e300) -> float | None:
        """Take a finite number where there is one."""
        return self.number(key, low, high) if self.has(key) else None

    def integer_or_none(self, key: str, low: int, high: int) -> int | None:
        """Take a whole number where there is one."""
        return self.integer(key, low, high) if self.has(key) else None

    def text_or_none(self, key: str) -> str | None:
        """Take a text where there is one."""
        return self.text(key) if self.has(key) else None

    def flag(self, key: str, *, default: bool) -> bool:
        """Take yes or no."""
        value = self.value(key) if self.has(key) else default
        if not isinstance(value, bool):
            raise invalid(self.place(key), value, "must be true or false", "Write true or false.")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Take a list of different texts; a missing one is empty."""
        found = self.list(key, as_text) if self.has(key) else ()
        unique(found, self.place(key))
        return found

    def integer(self, key: str, low: int, high: int) -> int:
        """Take a whole number from `low` to `high`."""
        return as_integer(self.value(key), self.place(key), low, high)

    def choice(self, key: str, kind: type[_E], default: _E | None = None) -> _E:
        """Take one word of a closed vocabulary."""
        if default is not None and not self.has(key):
            return default
        return as_choice(self.value(key), self.place(key), kind)

    def list(self, key: str, read: Callable[[object, str], _T], *, empty: bool = False) -> tuple[_T, ...]:
        """Take a list, each item read by `read(item, place)`. A missing list is an empty one where `empty` allows."""
        if empty and not self.has(key):
            return ()
        value = self.value(key)
        if not isinstance(value, list) or (not value and not empty):
            raise invalid(self.place(key), value, "must be a list, not empty", "Write it as `- item` lines.")
        return tuple(read(item, f"{self.place(key)}[{position}]") for position, item in enumerate(value))

    def mappings(self, key: str, read: "Callable[[Fields], _T]", *, empty: bool = False) -> tuple[_T, ...]:
        """Take a list of mappings, each read by `read` and left without unknown keys."""

        def one(item: object, place: str) -> _T:
            fields = Fields(item, place)
            found = read(fields)
            fields.done()
            return found

        return self.list(key, one, empty=empty)

    def choices(self, key: str, kind: type[_E]) -> frozenset[_E] | None:
        """Take a set of words of a closed vocabulary; None when the key is missing, which reads as "any"."""
        if not self.has(key):
            return None
        return frozenset(self.list(key, lambda item, place: as_choice(item, place, kind)))

    def done(self) -> None:
        """Refuse what is left over."""
        for key in self._data:
            if key not in self._taken:
                known = ", ".join(self._taken)
                raise invalid(
                    self.place(key), self._data[key], "is not a known key", f"Remove it, or use one of: {known}."
                )


def as_text(value: object, place: str) -> str:
    """Read a text of 1 to 2,000 characters without control characters."""
    if not isinstance(value, str) or not value.strip():
        raise invalid(place, value, "must be a text", "Put it in quotes if it looks like a number or yes/no.")
    text = " ".join(value.split())
    if len(text) > MAX_TEXT or not text.isprintable():
        raise invalid(
            place, text, "is too long or has control characters", f"Use at most {MAX_TEXT} printable characters."
        )
    return text


def as_integer(value: object, place: str, low: int, high: int) -> int:
    """Read a whole number from `low` to `high`; yes and no are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise invalid(place, value, f"must be a whole number from {low} to {high}", "Correct the number.")
    return value


def as_number(value: object, place: str, low: float, high: float) -> float:
    """Read a finite number from `low` to `high`; yes and no are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        problem = "must be a finite number" if abs(low) == abs(high) == 1e300 else f"must be from {low:g} to {high:g}"
        raise invalid(place, value, problem, "Correct the number.")
    return float(value)


def as_choice(value: object, place: str, kind: type[_E]) -> _E:
    """Read one word of a closed vocabulary."""
    words = [str(word) for word in kind]
    if not isinstance(value, str) or value not in words:
        raise invalid(place, value, "is not a known word", f"Use one of: {', '.join(words)}.")
    return kind(value)


def unique(ids: Iterable[str], place: str) -> None:
    """Refuse an identifier that stands twice."""
    seen: set[str] = set()
    for id in ids:
        if id in seen:
            raise invalid(place, id, "names the same thing twice", "Give each its own id.")
        seen.add(id)


def _shown(value: object) -> str:
    """Print a value for a message: whole when short, never a huge number in full."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return "a number of more than 60 digits"
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def line_of(text: str, place: str) -> int:
    """Find the line of a place such as `requirements[2].check`, or of what comes nearest above it.

    The shape was checked before, so composing the nodes goes no deeper than `MAX_DEPTH`.
    """
    node = yaml.compose(text, Loader=_Loader)
    line = 1 if node is None else node.start_mark.line + 1
    for key, position in _STEP.findall(place):
        step = _inside(node, key, position)
        if step is None:
            break
        node, line = step
    return line


def _inside(node: yaml.Node | None, key: str, position: str) -> tuple[yaml.Node, int] | None:
    """Step into a mapping or a list; the line is that of the key, or of the item."""
    if key and isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key:
                return value, name.start_mark.line + 1
    if position and isinstance(node, yaml.SequenceNode) and int(position) < len(node.value):
        item = node.value[int(position)]
        return item, item.start_mark.line + 1
    return None


class _NotPlain(yaml.YAMLError):
    """YAML allows it, a document does not."""

    def __init__(self, problem: str, problem_mark: Any) -> None:
        super().__init__(problem)
        self.problem = problem
        self.problem_mark = problem_mark


def _check_shape(text: str) -> None:
    """Walk the events, which needs no recursion, before anything is built from them."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise _NotPlain("links (&, *) are not allowed", event.start_mark)
        if isinstance(event, yaml.ScalarEvent) and (found := _UNSTORABLE.search(event.value)):
            raise _NotPlain(f"the character U+{ord(found[0]):04X} cannot be stored", event.start_mark)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _NotPlain(f"nested deeper than {MAX_DEPTH}", event.start_mark)
        nodes += isinstance(event, yaml.NodeEvent)
        if nodes > MAX_NODES:
            raise _NotPlain(f"more than {MAX_NODES:,} keys and values", event.start_mark)


class _PlainLoader(_Loader):
    """A safe loader that refuses a key written twice instead of forgetting the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _NotPlain("a list or a mapping is no key", key.start_mark)
            if key.value in seen:
                raise _NotPlain(f"the key {key.value} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)
