"""Conditions as data: what a floor of the questionnaire, or a clause of a policy, asks about answers and facts.

Written `{answer: I3, at_least: 4}`, `{fact: eu_class, in: [minimal]}`, `{fact: tier, at_most: 2}`, `{not: {...}}`,
`{all: [...]}` or `{any: [...]}`. They have three values: a condition over a fact that nobody recorded is neither
true nor false.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .documents import Fields, as_text, invalid

FactValue = bool | str | int | float
Facts = Mapping[str, FactValue | None]
Answers = Mapping[str, int]

MAX_SCORE = 4


@dataclass(frozen=True, slots=True)
class AnswerAtLeast:
    """The answer to a question scores at least so much."""

    question: str
    score: int


@dataclass(frozen=True, slots=True)
class FactIn:
    """A fact of the inventory has one of these values."""

    fact: str
    values: tuple[FactValue, ...]


@dataclass(frozen=True, slots=True)
class FactWithin:
    """A fact is a number between these limits."""

    fact: str
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Condition"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: "tuple[Condition, ...]"


Leaf = AnswerAtLeast | FactIn | FactWithin
Condition = Leaf | Not | AllOf | AnyOf


def holds(condition: Condition, answers: Answers, facts: Facts) -> bool | None:
    """Tell whether a condition holds; None when that hangs on something nobody recorded."""
    match condition:
        case AnswerAtLeast(question, score):
            return answers[question] >= score if question in answers else None
        case FactIn(fact, values):
            value = facts.get(fact)
            return None if value is None else any(_same(value, wanted) for wanted in values)
        case FactWithin(fact, low, high):
            value = facts.get(fact)
            if value is None or isinstance(value, bool | str):
                return None
            return (low is None or value >= low) and (high is None or value <= high)
        case Not(part):
            found = holds(part, answers, facts)
            return None if found is None else not found
        case AllOf(parts):
            each = [holds(part, answers, facts) for part in parts]
            return False if False in each else None if None in each else True
        case AnyOf(parts):
            each = [holds(part, answers, facts) for part in parts]
            return True if True in each else None if None in each else False


def _same(value: FactValue, wanted: FactValue) -> bool:
    """Compare without taking yes for 1."""
    return isinstance(value, bool) is isinstance(wanted, bool) and value == wanted


def leaves(condition: Condition) -> Iterator[Leaf]:
    """Walk the questions and facts that a condition asks about."""
    match condition:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case _:
            yield condition


def read_condition(data: object, place: str) -> Condition:
    """Read a condition from a document. Raises InvalidInput."""
    fields = Fields(data, place)
    condition = _read(fields)
    fields.done()
    return condition


def _read(fields: Fields) -> Condition:
    if fields.has("answer"):
        return AnswerAtLeast(fields.id("answer"), fields.integer("at_least", 1, MAX_SCORE))
    if fields.has("fact"):
        return _read_fact(fields)
    if fields.has("not"):
        return Not(read_condition(fields.value("not"), fields.place("not")))
    if fields.has("all"):
        return AllOf(fields.list("all", read_condition))
    if fields.has("any"):
        return AnyOf(fields.list("any", read_condition))
    raise invalid(fields.where, None, "is not a condition", "Start it with answer, fact, not, all or any.")


def _read_fact(fields: Fields) -> Condition:
    fact = fields.path("fact")
    if fields.has("in"):
        return FactIn(fact, fields.list("in", _read_value))
    low, high = fields.number_or_none("at_least"), fields.number_or_none("at_most")
    if low is None and high is None:
        raise invalid(fields.where, fact, "asks nothing of the fact", "Add in, at_least or at_most.")
    return FactWithin(fact, low, high)


def _read_value(value: object, place: str) -> FactValue:
    return value if isinstance(value, bool | int) else as_text(value, place)
