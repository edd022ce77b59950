"""The risk questionnaire: answers in, a tier and its reasons out. All arithmetic is exact."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from fractions import Fraction

from .conditions import (
    MAX_SCORE,
    AnswerAtLeast,
    Condition,
    FactIn,
    FactValue,
    FactWithin,
    holds,
    leaves,
    read_condition,
)
from .documents import Fields, as_integer, as_text, invalid, unique


class Tier(IntEnum):
    """How much is at stake. A smaller number is stricter."""

    CRITICAL = 1
    HIGH = 2
    MODERATE = 3
    LOW = 4


UNASSESSED_AS = Tier.CRITICAL
"""The tier by which a model is judged that nobody has assessed."""


def judged_tier(tier: Tier | None) -> Tier:
    """Name the tier whose rules apply: without an assessment, the strictest."""
    return UNASSESSED_AS if tier is None else tier


@dataclass(frozen=True, slots=True)
class Question:
    """One question; the answers' places in the list are their scores."""

    id: str
    text: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A group of questions that share a weight (in per cent of the total)."""

    id: str
    title: str
    weight: int
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class FactQuestion:
    """A fact asked beside the questions: one of `choices`, or yes/no when there are none."""

    id: str
    text: str
    choices: tuple[str, ...]
    unknown_as: FactValue | None

    @property
    def values(self) -> tuple[FactValue, ...]:
        """List the values it may take."""
        return self.choices or (True, False)


@dataclass(frozen=True, slots=True)
class Floor:
    """A rule that lifts a model to at least this tier."""

    id: str
    title: str
    tier: Tier
    when: Condition


@dataclass(frozen=True, slots=True)
class FiredFloor:
    """A floor that applies, with the answers and facts that made it so."""

    id: str
    title: str
    tier: Tier
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BlockScore:
    """The score of one block, from 0 to 100."""

    id: str
    title: str
    weight: int
    score: Fraction


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the questionnaire says about a model, and why."""

    questionnaire_id: str
    questionnaire_version: int
    blocks: tuple[BlockScore, ...]
    total: Fraction
    total_shown: str
    tier_before_floors: Tier
    tier: Tier
    floors: tuple[FiredFloor, ...]
    unanswered: tuple[str, ...]
    not_recorded: tuple[str, ...]
    people_affected: bool
    impact: Fraction
    likelihood: Fraction
    impact_cell: int
    likelihood_cell: int
    why: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Print the assessment as plain data: scores as text with one decimal."""
        return {
            "questionnaire": {"id": self.questionnaire_id, "version": self.questionnaire_version},
            "blocks": [
                {"id": block.id, "title": block.title, "weight": block.weight, "score": _decimals(block.score, 1)}
                for block in self.blocks
            ],
            "total": self.total_shown,
            "tier_before_floors": int(self.tier_before_floors),
            "tier": int(self.tier),
            "floors": [
                {"id": floor.id, "title": floor.title, "tier": int(floor.tier), "because": list(floor.because)}
                for floor in self.floors
            ],
            "unanswered": list(self.unanswered),
            "not_recorded": list(self.not_recorded),
            "people_affected": self.people_affected,
            "impact": {"score": _decimals(self.impact, 1), "cell": self.impact_cell},
            "likelihood": {"score": _decimals(self.likelihood, 1), "cell": self.likelihood_cell},
            "why": list(self.why),
        }


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """Blocks of questions with weights, cut-offs and floors; immutable, told apart by id and version."""

    id: str
    version: int
    title: str
    blocks: tuple[Block, ...]
    cut_offs: tuple[tuple[Tier, int], ...]
    impact_block: str
    heat_cuts: tuple[int, ...]
    facts: tuple[FactQuestion, ...]
    people_affected: Condition
    floors: tuple[Floor, ...]
    reassess_after_days: int = 365

    @property
    def questions(self) -> tuple[Question, ...]:
        """List the questions of all blocks."""
        return tuple(question for block in self.blocks for question in block.questions)

    def check_answers(self, answers: Mapping[str, object]) -> dict[str, int]:
        """Take the answers, or raise InvalidInput. None counts as unanswered."""
        known = [question.id for question in self.questions]
        taken: dict[str, int] = {}
        for id, score in answers.items():
            if id not in known:
                raise invalid(
                    f"answers.{id}", id, "is not a question of this questionnaire", f"Use {', '.join(known)}."
                )
            if score is not None:
                taken[id] = as_integer(score, f"answers.{id}", 0, MAX_SCORE)
        return taken

    def check_facts(self, facts: Mapping[str, object]) -> dict[str, FactValue]:
        """Take the facts, or raise InvalidInput. None counts as not recorded."""
        known = {fact.id: fact for fact in self.facts}
        taken: dict[str, FactValue] = {}
        for id, value in facts.items():
            if id not in known:
                raise invalid(f"facts.{id}", id, "is not a known fact", f"Use {', '.join(known)}.")
            if value is None:
                continue
            taken[id] = _check_fact(known[id], value)
        return taken


def assess(questionnaire: Questionnaire, answers: Mapping[str, object], facts: Mapping[str, object]) -> Assessment:
    """Score the answers and find the tier. Raises InvalidInput for what the questionnaire does not know."""
    given = questionnaire.check_answers(answers)
    recorded = questionnaire.check_facts(facts)
    unanswered = tuple(question.id for question in questionnaire.questions if question.id not in given)
    scores = {question.id: given.get(question.id, MAX_SCORE) for question in questionnaire.questions}
    known = {fact.id: recorded.get(fact.id, fact.unknown_as) for fact in questionnaire.facts}

    blocks = tuple(_score_block(block, scores) for block in questionnaire.blocks)
    total = sum((block.score * block.weight / 100 for block in blocks), Fraction(0))
    before = _tier_of(total, questionnaire.cut_offs)
    floors = tuple(
        FiredFloor(floor.id, floor.title, floor.tier, _because(floor, scores, known, unanswered))
        for floor in questionnaire.floors
        if holds(floor.when, scores, known)
    )
    impact, likelihood = _axes(questionnaire, blocks)
    result = Assessment(
        questionnaire_id=questionnaire.id,
        questionnaire_version=questionnaire.version,
        blocks=blocks,
        total=total,
        total_shown=_shown(total, questionnaire.cut_offs),
        tier_before_floors=before,
        tier=min([before, *(floor.tier for floor in floors)]),
        floors=floors,
        unanswered=unanswered,
        not_recorded=tuple(fact.id for fact in questionnaire.facts if fact.id not in recorded),
        people_affected=holds(questionnaire.people_affected, scores, known) is not False,
        impact=impact,
        likelihood=likelihood,
        impact_cell=heat_cell(impact, questionnaire.heat_cuts),
        likelihood_cell=heat_cell(likelihood, questionnaire.heat_cuts),
        why=(),
    )
    return _with_reasons(questionnaire, result, scores, known)


def rises(
    questionnaire: Questionnaire, answers: Mapping[str, object], facts: Mapping[str, object], fact_id: str
) -> dict[str, int]:
    """Return, by value of one fact, the tier where these answers would be stricter than they are now."""
    fact = next((fact for fact in questionnaire.facts if fact.id == fact_id), None)
    if fact is None:
        return {}
    now = assess(questionnaire, answers, facts).tier
    found = {str(value): assess(questionnaire, answers, {**facts, fact_id: value}).tier for value in fact.values}
    return {value: int(tier) for value, tier in found.items() if tier < now}


def heat_cell(score: Fraction, cuts: tuple[int, ...]) -> int:
    """Place a score on the heat map: 1 below the first cut, one more at each cut reached."""
    return 1 + sum(score >= cut for cut in cuts)


def read_questionnaire(data: object) -> Questionnaire:
    """Read a questionnaire from a document. Raises InvalidInput."""
    fields = Fields(data, "")
    heat = Fields(fields.value("heat_map"), "heat_map")
    questionnaire = Questionnaire(
        id=fields.id(),
        version=fields.integer("version", 1, 1_000_000),
        title=fields.text("title"),
        blocks=fields.mappings("blocks", _read_block),
        cut_offs=fields.mappings("cut_offs", _read_cut_off),
        impact_block=heat.id("impact"),
        heat_cuts=heat.list("cuts", lambda value, place: as_integer(value, place, 1, 99)),
        facts=fields.mappings("facts", _read_fact, empty=True),
        people_affected=read_condition(fields.value("people_affected"), "people_affected"),
        floors=fields.mappings("floors", _read_floor, empty=True),
        reassess_after_days=fields.integer("reassess_after_days", 1, 3660)
        if fields.has("reassess_after_days")
        else 365,
    )
    heat.done()
    fields.done()
    _check_whole(questionnaire)
    return questionnaire


def _read_block(fields: Fields) -> Block:
    return Block(
        id=fields.id(),
        title=fields.text("title"),
        weight=fields.integer("weight", 1, 100),
        questions=fields.mappings("questions", _read_question),
    )


def _read_question(fields: Fields) -> Question:
    question = Question(fields.id(), fields.text("text"), fields.list("answers", as_text))
    if len(question.answers) != MAX_SCORE + 1:
        remedy = "Name one answer for each score from 0 to 4."
        raise invalid(fields.place("answers"), len(question.answers), "must have five answers", remedy)
    return question


def _read_cut_off(fields: Fields) -> tuple[Tier, int]:
    return Tier(fields.integer("tier", 1, 3)), fields.integer("from", 1, 100)


def _read_fact(fields: Fields) -> FactQuestion:
    fact = FactQuestion(fields.id(), fields.text("text"), fields.list("choices", as_text, empty=True), None)
    if not fields.has("unknown_as"):
        return fact
    return FactQuestion(fact.id, fact.text, fact.choices, _check_fact(fact, fields.value("unknown_as")))


def _read_floor(fields: Fields) -> Floor:
    return Floor(
        id=fields.id(),
        title=fields.text("title"),
        tier=Tier(fields.integer("tier", 1, 4)),
        when=read_condition(fields.value("when"), fields.place("when")),
    )


def _check_whole(questionnaire: Questionnaire) -> None:
    """Refuse a questionnaire whose parts do not fit together."""
    unique((block.id for block in questionnaire.blocks), "blocks")
    unique((question.id for question in questionnaire.questions), "questions")
    unique((fact.id for fact in questionnaire.facts), "facts")
    unique((floor.id for floor in questionnaire.floors), "floors")
    weight = sum(block.weight for block in questionnaire.blocks)
    if weight != 100:
        raise invalid("blocks", weight, "have weights that do not sum to 100", "Correct the weights.")
    if [tier for tier, _ in questionnaire.cut_offs] != [Tier.CRITICAL, Tier.HIGH, Tier.MODERATE]:
        raise invalid("cut_offs", len(questionnaire.cut_offs), "must name tiers 1, 2, 3 in this order", "Add them.")
    starts = [start for _, start in questionnaire.cut_offs]
    if starts != sorted(set(starts), reverse=True):
        raise invalid("cut_offs", starts, "must fall from tier to tier", "Tier 1 needs the highest total.")
    if list(questionnaire.heat_cuts) != sorted(set(questionnaire.heat_cuts)):
        raise invalid("heat_map.cuts", list(questionnaire.heat_cuts), "must rise", "Sort the cuts.")
    ids = [block.id for block in questionnaire.blocks]
    if questionnaire.impact_block not in ids or len(ids) < 2:
        raise invalid(
            "heat_map.impact", questionnaire.impact_block, "is not one of several blocks", f"Use {', '.join(ids)}."
        )
    for place, condition in _conditions(questionnaire):
        _check_condition(questionnaire, place, condition)


def _conditions(questionnaire: Questionnaire) -> list[tuple[str, Condition]]:
    floors = [(f"floors.{floor.id}.when", floor.when) for floor in questionnaire.floors]
    return [("people_affected", questionnaire.people_affected), *floors]


def _check_condition(questionnaire: Questionnaire, place: str, condition: Condition) -> None:
    questions = [question.id for question in questionnaire.questions]
    facts = {fact.id: fact for fact in questionnaire.facts}
    for leaf in leaves(condition):
        match leaf:
            case AnswerAtLeast(question):
                if question not in questions:
                    raise invalid(place, question, "asks about an unknown question", f"Use {', '.join(questions)}.")
            case FactIn(fact, values):
                if fact not in facts:
                    raise invalid(place, fact, "asks about an unknown fact", f"Use {', '.join(facts) or 'a question'}.")
                for value in values:
                    _check_fact(facts[fact], value)
            case FactWithin(fact):
                raise invalid(place, fact, "compares an answer as a number", "Use `in` with the values that count.")


def _check_fact(fact: FactQuestion, value: object) -> FactValue:
    """Take one of the fact's values; `1` is not `true`."""
    for allowed in fact.values:
        if type(value) is type(allowed) and value == allowed:
            return allowed
    choices = ", ".join(fact.choices) or "true, false"
    raise invalid(f"facts.{fact.id}", value, "is not a value of this fact", f"Use one of: {choices}.")


def _score_block(block: Block, scores: Mapping[str, int]) -> BlockScore:
    points = sum(scores[question.id] for question in block.questions)
    worst = MAX_SCORE * len(block.questions)
    return BlockScore(block.id, block.title, block.weight, Fraction(100 * points, worst))


def _tier_of(total: Fraction, cut_offs: tuple[tuple[Tier, int], ...]) -> Tier:
    return next((tier for tier, start in cut_offs if total >= start), Tier.LOW)


def _axes(questionnaire: Questionnaire, blocks: tuple[BlockScore, ...]) -> tuple[Fraction, Fraction]:
    """Return impact, and likelihood as the weighted mean of all other blocks."""
    impact = next(block.score for block in blocks if block.id == questionnaire.impact_block)
    others = [block for block in blocks if block.id != questionnaire.impact_block]
    weight = sum(block.weight for block in others)
    return impact, sum((block.score * block.weight for block in others), Fraction(0)) / weight


def _shown(total: Fraction, cut_offs: tuple[tuple[Tier, int], ...]) -> str:
    """Print a total with one decimal, or more where rounding would show a cut-off that was not reached."""
    tier = _tier_of(total, cut_offs)
    digits = next(digits for digits in range(1, 40) if _tier_of(round(total, digits), cut_offs) == tier)
    return _decimals(total, digits)


def _decimals(number: Fraction, digits: int) -> str:
    """Print a number with so many decimals; a tie goes to the even digit."""
    scaled = round(number * 10**digits)
    whole, rest = divmod(scaled, 10**digits)
    return f"{whole}.{rest:0{digits}d}"


def _because(
    floor: Floor, scores: Mapping[str, int], facts: Mapping[str, FactValue | None], unanswered: tuple[str, ...]
) -> tuple[str, ...]:
    """Name the values that made a floor fire."""
    reasons = []
    for leaf in leaves(floor.when):
        if not holds(leaf, scores, facts):
            continue
        match leaf:
            case AnswerAtLeast(question):
                note = ", unanswered" if question in unanswered else ""
                reasons.append(f"{question} = {scores[question]}{note}")
            case FactIn(fact):
                value = facts[fact]
                reasons.append(f"{fact} = {'yes' if value is True else 'no' if value is False else value}")
    return tuple(reasons)


def _with_reasons(
    questionnaire: Questionnaire,
    result: Assessment,
    scores: Mapping[str, int],
    known: Mapping[str, FactValue | None],
) -> Assessment:
    """Add the sentences of "why this tier"."""
    parts = ", ".join(f"{block.title.lower()} {_decimals(block.score, 1)}" for block in result.blocks)
    reasons = [f"The total is {result.total_shown} of 100 ({parts}), which is tier {result.tier_before_floors}."]
    for floor in result.floors:
        effect = "raises it to" if floor.tier < result.tier_before_floors else "asks for at least"
        reasons.append(f"{floor.title} ({', '.join(floor.because)}): {effect} tier {floor.tier}.")
    if result.unanswered:
        reasons.append(f"Nobody answered {', '.join(result.unanswered)}; each counts as the worst answer.")
    reasons += [
        f"Nobody recorded {fact.id}; it counts as {fact.unknown_as}."
        for fact in questionnaire.facts
        if fact.id in result.not_recorded and fact.unknown_as is not None
    ]
    open_facts = _open_facts(questionnaire, result, scores, known)
    if open_facts:
        reasons.append(f"Nobody recorded {', '.join(open_facts)}; the tier may rise once somebody does.")
    return replace(result, why=tuple(reasons))


def _open_facts(
    questionnaire: Questionnaire,
    result: Assessment,
    scores: Mapping[str, int],
    known: Mapping[str, FactValue | None],
) -> list[str]:
    """Name the unrecorded facts that could still raise the tier."""
    undecided = [
        floor for floor in questionnaire.floors if floor.tier < result.tier and holds(floor.when, scores, known) is None
    ]
    asked = {leaf.fact for floor in undecided for leaf in leaves(floor.when) if isinstance(leaf, FactIn)}
    return [fact.id for fact in questionnaire.facts if fact.id in asked and known[fact.id] is None]
