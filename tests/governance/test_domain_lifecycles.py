"""Life cycles as data: strict documents, states reached only by their transitions, rest after every move."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelops_platform.core.errors import InvalidInput
from modelops_platform.governance.defaults import default_life_cycle_texts, default_life_cycles
from modelops_platform.governance.domain.documents import read_document, read_yaml
from modelops_platform.governance.domain.drawing import draw
from modelops_platform.governance.domain.facts import Kind
from modelops_platform.governance.domain.lifecycles import (
    MOMENTARY,
    About,
    Claim,
    LifeCycle,
    Mover,
    reachable,
    read_life_cycle,
    select_life_cycle,
    why_not_move,
)
from modelops_platform.governance.domain.questionnaire import Tier

MODEL, VERSION = default_life_cycles()
CLAIMS = st.frozensets(st.sampled_from(list(Claim)))
RISK = Mover("rita", frozenset({"risk"}), is_person=True, is_involved=False)
OWNER = Mover("olga", frozenset({"owner", "contributor"}), is_person=True, is_involved=True)


def settle(cycle: LifeCycle, *claims: Claim, start: str | None = None) -> str:
    path = cycle.run(start or cycle.start.id, frozenset(claims))
    return path[-1].to if path else start or cycle.start.id


@pytest.mark.parametrize(
    ("claims", "state"),
    [
        ((), "proposed"),
        ((Claim.HAS_VERSION,), "in_development"),
        ((Claim.HAS_VERSION, Claim.ASKED), "in_validation"),
        ((Claim.HAS_VERSION, Claim.APPROVED), "approved"),
        ((Claim.HAS_VERSION, Claim.APPROVED, Claim.LIVE), "in_production"),
        ((Claim.HAS_VERSION, Claim.LIVE, Claim.ASKED), "in_production"),
        ((Claim.HAS_VERSION, Claim.ARCHIVED), "retired"),
    ],
)
def test_a_model_goes_by_itself_as_far_as_what_is_true_leads(claims: tuple[Claim, ...], state: str) -> None:
    assert settle(MODEL, *claims) == state


@pytest.mark.parametrize(
    ("claims", "state"),
    [
        ((), "draft"),
        ((Claim.ASKED,), "submitted"),
        ((Claim.APPROVED,), "approved"),
        ((Claim.LIVE, Claim.APPROVED), "deployed"),
        ((Claim.ARCHIVED,), "archived"),
        ((Claim.VALIDATION_STARTED,), "validating"),
    ],
)
def test_a_version_goes_by_itself_too(claims: tuple[Claim, ...], state: str) -> None:
    assert settle(VERSION, *claims) == state


def test_what_ran_is_superseded_and_what_is_revoked_stays_so() -> None:
    assert settle(VERSION, start="deployed") == "superseded"
    for claims in ((), (Claim.LIVE,), (Claim.APPROVED,), (Claim.ARCHIVED,), (Claim.VALIDATED,)):
        assert settle(VERSION, *claims, start="revoked") == "revoked"
        assert VERSION.moves_from("revoked") == ()
    assert VERSION.state("revoked").is_barred


def test_a_suspended_model_only_people_bring_back() -> None:
    assert settle(MODEL, Claim.LIVE, Claim.APPROVED, start="suspended") == "suspended"
    [resume] = [way for way in MODEL.moves_from("suspended") if way.to == "in_production"]
    assert why_not_move(resume, RISK, frozenset(), "somebody else") is None
    assert why_not_move(resume, RISK, frozenset(), "rita") == "You brought it here, so somebody else does this."
    assert why_not_move(resume, OWNER, frozenset(), "rita") == "Only a risk officer or an executive may do this."
    robot = Mover("ci", frozenset({"risk"}), is_person=False, is_involved=False)
    assert "service account" in str(why_not_move(resume, robot, frozenset(), ""))


def test_a_start_wants_a_determination_and_a_tier_and_no_prohibited_use() -> None:
    [start] = [way for way in MODEL.moves_from("proposed") if way.to == "in_development"]
    refusal = why_not_move(start, OWNER, frozenset({Claim.PROHIBITED, Claim.ASSESSED}), "")
    assert refusal is not None
    assert "nobody has determined" in refusal
    assert "prohibited by the EU AI Act" in refusal
    assert why_not_move(start, OWNER, frozenset({Claim.DETERMINED, Claim.ASSESSED}), "") is None


@pytest.mark.parametrize("cycle", [MODEL, VERSION], ids=["model", "version"])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_every_state_is_reached_only_by_a_transition_of_the_document(cycle: LifeCycle, data: st.DataObject) -> None:
    """Whatever holds in whatever order: each step is written down, no state outside the document is entered."""
    state = cycle.start.id
    for claims in data.draw(st.lists(CLAIMS, max_size=6)):
        for taken in cycle.run(state, claims):
            assert state in taken.sources
            assert all(term.is_met(claims) for term in taken.when)
            state = taken.to
        assert state in reachable(cycle)
        standing = claims - MOMENTARY
        rested = settle(cycle, *standing, start=state)
        assert settle(cycle, *standing, start=rested) == rested


def test_the_shipped_life_cycles_reach_every_state_and_fit_on_a_phone() -> None:
    for cycle in (MODEL, VERSION):
        assert reachable(cycle) == {state.id for state in cycle.states}
        drawing = draw(cycle)
        assert drawing.width <= 360
        assert len(drawing.boxes) == len(cycle.states)
        pairs = {(source, one.to) for one in cycle.transitions for source in one.sources}
        drawn = {(arrow.source, arrow.to) for arrow in drawing.arrows}
        assert drawn <= pairs
        assert drawing.stubs
        assert {to for _source, to in pairs - drawn} <= {
            "retiring",
            "retired",
            "deployed",
            "archived",
            "approved",
            "revoked",
        }


def test_the_narrowest_scope_is_chosen_and_prompts_have_none() -> None:
    def of(id: str, **scope: Any) -> LifeCycle:
        document = read_yaml(default_life_cycle_texts()[0])
        assert isinstance(document, dict)
        return read_life_cycle({**document, "id": id, **({"applies_to": scope} if scope else {})})

    cycles = [of("all"), of("four", tiers=[4]), of("cards", units=["Cards"]), of("rules", kinds=["rules"])]

    def chosen(tier: Tier | None, kind: Kind = Kind.ML, unit: str = "Bank") -> str | None:
        found = select_life_cycle(cycles, About.MODEL, tier, kind=kind, units={unit})
        return found.id if found else None

    assert chosen(None) == "all"
    assert chosen(Tier.LOW) == "four"
    assert chosen(Tier.LOW, Kind.RULES) == "rules"
    assert chosen(Tier.LOW, unit="cards") == "cards"
    assert chosen(Tier.LOW, Kind.PROMPT) is None


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    document = read_yaml(default_life_cycle_texts()[0])
    assert isinstance(document, dict)
    change(document)
    return document


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda it: it.update(about="unit"), "about"),
        (lambda it: it.update(colour="red"), "colour"),
        (lambda it: it["states"].append({"id": "island", "title": "Island"}), "states[11]"),
        (lambda it: it["transitions"][0].update(to="nowhere"), "transitions[0].to"),
        (lambda it: it["transitions"][0].update({"from": ["in_development"]}), "transitions[0].to"),
        (lambda it: it["transitions"][0].update(when=["live"]), "transitions[0].who"),
        (lambda it: it["transitions"][0].pop("who"), "transitions[0].who"),
        (lambda it: it["transitions"][0].update(needs=["voided"]), "transitions[0].needs"),
        (lambda it: it["transitions"][0].update(needs=["rich"]), "transitions[0].needs[0]"),
        (lambda it: it["transitions"][0].update(event="model.registered"), "transitions[0].event"),
        (lambda it: it["transitions"][1].update(id="start"), "transitions"),
        (
            lambda it: it["transitions"].append(
                {"id": "back", "title": "Back", "from": ["in_production"], "to": "in_development", "when": ["live"]}
            ),
            "transitions[",
        ),
        (
            lambda it: it["transitions"].append(
                {"id": "twice", "title": "Twice", "from": ["in_production"], "to": "restricted", "who": ["risk"]}
            ),
            "transitions[22].from",
        ),
    ],
)
def test_a_bad_document_is_refused_with_the_place(change: Callable[[dict[str, Any]], object], field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        read_life_cycle(changed(change))
    assert str(error.value.details["field"]).startswith(field), error.value.message


def test_a_bad_line_is_named() -> None:
    text = re.sub(r"to: suspended", "to: suspnded", default_life_cycle_texts()[0], count=1)
    with pytest.raises(InvalidInput) as error:
        read_document(text, read_life_cycle)
    assert error.value.details["line"] == text.splitlines().index("    to: suspnded") + 1
