"""Work in portions: who writes for many holds the database for a moment, and leaves the rest to the next transaction.

The job process gives each job a *turn* for what it writes, `brief()`. A loop over `portion(things)` ends when the
turn is over, that is committed, and the job goes on with what is left. Elsewhere there is no turn, and the loop goes
to the end.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
PORTION_SECONDS = 0.1  # whoever waits to write waits for this; what is longer than a quarter of a second is told of


@dataclass(slots=True)
class Turn:
    """The time that a transaction may take, and whether it left something to the next."""

    until: float
    is_cut: bool = False


_turn: ContextVar[Turn | None] = ContextVar("turn", default=None)


@contextmanager
def brief(seconds: float = PORTION_SECONDS) -> Iterator[Turn]:
    """Give what is done in the block so much time."""
    turn = Turn(time.monotonic() + seconds)
    token = _turn.set(turn)
    try:
        yield turn
    finally:
        _turn.reset(token)


def portion(things: Iterable[T]) -> Iterator[T]:
    """Yield things, at least one, until the turn is over; whatever was yielded must not come again the next time."""
    turn = _turn.get()
    for number, thing in enumerate(things):
        if number and turn is not None and time.monotonic() > turn.until:
            turn.is_cut = True
            return
        yield thing


def leave_the_rest() -> None:
    """Say that there is more to do than was read; the next transaction does it."""
    if (turn := _turn.get()) is not None:
        turn.is_cut = True
