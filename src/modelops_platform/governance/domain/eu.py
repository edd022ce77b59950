"""The class under the EU AI Act by guided questions: a document of questions, a walk through it, and its trail.

Questions only lead on to later ones, so every walk ends. Not legal advice, and it says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from modelops_platform.registry.domain.kinds import EuClass

from .documents import Fields, invalid, unique


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: it leads to another question, or to a class."""

    id: str
    text: str
    next: str | None
    eu_class: EuClass | None


@dataclass(frozen=True, slots=True)
class Question:
    """A question with the article it comes from, where that was read, and when."""

    id: str
    text: str
    hint: str
    article: str
    source: str
    checked_on: date
    is_confirmed: bool
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A class, and what follows from it."""

    eu_class: EuClass
    title: str
    text: str
    article: str
    source: str
    checked_on: date
    is_confirmed: bool


@dataclass(frozen=True, slots=True)
class Guide:
    """The questions in their order, and the classes that they lead to."""

    id: str
    version: int
    title: str
    disclaimer: str
    questions: tuple[Question, ...]
    outcomes: tuple[Outcome, ...]

    def question(self, question_id: str) -> Question:
        """Return a question by its id."""
        return next(one for one in self.questions if one.id == question_id)

    def outcome(self, eu_class: EuClass) -> Outcome:
        """Return what a class means."""
        return next(one for one in self.outcomes if one.eu_class is eu_class)


@dataclass(frozen=True, slots=True)
class Step:
    """A question that was answered."""

    question: Question
    answer: Answer


@dataclass(frozen=True, slots=True)
class Walk:
    """How far somebody has come: the trail, and the next question or the class."""

    steps: tuple[Step, ...]
    question: Question | None
    outcome: Outcome | None

    @property
    def answers(self) -> dict[str, str]:
        """The answers of the trail by question."""
        return {step.question.id: step.answer.id for step in self.steps}

    @property
    def trail(self) -> list[dict[str, str]]:
        """The trail in words, to be kept."""
        return [
            {"question": step.question.text, "article": step.question.article, "answer": step.answer.text}
            for step in self.steps
        ]


def walk(guide: Guide, answers: Mapping[str, str]) -> Walk:
    """Follow the answers from the first question on; those off the path are left aside. Raises InvalidInput."""
    known = {question.id for question in guide.questions}
    for id in answers:
        if id not in known:
            raise invalid(f"answers.{id[:80]}", id, "is no question of the guide", f"Use {', '.join(sorted(known))}.")
    steps: list[Step] = []
    question = guide.questions[0]
    while question.id in answers:
        answer = _answer_of(question, answers[question.id])
        steps.append(Step(question, answer))
        if answer.eu_class is not None:
            return Walk(tuple(steps), None, guide.outcome(answer.eu_class))
        assert answer.next is not None, "a document says one of the two"
        question = guide.question(answer.next)
    return Walk(tuple(steps), question, None)


def _answer_of(question: Question, given: str) -> Answer:
    found = next((answer for answer in question.answers if answer.id == given), None)
    if found is None:
        choices = ", ".join(answer.id for answer in question.answers)
        raise invalid(f"answers.{question.id}", given[:80], "is no answer to it", f"Use one of: {choices}.")
    return found


def read_guide(data: object) -> Guide:
    """Read a guide from a document. Raises InvalidInput."""
    fields = Fields(data, "")
    source = fields.text("source")
    checked_on = _read_date(fields)
    guide = Guide(
        id=fields.id(),
        version=fields.integer("version", 1, 1_000_000),
        title=fields.text("title"),
        disclaimer=fields.text("disclaimer"),
        questions=fields.mappings("questions", lambda item: _read_question(item, source, checked_on)),
        outcomes=fields.mappings("outcomes", lambda item: _read_outcome(item, source, checked_on)),
    )
    fields.done()
    _check_whole(guide)
    return guide


def _read_date(fields: Fields, default: date | None = None) -> date:
    if default is not None and not fields.has("checked_on"):
        return default
    value = fields.value("checked_on")
    if not isinstance(value, date):
        raise invalid(fields.place("checked_on"), value, "is not a date", "Write it as 2026-11-24.")
    return value


def _read_mark(fields: Fields) -> bool:
    """Read whether the original was opened: `verified` or `known`; what nobody opened is to be confirmed."""
    value = fields.value("mark")
    if value not in ("verified", "known"):
        raise invalid(fields.place("mark"), value, "is not a mark", "Use verified or known.")
    return value == "verified"


def _read_question(fields: Fields, source: str, checked_on: date) -> Question:
    return Question(
        id=fields.id(),
        text=fields.text("text"),
        hint=fields.text("hint") if fields.has("hint") else "",
        article=fields.text("article"),
        source=fields.text("source") if fields.has("source") else source,
        checked_on=_read_date(fields, checked_on),
        is_confirmed=_read_mark(fields),
        answers=fields.mappings("answers", _read_answer),
    )


def _read_answer(fields: Fields) -> Answer:
    answer = Answer(
        fields.id(),
        fields.text("text"),
        fields.id("next") if fields.has("next") else None,
        fields.choice("class", EuClass) if fields.has("class") else None,
    )
    if (answer.next is None) == (answer.eu_class is None):
        raise invalid(fields.place("next"), answer.id, "leads nowhere, or to two places", "Write `next` or `class`.")
    return answer


def _read_outcome(fields: Fields, source: str, checked_on: date) -> Outcome:
    return Outcome(
        eu_class=fields.choice("class", EuClass),
        title=fields.text("title"),
        text=fields.text("text"),
        article=fields.text("article"),
        source=fields.text("source") if fields.has("source") else source,
        checked_on=_read_date(fields, checked_on),
        is_confirmed=_read_mark(fields),
    )


def _check_whole(guide: Guide) -> None:
    """Refuse a guide that leads back, nowhere, or to a class that it does not explain."""
    unique((question.id for question in guide.questions), "questions")
    unique((str(outcome.eu_class) for outcome in guide.outcomes), "outcomes")
    places = {question.id: number for number, question in enumerate(guide.questions)}
    explained = {outcome.eu_class for outcome in guide.outcomes}
    for question in guide.questions:
        unique((answer.id for answer in question.answers), f"questions.{question.id}.answers")
        for answer in question.answers:
            place = f"questions.{question.id}.answers.{answer.id}"
            if answer.next is not None and places.get(answer.next, -1) <= places[question.id]:
                raise invalid(place, answer.next, "does not lead on to a later question", "Reorder the questions.")
            if answer.eu_class is not None and answer.eu_class not in explained:
                raise invalid(place, answer.eu_class, "leads to a class without an outcome", "Add the outcome.")
