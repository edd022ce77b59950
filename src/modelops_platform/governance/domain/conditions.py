"""Conditions as data: what a floor of the questionnaire, or a clause of a policy, asks about answers and facts.

Written `{answer: I3, at_least: 4}`, `{fact: eu_class, in: [minimal]}`, `{all: [...]}` or `{any: [...]}`. They have
three values: a condition over a fact that nobody recorded is neither true nor false.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .documents import Fields, as_text, invalid

FactValue = bool | str
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
class AllOf:
    """Every part holds."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: "tuple[Condition, ...]"


Condition = AnswerAtLeast | FactIn | AllOf | AnyOf


def holds(condition: Condition, answers: Answers, facts: Facts) -> bool | None:
    """Tell whether a condition holds; None when that hangs on something nobody recorded."""
    match condition:
        case AnswerAtLeast(question, score):
            return answers[question] >= score if question in answers else None
        case FactIn(fact, values):
            value = facts.get(fact)
            return None if value is None else value in values
        case AllOf(parts):
            found = [holds(part, answers, facts) for part in parts]
            return False if False in found else None if None in found else True
        case AnyOf(parts):
            found = [holds(part, answers, facts) for part in parts]
            return True if True in found else None if None in found else False


def leaves(condition: Condition) -> Iterator[AnswerAtLeast | FactIn]:
    """Walk the questions and facts that a condition asks about."""
    match condition:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
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
        return FactIn(fields.id("fact"), fields.list("in", _read_value))
    if fields.has("all"):
        return AllOf(fields.list("all", read_condition))
    if fields.has("any"):
        return AnyOf(fields.list("any", read_condition))
    raise invalid(fields.where, None, "is not a condition", "Start it with answer, fact, all or any.")


def _read_value(value: object, place: str) -> FactValue:
    return value if isinstance(value, bool) else as_text(value, place)
