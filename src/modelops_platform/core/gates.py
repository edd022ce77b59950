"""The way up for "may it happen?": rooms above register gates, rooms below ask them.

A guarded transition for which no gate is registered is refused, always.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from .actor import Actor
from .errors import TransitionRefused


@dataclass(frozen=True, slots=True)
class Transition:
    """Something about to happen to a thing, asked before it is written."""

    action: str
    thing: Any
    actor: Actor
    context: Mapping[str, Any] = field(default_factory=dict)


Gate = Callable[[Session, Transition], str | None]
_gates: dict[str, list[Gate]] = {}


def register(action: str, gate: Gate) -> None:
    """Let `gate` judge every transition with this action; called by the entry points."""
    gates = _gates.setdefault(action, [])
    if gate not in gates:
        gates.append(gate)


def check(db: Session, transition: Transition) -> str | None:
    """Ask every gate of the action, and return the id of the decision that allowed it, if one was stored.

    Raises TransitionRefused, also when there is no gate.
    """
    gates = _gates.get(transition.action)
    if not gates:
        raise TransitionRefused(
            f"Nothing may judge {transition.action!r} in this process, so it is refused.",
            remedy="Start the platform by its own commands; they register the gates.",
            action=transition.action,
        )
    decisions = [gate(db, transition) for gate in gates]
    return next((decision for decision in decisions if decision), None)
