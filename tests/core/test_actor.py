"""What grants reach."""

from dataclasses import dataclass

import pytest

from modelops_platform.core import gates
from modelops_platform.core.actor import Actor, ActorKind, Grant, Permission, system_actor
from modelops_platform.core.errors import NotAllowed, TransitionRefused


@dataclass
class Thing:
    """A model or what hangs on one."""

    object_kind: str
    id: str
    unit_id: str | None
    model_id: str | None = None


VIEW = frozenset({Permission.VIEW})
MODEL = Thing("model", "m1", "cards")
VERSION = Thing("version", "v1", "cards", "m1")
OTHER = Thing("model", "m2", "loans")


def actor(*grants: Grant) -> Actor:
    return Actor(id="u", kind=ActorKind.PERSON, name="Ann", workspace_id="w", grants=grants)


@pytest.mark.parametrize(
    ("grant", "reaches"),
    [
        (Grant("viewer", "workspace", "w", VIEW), {"model", "version", "other", "nothing"}),
        (Grant("viewer", "unit", "retail", VIEW, frozenset({"retail", "cards"})), {"model", "version"}),
        (Grant("viewer", "unit", "loans", VIEW, frozenset({"loans"})), {"other"}),
        (Grant("viewer", "model", "m1", VIEW), {"model", "version"}),
    ],
)
def test_a_grant_reaches_its_object_and_what_hangs_on_it(grant: Grant, reaches: set[str]) -> None:
    things = {"model": MODEL, "version": VERSION, "other": OTHER, "nothing": None}
    assert {name for name, thing in things.items() if actor(grant).may(Permission.VIEW, thing)} == reaches


def test_nobody_may_what_no_grant_says() -> None:
    with pytest.raises(NotAllowed, match="Ann may not edit model"):
        actor(Grant("viewer", "workspace", "w", VIEW)).must(Permission.EDIT_MODEL, MODEL)


def test_a_transition_without_a_gate_is_refused() -> None:
    with pytest.raises(TransitionRefused, match="Nothing may judge"):
        gates.check(None, gates.Transition("unheard.of", MODEL, system_actor("w")))  # type: ignore[arg-type]
