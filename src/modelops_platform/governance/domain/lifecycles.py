"""Life cycles as data: states, who may move a model or a version between them, and what moves it by itself.

A document is strict: every state is reached, every transition leads somewhere, and what happens by itself comes to
rest. A transition with `who` is a verb of people; one with `when` is taken by the platform as soon as its claims hold.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from .documents import Fields, as_integer, as_text, current, invalid, unique
from .facts import Kind
from .judging import join
from .questionnaire import Tier, judged_tier

MOST_STATES = 40
MOST_TRANSITIONS = 120
MOST_CLAIMS = 10


class About(StrEnum):
    """What a life cycle is of."""

    MODEL = "model"
    VERSION = "version"


class Claim(StrEnum):
    """What may be true of a model or a version: the first ones stand, the last ones are true for one moment."""

    DETERMINED = "determined"
    TOOL = "tool"
    ASSESSED = "assessed"
    PROHIBITED = "prohibited"
    HAS_VERSION = "has_version"
    ASKED = "asked"
    APPROVED = "approved"
    LIVE = "live"
    ARCHIVED = "archived"

    WITHDRAWN = "withdrawn"
    VOIDED = "voided"
    DENIED = "denied"
    RESTORED = "restored"
    VALIDATION_STARTED = "validation_started"
    VALIDATED = "validated"
    VALIDATED_WITH_CONDITIONS = "validated_with_conditions"
    NOT_FIT = "not_fit"


MOMENTARY = frozenset(list(Claim)[list(Claim).index(Claim.WITHDRAWN) :])

CLAIM_WORDS: Mapping[Claim, tuple[str, str]] = {
    Claim.DETERMINED: ("somebody has determined whether it is a model", "nobody has determined whether it is a model"),
    Claim.TOOL: ("it is determined to be a tool", "it is no tool"),
    Claim.ASSESSED: ("its tier is in force", "no tier is in force"),
    Claim.PROHIBITED: ("its use is prohibited by the EU AI Act", "its use is not prohibited"),
    Claim.HAS_VERSION: ("it has a version", "it has no version"),
    Claim.ASKED: ("approval has been asked for", "no approval is being asked for"),
    Claim.APPROVED: ("every approval is given", "no approval is in force"),
    Claim.LIVE: ("it runs in a protected environment", "it runs in no protected environment"),
    Claim.ARCHIVED: ("it is archived", "it is not archived"),
    Claim.WITHDRAWN: ("the request was taken back", "no request was taken back"),
    Claim.VOIDED: ("what was approved has been edited", "nothing was edited"),
    Claim.DENIED: ("the approval was denied", "no approval was denied"),
    Claim.RESTORED: ("it was restored", "it was not restored"),
    Claim.VALIDATION_STARTED: ("its validation has begun", "no validation has begun"),
    Claim.VALIDATED: ("the validator finds it fit", "no validator finds it fit"),
    Claim.VALIDATED_WITH_CONDITIONS: ("the validator finds it fit with conditions", "there are no conditions"),
    Claim.NOT_FIT: ("the validator finds it not fit", "no validator finds it unfit"),
}


class Who(StrEnum):
    """Who may move something: people named on the record, or holders of a role there."""

    ANYBODY = "anybody"
    OWNER = "owner"
    DEVELOPER = "developer"
    VALIDATOR = "validator"
    CONTRIBUTOR = "contributor"
    RISK = "risk"
    COMPLIANCE = "compliance"
    EXECUTIVE = "executive"


EVENTS: Mapping[About, frozenset[str]] = {
    About.MODEL: frozenset(
        f"model.{word}"
        for word in (
            "moved",
            "started",
            "approved",
            "restricted",
            "restriction_lifted",
            "suspended",
            "resumed",
            "put_on_hold",
            "taken_up",
            "rejected",
            "reconsidered",
            "retiring",
            "kept",
            "retired",
        )
    ),
    About.VERSION: frozenset(
        f"version.{word}"
        for word in ("moved", "submitted", "taken_back", "validating", "validated", "failed", "approved", "revoked")
    ),
}
"""The kinds of events that a transition may leave; a document cannot make up those of other verbs."""


@dataclass(frozen=True, slots=True)
class Term:
    """A claim that must hold, or must not."""

    claim: Claim
    holds: bool

    def is_met(self, claims: AbstractSet[Claim]) -> bool:
        """Tell whether it is so."""
        return (self.claim in claims) is self.holds

    @property
    def words(self) -> str:
        """The claim as part of a sentence."""
        return CLAIM_WORDS[self.claim][0 if self.holds else 1]

    @property
    def opposite(self) -> str:
        """What is so where the term is not met."""
        return CLAIM_WORDS[self.claim][1 if self.holds else 0]


@dataclass(frozen=True, slots=True)
class State:
    """One place in a life cycle; in a barred one nothing new goes live."""

    id: str
    title: str
    is_barred: bool = False


@dataclass(frozen=True, slots=True)
class Transition:
    """A way from some states to another: by whom, or by itself, and what must be so."""

    id: str
    title: str
    sources: tuple[str, ...]
    to: str
    who: frozenset[Who] = frozenset()
    when: tuple[Term, ...] = ()
    needs: tuple[Term, ...] = ()
    wants_reason: bool = False
    wants_another_person: bool = False
    wants_independence: bool = False
    event: str = ""

    @property
    def is_manual(self) -> bool:
        """Tell whether people take it."""
        return bool(self.who)

    @property
    def because(self) -> str:
        """Why it is taken by itself, as a sentence."""
        words = ", and ".join(term.words for term in self.when)
        return f"{words[:1].upper()}{words[1:]}." if words else ""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which models a life cycle is for; None reads as "any"."""

    tiers: frozenset[Tier] | None = None
    kinds: frozenset[Kind] | None = None
    units: frozenset[str] | None = None

    def covers(self, tier: Tier | None, kind: Kind, units: AbstractSet[str]) -> bool:
        """Tell whether it is for such a model, at home in the innermost of these units; a prompt is no model."""
        return (
            (self.tiers is None or judged_tier(tier) in self.tiers)
            and (kind is not Kind.PROMPT if self.kinds is None else kind in self.kinds)
            and (self.units is None or bool(self.units & {unit.casefold() for unit in units}))
        )

    @property
    def narrowness(self) -> tuple[int, ...]:
        """Order scopes: units weigh more than kinds, those more than tiers."""
        return (int(self.units is not None), -len(self.kinds or Kind), -len(self.tiers or Tier))


@dataclass(frozen=True, slots=True)
class LifeCycle:
    """A published life cycle; its first state is where everything begins."""

    id: str
    version: int
    title: str
    about: About
    scope: Scope
    states: tuple[State, ...]
    transitions: tuple[Transition, ...]

    @property
    def start(self) -> State:
        """Where everything begins."""
        return self.states[0]

    def find(self, state_id: str) -> State | None:
        """Return a state, if the life cycle has it."""
        return next((state for state in self.states if state.id == state_id), None)

    def state(self, state_id: str) -> State:
        """Return a state; one that it does not have reads as its own id."""
        return self.find(state_id) or State(state_id, state_id.replace("_", " ").capitalize())

    def moves_from(self, state_id: str) -> tuple[Transition, ...]:
        """List what people can do from a state."""
        return tuple(one for one in self.transitions if one.is_manual and state_id in one.sources)

    def step(self, state_id: str, claims: AbstractSet[Claim]) -> Transition | None:
        """Return what happens next by itself; where several could, the one that the document names first."""
        for one in self.transitions:
            if one.when and state_id in one.sources and all(term.is_met(claims) for term in (*one.when, *one.needs)):
                return one
        return None

    def run(self, state_id: str, claims: AbstractSet[Claim]) -> list[Transition]:
        """Return what happens by itself, one step after another, until nothing does; no state is entered twice."""
        taken: list[Transition] = []
        seen = {state_id}
        while (one := self.step(state_id, claims)) is not None and one.to not in seen:
            taken.append(one)
            state_id = one.to
            seen.add(state_id)
        return taken


@dataclass(frozen=True, slots=True)
class Mover:
    """Somebody who wants to move something, with the roles held on it."""

    id: str
    roles: frozenset[str]
    is_person: bool
    is_involved: bool

    def is_one_of(self, who: AbstractSet[Who]) -> bool:
        """Tell whether they are among those who may."""
        return Who.ANYBODY in who or bool({str(one) for one in who} & self.roles)


def why_not_move(transition: Transition, mover: Mover, claims: AbstractSet[Claim], entered_by: str) -> str | None:
    """Say in words why somebody cannot take this transition now; None when they can."""
    if not mover.is_person:
        return "Only people do this; a service account never does."
    if not mover.is_one_of(transition.who):
        return f"Only {_list_words(transition.who)} may do this."
    if transition.wants_independence and mover.is_involved:
        return "You own this model, develop it or made a version of it, so somebody independent does this."
    if transition.wants_another_person and mover.id == entered_by:
        return "You brought it here, so somebody else does this."
    return missing_of(transition, claims)


def missing_of(transition: Transition, claims: AbstractSet[Claim]) -> str | None:
    """Say what is missing for a transition, whoever takes it; None when nothing is."""
    missing = [term.opposite for term in transition.needs if not term.is_met(claims)]
    return f"Not yet: {', and '.join(missing)}." if missing else None


def _list_words(who: AbstractSet[Who]) -> str:
    words = {
        Who.ANYBODY: "anybody with a role here",
        Who.OWNER: "the owner",
        Who.DEVELOPER: "the developer",
        Who.VALIDATOR: "a validator",
        Who.CONTRIBUTOR: "a contributor",
        Who.RISK: "a risk officer",
        Who.COMPLIANCE: "a compliance officer",
        Who.EXECUTIVE: "an executive",
    }
    return join([words[one] for one in Who if one in who], "or")


def who_words(transition: Transition) -> str:
    """Say who takes a transition."""
    return _list_words(transition.who) if transition.is_manual else "the platform"


def select_life_cycle(
    cycles: Iterable[LifeCycle], about: About, tier: Tier | None, *, kind: Kind, units: AbstractSet[str]
) -> LifeCycle | None:
    """Choose the narrowest life cycle for such a model, by its id where two are equally narrow."""
    fitting = [one for one in current(cycles) if one.about is about and one.scope.covers(tier, kind, units)]
    return max(fitting, key=lambda one: (one.scope.narrowness, one.id), default=None)


def read_life_cycle(data: object) -> LifeCycle:
    """Read a life cycle from a document. Raises InvalidInput."""
    fields = Fields(data, "")
    about = fields.choice("about", About)
    cycle = LifeCycle(
        id=fields.id(),
        version=fields.integer("version", 1, 1_000_000),
        title=fields.text("title"),
        about=about,
        scope=_read_scope(fields),
        states=fields.mappings("states", _read_state),
        transitions=fields.mappings("transitions", lambda item: _read_transition(item, about)),
    )
    fields.done()
    _check_whole(cycle)
    return cycle


def _read_scope(fields: Fields) -> Scope:
    if not fields.has("applies_to"):
        return Scope()
    inner = Fields(fields.value("applies_to"), "applies_to")
    tiers = inner.list("tiers", lambda value, place: Tier(as_integer(value, place, 1, 4))) if inner.has("tiers") else ()
    units = inner.list("units", as_text) if inner.has("units") else ()
    scope = Scope(
        tiers=frozenset(tiers) or None,
        kinds=inner.choices("kinds", Kind),
        units=frozenset(unit.casefold() for unit in units) or None,
    )
    inner.done()
    return scope


def _read_state(fields: Fields) -> State:
    return State(fields.id(), fields.text("title"), fields.flag("barred", default=False))


def _read_transition(fields: Fields, about: About) -> Transition:
    transition = Transition(
        id=fields.id(),
        title=fields.text("title"),
        sources=fields.list("from", as_text),
        to=fields.text("to"),
        who=fields.choices("who", Who) or frozenset(),
        when=fields.list("when", _read_term) if fields.has("when") else (),
        needs=fields.list("needs", _read_term) if fields.has("needs") else (),
        wants_reason=fields.flag("reason", default=False),
        wants_another_person=fields.flag("another_person", default=False),
        wants_independence=fields.flag("independent", default=False),
        event=fields.text_or_none("event") or "",
    )
    if bool(transition.who) == bool(transition.when):
        raise invalid(
            fields.place("who"),
            transition.id,
            "is taken by people and by itself, or by neither",
            "Write either `who` or `when`.",
        )
    if transition.event and transition.event not in EVENTS[about]:
        known = ", ".join(sorted(EVENTS[about]))
        raise invalid(
            fields.place("event"), transition.event, "is not an event of a life cycle", f"Use one of: {known}."
        )
    if momentary := [term for term in transition.needs if term.claim in MOMENTARY]:
        raise invalid(fields.place("needs"), momentary[0].claim, "is true for one moment only", "Use it in `when`.")
    return transition


def _read_term(value: object, place: str) -> Term:
    text = as_text(value, place)
    word = text.removeprefix("not ").strip()
    if word not in {str(claim) for claim in Claim}:
        raise invalid(place, text, "is not a known claim", f"Use, maybe after `not`: {', '.join(Claim)}.")
    return Term(Claim(word), not text.startswith("not "))


def _check_whole(cycle: LifeCycle) -> None:
    """Refuse a life cycle whose parts do not fit together."""
    for place, found, most in (
        ("states", len(cycle.states), MOST_STATES),
        ("transitions", len(cycle.transitions), MOST_TRANSITIONS),
    ):
        if found > most:
            raise invalid(place, found, f"are more than {most}", "Split the life cycle.")
    unique((state.id for state in cycle.states), "states")
    unique((one.id for one in cycle.transitions), "transitions")
    known = [state.id for state in cycle.states]
    for number, one in enumerate(cycle.transitions):
        for key, named in (*(("from", source) for source in one.sources), ("to", one.to)):
            if named not in known:
                raise invalid(
                    f"transitions[{number}].{key}", named, "is not a state", f"Use one of: {', '.join(known)}."
                )
        if one.to in one.sources:
            raise invalid(f"transitions[{number}].to", one.to, "leads to where it comes from", "Take it out of `from`.")
    _check_two_ways(cycle)
    reached = reachable(cycle)
    for number, state in enumerate(cycle.states):
        if state.id not in reached:
            raise invalid(f"states[{number}]", state.id, "is reached by no transition", "Add one, or remove the state.")
    _check_comes_to_rest(cycle)


def _check_two_ways(cycle: LifeCycle) -> None:
    """Refuse two verbs of people between the same states: a move names where it goes."""
    seen: set[tuple[str, str]] = set()
    for number, one in enumerate(cycle.transitions):
        for source in one.sources if one.is_manual else ():
            if (source, one.to) in seen:
                place = f"transitions[{number}].from"
                raise invalid(place, source, f"has two ways to {one.to}", "Join the two transitions.")
            seen.add((source, one.to))


def reachable(cycle: LifeCycle) -> frozenset[str]:
    """Return the states that one can come to from the start."""
    reached, waiting = {cycle.start.id}, [cycle.start.id]
    while waiting:
        state = waiting.pop()
        found = {one.to for one in cycle.transitions if state in one.sources} - reached
        reached |= found
        waiting += found
    return frozenset(reached)


def _check_comes_to_rest(cycle: LifeCycle) -> None:
    """Refuse what would move round and round by itself, whatever stands; what is true for a moment ends by itself."""
    used = sorted({term.claim for one in cycle.transitions for term in (*one.when, *one.needs)} - MOMENTARY)
    if len(used) > MOST_CLAIMS:
        raise invalid("transitions", len(used), f"use more than {MOST_CLAIMS} standing claims", "Use fewer.")
    for held in product((False, True), repeat=len(used)):
        claims = frozenset(claim for claim, holds in zip(used, held, strict=True) if holds)
        for state in cycle.states:
            path = cycle.run(state.id, claims)
            last = path[-1].to if path else state.id
            if (again := cycle.step(last, claims)) is not None:
                words = ", ".join(sorted(claims)) or "nothing"
                raise invalid(
                    f"transitions[{cycle.transitions.index(again)}]",
                    again.id,
                    f"moves round and round when {words} holds",
                    "Narrow `when`.",
                )
