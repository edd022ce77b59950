"""The protocol's search language: filters such as `metrics.loss < 0.3 AND tags.team = 'risk'`, and orders.

One grammar serves every search; a `Grammar` says which entities, keys and comparators a search knows. What a filter
may cost is bounded here by its length and its number of clauses.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from modelops_platform.core.errors import InvalidInput

LONGEST, MOST_CLAUSES, MOST_LISTED, MOST_ORDERS = 100_000, 60, 1_000, 20


class Op(StrEnum):
    """How a value is compared."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    LIKE = "LIKE"
    ILIKE = "ILIKE"
    RLIKE = "RLIKE"
    IN = "IN"
    NOT_IN = "NOT IN"
    IS_NULL = "IS NULL"
    IS_NOT_NULL = "IS NOT NULL"


NUMERIC = frozenset({Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE})
TEXT = frozenset({Op.EQ, Op.NE, Op.LIKE, Op.ILIKE})
LISTED = frozenset({Op.IN, Op.NOT_IN})
NULLS = frozenset({Op.IS_NULL, Op.IS_NOT_NULL})


@dataclass(frozen=True, slots=True)
class Attribute:
    """A key that can be searched: what it is called here, and how it compares."""

    name: str
    ops: frozenset[Op] = TEXT
    is_number: bool = False
    takes_quoted_number: bool = False
    sorts: bool = False
    takes_number: bool = False  # of a text: some clients leave the quotes out
    takes_text: bool = False


@dataclass(frozen=True, slots=True)
class Entity:
    """A family of keys: fixed attributes, or any key (`any`)."""

    name: str
    keys: Mapping[str, Attribute] = field(default_factory=dict)
    any: Attribute | None = None

    def attribute(self, key: str) -> Attribute | None:
        """Return the attribute of a key, if the entity knows it."""
        if self.any is not None:
            return replace(self.any, name=key)
        return self.keys.get(key)


@dataclass(frozen=True, slots=True)
class Grammar:
    """What one search knows: entities by every name they go by; `bare` is what a key without entity belongs to."""

    entities: Mapping[str, Entity]
    bare: Entity


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition; all clauses of a filter must hold."""

    entity: str
    key: str
    op: Op
    value: str | float | tuple[str, ...] | None
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """One key of an order."""

    entity: str
    key: str
    descending: bool = False


def parse_filter(text: str | None, grammar: Grammar) -> tuple[Clause, ...]:
    """Return the clauses of a filter; none for an empty one. Raises InvalidInput."""
    text = text or ""
    if len(text) > LONGEST:
        raise _wrong(f"The filter has {len(text):,} characters; at most {LONGEST:,} are taken", "filter")
    reader = _Reader(text, "filter")
    clauses: list[Clause] = []
    while not reader.is_at_end or clauses:
        clauses.append(_clause(reader, grammar))
        if len(clauses) > MOST_CLAUSES:
            raise _wrong(f"The filter has more than {MOST_CLAUSES} clauses", "filter")
        if reader.is_at_end:
            break
        if not reader.takes_word("AND"):
            raise reader.wrong("AND was expected")
    return tuple(clauses)


def parse_order(items: Iterable[str], grammar: Grammar) -> tuple[Order, ...]:
    """Return the keys of an `order_by`. Raises InvalidInput, also for a key that is named twice."""
    orders: list[Order] = []
    for item in items:
        reader = _Reader(item[:LONGEST], "order_by")
        entity, attribute = _identifier(reader, grammar)
        if not attribute.sorts:
            raise _wrong(
                f"Invalid order_by {item[:200]!r}: {entity.name} {attribute.name!r} cannot be ordered by", "order_by"
            )
        descending = reader.takes_word("DESC")
        if not descending:
            reader.takes_word("ASC")
        if not reader.is_at_end:
            raise reader.wrong("ASC or DESC was expected")
        orders.append(Order(entity.name, attribute.name, descending))
    if len({(order.entity, order.key) for order in orders}) < len(orders):
        raise _wrong("A key stands twice in order_by", "order_by")
    if len(orders) > MOST_ORDERS:
        raise _wrong(f"At most {MOST_ORDERS} keys are taken in order_by", "order_by")
    return tuple(orders)


def _clause(reader: "_Reader", grammar: Grammar) -> Clause:
    entity, attribute = _identifier(reader, grammar)
    op = reader.operator()
    if op not in attribute.ops:
        raise _wrong(
            f"Invalid comparator '{op.value}' for {entity.name} {attribute.name!r}; valid are "
            f"{', '.join(sorted(attribute.ops))}",
            "filter",
        )
    value: str | float | tuple[str, ...] | None
    if op in NULLS:
        value = None
    elif op in LISTED:
        value = reader.listed()
    elif attribute.is_number and op in NUMERIC and not (attribute.takes_text and reader.is_at_quote):
        value = reader.number(or_quoted=attribute.takes_quoted_number)
    else:
        value = reader.text(or_number=attribute.takes_number)
    return Clause(entity.name, attribute.name, op, value, isinstance(value, int | float))


def _identifier(reader: "_Reader", grammar: Grammar) -> tuple[Entity, Attribute]:
    prefix, key = reader.identifier()
    entity = grammar.bare if prefix is None else grammar.entities.get(prefix)
    if entity is None:
        raise _wrong(f"Invalid entity type {prefix!r}; valid are {', '.join(sorted(grammar.entities))}", reader.field)
    attribute = entity.attribute(key)
    if attribute is None:
        raise _wrong(
            f"Invalid {entity.name} key {key[:100]!r}; valid are {', '.join(sorted(entity.keys))}", reader.field
        )
    return entity, attribute


_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[^\W\d]\w*")
_BARE_KEY = re.compile(r"\w[\w.]*")
_QUOTED_KEY = re.compile(r"`([^`]+)`|\"([^\"]+)\"")
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.])")
_COMPARATOR = re.compile(r"!=|<=|>=|=|<|>")


class _Reader:
    """Takes a text apart from left to right."""

    def __init__(self, text: str, field: str) -> None:
        self._text, self.field = text, field
        self._at = 0
        self._skip()

    @property
    def is_at_end(self) -> bool:
        return self._at == len(self._text)

    @property
    def is_at_quote(self) -> bool:
        return self._text[self._at : self._at + 1] in ("'", '"')

    def wrong(self, why: str) -> InvalidInput:
        rest = self._text[self._at : self._at + 100]
        return _wrong(f"Invalid clause(s) in filter string, at {rest!r}: {why}", self.field)

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._at)
        if found is not None:
            self._at = found.end()
            self._skip()
        return found

    def takes_word(self, word: str) -> bool:
        """Take a word in any case, if it is what comes next."""
        found = _WORD.match(self._text, self._at)
        if found is None or found[0].upper() != word:
            return False
        self._at = found.end()
        self._skip()
        return True

    def identifier(self) -> tuple[str | None, str]:
        """Take `entity.key` or `key`; the key may stand in back-ticks or double quotes."""
        if quoted := self._take(_QUOTED_KEY):
            return None, quoted[1] or quoted[2]
        word = _WORD.match(self._text, self._at)
        if word is None:
            raise self.wrong("a key was expected")
        self._at = word.end()
        if self._text[self._at : self._at + 1] != ".":
            self._skip()
            return None, word[0]
        self._at += 1
        key = self._take(_QUOTED_KEY)
        if key is not None:
            return word[0], key[1] or key[2]
        bare = self._take(_BARE_KEY)
        if bare is not None and bare[0].endswith(".") and (key := self._take(_QUOTED_KEY)):
            return word[0], bare[0] + (key[1] or key[2])  # as in span.attributes.`a key`
        if bare is None or bare[0].endswith("."):
            raise self.wrong(f"a key was expected after '{word[0]}.'")
        return word[0], bare[0]

    def operator(self) -> Op:
        if found := self._take(_COMPARATOR):
            return Op(found[0])
        if self.takes_word("IS"):
            is_negated = self.takes_word("NOT")
            if self.takes_word("NULL"):
                return Op.IS_NOT_NULL if is_negated else Op.IS_NULL
        elif self.takes_word("NOT"):
            if self.takes_word("IN"):
                return Op.NOT_IN
        else:
            for op in (Op.LIKE, Op.ILIKE, Op.RLIKE, Op.IN):
                if self.takes_word(op.value):
                    return op
        raise self.wrong("a comparator was expected")

    def text(self, *, or_number: bool = False) -> str:
        found = self._take(_QUOTED)
        if found is None and or_number and (number := self._take(_NUMBER)):
            return number[0]
        if found is None:
            raise self.wrong("a quoted text was expected")
        return found[1] if found[1] is not None else found[2]

    def number(self, *, or_quoted: bool) -> float:
        found = self._take(_NUMBER)
        if found is not None:
            return _as_number(found[0])
        if or_quoted and (quoted := self._take(_QUOTED)) and _NUMBER.fullmatch(quoted[1] or quoted[2] or ""):
            return _as_number(quoted[1] or quoted[2])
        raise self.wrong("a number was expected")

    def listed(self) -> tuple[str, ...]:
        if not self._take(_OPEN):
            raise self.wrong("a list in parentheses was expected")
        found = [self.text()]
        while self._take(_COMMA):
            if self._take(_CLOSE):  # as Python prints a tuple of one
                return tuple(found)
            found.append(self.text())
            if len(found) > MOST_LISTED:
                raise _wrong(f"A list has more than {MOST_LISTED} values", self.field)
        if not self._take(_CLOSE):
            raise self.wrong("the list does not end")
        return tuple(found)


_OPEN, _COMMA, _CLOSE = re.compile(r"\("), re.compile(","), re.compile(r"\)")


def _as_number(text: str) -> float:
    """Return the number; whole ones exactly, as long as databases know them."""
    if re.fullmatch(r"[-+]?\d{1,18}", text):
        return int(text)
    return float(text)


def _wrong(message: str, field: str) -> InvalidInput:
    return InvalidInput(f"{message}.", field=field)
